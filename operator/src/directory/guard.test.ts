import { describe, expect, test } from 'vitest';
import { catalogue } from '../errors.ts';
import { enforce } from './enforcement.ts';
import { type Circumstances, judgeTally, type Tally } from './findings.ts';
import { judge } from './guard.ts';
import {
  entry,
  groupEntry,
  linked,
  linkedGroup,
  planOf,
  recipient,
  role,
  type Scene,
  source,
  user,
} from './plan/fixtures.ts';
import { type Effect, effectKey, finish, type GuardFacts } from './plan/index.ts';
import { effects } from './plan/types.ts';

const quiet: GuardFacts = { people: 1000, linked: 800, memberships: 2000, members: new Map() };

type Counts = Partial<Record<Effect, number>>;

const tallyOf = (counts: Counts, losses: Record<string, number> = {}): Tally => ({
  counts: new Map(Object.entries(counts) as [Effect, number][]),
  losses: new Map(Object.entries(losses)),
  restrictions: new Map(effects.map((effect) => [effect, 'jane owns the tenant'])),
});

const reasonsOf = (counts: Counts, facts: Partial<GuardFacts> = {}, circumstances: Circumstances = {}) =>
  judgeTally(tallyOf(counts), { ...quiet, ...facts }, circumstances).map(({ reason }) => reason);

test('nothing is held when nothing can be lost', () => {
  expect(reasonsOf({})).toEqual([]);
  expect(reasonsOf({}, { people: 0, linked: 0, memberships: 0 })).toEqual([]);
});

describe('held above the floor, the share or the cap', () => {
  test.each<[string, Effect, string, Partial<GuardFacts>, number]>([
    ['removals: share', 'Removal', 'ManyRemovals', {}, 40],
    ['removals: floor', 'Removal', 'ManyRemovals', { linked: 20 }, 3],
    ['removals: cap', 'Removal', 'ManyRemovals', { linked: 50_000 }, 500],
    ['lost memberships: share', 'LostMembership', 'ManyMembershipsLost', {}, 100],
    ['lost memberships: floor', 'LostMembership', 'ManyMembershipsLost', { memberships: 20 }, 3],
    ['lost memberships: cap', 'LostMembership', 'ManyMembershipsLost', { memberships: 600_000 }, 500],
    ['address changes: share', 'AddressChange', 'ManyAddressChanges', {}, 40],
    ['address changes: floor', 'AddressChange', 'ManyAddressChanges', { linked: 1 }, 3],
    ['address changes: cap', 'AddressChange', 'ManyAddressChanges', { linked: 50_000 }, 500],
    ['links: share of all people', 'Link', 'ManyLinks', { linked: 0 }, 50],
    ['links: floor', 'Link', 'ManyLinks', { people: 10 }, 3],
    ['links: cap', 'Link', 'ManyLinks', { people: 50_000 }, 500],
    ['people let in again: share', 'Restore', 'ManyRestored', {}, 40],
    ['invitations: cap', 'Mail', 'ManyInvitations', {}, 500],
    ['creations beside others: cap', 'Creation', 'ManyCreations', { linked: 0 }, 500],
  ])('%s', (_, effect, reason, facts, allowed) => {
    expect(reasonsOf({ [effect]: allowed }, facts)).toEqual([]);
    expect(reasonsOf({ [effect]: allowed + 1 }, facts)).toEqual([reason]);
  });

  test.each<[Effect, number]>([
    ['Removal', 40],
    ['LostMembership', 100],
    ['AddressChange', 40],
    ['Link', 50],
    ['Restore', 40],
    ['Mail', 500],
  ])('%s counts over seven days', (effect, allowed) => {
    const history = { [effect]: allowed - 1 };
    expect(reasonsOf({ [effect]: 1 }, {}, { history })).toEqual([]);
    expect(reasonsOf({ [effect]: 2 }, {}, { history })).toHaveLength(1);
    expect(reasonsOf({}, {}, { history: { [effect]: 10_000 } })).toEqual([]);
  });

  test('as the settings say', () => {
    const settings = { floor: 1, percent: 50, cap: 10 };
    expect(reasonsOf({ AddressChange: 4 }, { linked: 8 }, { settings })).toEqual([]);
    expect(reasonsOf({ AddressChange: 5 }, { linked: 8 }, { settings })).toHaveLength(1);
    expect(reasonsOf({ AddressChange: 11 }, {}, { settings })).toHaveLength(1);
  });
});

