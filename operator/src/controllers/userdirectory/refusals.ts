import type { UserDirectory } from '@roster/crds';
import { type Request, requestFor } from '../../runtime/index.ts';
import { type Connection, isRefusal } from './connection.ts';
import { requestOf, testRequestedAt } from './requests.ts';

/**
 * Remembers which accounts were refused. The status does, too; but while it cannot be written, each retry would be another
 * attempt, and soon the account would be locked.
 */
export class Refusals {
  readonly #refused = new Map<string, { readonly circumstances: string; readonly connection: Connection }>();

  /** What the attempt sees; what the last one saw when that was refused in the same circumstances. */
  async attempt(
    directory: UserDirectory,
    secretVersion: string | undefined,
    attempt: () => Promise<Connection>,
  ): Promise<Connection> {
    const key = keyOf(requestFor(directory));
    const { uid, generation } = directory.metadata;
    const circumstances = JSON.stringify([uid, generation, secretVersion, requestOf(directory, testRequestedAt)]);
    const known = this.#refused.get(key);
    if (known?.circumstances === circumstances) return known.connection;
    const connection = await attempt();
    if (!connection.connected && isRefusal(connection.problem.reason)) {
      this.#refused.set(key, { circumstances, connection });
    } else this.#refused.delete(key);
    return connection;
  }

  forget(directory: Request): void {
    this.#refused.delete(keyOf(directory));
  }
}

const keyOf = ({ namespace, name }: Request): string => `${namespace}/${name}`;
