import { describe, expect, test } from 'vitest';
import { judge } from '../guard.ts';
import { entry, fates, groupEntry, linked, planOf, role, type Scene, unreadable, user } from './fixtures.ts';
import { finish } from './steps.ts';

type Row = [what: string, scene: Scene, expected: Record<string, string>];

describe('onlyMembersOf', () => {
  const people = [entry('jane', { groups: ['p', 'x'] }), entry('john', { groups: ['x'] }), entry('june')];
  const groups = [groupEntry('p', 'Pilot'), groupEntry('q', 'Second pilot'), groupEntry('x')];
  const only = (...onlyMembersOf: string[]) => ({ directory: { onlyMembersOf } });
  const out = 'Exclude OutsidePilot';
  test.each<Row>([
    ['takes everybody when it is absent', {}, { jane: 'Create', john: 'Create', june: 'Create' }],
    [
      'takes the members of a group by name, whatever its case',
      only(' pilot'),
      { jane: 'Create', john: out, june: out },
    ],
    ['takes the members of a group by id', only('P'), { jane: 'Create', john: out, june: out }],
    ['takes those of any of them', only('q', 'x'), { jane: 'Create', john: 'Create', june: out }],
    ['takes nobody when there is no such group', only('nowhere'), { jane: out, john: out, june: out }],
    [
      'leaves who is linked as they are',
      { ...only('p'), users: [linked('john', { lastName: 'Old' })] },
      { jane: 'Create', john: out, june: out },
    ],
    [
      'settles who of two has an address',
      { ...only('p'), people: [people[0] ?? entry('jane'), entry('john', { email: 'jane@example.com' })] },
      { jane: 'Create', john: out },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf({ people, groups, ...scene }))).toEqual(expected));

  test('tells of a group that is not there', () => {
    const { reasons, notes } = planOf({ people, groups, ...only('p', 'nowhere') });
    expect(reasons).toContainEqual({ action: 'Warn', reason: 'PilotGroupNotFound', count: 1 });
    expect(notes[0]).toMatchObject({
      message: 'onlyMembersOf names the group nowhere, which the directory does not have.',
    });
  });

  test('makes no group for people who are left out', () => {
    const plan = planOf({ people, groups, ...only('p') });
    expect(plan.groups.map(({ record }) => record.externalId)).toEqual(['p', 'x']);
    expect(planOf({ people: people.slice(1), groups, ...only('p') }).groups).toEqual([]);
  });
});

describe('an account that is disabled or has ended', () => {
  const disabled = entry('jane', { enabled: false });
  const ended = entry('jane', { expiresAt: '2026-06-01T00:00:00Z' });
  test.each<Row>([
    ['creates nobody', { people: [disabled] }, { jane: 'Exclude DisabledInDirectory' }],
    ['creates nobody at the hour of its end', { people: [ended] }, { jane: 'Exclude DisabledInDirectory' }],
    [
      'creates somebody until then',
      { people: [entry('jane', { expiresAt: '2026-06-01T00:00:01Z' })] },
      { jane: 'Create' },
    ],
    [
      'creates somebody with createDisabled',
      { people: [disabled], directory: { createDisabled: true } },
      { jane: 'Create' },
    ],
    ['disables who is linked', { people: [disabled], users: [linked('jane')] }, { jane: 'Update jane: enabled' }],
    [
      'links nobody',
      { people: [disabled], users: [user('by-hand', { email: 'jane@example.com' })] },
      { jane: 'Exclude DisabledInDirectory' },
    ],
    [
      'does not contest the address of the account that followed it',
      { people: [disabled, entry('second', { email: 'jane@example.com' })] },
      { jane: 'Exclude DisabledInDirectory', second: 'Create' },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf(scene))).toEqual(expected));
});

describe('a directory that another one takes over from', () => {
  test.each<Row>([
    ['creates nobody', { people: [entry('jane')] }, { jane: 'Exclude TakenOver' }],
    [
      'links nobody',
      { people: [entry('jane')], users: [user('by-hand', { email: 'jane@example.com' })] },
      { jane: 'Exclude TakenOver' },
    ],
    [
      'goes on with those who are left in it',
      { people: [entry('jane', { lastName: 'New' })], users: [linked('jane', { lastName: 'Old' })] },
      { jane: 'Update jane: lastName' },
    ],
  ])('%s', (_, scene, expected) =>
    expect(fates(planOf({ ...scene, directory: { takenOverBy: 'cloud' } }))).toEqual(expected),
  );
});

