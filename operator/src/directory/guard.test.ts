import { describe, expect, test } from 'vitest';
import { catalogue } from '../errors.ts';
import { executable, judge } from './guard.ts';
import { entry, groupEntry, linked, linkedGroup, planOf, user } from './plan/fixtures.ts';
import type { Effect, GuardFacts } from './plan/index.ts';

const quiet: GuardFacts = {
  people: 1000,
  linked: 800,
  memberships: 2000,
  links: 0,
  addressChanges: 0,
  lostMemberships: 0,
  groupLosses: [],
};

test('nothing is held when nothing can be lost', () => {
  expect(judge(quiet)).toEqual({ withheld: new Set() });
  expect(judge({ ...quiet, people: 0, linked: 0, memberships: 0 })).toEqual({ withheld: new Set() });
});

describe('held above the floor, the share or the cap', () => {
  test.each<[string, Partial<GuardFacts>, Partial<GuardFacts>, Effect]>([
    ['lost memberships: share', { lostMemberships: 100 }, { lostMemberships: 101 }, 'LostMembership'],
    [
      'lost memberships: floor',
      { memberships: 20, lostMemberships: 3 },
      { memberships: 20, lostMemberships: 4 },
      'LostMembership',
    ],
    [
      'lost memberships: cap',
      { memberships: 600_000, lostMemberships: 500 },
      { memberships: 600_000, lostMemberships: 501 },
      'LostMembership',
    ],
    ['address changes: share', { addressChanges: 40 }, { addressChanges: 41 }, 'AddressChange'],
    ['address changes: floor', { linked: 1, addressChanges: 3 }, { linked: 1, addressChanges: 4 }, 'AddressChange'],
    [
      'address changes: cap',
      { linked: 50_000, addressChanges: 500 },
      { linked: 50_000, addressChanges: 501 },
      'AddressChange',
    ],
    ['links: share of all people', { linked: 0, links: 50 }, { linked: 0, links: 51 }, 'Link'],
    ['links: floor', { people: 10, links: 3 }, { people: 10, links: 4 }, 'Link'],
    ['links: cap', { people: 50_000, links: 500 }, { people: 50_000, links: 501 }, 'Link'],
  ])('%s', (_, passing, held, effect) => {
    expect(judge({ ...quiet, ...passing }).held).toBeUndefined();
    expect(judge({ ...quiet, ...held }).withheld).toEqual(new Set([effect]));
  });

  test('as the settings say', () => {
    const settings = { floor: 1, share: 0.5, cap: 10 };
    expect(judge({ ...quiet, linked: 8, addressChanges: 4 }, settings).held).toBeUndefined();
    expect(judge({ ...quiet, linked: 8, addressChanges: 5 }, settings).held).toBeDefined();
    expect(judge({ ...quiet, addressChanges: 11 }, settings).held).toBeDefined();
  });
});

describe('a group that loses half of its members', () => {
  const losing = (...groupLosses: GuardFacts['groupLosses']) =>
    judge({ ...quiet, lostMemberships: groupLosses.reduce((sum, { lost }) => sum + lost, 0), groupLosses });

  test.each([
    ['is held', 8, 4, true],
    ['is not held for less', 9, 4, false],
    ['is not held when it is so small that this is daily business', 3, 3, false],
    ['is held when it would be empty', 4, 4, true],
  ])('%s', (_, members, lost, held) => {
    expect(losing({ name: 'sales', members, lost }).held !== undefined).toBe(held);
  });

  test('is named, the worst first', () => {
    expect(
      losing(
        { name: 'a', members: 8, lost: 4 },
        { name: 'b', members: 10, lost: 9 },
        { name: 'c', members: 99, lost: 1 },
      ).held,
    ).toEqual({
      reason: 'GroupLosesMembers',
      message: 'The group b would lose 9 of 10 members, and 1 more groups half or more.',
      count: 14,
    });
  });
});

test('several guards are told together, and what both hold is counted once', () => {
  const { held, withheld } = judge({
    ...quiet,
    lostMemberships: 150,
    groupLosses: [{ name: 'sales', members: 150, lost: 150 }],
    addressChanges: 100,
  });
  expect(withheld).toEqual(new Set(['LostMembership', 'AddressChange']));
  expect(held).toEqual({
    reason: 'ManyMembershipsLost',
    message:
      '150 of 2000 memberships would go; 100 may go at once. The group sales would lose 150 of 150 members. ' +
      '100 of 800 people would get another address; 40 may at once.',
    count: 250,
  });
});

