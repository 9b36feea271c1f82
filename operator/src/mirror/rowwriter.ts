import { sql } from 'kysely';
import type { Backlog } from './backlog.ts';
import { Batcher, type Outcome } from './batcher.ts';
import type { Applied, Change, Result, Stored } from './change.ts';
import type { Writing } from './database.ts';
import type { Digest } from './digest.ts';
import { isRowRefused, rowRejected } from './failure.ts';
import type { Inventory } from './inventory.ts';
import { type KeyText, parseKey } from './key.ts';
import type { MirroredKind } from './rows.ts';
import type { Writer } from './writer.ts';

/** Writes a batch in a number of statements that does not grow with it. */
type Apply<S extends Stored, A> = (transaction: Writing, batch: ReadonlyMap<KeyText, Change<S>>) => Promise<A>;

export interface RowWriterParts {
  readonly writer: Writer;
  readonly inventory: Inventory;
  readonly backlog: Backlog;
}

export interface RowWriterEvents<A> {
  /** Called between this transaction and the next. */
  readonly committed: (applied: A) => void;
  readonly rejected: (kind: MirroredKind) => void;
}

const batchSize = 500;

/** Writes the rows of one table in batches. A row that the database refuses fails alone. */
export class RowWriter<S extends Stored, R extends Result, A extends Applied<R>> {
  readonly #parts: RowWriterParts;
  readonly #apply: Apply<S, A>;
  readonly #events: RowWriterEvents<A>;
  readonly #batcher = new Batcher<Change<S>, R>(batchSize, (batch) => this.#run(batch));

  constructor(parts: RowWriterParts, apply: Apply<S, A>, events: RowWriterEvents<A>) {
    this.#parts = parts;
    this.#apply = apply;
    this.#events = events;
  }

  /** Whether the row holds this already, and nothing else is about to be written to it. */
  holds(key: KeyText, digest: Digest): boolean {
    return this.#parts.inventory.holds(key, digest) && !this.#batcher.has(key);
  }

  /** Rejects with a DatabaseError. */
  write(key: KeyText, change: Change<S>): Promise<R> {
    this.#parts.backlog.enter(key);
    return this.#batcher.add(key, change);
  }

  async #run(batch: ReadonlyMap<KeyText, Change<S>>): Promise<ReadonlyMap<KeyText, Outcome<R>>> {
    this.#parts.inventory.begin(batch.keys());
    return await this.#attempt(batch);
  }

  /** When a row is refused, its batch is halved until the row is found; the others are written. */
  async #attempt(batch: ReadonlyMap<KeyText, Change<S>>): Promise<ReadonlyMap<KeyText, Outcome<R>>> {
    try {
      const { results } = await this.#parts.writer.run(
        async (transaction) => {
          const applied = await this.#apply(transaction, batch);
          await announce(transaction, applied.results.values());
          return applied;
        },
        (applied) => this.#settle(applied),
      );
      return new Map(batch.keys().flatMap((key) => outcome(key, results.get(key))));
    } catch (error) {
      if (!isRowRefused(error)) return this.#fail(batch, () => error);
      if (batch.size === 1) return this.#reject(batch, error);
      const [first, second] = halves(batch);
      return new Map([...(await this.#attempt(first)), ...(await this.#attempt(second))]);
    }
  }

  #settle(applied: A): void {
    const { inventory, backlog } = this.#parts;
    inventory.end(applied.results.entries().map(([key, { digest }]) => [key, digest] as const));
    for (const key of applied.results.keys()) backlog.leave(key);
    this.#events.committed(applied);
  }

  #reject(batch: ReadonlyMap<KeyText, Change<S>>, error: unknown) {
    for (const key of batch.keys()) {
      this.#parts.backlog.leave(key);
      this.#events.rejected(parseKey(key).kind);
    }
    return this.#fail(batch, (key, change) => {
      const { kind, namespace, name } = parseKey(key);
      const column = 'stored' in change ? unstorableColumn(change.stored) : undefined;
      return rowRejected(error, `${kind} ${namespace}/${name}`, column);
    });
  }

  #fail(batch: ReadonlyMap<KeyText, Change<S>>, toError: (key: KeyText, change: Change<S>) => unknown) {
    this.#parts.inventory.doubt(batch.keys());
    return new Map(batch.entries().map(([key, change]) => [key, { error: toError(key, change) }] as const));
  }
}

function outcome<R>(key: KeyText, result: R | undefined): [KeyText, Outcome<R>][] {
  return result === undefined ? [] : [[key, { result }]];
}

function halves<K, V>(map: ReadonlyMap<K, V>): [Map<K, V>, Map<K, V>] {
  const middle = Math.ceil(map.size / 2);
  return [new Map(map.entries().take(middle)), new Map(map.entries().drop(middle))];
}

/** A hint to listeners, sent with the commit, that `changed` of some rows is higher now. */
async function announce(transaction: Writing, results: Iterable<Result>): Promise<void> {
  if (![...results].some(({ written }) => written)) return;
  await sql`select pg_notify('roster_changes', last_value::text) from roster.changes`.execute(transaction);
}

/** PostgreSQL's text holds neither NUL nor half a character (a lone surrogate), and it does not say in which column. */
function unstorableColumn({ values }: Stored): string | undefined {
  return Object.keys(values).find((column) => {
    const text = JSON.stringify(values[column]);
    return /\\u0000|\\ud[89a-f]/i.test(text);
  });
}
