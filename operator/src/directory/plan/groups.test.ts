import { describe, expect, test } from 'vitest';
import {
  authority,
  entry,
  fates,
  group,
  groupEntry,
  groupFates,
  linked,
  linkedGroup,
  planOf,
  recipient,
  type Scene,
  source,
  unreadable,
  user,
  written,
} from './fixtures.ts';

type Row = [what: string, scene: Scene, expected: Record<string, string>];

const member = (id: string, ...groups: string[]) => entry(id, { groups });

describe('a group', () => {
  test.each<Row>([
    ['appears with its first member', { people: [member('jane', 'g')], groups: [groupEntry('g')] }, { g: 'Create' }],
    ['without a member does not appear', { people: [member('jane')], groups: [groupEntry('g')] }, {}],
    [
      'whose only member is rejected does not appear',
      { people: [entry('jane', { email: 'jane@', groups: ['g'] })], groups: [groupEntry('g')] },
      {},
    ],
    [
      'whose only member is excluded does not appear',
      { directory: { exclude: ['jane'] }, people: [member('jane', 'g')], groups: [groupEntry('g')] },
      {},
    ],
    [
      'whose only member is in another organization does not appear',
      {
        people: [member('jane', 'g')],
        groups: [groupEntry('g')],
        users: [linked('jane', {}, { organizations: [{ name: 'branch' }] })],
      },
      {},
    ],
    [
      'appears with somebody who is linked',
      {
        people: [member('jane', 'g')],
        groups: [groupEntry('g')],
        users: [user('by-hand', { email: 'jane@example.com' })],
      },
      { g: 'Create' },
    ],
    ['that exists is kept when it is empty', { groups: [groupEntry('g')], existingGroups: [linkedGroup('g')] }, {}],
    [
      'that exists is kept when the directory no longer has it',
      { existingGroups: [linkedGroup('g')] },
      { g: 'Keep NoLongerFound' },
    ],
    [
      'follows its name and description',
      { groups: [groupEntry('g', 'Sales', 'All of sales')], existingGroups: [linkedGroup('g')] },
      { g: 'Update g: description, displayName' },
    ],
    [
      'keeps a description that vanished',
      {
        groups: [groupEntry('g', 'Sales')],
        existingGroups: [
          group('g', {
            source: { directory: 'corporate', authority, externalId: 'g', displayName: 'Sales', description: 'Ours' },
          }),
        ],
      },
      {},
    ],
    [
      'is renamed in place when the prefix changes',
      {
        directory: { groupPrefix: 'AD ' },
        groups: [groupEntry('g', 'Sales')],
        existingGroups: [linkedGroup('g', 'Sales')],
      },
      { g: 'Update g: displayName' },
    ],
    [
      'is not there at all when memberships are not taken over',
      {
        directory: { membership: 'None' },
        people: [member('jane', 'g')],
        groups: [groupEntry('g'), groupEntry('h', 'Renamed')],
        existingGroups: [linkedGroup('h'), linkedGroup('i')],
      },
      {},
    ],
    [
      'that the reader could not use is told',
      { rejected: [unreadable('Group', 'g')], existingGroups: [linkedGroup('g')] },
      { g: 'Reject InvalidValue' },
    ],
    [
      'whose id two entries have is not decided',
      {
        people: [member('jane', 'g', 'h')],
        groups: [groupEntry('g', 'one'), groupEntry('g', 'two'), groupEntry('h', 'three')],
      },
      { g: 'Reject DuplicateIdentity; Reject DuplicateIdentity', h: 'Create' },
    ],
    [
      'of this identity in another organization is left',
      {
        people: [member('jane', 'g')],
        groups: [groupEntry('g')],
        existingGroups: [linkedGroup('g', 'g', { organization: 'branch' })],
      },
      { g: 'Reject GroupOfOtherOrganization' },
    ],
  ])('%s', (_, scene, expected) => expect(groupFates(planOf(scene))).toEqual(expected));
});

