import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DelayHeap } from './delayheap.ts';
import { type QueueMetrics, WorkQueue } from './queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Takes what can be taken now, without finishing it. */
async function take(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) {
    keys.push((await queue.get()) ?? '');
  }
  return keys;
}

describe('WorkQueue', () => {
  it('gives keys in the order they came, each once', async () => {
    const queue = new WorkQueue();
    for (const key of ['a', 'b', 'a', 'c', 'b']) {
      queue.add(key);
    }
    expect(queue.depth).toBe(3);
    expect(await take(queue)).toEqual(['a', 'b', 'c']);
  });

  it('gives a key that was added while worked on again, but only when that is done', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await take(queue)).toEqual(['a']);
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('wakes who waits, in order', async () => {
    const queue = new WorkQueue();
    const got = Promise.all([queue.get(), queue.get()]);
    queue.add('a');
    queue.add('b');
    expect(await got).toEqual(['a', 'b']);
  });

  it('gives high keys first, yet lets low ones have a turn', async () => {
    const queue = new WorkQueue();
    for (let count = 0; count < 3; count++) {
      queue.add(`low${count}`, 'low');
    }
    for (let count = 0; count < 20; count++) {
      queue.add(`high${count}`);
    }
    const keys = await take(queue);
    expect(keys.map((key) => key.replace(/\d+$/, ''))).toEqual([
      ...Array(8).fill('high'),
      'low',
      ...Array(8).fill('high'),
      'low',
      ...Array(4).fill('high'),
      'low',
    ]);
  });

  it('raises a waiting key to the higher priority, never lowers it', async () => {
    const queue = new WorkQueue();
    queue.add('a', 'low');
    queue.add('b', 'low');
    queue.add('c');
    queue.add('b');
    queue.add('c', 'low');
    expect(await take(queue)).toEqual(['c', 'b', 'a']);
    queue.add('a', 'low');
    queue.add('a', 'high');
    queue.add('b', 'low');
    queue.done('b');
    queue.done('a');
    expect(await take(queue)).toEqual(['a', 'b']);
  });

  it('adds after a delay, of two the earlier', async () => {
    const queue = new WorkQueue();
    queue.addAfter('a', 2_000);
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 3_000);
    queue.addAfter('b', 1_500);
    queue.addAfter('c', 0);
    expect(queue.delayed).toBe(2);
    expect(await take(queue)).toEqual(['c']);
    await vi.advanceTimersByTimeAsync(999);
    expect(queue.depth).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(await take(queue)).toEqual(['a']);
    queue.done('a');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await take(queue)).toEqual(['b']);
    expect(queue.delayed).toBe(0);
  });

  it('takes delays longer than a timer can be', async () => {
    const queue = new WorkQueue();
    const days = 24 * 3_600_000;
    queue.addAfter('a', 40 * days);
    await vi.advanceTimersByTimeAsync(39 * days);
    expect(queue.depth).toBe(0);
    await vi.advanceTimersByTimeAsync(days);
    expect(queue.depth).toBe(1);
  });

  it('backs off per key until it is forgotten', async () => {
    const queue = new WorkQueue({ backoff: { baseMs: 5, maxMs: 300_000 } });
    expect([1, 2, 3].map(() => queue.addRateLimited('a'))).toEqual([5, 10, 20]);
    expect(queue.addRateLimited('b')).toBe(5);
    expect(queue.failures('a')).toBe(3);
    queue.forget('a');
    expect(queue.addRateLimited('a')).toBe(5);
    expect(queue.addRateLimited('c', 7_000)).toBe(7_000);
    for (let count = 0; count < 100; count++) {
      queue.addRateLimited('d');
    }
    expect(queue.addRateLimited('d')).toBe(300_000);
  });

  it('shuts down: takes nothing in, drops what waits, and tells when the last work is done', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await queue.get();
    let idle = false;
    const whenIdle = queue.shutDown().then(() => {
      idle = true;
    });
    queue.add('d');
    queue.addAfter('e', 1);
    queue.add('a');
    await vi.advanceTimersByTimeAsync(100);
    expect(await queue.get()).toBeUndefined();
    expect(idle).toBe(false);
    queue.done('a');
    await whenIdle;
    expect(await queue.get()).toBeUndefined();
    expect(queue.depth + queue.delayed).toBe(0);
  });

  it('releases who waits when it shuts down', async () => {
    const queue = new WorkQueue();
    const got = queue.get();
    await queue.shutDown();
    expect(await got).toBeUndefined();
  });

  it('measures waiting and working', async () => {
    const seen: string[] = [];
    const metrics: QueueMetrics = {
      added: () => seen.push('added'),
      retried: () => seen.push('retried'),
      started: (seconds) => seen.push(`waited ${seconds}`),
      finished: (seconds) => seen.push(`worked ${seconds}`),
    };
    const queue = new WorkQueue({ metrics });
    queue.add('a', 'low');
    await vi.advanceTimersByTimeAsync(1_000);
    queue.add('a', 'high');
    await vi.advanceTimersByTimeAsync(1_000);
    await queue.get();
    queue.add('a');
    queue.add('a');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queue.processingSeconds()).toEqual([3]);
    queue.done('a');
    queue.addRateLimited('b');
    expect(seen).toEqual(['added', 'waited 2', 'added', 'worked 3', 'retried']);
  });

  it('never works on a key twice at a time, and on each after its last add', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('add' as const, 'low' as const), key: fc.constantFrom('a', 'b', 'c') }),
      fc.record({
        do: fc.constant('after' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        ms: fc.integer({ min: 0, max: 9 }),
      }),
      fc.record({ do: fc.constantFrom('get' as const, 'done' as const, 'tick' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const queue = new WorkQueue();
        const working: string[] = [];
        const owed = new Set<string>();
        const get = async () => {
          const key = (await queue.get()) ?? '';
          expect(working).not.toContain(key);
          working.push(key);
          owed.delete(key);
        };
        const finish = () => queue.done(working.shift() ?? '');
        for (const action of steps) {
          if (action.do === 'add' || action.do === 'low') {
            queue.add(action.key, action.do === 'low' ? 'low' : 'high');
            owed.add(action.key);
          } else if (action.do === 'after') {
            queue.addAfter(action.key, action.ms);
            owed.add(action.key);
          } else if (action.do === 'done') {
            finish();
          } else if (action.do === 'tick') {
            await vi.advanceTimersByTimeAsync(3);
          } else if (queue.depth > 0) {
            await get();
          }
        }
        while (owed.size > 0 || working.length > 0) {
          await vi.advanceTimersByTimeAsync(10);
          finish();
          if (queue.depth > 0) {
            await get();
          }
        }
        await queue.shutDown();
      }),
    );
  });

  it('takes a hundred thousand keys', async () => {
    const queue = new WorkQueue();
    for (let count = 0; count < 100_000; count++) {
      queue.add(`key${count}`, count % 2 === 0 ? 'low' : 'high');
    }
    expect(new Set(await take(queue)).size).toBe(100_000);
  });
});

describe('DelayHeap', () => {
  it('gives items by the time they are due', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), (times) => {
        const heap = new DelayHeap<number>();
        for (const time of times) {
          heap.push(time, time);
        }
        const popped: number[] = [];
        for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
          popped.push(next.dueAt);
        }
        expect(popped).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });
});
