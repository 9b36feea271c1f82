import type { RosterMetrics } from '../../metrics.ts';
import type { PersonKind } from '../../mirror/index.ts';
import type { PersonStatus } from './status.ts';

export type PersonState = 'active' | 'inactive' | 'stalled';

/** Counts people by state as they are reconciled, so that no scrape has to look at each of them. */
export class PeopleTally {
  readonly #gauge: RosterMetrics['peopleByState'];
  readonly #states = new Map<string, PersonState>();

  constructor(metrics: RosterMetrics) {
    this.#gauge = metrics.peopleByState;
  }

  count(kind: PersonKind, namespace: string, name: string, status: PersonStatus): void {
    const key = `${namespace}/${kind}/${name}`;
    const before = this.#states.get(key);
    const state = stateOf(status);
    if (before === state) return;
    if (before !== undefined) this.#gauge.dec({ namespace, kind, state: before });
    this.#gauge.inc({ namespace, kind, state });
    this.#states.set(key, state);
  }

  forget(kind: PersonKind, namespace: string, name: string): void {
    const key = `${namespace}/${kind}/${name}`;
    const before = this.#states.get(key);
    if (before !== undefined) this.#gauge.dec({ namespace, kind, state: before });
    this.#states.delete(key);
  }
}

function stateOf({ conditions = [] }: PersonStatus): PersonState {
  const is = (type: string, status: string) => conditions.some((c) => c.type === type && c.status === status);
  if (!is('Ready', 'True')) return 'stalled';
  return is('Active', 'True') ? 'active' : 'inactive';
}