describe('seats', () => {
  const roles = [
    role('users', { licence: 'Explorer' }),
    role('makers', { licence: 'Creator' }),
    role('off', { licence: 'Creator', enabled: false }),
  ];
  const two = [entry('a'), entry('b')];
  const taken = user('x', { email: 'x@example.com', organizations: [{ name: 'main', roles: ['users', 'off'] }] });
  const withMakers = { mappings: [{ group: 'g', organization: 'branch', roles: ['makers'] }] };
  const making = [entry('a', { groups: ['g'] }), entry('b', { groups: ['g'] })];

  test.each<[string, Scene, boolean]>([
    ['without a limit hold nobody', { seats: {} }, false],
    ['of another licence hold nobody', { seats: { creator: 0, viewer: 0 } }, false],
    ['that suffice hold nobody', { seats: { explorer: 2 } }, false],
    ['that do not suffice hold all who need them', { seats: { explorer: 1 } }, true],
    ['that others have are not free', { seats: { explorer: 2 }, users: [taken] }, true],
    [
      'of the disabled are free',
      { seats: { explorer: 2 }, users: [{ ...taken, spec: { ...taken.spec, enabled: false } }] },
      false,
    ],
    [
      'count by the highest licence',
      { seats: { explorer: 2, creator: 1 }, people: making, directory: withMakers },
      true,
    ],
    [
      'are not needed by the lower licence',
      { seats: { explorer: 0, creator: 2 }, people: making, directory: withMakers },
      false,
    ],
    ['are no matter for recipients', { seats: { explorer: 0 }, directory: { importAs: 'Recipients' } }, false],
  ])('%s', (_, scene, held) => {
    const plan = planOf({ people: two, roles, groups: [groupEntry('g')], ...scene });
    const verdict = finish(judge(plan));
    expect(verdict.held?.reason).toBe(held ? 'SeatsMissing' : undefined);
    expect(verdict.people).toHaveLength(held ? 0 : 2);
    const approved = new Set(verdict.held?.keys);
    expect(finish(judge(plan, { approved })).people).toHaveLength(2);
  });

  describe('for a higher licence by a mapping', () => {
    const users = [linked('a', {}, { organizations: [{ name: 'main', roles: ['users'] }] })];
    const scene: Scene = { directory: withMakers, people: making.slice(0, 1), users, roles, groups: [groupEntry('g')] };

    test('hold the rights, and names follow', () => {
      const people = [entry('a', { groups: ['g'], lastName: 'Doe' })];
      const verdict = finish(judge(planOf({ ...scene, people, seats: { creator: 0 } })));
      expect(verdict.held?.reason).toBe('SeatsMissing');
      expect(verdict.people).toMatchObject([{ changed: ['lastName'] }]);
    });

    test.each<[string, Scene]>([
      ['when there are seats', { seats: { creator: 1 } }],
      [
        'when the person has it already',
        { seats: { creator: 0 }, users: [linked('a', {}, { organizations: [{ name: 'main', roles: ['makers'] }] })] },
      ],
      ['when the person is disabled', { seats: { creator: 0 }, users: [linked('a', {}, { enabled: false })] }],
      ['when seats are not limited', {}],
    ])('hold nobody %s', (_, fields) => {
      const verdict = finish(judge(planOf({ ...scene, ...fields })));
      expect(verdict.held).toBeUndefined();
      expect(verdict.people).toMatchObject([{ changed: expect.arrayContaining(['organizations']) }]);
    });
  });

  test('are not taken by who is there already', () => {
    const users = [linked('a', {}, { organizations: [{ name: 'main', roles: ['users'] }] })];
    const plan = planOf({ people: two, roles, users, seats: { explorer: 2 } });
    expect(finish(judge(plan)).held).toBeUndefined();
  });
});

test('what cannot be read is no group that a mapping or a pilot could name', () => {
  const plan = planOf({
    people: [entry('jane', { groups: ['g'] })],
    rejected: [unreadable('Group', 'g')],
    directory: { onlyMembersOf: ['g'] },
  });
  expect(fates(plan)).toEqual({ jane: 'Exclude OutsidePilot' });
});
