/** Allows a burst, and then one per interval. */
export class TokenBucket {
  readonly #burst: number;
  readonly #intervalMs: number;
  #tokens: number;
  #filledAt: number;

  constructor(burst: number, intervalMs: number, nowMs: number) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
    this.#tokens = burst;
    this.#filledAt = nowMs;
  }

  /** Takes a token if there is one. `nowMs` is of a clock that never goes back. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAt) / this.#intervalMs);
    this.#filledAt = nowMs;
    if (this.#tokens < 1) {
      return false;
    }
    this.#tokens--;
    return true;
  }
}
