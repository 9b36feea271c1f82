import type { User } from '@roster/crds';
import { describe, expect, test } from 'vitest';
import { catalogue } from '../../errors.ts';
import { judge } from '../guard.ts';
import type { Whereabouts } from '../record.ts';
import {
  entry,
  fates,
  linked,
  missingOf,
  planOf,
  recipient,
  role,
  type Scene,
  samplesOf,
  source,
  unreadable,
  user,
  written,
} from './fixtures.ts';
import { finish } from './steps.ts';
import type { DirectorySettings } from './types.ts';

const policy = (name: 'Keep' | 'Disable' | 'Delete', gracePeriod = '720h'): Partial<DirectorySettings> => ({
  whenMissing: { policy: name, gracePeriod },
});
const since = (missingSince: string) => ({ missingSince });
/** Of the grace period of 30 days, ending at the time of the fixtures. */
const over = since('2026-05-02T00:00:00Z');
const notYet = since('2026-05-02T00:00:01Z');
const deleted = { absences: { gone: 'Deleted' } } as const;

type Row = [what: string, scene: Scene, expected: Record<string, string>];

/** Enough others to let one go. */
const others = ['a', 'b', 'c'].map((id) => linked(id));
const present = ['a', 'b', 'c'].map((id) => entry(id));

const scene = (person: User, fields: Scene): Scene => ({ people: present, users: [...others, person], ...fields });

describe('who is missing', () => {
  test.each<[string, Partial<DirectorySettings>, Parameters<typeof linked>[1], Record<string, string>]>([
    ['is kept by Keep', policy('Keep'), {}, { gone: 'Keep NoLongerFound' }],
    ['is kept by default', {}, {}, { gone: 'Keep NoLongerFound' }],
    ['is disabled by Disable', policy('Disable'), {}, { gone: 'Disable gone: missingSince' }],
    ['stays disabled by Disable', policy('Disable'), over, { gone: 'Keep NoLongerFound' }],
    ['is disabled by Delete at first', policy('Delete'), {}, { gone: 'Disable gone: missingSince' }],
    ['is not deleted before the grace period has ended', policy('Delete'), notYet, { gone: 'Keep NoLongerFound' }],
    ['is deleted by Delete then', policy('Delete'), over, { gone: 'Delete gone' }],
    [
      'has a grace period in minutes, too',
      policy('Delete', '1m'),
      since('2026-05-31T23:59:00Z'),
      { gone: 'Delete gone' },
    ],
    [
      'is let in again when the policy is Keep',
      policy('Keep'),
      over,
      { gone: 'Keep NoLongerFound; Restore gone: missingSince' },
    ],
  ])('%s', (_, directory, fields, expected) => {
    expect(fates(planOf(scene(linked('gone', fields), { directory, ...deleted })))).toEqual(expected);
  });

  test('loses nothing but access at first, from the time of the run', () => {
    const person = linked('gone', { groups: ['g'], lastName: 'Doe' });
    const plan = planOf(scene(person, { directory: policy('Disable'), ...deleted }));
    expect(written(plan, 'gone')).toEqual({ ...person.spec.source, missingSince: '2026-06-01T00:00:00Z' });
  });

  test.each<[string, Scene]>([
    ['a user', { users: [user('r', { source: source('gone', over) })] }],
    [
      'a recipient',
      { recipients: [recipient('r', { source: source('gone', over) })], directory: { importAs: 'Recipients' } },
    ],
  ])('is removed be it %s', (_, fields) => {
    const plan = planOf({ ...deleted, ...fields, directory: { ...policy('Delete'), ...fields.directory } });
    expect(plan.people).toMatchObject([{ action: 'Delete', ref: { name: 'r' }, effects: ['Removal'] }]);
  });

  test.each<[Whereabouts, string]>([
    ['Deleted', 'Disabled: the entry was deleted.'],
    ['OutOfBase', 'Disabled: the entry lies outside the base that is read.'],
    ['FilteredOut', 'Disabled: the entry no longer matches the filter.'],
  ])('is removed when it is proved: %s', (whereabouts, message) => {
    const fields = scene(linked('gone'), { directory: policy('Disable'), absences: { gone: whereabouts } });
    const plan = planOf(fields);
    expect(fates(plan)).toEqual({ gone: 'Disable gone: missingSince' });
    expect(plan.reasons).toEqual([{ action: 'Disable', reason: whereabouts, count: 1 }]);
    expect(samplesOf(fields)).toEqual([
      { action: 'Disable', reason: whereabouts, record: 'gone', name: 'gone', message },
    ]);
    expect(whereabouts in catalogue).toBe(true);
  });

  test.each<Row>([
    ['is not visible', { absences: { gone: 'NotVisible' } }, { gone: 'Keep NotVisible' }],
    ['was not looked up', { absences: {} }, { gone: 'Keep NotVisible' }],
    ['was looked up by nobody in particular', { ...deleted, boundAs: 'anonymous' }, { gone: 'Keep NotVisible' }],
  ])('stays who %s', (_, fields, expected) => {
    for (const [name, missing] of [
      ['Disable', {}],
      ['Delete', over],
    ] as const) {
      expect(fates(planOf(scene(linked('gone', missing), { directory: policy(name), ...fields })))).toEqual(expected);
    }
  });

  test.each<Row>([
    ['is excluded', { people: [entry('gone')], directory: { exclude: ['gone'] } }, { gone: 'Exclude Excluded' }],
    ['is rejected', { people: [entry('gone', { email: 'x@' })] }, { gone: 'Reject InvalidEmail' }],
    ['cannot be read', { rejected: [unreadable('Person', 'gone')] }, { gone: 'Reject InvalidValue' }],
    [
      'is outside the pilot',
      { people: [entry('gone')], directory: { onlyMembersOf: ['x'] } },
      { gone: 'Exclude OutsidePilot' },
    ],
    [
      'is of another server',
      { users: [user('former', { source: source('gone', { authority: 'dc=former' }) })] },
      { gone: 'Keep AuthorityChanged' },
    ],
  ])('is not who %s', (_, fields, expected) => {
    const directory = { ...policy('Delete'), ...fields.directory };
    const all = { users: [linked('gone')], ...deleted, ...fields, directory };
    expect(fates(planOf(all))).toEqual(expected);
    expect(missingOf(all)).toEqual([]);
  });
});

