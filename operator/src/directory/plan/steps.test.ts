import { describe, expect, test, vi } from 'vitest';
import { finish, inSlices, paced, type Steps, stride } from './steps.ts';

function* counting(items: number): Steps<number> {
  let sum = 0;
  yield* paced(
    Array.from({ length: items }, (_, index) => index),
    (index) => {
      sum += index;
    },
  );
  return sum;
}

test('work stops after so many items, and not before', () => {
  const steps = (items: number) => [...counting(items)].length;
  expect([steps(0), steps(stride - 1), steps(stride), steps(stride * 2 + 1)]).toEqual([0, 0, 1, 2]);
});

test('work that is finished at once has its result', () => {
  expect(finish(counting(1000))).toBe(499_500);
});

describe('in slices', () => {
  test('work has the same result', async () => {
    expect(await inSlices(counting(1000))).toBe(499_500);
  });

  test('work lets others have their turn once a slice has taken its time', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const turns: number[] = [];
    setImmediate(() => turns.push(now));
    function* slow(): Steps<string> {
      for (let step = 0; step < 100; step += 1) {
        now += 1;
        yield;
      }
      return `others came after ${turns[0]} ms`;
    }
    expect(await inSlices(slow())).toBe('others came after 10 ms');
    vi.restoreAllMocks();
  });

  test('an error ends the work', async () => {
    function* failing(): Steps<never> {
      yield;
      throw new Error('a mistake');
    }
    await expect(inSlices(failing())).rejects.toThrow('a mistake');
  });

  test('work ends when nobody wants it any more', async () => {
    const stop = new AbortController();
    function* endless(): Steps<never> {
      for (;;) yield;
    }
    setImmediate(() => stop.abort(new Error('the operator ends')));
    await expect(inSlices(endless(), stop.signal)).rejects.toThrow('the operator ends');
  });
});
