/** What a reconcile returns when it did what it could. */
export interface Result {
  /** Look again after this many milliseconds, even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/** Nothing more to do until something changes. */
export const done: Result = Object.freeze({});

/** Look again after so many milliseconds: for what no event announces, such as a schedule. */
export function requeueAfter(milliseconds: number): Result {
  return { requeueAfterMs: milliseconds };
}

/**
 * Nothing will get better by trying again: wait until an object changes. For a wrong spec, a missing reference.
 * Subclasses carry the reason for the condition.
 */
export class StalledError extends Error {
  override readonly name: string = 'StalledError';
}

/**
 * Something known takes its time: look again after a delay. Neither a failure nor a step of the backoff.
 */
export class WaitingError extends Error {
  override readonly name: string = 'WaitingError';
  /** In milliseconds. */
  readonly afterMs: number;

  constructor(message: string, afterMs: number, options?: ErrorOptions) {
    super(message, options);
    this.afterMs = afterMs;
  }
}

/** The reconcile took longer than its controller allows. */
export class ReconcileTimeoutError extends Error {
  override readonly name = 'ReconcileTimeoutError';
}