test('every reason stands in the catalogue', () => {
  const facts = [
    { links: 999 },
    { addressChanges: 999 },
    { lostMemberships: 999 },
    { groupLosses: [{ name: 'g', members: 9, lost: 9 }] },
  ];
  const reasons = facts.map((fact) => judge({ ...quiet, ...fact }).held?.reason ?? '');
  expect(new Set(reasons).size).toBe(4);
  expect(reasons.filter((reason) => !(reason in catalogue))).toEqual([]);
});

test('a first run of new people only is never held', () => {
  const people = Array.from({ length: 600 }, (_, index) => entry(`p${index}`, { groups: ['g'] }));
  const { facts } = planOf({ people, groups: [groupEntry('g')] });
  expect(judge(facts).held).toBeUndefined();
});

describe('what is executed', () => {
  const moved = (id: string, to: string, groups: string[] = []) => entry(id, { email: `${to}@example.com`, groups });
  const plan = planOf({
    people: [
      moved('a', 'x'),
      moved('b', 'a'),
      moved('new', 'b'),
      moved('c', 'c'),
      entry('d', { lastName: 'New' }),
      entry('created'),
      entry('e'),
    ],
    groups: [groupEntry('g')],
    existingGroups: [linkedGroup('g')],
    users: [
      linked('a', { groups: ['g'] }),
      linked('b'),
      linked('c', { groups: ['g'] }),
      linked('d'),
      user('e', { email: 'e@example.com' }),
    ],
  });
  const executed = (...withheld: Effect[]) =>
    executable(plan.people, { withheld: new Set(withheld) })
      .map(({ record }) => record.externalId)
      .sort();

  test.each<[string, Effect[], string[]]>([
    ['is everything when nothing is withheld', [], ['a', 'b', 'c', 'created', 'd', 'e', 'new']],
    ['is not who would be linked', ['Link'], ['a', 'b', 'c', 'created', 'd', 'new']],
    ['is not who would only move, nor who awaits an address', ['AddressChange'], ['a', 'c', 'created', 'd', 'e']],
    ['is not who would only lose a group', ['LostMembership'], ['a', 'b', 'created', 'd', 'e', 'new']],
    ['is nothing of who would only move and lose a group', ['AddressChange', 'LostMembership'], ['created', 'd', 'e']],
  ])('%s', (_, withheld, expected) => expect(executed(...withheld)).toEqual(expected));

  test('leaves what is held to be told again, and nothing else to do', () => {
    const scene = {
      people: [entry('jane', { email: 'roe@example.com', enabled: false })],
      groups: [groupEntry('g')],
      existingGroups: [linkedGroup('g')],
      users: [linked('jane', { groups: ['g'] })],
    };
    const verdict = { withheld: new Set<Effect>(['AddressChange', 'LostMembership']) };
    const first = planOf(scene);
    const [reduced] = executable(first.people, verdict);
    if (reduced?.action !== 'Update') throw new Error('nothing is updated');
    expect(reduced.changed).toEqual(['enabled']);
    const again = planOf({ ...scene, users: [linked('jane', reduced.source)] });
    expect(again.facts).toEqual(first.facts);
    expect(again.people).toMatchObject([
      { changed: ['email', 'groups'], effects: ['AddressChange', 'LostMembership'] },
    ]);
    expect(executable(again.people, verdict)).toEqual([]);
  });

  test('of a swap are both addresses or none', () => {
    const swap = planOf({
      people: [moved('a', 'b', ['g']), moved('b', 'a')],
      groups: [groupEntry('g')],
      existingGroups: [linkedGroup('g')],
      users: [linked('a', { groups: ['g'] }), linked('b', { groups: ['g'] })],
    });
    const left = (effect: Effect) =>
      executable(swap.people, { withheld: new Set([effect]) }).map((action) => [
        action.record.externalId,
        ...(action.action === 'Update' ? action.changed : []),
      ]);
    expect(left('LostMembership')).toEqual([
      ['a', 'email'],
      ['b', 'email'],
    ]);
    expect(left('AddressChange')).toEqual([['b', 'groups']]);
  });
});
