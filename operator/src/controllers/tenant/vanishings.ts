import type { RowKey } from '../../mirror/index.ts';

/** A row in the database whose resource is gone. */
export type Vanished = RowKey;

/**
 * Collects what vanished, by namespace, so that what vanishes together is judged together: one by one, a deleted
 * CRD would look like many small deletions.
 */
export class Vanishings {
  readonly #byNamespace = new Map<string, Map<string, Vanished>>();
  readonly #onReport: (namespace: string) => void;

  constructor(onReport: (namespace: string) => void) {
    this.#onReport = onReport;
  }

  report(vanished: Vanished): void {
    let rows = this.#byNamespace.get(vanished.namespace);
    if (rows === undefined) {
      rows = new Map();
      this.#byNamespace.set(vanished.namespace, rows);
    }
    rows.set(`${vanished.kind}/${vanished.name}`, vanished);
    this.#onReport(vanished.namespace);
  }

  /** Those of a namespace that have not come back meanwhile. */
  pending(namespace: string, exists: (row: Vanished) => boolean): readonly Vanished[] {
    const rows = this.#byNamespace.get(namespace);
    if (rows === undefined) return [];
    for (const [key, row] of rows) if (exists(row)) rows.delete(key);
    return [...rows.values()];
  }

  settle(namespace: string, rows: readonly Vanished[]): void {
    for (const { kind, name } of rows) this.#byNamespace.get(namespace)?.delete(`${kind}/${name}`);
  }
}
