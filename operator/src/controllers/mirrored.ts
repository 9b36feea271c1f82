import type { Condition, Resource, ResourceType } from '@roster/crds';
import { DatabaseError } from '../errors.ts';
import { done, patchStatus, type Result, StalledError, WaitingError } from '../runtime/index.ts';
import { declare, type Problem, ready, reconciling, type Stated, stalled } from './conditions.ts';
import type { Context } from './context.ts';

/** How long an object waits for what passes without its help, as a database that is down, in milliseconds. */
export const retryMs = 10_000;

export type Mirrored<T> =
  | { readonly written: true; readonly result: T }
  | { readonly written: false; readonly problem: Problem; readonly retried: boolean };

/** Writes to the database and turns its failures into what conditions say. */
export async function attempt<T>(write: () => Promise<T>): Promise<Mirrored<T>> {
  try {
    return { written: true, result: await write() };
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.reason === 'NoLongerLeader') throw error;
    const { reason, message } = error;
    return { written: false, problem: { reason, message }, retried: reason !== 'RowRejected' };
  }
}

interface BaseStatus {
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly Condition[] | undefined;
}

/**
 * Ends the reconcile of an object that only has to be valid and in the database: one status patch, and what comes next.
 * @throws StalledError, WaitingError
 */
export async function conclude(
  context: Context,
  type: ResourceType,
  object: Resource<unknown, BaseStatus>,
  outcome: {
    /** It waits for a change. */
    readonly problem: Problem | undefined;
    /** It is tried again after a while, as the database is. */
    readonly passing?: Problem | undefined;
    readonly mirrored: Mirrored<unknown>;
    /** Conditions beside Ready, Stalled and Reconciling. */
    readonly stated?: readonly (Stated | undefined)[];
    /** Facts of the status beside its conditions. */
    readonly facts?: object;
    readonly next?: Result;
  },
): Promise<Result> {
  const { problem, mirrored, stated = [], facts = {}, next = done } = outcome;
  const generation = object.metadata.generation ?? 0;
  const passing = !mirrored.written && mirrored.retried ? mirrored.problem : outcome.passing;
  const lasting = mirrored.written ? problem : mirrored.problem;
  const readiness = passing
    ? reconciling(passing)
    : lasting
      ? stalled(lasting)
      : [ready('In force and in the database.')];
  await patchStatus<object, Resource<unknown, object>>(
    context.client,
    type as ResourceType<Resource<unknown, object>>,
    object,
    {
      ...facts,
      observedGeneration: generation,
      conditions: declare(object.status?.conditions, [...readiness, ...stated], generation, context.now()),
    },
  );
  if (passing !== undefined) throw new WaitingError(passing.reason, retryMs);
  if (lasting !== undefined && next === done) throw new StalledError(lasting.reason);
  return next;
}
