export interface BackoffOptions {
  /** First delay, in milliseconds. */
  readonly baseMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly maxMs: number;
}

/** The delay before attempt `failures + 1`: exponential, capped, without jitter. */
export function exponentialDelay(failures: number, { baseMs, maxMs }: BackoffOptions): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures, 52));
}

/** Spreads a delay over [delay, 1.5 delay), so that many clients of one server do not come back together. */
export function jittered(delayMs: number, random: () => number = Math.random): number {
  return delayMs * (1 + random() / 2);
}

/** Jittered exponential backoff of one activity; `reset` after it has succeeded. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Counts a failure and says how long to wait, in milliseconds. */
  next(): number {
    return jittered(exponentialDelay(this.#failures++, this.#options));
  }

  /** Failures since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  reset(): void {
    this.#failures = 0;
  }
}