describe('people with great rights', () => {
  const keepers = [role('keepers', { permissions: [{ resource: 'users', verbs: ['*'] }] })];
  const privileged = (fields: object) =>
    linked('gone', fields, { organizations: [{ name: 'main', roles: ['keepers'] }] });
  const protectedPerson = (fields: object): User => ({
    ...linked('gone', fields),
    status: {
      conditions: [
        {
          type: 'DeletionProtected',
          status: 'True',
          reason: 'Content',
          message: 'has content',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  });

  test.each<[string, User, Scene, Record<string, string>]>([
    ['the owner stays', linked('gone'), { owner: 'gone' }, { gone: 'Keep OwnerKeepsAccess' }],

    [
      'the owner is let in again who was not when missing',
      linked('gone', over),
      { owner: 'gone' },
      { gone: 'Keep OwnerKeepsAccess; Restore gone: missingSince' },
    ],
    ['who is protected is disabled', protectedPerson({}), {}, { gone: 'Disable gone: missingSince' }],
    ['who is protected is not deleted', protectedPerson(over), {}, { gone: 'Keep DeletionProtected' }],
    [
      'administrators are held before they are disabled',
      privileged({}),
      { roles: keepers },
      { gone: 'Disable gone: missingSince; Warn RemovalNeedsApproval' },
    ],
    [
      'and before they are deleted',
      privileged(over),
      { roles: keepers },
      { gone: 'Delete gone; Warn RemovalNeedsApproval' },
    ],
  ])('%s', (_, person, fields, expected) => {
    expect(fates(planOf(scene(person, { directory: policy('Delete'), ...deleted, ...fields })))).toEqual(expected);
  });

  test('are let in again only when that is approved', () => {
    const fields = { directory: policy('Keep'), roles: keepers };
    const plan = planOf(scene(privileged(over), fields));
    expect(plan.people).toMatchObject([{ action: 'Restore', effects: ['RestrictedChange'] }]);
    expect(finish(judge(plan)).people).toEqual([]);
    const ownerPlan = planOf(scene(linked('gone', over), { directory: policy('Delete'), owner: 'gone' }));
    expect(ownerPlan.people).toMatchObject([{ action: 'Restore', effects: ['RestrictedChange'] }]);
  });

  test('go when that is approved', () => {
    const plan = planOf(scene(privileged({}), { directory: policy('Disable'), ...deleted, roles: keepers }));
    const { held, people } = finish(judge(plan));
    expect([held?.reason, people]).toEqual(['RemovalNeedsApproval', []]);
    expect(finish(judge(plan, { approved: new Set(held?.keys) })).people).toEqual(plan.people);
  });
});

describe('who returns', () => {
  test('is restored as they were', () => {
    const person = linked('jane', { groups: [], ...over });
    const plan = planOf(scene(person, { people: [...present, entry('jane', { lastName: 'Doe' })] }));
    expect(plan.people).toMatchObject([
      { action: 'Restore', changed: ['groups', 'lastName', 'missingSince'], effects: ['Restore'] },
    ]);
    expect(written(plan, 'jane')).toEqual(source('jane', { lastName: 'Doe' }));
    expect(plan.counts.people).toMatchObject({ found: 4, restored: 1, updated: 0, unchanged: 3, missing: 0 });
  });

  test('is held where many return', () => {
    const ids = Array.from({ length: 5 }, (_, index) => `p${index}`);
    const plan = planOf({
      people: ids.map((id) => entry(id, { lastName: 'Doe' })),
      users: ids.map((id) => linked(id, over)),
    });
    const { held, people } = finish(judge(plan));
    expect(held?.reason).toBe('ManyRestored');
    expect(people.map(({ action }) => action)).toEqual(ids.map(() => 'Update'));
    expect(written({ ...plan, people }, 'p0')).toEqual(source('p0', { lastName: 'Doe', ...over }));
  });

  test('is not restored by an account that is disabled', () => {
    const plan = planOf(scene(linked('jane', over), { people: [...present, entry('jane', { enabled: false })] }));
    expect(plan.people).toMatchObject([{ action: 'Restore', changed: ['enabled', 'missingSince'] }]);
    expect(plan.people[0]).not.toHaveProperty('effects');
  });

  test('is counted like whose account is enabled again, or goes on', () => {
    const users = [linked('a', { enabled: false }), linked('b', { expiresAt: '2026-05-01T00:00:00Z' }), linked('c')];
    const people = [
      entry('a'),
      entry('b', { expiresAt: '2027-05-01T00:00:00Z' }),
      entry('c', { expiresAt: '2027-01-01T00:00:00Z' }),
    ];
    const effects = planOf({ users, people }).people.map((action) => action.effects);
    expect(effects).toEqual([['Restore'], ['Restore'], undefined]);
  });
});

describe('who is looked up', () => {
  const users = [linked('fresh'), linked('waiting', notYet), linked('due', over), linked('there')];
  const all: Scene = { users, people: [entry('there')], rejected: [] };
  test.each<[string, Partial<DirectorySettings>, string[]]>([
    ['is nobody by Keep', policy('Keep'), []],
    ['is who is newly missing by Disable', policy('Disable'), ['fresh']],
    ['is who would be disabled or deleted by Delete', policy('Delete'), ['fresh', 'due']],
  ])('%s', (_, directory, expected) => expect(missingOf({ ...all, directory })).toEqual(expected));
});

test('counts tell what becomes of the missing', () => {
  const users = [linked('a'), linked('b', over), linked('c', notYet), linked('d'), linked('e')];
  const absences = { a: 'Deleted', b: 'Deleted', d: 'NotVisible' } as const;
  const { counts } = planOf({ users, people: [entry('e')], absences, directory: policy('Delete') });
  expect(counts.people).toMatchObject({ found: 1, unchanged: 1, disabled: 1, deleted: 1, missing: 2, updated: 0 });
});
