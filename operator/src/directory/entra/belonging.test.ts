import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Belonging, type Nesting } from './belonging.ts';

function belonging(listing: Readonly<Record<string, readonly string[]>>, wanted: readonly string[], nested = true) {
  const groups = new Map(Object.entries(listing).map(([id, groups]) => [id, { id, groups } satisfies Nesting]));
  return new Belonging(groups, new Set(wanted), nested);
}

it('climbs from group to group, once around a circle', () => {
  const groups = belonging({ a: ['b'], b: ['c'], c: ['a'], d: [] }, ['a', 'b', 'c', 'd']);
  expect([...groups.of(['a'])].sort()).toEqual(['a', 'b', 'c']);
  expect(groups.of(['d'])).toEqual(['d']);
  expect(groups.of([])).toEqual([]);
});

it('stays where it is without nesting', () => {
  expect(belonging({ a: ['b'], b: [] }, ['a', 'b'], false).of(['a'])).toEqual(['a']);
});

it('passes through groups that are not wanted, and not through those that are gone', () => {
  const groups = belonging({ a: ['b', 'gone'], b: ['c'], c: [] }, ['c', 'gone']);
  expect(groups.of(['a', 'nobody'])).toEqual(['c']);
});

it('gives each wanted group around somebody once, whatever the order', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const some = fc.subarray(names);
  const listing = fc.record(Object.fromEntries(names.map((name) => [name, some])));
  fc.assert(
    fc.property(listing, some, some, (groups, wanted, direct) => {
      const expected = new Set(direct);
      for (const name of expected) for (const around of groups[name] ?? []) expected.add(around);
      const found = belonging(groups, wanted).of(direct);
      expect([...found].sort()).toEqual([...expected].filter((name) => wanted.includes(name)).sort());
      expect(belonging(groups, wanted).of(direct.toReversed()).toSorted()).toEqual(found.toSorted());
    }),
  );
});
