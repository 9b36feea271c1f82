import type { Condition } from '@roster/crds';
import { advice, type Reason, RosterError } from '../errors.ts';
import { setCondition } from '../runtime/index.ts';

/** A condition as a controller states it; the rest is filled in by `declare`. */
export interface Stated {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** What is wrong with an object: a reason of the catalogue and the sentence of this case. */
export interface Problem {
  readonly reason: Reason;
  readonly message: string;
}

/**
 * The conditions of an object are exactly those stated, by type. A controller states all conditions of its kind each
 * time, so what it no longer states is gone. The transition time moves only when the status does.
 */
export function declare(
  previous: readonly Condition[] | undefined,
  stated: readonly (Stated | undefined)[],
  observedGeneration: number,
  now: Date,
): Condition[] {
  const present = stated.filter((condition) => condition !== undefined);
  const kept = previous?.filter(({ type }) => present.some((condition) => condition.type === type)) ?? [];
  return present.reduce<Condition[]>(
    (list, { type, status, reason, message }) =>
      setCondition(list, { type, status, reason, message: bounded(message), observedGeneration }, now),
    kept,
  );
}

/** At most the 1,024 characters of the schema. Half a character would come back from the server as another text. */
export function bounded(message: string): string {
  return message.slice(0, 1024).toWellFormed();
}

/** `Ready=False` together with `Stalled=True`, as kstatus reads what waits for a change: nothing is retried. */
export function stalled(problem: Problem): Stated[] {
  const message = advice(new RosterError(problem.reason, problem.message));
  return [
    { type: 'Ready', status: 'False', reason: problem.reason, message },
    { type: 'Stalled', status: 'True', reason: problem.reason, message },
  ];
}

/** `Ready=False` together with `Reconciling=True`: it is tried again without anybody's help. */
export function reconciling(problem: Problem): Stated[] {
  const message = advice(new RosterError(problem.reason, problem.message));
  return [
    { type: 'Ready', status: 'False', reason: problem.reason, message },
    { type: 'Reconciling', status: 'True', reason: problem.reason, message },
  ];
}

export const ready = (message: string): Stated => ({ type: 'Ready', status: 'True', reason: 'Mirrored', message });

/** Kubernetes' `metav1.Time` has whole seconds. */
export function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