describe('the name of a group', () => {
  const scene = { people: [member('jane', 'g', 'h')], groups: [groupEntry('g', 'Sales')] };
  test.each<Row>([
    [
      'of a group made by hand is taken, whatever its spelling',
      { ...scene, existingGroups: [group('by-hand', { displayName: ' SALES ' })] },
      { g: 'Reject GroupNameTaken' },
    ],
    [
      'of a group without a display name is that of the object',
      { ...scene, existingGroups: [group('sales')] },
      { g: 'Reject GroupNameTaken' },
    ],
    [
      'of a group of another directory is taken, even if it is the same entry',
      {
        ...scene,
        existingGroups: [
          group('other', { source: { directory: 'branch', authority, externalId: 'g', displayName: 'Sales' } }),
        ],
      },
      { g: 'Reject GroupNameTaken' },
    ],
    [
      'in another organization is free',
      { ...scene, existingGroups: [group('by-hand', { displayName: 'Sales', organization: 'branch' })] },
      { g: 'Create' },
    ],
    [
      'is free with a prefix',
      { ...scene, directory: { groupPrefix: 'AD ' }, existingGroups: [group('by-hand', { displayName: 'Sales' })] },
      { g: 'Create' },
    ],
    [
      'is composed before it is compared',
      {
        ...scene,
        groups: [groupEntry('g', 'Cafe\u0301')],
        existingGroups: [group('by-hand', { displayName: 'Café' })],
      },
      { g: 'Reject GroupNameTaken' },
    ],
    [
      'that two entries have is nobody’s',
      { ...scene, groups: [groupEntry('g', 'Sales'), groupEntry('h', 'sales')] },
      { g: 'Reject GroupNameTaken', h: 'Reject GroupNameTaken' },
    ],
    [
      'stays with the group that has it',
      {
        ...scene,
        groups: [groupEntry('g', 'Sales'), groupEntry('h', 'sales')],
        existingGroups: [linkedGroup('g', 'Sales')],
      },
      { h: 'Reject GroupNameTaken' },
    ],
    [
      'is not contested by an entry without members',
      { ...scene, groups: [groupEntry('g', 'Sales'), groupEntry('empty', 'Sales')] },
      { g: 'Create' },
    ],
    [
      'can be swapped',
      {
        ...scene,
        groups: [groupEntry('g', 'h'), groupEntry('h', 'g')],
        existingGroups: [linkedGroup('g'), linkedGroup('h')],
      },
      { g: 'Update g: displayName', h: 'Update h: displayName' },
    ],
    [
      'goes to somebody new when it becomes free',
      {
        ...scene,
        groups: [groupEntry('g', 'Before'), groupEntry('h', 'After')],
        existingGroups: [linkedGroup('h', 'Before')],
      },
      { g: 'Create', h: 'Update h: displayName' },
    ],
    [
      'stays as it was when the new one is taken, and others cannot have it',
      {
        ...scene,
        groups: [groupEntry('g', 'Before'), groupEntry('h', 'Taken')],
        existingGroups: [linkedGroup('h', 'Before'), group('by-hand', { displayName: 'Taken' })],
      },
      { g: 'Reject GroupNameTaken', h: 'Reject GroupNameTaken' },
    ],
    [
      'that a person declared stays in force',
      {
        ...scene,
        groups: [groupEntry('g', 'Taken')],
        existingGroups: [linkedGroup('g', 'Old', { displayName: 'Mine' }), group('by-hand', { displayName: 'Taken' })],
      },
      { g: 'Update g: displayName' },
    ],
  ])('%s', (_, fields, expected) => expect(groupFates(planOf(fields))).toEqual(expected));

  test('cut to what fits is still told apart from nothing', () => {
    const [create] = planOf({ people: [member('jane', 'g')], groups: [groupEntry('g', 'é'.repeat(300))] }).groups;
    expect(create?.action === 'Create' && create.spec.source?.displayName).toBe('é'.repeat(200));
  });

  test('says what follows when it is taken', () => {
    const people = [member('jane', 'g'), member('john', 'g')];
    const groups = [groupEntry('g', 'Sales')];
    const [note] = planOf({ people, groups, existingGroups: [group('sales')] }).notes;
    expect(note?.message).toBe(
      'The group sales of the organization main is called “Sales” already; memberships left out: 2.',
    );
  });

  test('of an object that exists unlinked is not given again', () => {
    const scene = { people: [member('jane', 'g')], groups: [groupEntry('g', 'Sales')] };
    const [create] = planOf(scene).groups;
    if (create?.action !== 'Create') throw new Error('no group is created');
    const detached = group(create.name, { displayName: 'Something else' });
    expect(groupFates(planOf({ ...scene, existingGroups: [detached] }))).toEqual({ g: 'Reject NameTaken' });
  });
});

