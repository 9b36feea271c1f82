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

/** `metav1.Time` has whole seconds. */
function toRfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function byType(a: Condition, b: Condition): number {
  return a.type < b.type ? -1 : 1;
}
