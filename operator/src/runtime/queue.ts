import { type BackoffOptions, exponentialDelay } from './backoff.ts';
import { DelayHeap } from './delayheap.ts';

/** `high` for what just happened, `low` for what is merely looked at again: at a start, at a resync. */
export type Priority = 'high' | 'low';

/** What a queue tells of itself, in client-go's terms. All durations are in seconds. */
export interface QueueMetrics {
  added(): void;
  retried(): void;
  started(waitedSeconds: number): void;
  finished(workedSeconds: number): void;
}

export interface QueueOptions {
  /** Delays of `addRateLimited`, per key; 5 ms doubled up to 5 min unless given. */
  readonly backoff?: BackoffOptions;
  readonly metrics?: QueueMetrics | undefined;
}

const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 5, maxMs: 300_000 };

/** After so many high keys in a row a low one gets its turn, so that a busy cluster does not starve a resync. */
const HIGH_BEFORE_LOW = 8;

/** setTimeout takes no longer delay than 2^31-1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A work queue as client-go's: a key waits at most once however often it is added, is never worked on twice at a
 * time, and when added while worked on it waits again once that is done.
 */
export class WorkQueue {
  readonly #backoff: BackoffOptions;
  readonly #metrics: QueueMetrics | undefined;
  readonly #high = new Line();
  readonly #low = new Line();
  #highInARow = 0;
  /** Keys worked on, with the time their work began. */
  readonly #processing = new Map<string, number>();
  /** Keys added while worked on. */
  readonly #again = new Map<string, Priority>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new DelayHeap<{ key: string; priority: Priority }>();
  /** When each delayed key is due; entries of the heap that differ are outdated. */
  readonly #dueAt = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerDueAt = Number.POSITIVE_INFINITY;
  readonly #idleWorkers: (() => void)[] = [];
  #whenIdle: (() => void)[] = [];
  #shutDown = false;

  constructor(options: QueueOptions = {}) {
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#metrics = options.metrics;
  }

  /** Keys that could be worked on now. */
  get depth(): number {
    return this.#high.size + this.#low.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#dueAt.size;
  }