test('a group is created in the organization of the directory', () => {
  const plan = planOf({
    directory: { groupPrefix: 'AD ' },
    people: [member('jane', 'g')],
    groups: [groupEntry('g', 'Sales', 'All of sales')],
  });
  expect(plan.groups).toEqual([
    {
      action: 'Create',
      kind: 'Group',
      name: expect.stringMatching(/^sales-[a-z2-7]{8}$/),
      spec: {
        organization: 'main',
        source: {
          directory: 'corporate',
          authority,
          externalId: 'g',
          displayName: 'AD Sales',
          description: 'All of sales',
        },
      },
      record: groupEntry('g', 'Sales', 'All of sales'),
    },
  ]);
});

describe('memberships', () => {
  const groups = [groupEntry('b'), groupEntry('a')];
  const existingGroups = [linkedGroup('a'), linkedGroup('b')];

  test('name the groups, sorted, each once, and none that is not there', () => {
    const people = [member('jane', 'b', 'unknown', 'a', 'b')];
    const plan = planOf({ people, groups, existingGroups, users: [linked('jane')] });
    expect(written(plan, 'jane')?.groups).toEqual(['a', 'b']);
    expect(plan.memberships).toBe(2);
  });

  test('name new groups by the names that these get', () => {
    const plan = planOf({ people: [member('jane', 'a')], groups });
    const [create] = plan.groups;
    expect(create?.action).toBe('Create');
    expect(written(plan, 'jane')?.groups).toEqual([create?.action === 'Create' && create.name]);
  });

  test('that go are told as an effect', () => {
    const people = [member('jane', 'a')];
    const plan = planOf({ people, groups, existingGroups, users: [linked('jane', { groups: ['a', 'b'] })] });
    expect(plan.people).toMatchObject([{ changed: ['groups'], effects: ['LostMembership'] }]);
    expect(plan.facts).toMatchObject({ memberships: 2, members: new Map([['group b', 1]]) });
  });

  test('that come have no effect to hold', () => {
    const plan = planOf({
      people: [member('jane', 'a', 'b')],
      groups,
      existingGroups,
      users: [linked('jane', { groups: ['a'] })],
    });
    expect(plan.people[0]).not.toHaveProperty('effects');
    expect(plan.facts).toMatchObject({ memberships: 1, members: new Map() });
  });

  test.each<[string, Scene]>([
    ['the group is not read at all', {}],
    ['none are taken over', { groups, directory: { membership: 'None' } }],
  ])('go when %s', (_, scene) => {
    const users = [linked('jane', { groups: ['a'] })];
    const plan = planOf({ people: [member('jane', 'a')], existingGroups, users, ...scene });
    expect(written(plan, 'jane')).toEqual(source('jane'));
  });

  test('do not stay in an unclear group of another organization', () => {
    const users = [linked('jane', { groups: ['a'] })];
    const branch = [linkedGroup('a', 'a', { organization: 'branch' })];
    const plan = planOf({
      people: [member('jane')],
      existingGroups: branch,
      users,
      rejected: [unreadable('Group', 'a')],
    });
    expect(written(plan, 'jane')).toEqual(source('jane'));
  });

  test.each<[string, Scene]>([
    ['could not be used', { groups: [groupEntry('b')], rejected: [unreadable('Group', 'a')] }],
    ['is there twice', { groups: [groupEntry('a', 'x'), groupEntry('a', 'y'), groupEntry('b')] }],
  ])('stay in a group whose record %s', (_, scene) => {
    const people = [member('jane'), member('john')];
    const users = [linked('jane', { groups: ['a', 'b'] }), linked('john', { groups: ['a'] })];
    const plan = planOf({ people, existingGroups, users, ...scene });
    expect(fates(plan)).toEqual({ jane: 'Update jane: groups' });
    expect(written(plan, 'jane')?.groups).toEqual(['a']);
    expect(plan.memberships).toBe(2);
  });

  test('stay and follow in a group that may not have its new name', () => {
    const plan = planOf({
      people: [member('jane', 'a')],
      groups: [groupEntry('a', 'Taken')],
      existingGroups: [linkedGroup('a'), group('by-hand', { displayName: 'Taken' })],
      users: [linked('jane')],
    });
    expect(written(plan, 'jane')?.groups).toEqual(['a']);
  });

  test('are left out, with a warning, for people who are not in the organization', () => {
    const users = [linked('jane', { groups: ['a'] }, { organizations: [{ name: 'branch' }] })];
    const plan = planOf({ people: [member('jane', 'a')], groups, existingGroups, users });
    expect(fates(plan)).toEqual({ jane: 'Update jane: groups; Warn NotInOrganization' });
    expect(plan.memberships).toBe(0);
    expect(
      fates(planOf({ people: [member('jane')], groups, existingGroups, users: [users[0] ?? linked('jane')] })),
    ).toEqual({
      jane: 'Update jane: groups',
    });
  });

  test('of recipients are taken over alike', () => {
    const plan = planOf({
      directory: { importAs: 'Recipients' },
      people: [member('jane', 'a')],
      groups,
      existingGroups,
      recipients: [recipient('jane', { source: source('jane') })],
    });
    expect(written(plan, 'jane')?.groups).toEqual(['a']);
  });

  test('above 1,000 refuse the person', () => {
    const many = Array.from({ length: 1001 }, (_, index) => groupEntry(`g${index}`));
    const ids = many.map(({ externalId }) => externalId);
    const people = [
      member('jane', ...ids),
      member('john', ...ids.slice(1)),
      member('june', ...ids.slice(1), 'g1', 'x'),
    ];
    expect(fates(planOf({ people, groups: many }))).toEqual({
      jane: 'Reject TooManyGroups',
      john: 'Create',
      june: 'Create',
    });
    expect(fates(planOf({ people, groups: many, directory: { membership: 'None' } }))).toMatchObject({
      jane: 'Create',
    });
  });
});

test('22,000 groups with four wanted cost four', () => {
  const groups = Array.from({ length: 22_000 }, (_, index) => groupEntry(`g${index}`));
  const people = [member('jane', 'g5', 'g21999'), member('john', 'g5', 'g70', 'unknown'), member('june', 'g8000')];
  const plan = planOf({ people, groups });
  expect(plan.groups.map(({ record }) => record.externalId).sort()).toEqual(['g21999', 'g5', 'g70', 'g8000']);
  expect(plan.counts.groups).toMatchObject({ found: 22_000, created: 4, skipped: 21_996 });
});

test('who is left out is a member of nothing', () => {
  const groups = [groupEntry('g'), groupEntry('h')];
  const people = [member('jane', 'g'), member('john', 'g', 'h')];
  const plan = planOf({ people, groups, directory: { exclude: ['john'] } });
  expect(plan.groups.map(({ record }) => record.externalId)).toEqual(['g']);
  expect(plan.memberships).toBe(1);
});
