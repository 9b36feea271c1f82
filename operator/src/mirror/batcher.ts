import { setTimeout as delay } from 'node:timers/promises';

/** Calls that arrive within this time share a batch, in milliseconds. */
const gatheringMs = 2;

/**
 * Likewise right after another batch, when more calls are likely to come: a row that is alone in its transaction costs
 * the database ten times as much as one among twenty.
 */
const gatheringWhileBusyMs = 50;

interface Entry<Item, Result> {
  readonly item: Item;
  readonly callers: PromiseWithResolvers<Result>[];
}

export type Outcome<Result> = { readonly result: Result } | { readonly error: unknown };

/**
 * Gathers calls into batches: one is under way, the next gathers meanwhile and a moment longer. Of calls with the same
 * key that wait, the last one counts, and all of them get its result.
 */
export class Batcher<Item, Result> {
  readonly #run: (batch: ReadonlyMap<string, Item>) => Promise<ReadonlyMap<string, Outcome<Result>>>;
  readonly #limit: number;
  #waiting = new Map<string, Entry<Item, Result>>();
  #underWay: ReadonlyMap<string, Entry<Item, Result>> = new Map();
  #active = false;

  /** `run` must say for each key of a batch how it ended; if it rejects, the whole batch does. */
  constructor(limit: number, run: (batch: ReadonlyMap<string, Item>) => Promise<ReadonlyMap<string, Outcome<Result>>>) {
    this.#limit = limit;
    this.#run = run;
  }

  add(key: string, item: Item): Promise<Result> {
    const caller = Promise.withResolvers<Result>();
    this.#waiting.set(key, { item, callers: [...(this.#waiting.get(key)?.callers ?? []), caller] });
    if (!this.#active) {
      this.#active = true;
      setTimeout(() => void this.#work(), gatheringMs);
    }
    return caller.promise;
  }

  /** Whether a call with this key has not ended. */
  has(key: string): boolean {
    return this.#waiting.has(key) || this.#underWay.has(key);
  }

  async #work(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#take();
      this.#underWay = batch;
      const outcomes = await this.#outcomes(batch);
      this.#underWay = new Map();
      for (const [key, { callers }] of batch) {
        const outcome = outcomes(key);
        for (const { resolve, reject } of callers) {
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.result);
        }
      }
      // Callers go on before the next batch is taken, so that what they ask next is in it.
      await delay(this.#waiting.size < this.#limit ? gatheringWhileBusyMs : 0);
    }
    this.#active = false;
  }

  #take(): ReadonlyMap<string, Entry<Item, Result>> {
    if (this.#waiting.size <= this.#limit) {
      const all = this.#waiting;
      this.#waiting = new Map();
      return all;
    }
    const batch = new Map(this.#waiting.entries().take(this.#limit));
    for (const key of batch.keys()) this.#waiting.delete(key);
    return batch;
  }

  async #outcomes(batch: ReadonlyMap<string, Entry<Item, Result>>): Promise<(key: string) => Outcome<Result>> {
    try {
      const outcomes = await this.#run(new Map(batch.entries().map(([key, { item }]) => [key, item])));
      return (key) => outcomes.get(key) ?? { error: new Error(`the batch forgot ${key}`) };
    } catch (error) {
      return () => ({ error });
    }
  }
}