describe('half is never lost unasked', () => {
  const settings = { floor: 1000, percent: 100, cap: 1_000_000 };
  test.each<[string, Counts, Partial<GuardFacts>, number]>([
    ['less than half of the people may', { Removal: 399 }, {}, 0],
    ['half of the people may not', { Removal: 400 }, {}, 1],
    ['nor one of two', { Removal: 1 }, { linked: 2 }, 1],
    ['half of many memberships may not', { LostMembership: 1001 }, {}, 1],
    ['of few memberships they may', { LostMembership: 999 }, {}, 0],
  ])('%s', (_, counts, facts, found) => expect(reasonsOf(counts, facts, { settings })).toHaveLength(found));
});

describe('after a change of what is read', () => {
  test.each<[Effect, boolean]>([
    ['Removal', true],
    ['LostMembership', true],
    ['AddressChange', false],
    ['Link', false],
    ['Creation', false],
  ])('%s is held: %s', (effect, held) => {
    expect(reasonsOf({ [effect]: 1 }, {}, { settingsChanged: true })).toEqual(held ? ['ReadSettingsChanged'] : []);
    expect(reasonsOf({ [effect]: 1 }, {}, { settingsChanged: false })).toEqual([]);
    expect(reasonsOf({ [effect]: 1 }, {}, { emptied: 7 })).toEqual(effect === 'Removal' ? ['EmptyAnswer'] : []);
    expect(reasonsOf({ [effect]: 1 }, {}, { emptied: 0 })).toEqual([]);
  });
});

describe('creations are held', () => {
  test.each<[string, Partial<GuardFacts>, number, boolean]>([
    ['not in a tenant with nobody', { people: 0, linked: 0 }, 100_000, false],
    ['not in a tenant with some administrators', { people: 3, linked: 0 }, 100_000, false],
    ['where others are already', { people: 4, linked: 0 }, 501, true],
    ['not when an interrupted first run goes on in a tenant of its own', { people: 300, linked: 300 }, 99_700, false],
    ['when the rest of a held first run is due', { people: 1002, linked: 2 }, 99_998, true],
    ['not when a directory that is in use grows', { people: 5000, linked: 4000 }, 3000, false],
  ])('%s', (_, facts, created, held) => {
    expect(reasonsOf({ Creation: created }, facts)).toEqual(held ? ['ManyCreations'] : []);
  });
});

describe('what always needs approval', () => {
  test.each<[Effect, string]>([
    ['TakeOver', 'TakeOverNeedsApproval'],
    ['RestrictedLink', 'LinkNeedsApproval'],
    ['RestrictedChange', 'ChangeNeedsApproval'],
    ['RestrictedRemoval', 'RemovalNeedsApproval'],
    ['Grant', 'GrantNeedsApproval'],
    ['Seat', 'SeatsMissing'],
  ])('%s is held, be it one', (effect, reason) => {
    expect(reasonsOf({ [effect]: 1 }, {}, { settings: { floor: 1000, percent: 100, cap: 1000 } })).toEqual([reason]);
  });

  test('says why, for one of them', () => {
    const [finding] = judgeTally(tallyOf({ RestrictedLink: 2 }), quiet, {});
    expect(finding?.message).toBe('2 links need approval, for example because jane owns the tenant.');
  });
});

