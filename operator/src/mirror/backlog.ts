import type { KeyText } from './key.ts';

/** Rows that should be in the database and are not yet: how many, and since when. An outage does not shorten it. */
export class Backlog {
  readonly #since = new Map<KeyText, number>();

  /** Somebody asked for the row to be written; it keeps the time of the first who did. */
  enter(key: KeyText): void {
    if (!this.#since.has(key)) this.#since.set(key, performance.now());
  }

  /** It is written, or will not be as it is. */
  leave(key: KeyText): void {
    this.#since.delete(key);
  }

  get size(): number {
    return this.#since.size;
  }

  /** Age of the oldest in seconds; 0 when there is none. */
  get lagSeconds(): number {
    const [oldest] = this.#since.values();
    return oldest === undefined ? 0 : (performance.now() - oldest) / 1000;
  }
}
