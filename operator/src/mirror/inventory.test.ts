import { describe, expect, it } from 'vitest';
import { Inventory } from './inventory.ts';

async function* reading(...steps: readonly (readonly [string, string] | (() => void))[]) {
  for (const step of steps) {
    if (typeof step === 'function') step();
    else yield step;
  }
}

async function holding(...rows: readonly (readonly [string, string])[]): Promise<Inventory> {
  const inventory = new Inventory();
  await inventory.replace(reading(...rows));
  return inventory;
}

describe('Inventory', () => {
  it('knows what it read', async () => {
    const inventory = await holding(['a', '1'], ['b', '2']);
    expect(inventory.holds('a', '1')).toBe(true);
    expect(inventory.holds('a', '2')).toBe(false);
    expect(inventory.holds('c', '1')).toBe(false);
    expect([...inventory.keys()]).toEqual(['a', 'b']);
  });

  it('reports rows that were edited, are missing, or are too many', async () => {
    const inventory = await holding(['edited', '1'], ['same', '1'], ['missing', '1']);
    const differing = await inventory.replace(reading(['edited', '2'], ['same', '1'], ['surplus', '1']));
    expect(differing.sort()).toEqual(['edited', 'missing', 'surplus']);
    expect(inventory.holds('edited', '2')).toBe(true);
    expect([...inventory.keys()].sort()).toEqual(['edited', 'same', 'surplus']);
  });

  it('does not know what a failed transaction left, but that there was a row', async () => {
    const inventory = await holding(['a', '1']);
    inventory.begin(['a', 'b']);
    inventory.doubt(['a', 'b']);
    expect(inventory.holds('a', '1')).toBe(false);
    expect([...inventory.keys()]).toEqual(['a']);
    expect(await inventory.replace(reading(['a', '1']))).toEqual(['a']);
  });

  it('forgets what is gone', async () => {
    const inventory = await holding(['a', '1']);
    inventory.begin(['a']);
    inventory.end([['a', undefined]]);
    expect([...inventory.keys()]).toEqual([]);
  });

  it('does not report what a transaction wrote while the rows were read', async () => {
    const inventory = await holding(['before', '1'], ['after', '1'], ['gone', '1']);
    const differing = await inventory.replace(
      reading(
        ['before', '1'],
        () => {
          inventory.begin(['before', 'after', 'gone', 'new']);
          inventory.end([
            ['before', '2'],
            ['after', '2'],
            ['gone', undefined],
            ['new', '1'],
          ]);
        },
        ['after', '2'],
        ['gone', '1'],
      ),
    );
    expect(differing).toEqual([]);
    expect(inventory.holds('before', '2')).toBe(true);
    expect(inventory.holds('after', '2')).toBe(true);
    expect(inventory.holds('gone', '1')).toBe(false);
    expect(inventory.holds('new', '1')).toBe(true);
  });

  it('does not report what was being written when the reading began', async () => {
    const inventory = await holding(['a', '1']);
    inventory.begin(['a']);
    const differing = await inventory.replace(reading(['a', '2'], () => inventory.end([['a', '2']])));
    expect(differing).toEqual([]);
    expect(inventory.holds('a', '2')).toBe(true);
  });

  it('keeps what it knew when a reading fails', async () => {
    const inventory = await holding(['a', '1']);
    const broken = reading(['a', '2'], () => {
      throw new Error('broken');
    });
    await expect(inventory.replace(broken)).rejects.toThrow('broken');
    expect(inventory.holds('a', '1')).toBe(true);
  });
});
