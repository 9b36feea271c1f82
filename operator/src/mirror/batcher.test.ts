import { describe, expect, it } from 'vitest';
import { Batcher, type Outcome } from './batcher.ts';

/** Keeps batches under way until they are let go. */
function gated(limit = 500) {
  const batches: Map<string, string>[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const batcher = new Batcher<string, string>(limit, async (batch) => {
    batches.push(new Map(batch));
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return new Map([...batch].map(([key, item]): [string, Outcome<string>] => [key, { result: `did ${item}` }]));
  });
  return { batcher, batches, gates };
}

const running = (batches: readonly unknown[], count: number) => expect.poll(() => batches.length).toBe(count);

describe('Batcher', () => {
  it('gathers calls of the same moment', async () => {
    const { batcher, batches, gates } = gated();
    const calls = [batcher.add('a', '1'), batcher.add('b', '2')];
    await running(batches, 1);
    gates[0]?.resolve();
    expect(await Promise.all(calls)).toEqual(['did 1', 'did 2']);
    expect(batches).toEqual([new Map(Object.entries({ a: '1', b: '2' }))]);
  });

  it('has one batch under way while the next gathers', async () => {
    const { batcher, batches, gates } = gated();
    const first = batcher.add('a', '1');
    await running(batches, 1);
    const later = [batcher.add('a', '2'), batcher.add('b', '3')];
    expect(batches).toHaveLength(1);
    gates[0]?.resolve();
    expect(await first).toBe('did 1');
    await running(batches, 2);
    gates[1]?.resolve();
    expect(await Promise.all(later)).toEqual(['did 2', 'did 3']);
  });

  it('lets the last of several calls for one key count', async () => {
    const { batcher, batches, gates } = gated();
    const calls = [batcher.add('a', '1'), batcher.add('a', '2')];
    await running(batches, 1);
    gates[0]?.resolve();
    expect(await Promise.all(calls)).toEqual(['did 2', 'did 2']);
    expect(batches[0]).toEqual(new Map([['a', '2']]));
  });

  it('takes no more than the limit at once', async () => {
    const { batcher, batches, gates } = gated(2);
    const calls = ['a', 'b', 'c'].map((key) => batcher.add(key, key));
    await running(batches, 1);
    expect([...(batches[0] ?? [])].map(([key]) => key)).toEqual(['a', 'b']);
    gates[0]?.resolve();
    await running(batches, 2);
    gates[1]?.resolve();
    expect(await Promise.all(calls)).toEqual(['did a', 'did b', 'did c']);
  });

  it('knows which keys have not ended', async () => {
    const { batcher, batches, gates } = gated();
    const call = batcher.add('a', '1');
    expect(batcher.has('a')).toBe(true);
    await running(batches, 1);
    expect(batcher.has('a')).toBe(true);
    gates[0]?.resolve();
    await call;
    expect(batcher.has('a')).toBe(false);
  });

  it('tells each caller its own error', async () => {
    const batcher = new Batcher<string, string>(500, async (batch) => {
      const outcomes = [...batch.keys()].map((key): [string, Outcome<string>] => [
        key,
        key === 'bad' ? { error: new Error('refused') } : { result: 'fine' },
      ]);
      return new Map(outcomes);
    });
    const [bad, good] = await Promise.allSettled([batcher.add('bad', ''), batcher.add('good', '')]);
    expect(bad).toMatchObject({ status: 'rejected', reason: new Error('refused') });
    expect(good).toMatchObject({ status: 'fulfilled', value: 'fine' });
  });

  it('rejects a whole batch that fails, and goes on with the next', async () => {
    let failures = 1;
    const batcher = new Batcher<string, string>(500, async (batch) => {
      if (failures-- > 0) throw new Error('lost');
      return new Map([...batch.keys()].map((key) => [key, { result: 'fine' }]));
    });
    await expect(batcher.add('a', '')).rejects.toThrow('lost');
    await expect(batcher.add('a', '')).resolves.toBe('fine');
  });
});
