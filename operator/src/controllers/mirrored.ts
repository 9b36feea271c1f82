import type { Condition, Resource, ResourceType } from '@roster/crds';
import { DatabaseError } from '../errors.ts';
import { done, patchStatus, type Result, StalledError, WaitingError } from '../runtime/index.ts';
import { declare, type Problem, ready, reconciling, type Stated, stalled } from './conditions.ts';
import type { Context } from './context.ts';

/** How long an object waits for a database that is down, in milliseconds. */
export const databaseRetryMs = 10_000;

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
    readonly problem: Problem | undefined;
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
  const failure = mirrored.written ? problem : mirrored.problem;
  const waiting = !mirrored.written && mirrored.retried;
  const readiness =
    failure === undefined
      ? [ready('In force and in the database.')]
      : waiting
        ? reconciling(failure)
        : stalled(failure);
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
  if (waiting) throw new WaitingError('the database is not available', databaseRetryMs);
  if (failure !== undefined && next === done) throw new StalledError(failure.reason);
  return next;
}
