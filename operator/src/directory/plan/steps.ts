/**
 * Work on everybody of a directory takes seconds, and the event loop has leases to renew meanwhile. So it is written
 * as generators that stop every few hundred items, and whoever runs them decides how long they stand still.
 */
import { setImmediate } from 'node:timers/promises';

/** Work that can be left alone at each `yield`. */
export type Steps<T> = Generator<undefined, T>;

/** Items after which such work stops: far less than a millisecond of most work. */
export const stride = 256;

/** Does the work for each item, and stops every so many. */
export function* paced<T>(items: Iterable<T>, work: (item: T) => void): Steps<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    count += 1;
    if (count % stride === 0) yield;
  }
}

/** Runs the work without a stop. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** How long a slice of work may take, in milliseconds. */
const sliceMs = 10;

/** Runs the work and lets the event loop go round every few milliseconds. Throws when `signal` aborts. */
export async function inSlices<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  for (let start = performance.now(); ; ) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() - start < sliceMs) continue;
    await setImmediate();
    signal?.throwIfAborted();
    start = performance.now();
  }
}