  /** Seconds since the work began, for each key worked on. */
  processingSeconds(): number[] {
    const now = performance.now();
    return [...this.#processing.values()].map((startedAt) => (now - startedAt) / 1_000);
  }

  add(key: string, priority: Priority = 'high'): void {
    if (this.#shutDown) {
      return;
    }
    if (this.#processing.has(key)) {
      if (!this.#again.has(key)) {
        this.#metrics?.added();
      }
      this.#again.set(key, this.#again.get(key) === 'high' ? 'high' : priority);
      return;
    }
    const lowSince = this.#low.since(key);
    if (this.#high.since(key) !== undefined || (lowSince !== undefined && priority === 'low')) {
      return;
    }
    if (lowSince === undefined) {
      this.#metrics?.added();
    } else {
      this.#low.remove(key);
    }
    this.#enqueue(key, priority, lowSince ?? performance.now());
  }

  /** Adds the key after a delay. Of two delays of one key the earlier wins. */
  addAfter(key: string, delayMs: number, priority: Priority = 'high'): void {
    if (this.#shutDown) {
      return;
    }
    if (!(delayMs > 0)) {
      this.add(key, priority);
      return;
    }
    const dueAt = performance.now() + delayMs;
    if (dueAt >= (this.#dueAt.get(key) ?? Number.POSITIVE_INFINITY)) {
      return;
    }
    this.#dueAt.set(key, dueAt);
    this.#delayed.push({ key, priority }, dueAt);
    this.#schedule();
  }

  /** Adds the key after its backoff, but not before `atLeastMs`. Returns the delay in milliseconds. */
  addRateLimited(key: string, atLeastMs = 0): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delay = Math.max(atLeastMs, exponentialDelay(failures, this.#backoff));
    this.#metrics?.retried();
    this.addAfter(key, delay);
    return delay;
  }

  /** Ends the key's backoff: the next failure is its first. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often the key was rate limited since it was last forgotten. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key to work on; call `done` afterwards, whatever came of it. Undefined once the queue is shut down. */
  async get(): Promise<string | undefined> {
    while (!this.#shutDown) {
      const key = this.#take();
      if (key !== undefined) {
        return key;
      }
      await new Promise<void>((resolve) => this.#idleWorkers.push(resolve));
    }
    return undefined;
  }

  done(key: string): void {
    const startedAt = this.#processing.get(key);
    if (startedAt === undefined) {
      return;
    }
    const now = performance.now();
    this.#processing.delete(key);
    this.#metrics?.finished((now - startedAt) / 1_000);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined && !this.#shutDown) {
      this.#enqueue(key, again, now);
    }
    this.#noticeIdle();
  }

  /** Takes nothing more in, drops what waits, and resolves when what is worked on is done. */
  shutDown(): Promise<void> {
    this.#shutDown = true;
    clearTimeout(this.#timer);
    this.#high.clear();
    this.#low.clear();
    this.#delayed.clear();
    this.#dueAt.clear();
    for (const resolve of this.#idleWorkers.splice(0)) {
      resolve();
    }
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#noticeIdle();
    });
  }

  #enqueue(key: string, priority: Priority, since: number): void {
    (priority === 'high' ? this.#high : this.#low).push(key, since);
    // The worker takes it a moment later: what the same burst of events adds again is one with it.
    this.#idleWorkers.shift()?.();
  }

  #take(): string | undefined {
    const lowIsDue = this.#highInARow >= HIGH_BEFORE_LOW && this.#low.size > 0;
    const fromHigh = this.#high.size > 0 && !lowIsDue;
    const next = (fromHigh ? this.#high : this.#low).shift();
    if (next === undefined) {
      return undefined;
    }
    this.#highInARow = fromHigh ? this.#highInARow + 1 : 0;
    const now = performance.now();
    this.#processing.set(next.key, now);
    this.#metrics?.started((now - next.since) / 1_000);
    return next.key;
  }

  #noticeIdle(): void {
    if (this.#shutDown && this.#processing.size === 0) {
      for (const resolve of this.#whenIdle.splice(0)) {
        resolve();
      }
    }
  }

  /** One timer, set for the earliest key. */
  #schedule(): void {
    const dueAt = this.#delayed.peek()?.dueAt;
    if (dueAt === undefined || dueAt >= this.#timerDueAt) {
      return;
    }
    clearTimeout(this.#timer);
    this.#timerDueAt = dueAt;
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(0, dueAt - performance.now()));
    this.#timer = setTimeout(() => this.#addDue(), delay);
  }

  #addDue(): void {
    this.#timerDueAt = Number.POSITIVE_INFINITY;
    // Timers have whole milliseconds: what is due within this one is due.
    const now = performance.now() + 1;
    for (let next = this.#delayed.peek(); next !== undefined && next.dueAt <= now; next = this.#delayed.peek()) {
      this.#delayed.pop();
      const { key, priority } = next.item;
      if (this.#dueAt.get(key) === next.dueAt) {
        this.#dueAt.delete(key);
        this.add(key, priority);
      }
    }
    this.#schedule();
  }
}

/**
 * A first-in-first-out line of keys that can also leave from the middle. A Map remembers the order of insertion; one
 * iterator is kept, because a new one would pass all removed entries again.
 */
class Line {
  readonly #since = new Map<string, number>();
  #iterator = this.#since.entries();

  get size(): number {
    return this.#since.size;
  }

  since(key: string): number | undefined {
    return this.#since.get(key);
  }

  push(key: string, since: number): void {
    this.#since.set(key, since);
  }

  remove(key: string): void {
    this.#since.delete(key);
  }

  shift(): { key: string; since: number } | undefined {
    if (this.#since.size === 0) {
      return undefined;
    }
    let next = this.#iterator.next();
    if (next.done) {
      // An iterator that has seen the end stays there, whatever is added later.
      this.#iterator = this.#since.entries();
      next = this.#iterator.next();
    }
    const [key, since] = next.value as [string, number];
    this.#since.delete(key);
    return { key, since };
  }

  clear(): void {
    this.#since.clear();
  }
}
