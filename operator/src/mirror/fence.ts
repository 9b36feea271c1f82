import { sql } from 'kysely';
import { DatabaseError } from '../errors.ts';
import type { Database, Session, Writing } from './database.ts';
import { toDatabaseError } from './failure.ts';

export interface Ownership {
  /** uid of the namespace kube-system, a slash, and the name of the installation. */
  readonly identity: string;
  /** Takes over a database that belongs to another installation. */
  readonly adopt: boolean;
}

/**
 * Keeps everybody but the leader of this installation from writing. A leader who was deposed without noticing, or who
 * wakes up in the middle of a transaction, finds another epoch and commits nothing: a new epoch has to wait for the
 * transactions that saw the old one, and those that come later see the new one.
 */
export class Fence {
  readonly #database: Database;
  readonly #identity: string;
  #epoch: number | undefined;

  private constructor(database: Database, identity: string) {
    this.#database = database;
    this.#identity = identity;
  }

  /**
   * The first installation that comes to an empty database adopts it.
   * Rejects with DatabaseError('DatabaseOfOtherInstallation').
   */
  static async erect(database: Database, { identity, adopt }: Ownership): Promise<Fence> {
    try {
      let owner = (await read(database.reader))?.identity;
      if (owner === undefined) {
        // Of two who come at once, one is told that it does not belong to them.
        await sql`insert into roster.installation (identity) values (${identity}) on conflict do nothing`.execute(
          database.writer,
        );
        owner = (await read(database.reader))?.identity;
      }
      if (owner !== identity) {
        if (!adopt) throw ofOther(database);
        await sql`update roster.installation set identity = ${identity}, epoch = epoch + 1`.execute(database.writer);
      }
    } catch (error) {
      throw toDatabaseError(error, database.location);
    }
    return new Fence(database, identity);
  }

  /** Begins a new epoch. It waits for transactions of the old one, which the server ends when they hang. */
  async mint(): Promise<number> {
    try {
      const { rows } = await sql<{ epoch: string }>`
        update roster.installation set epoch = epoch + 1 where identity = ${this.#identity} returning epoch
      `.execute(this.#database.writer);
      if (rows[0] === undefined) throw ofOther(this.#database);
      this.#epoch = Number(rows[0].epoch);
      return this.#epoch;
    } catch (error) {
      throw toDatabaseError(error, this.#database.location);
    }
  }

  /** The first statement of every transaction that writes. Rejects with DatabaseError('NoLongerLeader'). */
  async check(transaction: Writing): Promise<void> {
    const found = await read(transaction, sql`for share`);
    if (found?.identity !== this.#identity) throw ofOther(this.#database);
    if (Number(found.epoch) !== this.#epoch) {
      throw new DatabaseError('NoLongerLeader', 'Another operator has taken the database over.');
    }
  }
}

async function read(session: Session, lock = sql``) {
  const query = sql<{ identity: string; epoch: string }>`select identity, epoch from roster.installation ${lock}`;
  return (await query.execute(session)).rows[0];
}

function ofOther({ location }: Database): DatabaseError {
  return new DatabaseError(
    'DatabaseOfOtherInstallation',
    `The database at ${location} belongs to another installation of Roster.`,
  );
}
