import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from '../errors.ts';
import type { Database, MirrorLogger, Writing } from './database.ts';
import { isRetryable, isRowRefused, toDatabaseError } from './failure.ts';
import type { Fence } from './fence.ts';

const attempts = 5;

/**
 * Everything that is written goes through here, one transaction after another, so that `changed` grows in the order of
 * commits. Each transaction is fenced, and done again when the database could not bring it into an order with others.
 */
export class Writer {
  readonly #database: Database;
  readonly #fence: Fence;
  readonly #logger: MirrorLogger;
  readonly #onReturn: () => void;
  #last: Promise<unknown> = Promise.resolve();
  #lost = false;
  #trouble: DatabaseError | undefined;

  /** `onReturn` is called when the database answers again after a connection was lost: it may be another one now. */
  constructor(database: Database, fence: Fence, logger: MirrorLogger, onReturn: () => void) {
    this.#database = database;
    this.#fence = fence;
    this.#logger = logger;
    this.#onReturn = onReturn;
    database.onLost(() => this.#noteLost());
  }

  /**
   * Runs a transaction; `committed` is called with its result before the next one begins. Rejects with the database's
   * own error when it refuses a row, and with a DatabaseError otherwise. After DatabaseUnavailable the transaction may
   * have been committed all the same.
   */
  run<T>(work: (transaction: Writing) => Promise<T>, committed: (result: T) => void = () => undefined): Promise<T> {
    const turn = this.#last.then(() => this.#execute(work, committed));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** What the last query said, while the database is away. */
  get trouble(): DatabaseError | undefined {
    return this.#trouble;
  }

  /** Somebody saw the database answer. */
  noteAnswer(): void {
    this.#trouble = undefined;
    if (!this.#lost) return;
    this.#lost = false;
    this.#logger.info({ database: this.#database.location }, 'the database answers again');
    this.#onReturn();
  }

  /** Somebody saw a query fail. */
  noteFailure(error: unknown): void {
    if (!(error instanceof DatabaseError) || error.reason === 'NoLongerLeader') return;
    this.#trouble = error;
    if (error.reason === 'DatabaseUnavailable') this.#noteLost(error);
  }

  async #execute<T>(work: (transaction: Writing) => Promise<T>, committed: (result: T) => void): Promise<T> {
    const result = await this.#commit(work);
    committed(result);
    this.noteAnswer();
    return result;
  }

  async #commit<T>(work: (transaction: Writing) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#database.writer.transaction().execute(async (transaction) => {
          await this.#fence.check(transaction);
          return await work(transaction);
        });
      } catch (error) {
        if (isRowRefused(error)) throw error;
        if (!isRetryable(error) || attempt === attempts) throw this.#failure(error);
        await delay(Math.random() * 20 * attempt);
      }
    }
  }

  #failure(error: unknown): unknown {
    const failure = toDatabaseError(error, this.#database.location);
    this.noteFailure(failure);
    return failure;
  }

  #noteLost(err = new DatabaseError('DatabaseUnavailable', 'A connection broke.')): void {
    if (!this.#lost) this.#logger.warn({ database: this.#database.location, err }, 'lost the database');
    this.#lost = true;
  }
}
