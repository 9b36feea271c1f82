import type { DirectorySyncStatus } from '@roster/crds';
import type { Plan, PlanLine } from './types.ts';

/** A line for each record that there is something to say about; none for the unchanged. */
export function* lines(plan: Plan): Generator<PlanLine> {
  for (const note of plan.notes) yield { action: note.action, kind: note.kind, record: note.externalId ?? '' };
}

/** At most `limit` records of interest, rejected ones first; the same whatever the order of the records. */
export function samples(plan: Plan, limit = 20): NonNullable<DirectorySyncStatus['samples']> {
  return [...lines(plan)].slice(0, limit);
}
