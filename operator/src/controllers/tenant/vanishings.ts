import type { Mirror, RowKey } from '../../mirror/index.ts';
import type { Informers } from '../context.ts';

/**
 * Collects the rows whose resources vanished, by namespace, so that what vanishes together is judged together: one by
 * one, a deleted CRD would look like many small deletions.
 */
export class Vanishings {
  readonly #byNamespace = new Map<string, Map<string, RowKey>>();
  readonly #onReport: (namespace: string) => void;

  constructor(onReport: (namespace: string) => void) {
    this.#onReport = onReport;
  }

  report(row: RowKey): void {
    const rows = this.#byNamespace.get(row.namespace) ?? new Map<string, RowKey>();
    this.#byNamespace.set(row.namespace, rows.set(keyOf(row), row));
    this.#onReport(row.namespace);
  }

  /**
   * Those of a namespace that have a row and have not come back meanwhile. Somebody who was deleted before the row was
   * written has not vanished; whether a write that failed left a row is found out by the next comparison.
   */
  pending(namespace: string, informers: Informers, mirror: Pick<Mirror, 'has'>): readonly RowKey[] {
    const rows = this.#byNamespace.get(namespace) ?? new Map<string, RowKey>();
    for (const [key, row] of rows) if (exists(informers, row) || !mirror.has(row)) rows.delete(key);
    return [...rows.values()];
  }

  settle(namespace: string, rows: readonly RowKey[]): void {
    for (const row of rows) this.#byNamespace.get(namespace)?.delete(keyOf(row));
  }
}

const keyOf = ({ kind, name }: RowKey): string => `${kind}/${name}`;

/** Whether a row has a resource. */
export function exists(informers: Informers, { namespace, kind, name }: RowKey): boolean {
  const byKind = {
    Tenant: informers.tenants,
    Organization: informers.organizations,
    AppRole: informers.roles,
    Group: informers.groups,
    User: informers.users,
    Recipient: informers.recipients,
  };
  return byKind[kind].cache.get(namespace, name) !== undefined;
}
