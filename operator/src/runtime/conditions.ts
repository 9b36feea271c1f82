import type { Condition } from '@roster/crds';

/** A condition as its owner states it; when it last changed is found out here. */
export type ConditionChange = Omit<Condition, 'lastTransitionTime'>;

/**
 * The conditions with one set: sorted by type, so that equal states are equal text, and with `lastTransitionTime`
 * moved to `now` only when the status changed.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  change: ConditionChange,
  now: Date,
): Condition[] {
  const before = findCondition(conditions, change.type);
  const lastTransitionTime = before?.status === change.status ? before.lastTransitionTime : toRfc3339(now);
  const others = removeCondition(conditions, change.type);
  return [...others, { ...change, lastTransitionTime }].sort(byType);
}

export function removeCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * Where an object stands, for kstatus:
 * https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 * - `ready`: what is declared is in force.
 * - `progressing`: it is being worked on.
 * - `failing`: it did not work and is tried again.
 * - `stalled`: it cannot work until somebody changes something.
 */
export interface Summary {
  readonly state: 'ready' | 'progressing' | 'failing' | 'stalled';
  readonly reason: string;
  readonly message: string;
}

const READY = { ready: 'True', progressing: 'Unknown', failing: 'False', stalled: 'False' } as const;

/** Sets `Ready`, and `Reconciling` or `Stalled`, which are there only while true. */
export function summarize(
  conditions: readonly Condition[] | undefined,
  { state, reason, message }: Summary,
  observedGeneration: number,
  now: Date,
): Condition[] {
  const details = { reason, message, observedGeneration };
  const ready = setCondition(conditions, { type: 'Ready', status: READY[state], ...details }, now);
  const reconciling = state === 'progressing' || state === 'failing';
  return setWhile(state === 'stalled', 'Stalled', setWhile(reconciling, 'Reconciling', ready));

  function setWhile(present: boolean, type: string, list: readonly Condition[]): Condition[] {
    return present ? setCondition(list, { type, status: 'True', ...details }, now) : removeCondition(list, type);
  }
}

/** `metav1.Time` has whole seconds. */
function toRfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function byType(a: Condition, b: Condition): number {
  return a.type < b.type ? -1 : 1;
}
