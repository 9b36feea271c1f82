import type { Mirror, RowKey } from '../../mirror/index.ts';
import type { Informers } from '../context.ts';

/** What vanishes is judged when nothing more vanished for so long ... */
const quietMs = 1_000;
/** ... and at the latest after so long: somebody who is deleted must not sign in for much longer. */
const patienceMs = 5_000;

/**
 * Collects the rows whose resources vanished, by namespace, so that what vanishes together is judged together: one by
 * one, a deleted CRD would look like many small deletions.
 */
export class Vanishings {
  readonly #byNamespace = new Map<string, Map<string, RowKey>>();
  readonly #gathering = new Map<string, { readonly first: number; last: number }>();
  readonly #onReport: (namespace: string, judgeInMs: number) => void;
  readonly #now: () => Date;
  readonly #isElsewhere: (namespace: string) => boolean;

  /** Of a namespace that is another installation's by now nothing has vanished: its rows are left alone. */
  constructor(
    onReport: (namespace: string, judgeInMs: number) => void,
    now: () => Date = () => new Date(),
    isElsewhere: (namespace: string) => boolean = () => false,
  ) {
    this.#onReport = onReport;
    this.#now = now;
    this.#isElsewhere = isElsewhere;
  }

  report(row: RowKey): void {
    if (this.#isElsewhere(row.namespace)) return;
    const rows = this.#byNamespace.get(row.namespace) ?? new Map<string, RowKey>();
    this.#byNamespace.set(row.namespace, rows.set(keyOf(row), row));
    const last = this.#now().getTime();
    const first = this.#gathering.get(row.namespace)?.first ?? last;
    this.#gathering.set(row.namespace, { first, last });
    this.#onReport(row.namespace, quietMs);
  }

  /** Milliseconds until all that vanishes together has probably been reported; 0 when it can be judged. */
  gatheredIn(namespace: string): number {
    const gathering = this.#gathering.get(namespace);
    if (gathering === undefined) return 0;
    const remaining = Math.min(gathering.last + quietMs, gathering.first + patienceMs) - this.#now().getTime();
    if (remaining > 0) return remaining;
    this.#gathering.delete(namespace);
    return 0;
  }

  /**
   * Those of a namespace that have a row and have not come back meanwhile. Somebody who was deleted before the row was
   * written has not vanished; whether a write that failed left a row is found out by the next comparison.
   */
  pending(namespace: string, informers: Informers, mirror: Pick<Mirror, 'has'>): readonly RowKey[] {
    if (this.#isElsewhere(namespace)) this.#byNamespace.delete(namespace);
    const rows = this.#byNamespace.get(namespace) ?? new Map<string, RowKey>();
    for (const [key, row] of rows) if (exists(informers, row) || !mirror.has(row)) rows.delete(key);
    return [...rows.values()];
  }

  settle(namespace: string, rows: readonly RowKey[]): void {
    for (const row of rows) this.#byNamespace.get(namespace)?.delete(keyOf(row));
  }
}

/** Tells the rows of one namespace apart. */
export const keyOf = ({ kind, name }: RowKey): string => `${kind}/${name}`;

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