describe('a group that loses half of its members', () => {
  const losing = (...groups: [name: string, members: number, lost: number][]) => {
    const losses = Object.fromEntries(groups.map(([name, , lost]) => [name, lost]));
    const members = new Map(groups.map(([name, had]) => [name, had]));
    const count = groups.reduce((sum, [, , lost]) => sum + lost, 0);
    return judgeTally(tallyOf({ LostMembership: count }, losses), { ...quiet, members }, {});
  };

  test.each<[string, number, number, boolean]>([
    ['is held', 8, 4, true],
    ['is not held for less', 9, 4, false],
    ['is not held when it is so small that this is daily business', 3, 3, false],
    ['is held when it would be empty', 4, 4, true],
  ])('%s', (_, members, lost, held) => {
    expect(losing(['group sales', members, lost])).toHaveLength(held ? 1 : 0);
  });

  test('is named, the worst first', () => {
    expect(losing(['group a', 8, 4], ['organization b', 10, 9], ['group c', 99, 1])).toEqual([
      {
        effect: 'LostMembership',
        reason: 'GroupLosesMembers',
        message: 'The organization b would lose 9 of 10 members, and 1 more would lose half or more.',
      },
    ]);
  });
});

test('sentences say what would happen and what may', () => {
  const messages = (counts: Counts, circumstances: Circumstances = {}) =>
    judgeTally(tallyOf(counts), quiet, circumstances).map(({ message }) => message);
  expect(messages({ Removal: 41 })).toEqual(['41 of 800 people would be disabled or deleted; 40 may at once.']);
  expect(messages({ Removal: 2 }, { history: { Removal: 39 } })).toEqual([
    '2 of 800 people would be disabled or deleted, after 39 in the last seven days; 40 may within seven days.',
  ]);
  expect(messages({ Removal: 1 }, { settingsChanged: true })).toEqual([
    'What decides who is found was changed since the last success, so 1 removal may be a slip.',
  ]);
});

test('every reason stands in the catalogue', () => {
  const all = Object.fromEntries(effects.map((effect) => [effect, 100_000]));
  const reasons = judgeTally(tallyOf(all, { g: 99 }), { ...quiet, linked: 0 }, { settingsChanged: true });
  expect(new Set(reasons.map(({ effect }) => effect)).size).toBe(effects.length);
  expect(reasons.filter(({ reason }) => !(reason in catalogue))).toEqual([]);
});

test('a first run of new people only is never held', () => {
  const people = Array.from({ length: 600 }, (_, index) => entry(`p${index}`, { groups: ['g'] }));
  expect(finish(judge(planOf({ people, groups: [groupEntry('g')] }))).held).toBeUndefined();
});

/** Everything is held that is counted. */
const strict = { floor: 0, percent: 0, cap: 0 };
const moved = (id: string, to: string, groups: string[] = []) => entry(id, { email: `${to}@example.com`, groups });

