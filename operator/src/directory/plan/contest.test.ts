import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bid, settle } from './contest.ts';
import { finish } from './steps.ts';

const settled = (bids: readonly Bid[], occupied: (key: string) => boolean) => finish(settle(bids, occupied));

const free = () => false;
const held =
  (...keys: string[]) =>
  (key: string) =>
    keys.includes(key);

test.each<[string, Bid[], (key: string) => boolean, string[]]>([
  ['a free key is granted', [{ wants: 'a' }], free, ['Granted']],
  ['a key that somebody keeps is occupied', [{ wants: 'a' }], held('a'), ['Occupied']],
  ['two who want one key both go without', [{ wants: 'a' }, { wants: 'a' }], free, ['Contested', 'Contested']],
  [
    'two swap',
    [
      { wants: 'b', leaves: 'a' },
      { wants: 'a', leaves: 'b' },
    ],
    free,
    ['Granted', 'Granted'],
  ],
  [
    'three go round',
    [
      { wants: 'b', leaves: 'a' },
      { wants: 'c', leaves: 'b' },
      { wants: 'a', leaves: 'c' },
    ],
    free,
    ['Granted', 'Granted', 'Granted'],
  ],
  [
    'who is refused keeps the old key, which refuses the whole chain behind',
    [{ wants: 'a' }, { wants: 'b', leaves: 'a' }, { wants: 'c', leaves: 'b' }],
    held('c'),
    ['Occupied', 'Occupied', 'Occupied'],
  ],
  [
    'a contested key refuses the chain behind each who wanted it',
    [{ wants: 'a' }, { wants: 'c', leaves: 'a' }, { wants: 'c', leaves: 'b' }, { wants: 'b' }],
    free,
    ['Occupied', 'Contested', 'Contested', 'Occupied'],
  ],
])('%s', (_, bids, occupied, expected) => {
  expect(settled(bids, occupied)).toEqual(expected);
});

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const situation = fc.record({
  bids: fc
    .uniqueArray(fc.record({ wants: keys, leaves: fc.option(keys, { nil: undefined }) }), {
      selector: ({ leaves }) => leaves ?? {},
      maxLength: 7,
    })
    .map((bids) => bids.filter(({ wants, leaves }) => wants !== leaves)),
  occupied: fc.uniqueArray(keys),
});

test('nobody ends up with a key that another has, and nobody is refused without need', () => {
  fc.assert(
    fc.property(situation, ({ bids, occupied }) => {
      // Whoever leaves a key has it, so nobody else does.
      const others = occupied.filter((key) => bids.every(({ leaves }) => leaves !== key));
      const outcomes = settled(bids, held(...others));
      const granted = (index: number) => outcomes[index] === 'Granted';
      const after = bids.map(({ wants, leaves }, index) => (granted(index) ? wants : leaves));
      const keysAfter = [...others, ...after.filter((key) => key !== undefined)];
      expect(new Set(keysAfter).size).toBe(keysAfter.length);
      for (const [index, { wants }] of bids.entries()) {
        if (granted(index)) continue;
        const rivals = bids.filter((bid) => bid.wants === wants).length;
        expect(rivals > 1 || others.includes(wants) || after.includes(wants)).toBe(true);
      }
    }),
  );
});

test('the order of the bids never matters', () => {
  fc.assert(
    fc.property(situation, ({ bids, occupied }) => {
      const there = settled(bids, held(...occupied));
      const back = settled(bids.toReversed(), held(...occupied)).toReversed();
      expect(back).toEqual(there);
    }),
  );
});