describe('a verdict', () => {
  const scene: Scene = {
    people: [moved('a', 'x'), moved('b', 'y'), entry('new'), entry('e')],
    users: [linked('a'), linked('b'), linked('c', { groups: ['g'] }), user('e', { email: 'e@example.com' })],
  };
  const plan = planOf(scene);
  const verdict = finish(judge(plan, { settings: strict }));

  test('tells what is held, and what goes on', () => {
    expect(verdict.held).toMatchObject({ reason: 'ManyAddressChanges', count: 3 });
    expect(verdict.held?.message).toBe(
      '2 of 3 people would get another address; 0 may at once. 1 of 4 people would be linked to the directory; 0 may at once.',
    );
    expect(verdict.held?.keys).toHaveLength(3);
    expect(verdict.held?.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(verdict.withheld).toBe(3);
    expect(verdict.people.map(({ action }) => action)).toEqual(['Create']);
    expect(verdict.effects).toEqual({ Creation: 1 });
  });

  test('names the same set by the same hash, whatever the order, and another one by another', () => {
    const other = (fields: Scene) => finish(judge(planOf({ ...scene, ...fields }), { settings: strict })).held?.hash;
    expect(other({ people: scene.people?.toReversed() ?? [] })).toBe(verdict.held?.hash);
    expect(other({ people: scene.people?.slice(1) ?? [] })).not.toBe(verdict.held?.hash);
    expect(other({ people: [moved('a', 'z'), ...(scene.people?.slice(1) ?? [])] })).not.toBe(verdict.held?.hash);
  });

  test('lets pass all that was approved, and does not count it', () => {
    const approved = new Set(verdict.held?.keys);
    const again = finish(judge(plan, { settings: strict, approved }));
    expect(again.held).toBeUndefined();
    expect(again.people).toEqual(plan.people);
    expect(again.effects).toEqual({ Creation: 1 });
  });

  test('holds what has come since the approval, and lets the approved part pass', () => {
    const approved = new Set(verdict.held?.keys);
    const later = planOf({ ...scene, people: [moved('a', 'x'), moved('b', 'z'), entry('e')] });
    const again = finish(judge(later, { settings: strict, approved }));
    expect(again.held).toMatchObject({ reason: 'ManyAddressChanges', count: 1 });
    expect(again.people.map(({ record }) => record.externalId)).toEqual(['a', 'e']);
  });

  test('judges what nobody approved as if the approved were not there', () => {
    const people = Array.from({ length: 10 }, (_, index) => moved(`p${index}`, `q${index}`));
    const users = people.map(({ externalId }) => linked(externalId));
    const all = planOf({ people, users });
    const keys = all.people.map((action) => effectKey(action, 'AddressChange'));
    const approving = (count: number) => finish(judge(all, { approved: new Set(keys.slice(0, count)) }));
    expect(approving(6)).toMatchObject({ held: { count: 4 }, withheld: 4 });
    expect(approving(7).held).toBeUndefined();
    expect(approving(7).effects).toEqual({ AddressChange: 3 });
  });

  test('creates no group for people who are withheld', () => {
    const roles = [role('users', { permissions: [{ resource: '*', verbs: ['*'] }] })];
    const people = [entry('a', { groups: ['g', 'h'] }), entry('jane', { groups: ['h'] })];
    const groups = [groupEntry('g'), groupEntry('h')];
    const { groups: made } = finish(judge(planOf({ people, groups, roles, users: [linked('jane')] })));
    expect(made.map(({ record }) => record.externalId)).toEqual(['h']);
  });
});

describe('the key of an effect', () => {
  const scene: Scene = {
    directory: { mappings: [{ group: 'g', organization: 'branch', roles: ['keepers'] }] },
    roles: [role('keepers', { permissions: [{ resource: 'users', verbs: ['*'] }] })],
    people: [entry('jane', { groups: ['g'] })],
    groups: [groupEntry('g')],
    users: [user('jane', { email: 'jane@example.com', enabled: false })],
  };
  const keyOf = (fields: Scene, effect: Effect, index = 0) => {
    const [action] = planOf({ ...scene, ...fields }).people;
    if (action === undefined || !action.effects?.includes(effect)) throw new Error(`there is no ${effect} ${index}`);
    return effectKey(action, effect);
  };
  const owned = { owner: 'jane' };

  test('differs with what is done, to whom, and why it needs approval', () => {
    const link = keyOf({}, 'RestrictedLink');
    expect(keyOf({}, 'RestrictedLink')).toBe(
      keyOf({ people: [entry('jane', { groups: ['g'], lastName: 'Doe' })] }, 'RestrictedLink'),
    );
    expect(keyOf({}, 'Grant')).not.toBe(link);
    expect(keyOf(owned, 'RestrictedLink')).not.toBe(link);
    const another = user('jane', { email: 'jane@example.com', enabled: false });
    expect(
      keyOf({ users: [{ ...another, metadata: { ...another.metadata, uid: 'other' } }] }, 'RestrictedLink'),
    ).not.toBe(link);
    expect(keyOf({ people: [entry('john', { email: 'jane@example.com' })] }, 'RestrictedLink')).not.toBe(link);
    expect(keyOf({ people: [entry('jane', { domainAccount: 'CORP\\x' })] }, 'RestrictedLink')).not.toBe(link);
  });
});

describe('what is enforced', () => {
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
    finish(enforce(plan, new Set(withheld)))
      .people.map(({ record }) => record.externalId)
      .sort();

  test.each<[string, Effect[], string[]]>([
    ['is nothing when nothing is withheld', [], ['a', 'b', 'c', 'created', 'd', 'e', 'new']],
    ['leaves who would be linked', ['Link'], ['a', 'b', 'c', 'created', 'd', 'new']],
    ['leaves who would only move, and who awaits an address', ['AddressChange'], ['a', 'c', 'created', 'd', 'e']],
    ['leaves who would only lose a group', ['LostMembership'], ['a', 'b', 'created', 'd', 'e', 'new']],
    ['leaves who would move and lose a group', ['AddressChange', 'LostMembership'], ['created', 'd', 'e']],
    ['leaves who would be new', ['Creation'], ['a', 'b', 'c', 'd', 'e']],
  ])('%s', (_, withheld, expected) => expect(executed(...withheld)).toEqual(expected));

  test('counts what is withheld in part', () => {
    expect(finish(enforce(plan, new Set(['AddressChange']))).withheld).toBe(3);
    expect(finish(enforce(plan, new Set())).withheld).toBe(0);
  });

  test('leaves who awaits the address of somebody whose change nobody approved, in a chain', () => {
    const approve = (...ids: string[]) => {
      const chosen = plan.people.filter(({ record }) => ids.includes(record.externalId));
      const approved = new Set(chosen.map((action) => effectKey(action, 'AddressChange')));
      const { people, keys } = finish(enforce(plan, new Set(['AddressChange']), approved));
      const moving = people.filter((action) => action.effects?.includes('AddressChange') || action.awaits);
      return [moving.map(({ record }) => record.externalId).sort(), keys.length];
    };
    expect(approve('a', 'b')).toEqual([['a', 'b', 'new'], 0]);
    expect(approve('a')).toEqual([['a'], 2]);
    expect(approve('b')).toEqual([[], 3]);
  });

  test('is told again, and leaves nothing else to do', () => {
    const scene = {
      people: [entry('jane', { email: 'roe@example.com', enabled: false })],
      groups: [groupEntry('g')],
      existingGroups: [linkedGroup('g')],
      users: [linked('jane', { groups: ['g'] })],
    };
    const withheld = new Set<Effect>(['AddressChange', 'LostMembership']);
    const first = planOf(scene);
    const [reduced] = finish(enforce(first, withheld)).people;
    if (reduced?.action !== 'Update') throw new Error('nothing is updated');
    expect(reduced.changed).toEqual(['enabled']);
    const again = planOf({ ...scene, users: [linked('jane', reduced.source)] });
    expect(again.facts).toEqual(first.facts);
    expect(again.people).toMatchObject([
      { changed: ['email', 'groups'], effects: ['AddressChange', 'LostMembership'] },
    ]);
    expect(finish(enforce(again, withheld)).people).toEqual([]);
  });

  test('of a swap are both addresses or none', () => {
    const swap = planOf({
      people: [moved('a', 'b', ['g']), moved('b', 'a')],
      groups: [groupEntry('g')],
      existingGroups: [linkedGroup('g')],
      users: [linked('a', { groups: ['g'] }), linked('b', { groups: ['g'] })],
    });
    const left = (effect: Effect) =>
      finish(enforce(swap, new Set([effect]))).people.map((action) => [
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

test('recipients are judged like users', () => {
  const people = [entry('a', { email: 'x@example.com' })];
  const plan = planOf({
    directory: { importAs: 'Recipients' },
    people,
    recipients: [recipient('a', { source: source('a') })],
  });
  expect(finish(judge(plan, { settings: { ...strict, cap: 500 } })).held?.reason).toBe('ManyAddressChanges');
});
