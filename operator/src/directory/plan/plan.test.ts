import { describe, expect, test } from 'vitest';
import { catalogue } from '../../errors.ts';
import {
  authority,
  entry,
  entryWithoutEmail,
  fates,
  group,
  groupEntry,
  inputOf,
  linked,
  linkedGroup,
  now,
  planOf,
  recipient,
  type Scene,
  settings,
  source,
  unreadable,
  user,
} from './fixtures.ts';
import { isSuspiciouslyEmpty, lines, planDirectory, planSteps, samples } from './index.ts';
import { stride } from './steps.ts';

const contents = (complete: boolean, people = [entry('jane')]) => ({
  people,
  groups: [],
  rejected: [],
  evidence: { complete, server: '', authority, boundAs: '', bases: [], pages: 1, entries: 1, doubts: [] },
});

test('nothing is planned from an incomplete read', () => {
  const existing = { users: [], recipients: [], groups: [], roles: new Map(), tombstones: [] };
  expect(() => planDirectory({ directory: settings, contents: contents(false), existing, now })).toThrow('complete');
  expect(planDirectory({ directory: settings, contents: contents(true), existing, now }).people).toHaveLength(1);
});

test('nobody at all is suspicious only where people are linked', () => {
  expect(isSuspiciouslyEmpty({ contents: contents(true, []), linked: 1 })).toBe(true);
  expect(isSuspiciouslyEmpty({ contents: contents(true, []), linked: 0 })).toBe(false);
  expect(isSuspiciouslyEmpty({ contents: contents(true), linked: 1 })).toBe(false);
  const unusable = { ...contents(true, []), rejected: [unreadable('Person', 'jane')] };
  expect(isSuspiciouslyEmpty({ contents: unusable, linked: 1 })).toBe(false);
  const emptyButGroups = { ...contents(true, []), rejected: [unreadable('Group', 'g')] };
  expect(isSuspiciouslyEmpty({ contents: emptyButGroups, linked: 1 })).toBe(true);
});

/** One of everything. */
const scene: Scene = {
  directory: { exclude: ['excluded'] },
  people: [
    entry('new', { groups: ['populated', 'taken'] }),
    entry('linked'),
    entry('changed', { lastName: 'New', groups: ['there'] }),
    entry('moved', { email: 'elsewhere@example.com' }),
    entry('same', { groups: ['there'] }),
    entry('excluded'),
    entryWithoutEmail('nobody'),
    entryWithoutEmail('no-one'),
  ],
  groups: [
    groupEntry('populated'),
    groupEntry('empty'),
    groupEntry('there'),
    groupEntry('renamed', 'another'),
    groupEntry('taken', 'by-hand'),
  ],
  rejected: [unreadable('Person', 'unreadable'), unreadable('Person'), unreadable('Group', 'unreadable')],
  users: [
    user('by-hand', { email: 'linked@example.com' }),
    linked('changed'),
    linked('moved'),
    linked('same', { groups: ['there'] }),
    linked('unreadable'),
    linked('gone', { groups: ['there', 'renamed'] }),
    user('former', { source: source('former', { authority: 'dc=former' }) }),
    user('other', { source: source('other', { directory: 'branch' }) }),
  ],
  recipients: [recipient('r', { email: 'r@example.com' })],
  existingGroups: [linkedGroup('there'), linkedGroup('renamed'), linkedGroup('gone'), group('by-hand')],
};

test('everything is counted once', () => {
  const plan = planOf(scene);
  expect(plan.counts).toEqual({
    people: {
      found: 10,
      created: 1,
      linked: 1,
      updated: 2,
      unchanged: 1,
      excluded: 1,
      rejected: 4,
      missing: 2,
      disabled: 0,
      deleted: 0,
      restored: 0,
    },
    groups: { found: 6, created: 1, updated: 1, unchanged: 1, skipped: 1, rejected: 2, missing: 1 },
  });
  expect(plan.memberships).toBe(3);
  expect(plan.facts).toEqual({
    people: 9,
    linked: 6,
    memberships: 3,
    members: new Map(),
  });
  expect(plan.reasons).toEqual([
    { action: 'Reject', reason: 'GroupNameTaken', count: 1 },
    { action: 'Reject', reason: 'InvalidValue', count: 3 },
    { action: 'Reject', reason: 'NoEmail', count: 2 },
    { action: 'Exclude', reason: 'Excluded', count: 1 },
    { action: 'Keep', reason: 'NoLongerFound', count: 3 },
  ]);
});

test('groups are counted when memberships are not taken over', () => {
  expect(planOf({ ...scene, directory: { membership: 'None' } }).counts.groups).toEqual({
    found: 6,
    created: 0,
    updated: 0,
    unchanged: 0,
    skipped: 5,
    rejected: 1,
    missing: 0,
  });
});

describe('who is missing', () => {
  test.each<[string, Scene, Record<string, string>]>([
    ['is kept, and named', {}, { gone: 'Keep NoLongerFound' }],
    ['is not who is rejected', { people: [entry('gone', { email: 'x@' })] }, { gone: 'Reject InvalidEmail' }],
    [
      'is not who is excluded',
      { people: [entry('gone')], directory: { exclude: ['gone'] } },
      { gone: 'Exclude Excluded' },
    ],
    ['is not who is unreadable', { rejected: [unreadable('Person', 'gone')] }, { gone: 'Reject InvalidValue' }],
    [
      'is not who is there twice',
      { people: [entry('gone'), entry('gone')] },
      { gone: 'Reject DuplicateIdentity; Reject DuplicateIdentity' },
    ],
    ['is not of another directory', { directory: { name: 'branch' } }, {}],
  ])('%s', (_, fields, expected) => {
    const plan = planOf({ users: [linked('gone')], ...fields });
    expect(fates(plan)).toEqual(expected);
    expect(plan.people).toEqual([]);
  });

  test('is told by the name of the object', () => {
    const { notes } = planOf({ users: [user('jane-abc', { source: source('gone') })] });
    expect(notes).toEqual([
      {
        action: 'Keep',
        kind: 'User',
        reason: 'NoLongerFound',
        message: 'The directory no longer has the entry of the user jane-abc, which is kept.',
        externalId: 'gone',
        name: 'jane-abc',
      },
    ]);
  });
});

describe('the report', () => {
  test('has a line for each record with something to say, and none for the unchanged', () => {
    const plan = planOf(scene);
    const told = [...lines(plan)];
    expect(told).toHaveLength(plan.notes.length + plan.people.length + plan.groups.length);
    expect(told.filter(({ externalId }) => externalId === 'same')).toEqual([]);
    expect(told).toContainEqual({
      action: 'Reject',
      kind: 'User',
      record: 'uid=nobody',
      externalId: 'nobody',
      reason: 'NoEmail',
      message: 'The entry has no e-mail address.',
    });
    expect(told).toContainEqual({
      action: 'Update',
      kind: 'User',
      name: 'changed',
      record: 'uid=changed',
      externalId: 'changed',
      message: 'Changed: groups, lastName.',
    });
    expect(told).toContainEqual({
      action: 'Create',
      kind: 'Group',
      name: expect.stringMatching(/^populated-/),
      record: 'cn=populated',
      externalId: 'populated',
    });
    expect(told).toContainEqual(expect.objectContaining({ action: 'Keep', name: 'gone', record: 'gone' }));
  });

  test('has no line when nothing is to be done', () => {
    const users = [linked('jane', { groups: ['g'] })];
    const plan = planOf({
      people: [entry('jane', { groups: ['g'] })],
      groups: [groupEntry('g')],
      users,
      existingGroups: [linkedGroup('g')],
    });
    expect([...lines(plan)]).toEqual([]);
    expect(plan.counts.people.unchanged).toBe(1);
  });

  test('samples what is rejected first, and not more than asked for', () => {
    const shown = samples(planOf(scene)).map(({ action, record }) => `${action} ${record}`);
    expect(shown).toEqual([
      'Reject cn=taken',
      'Reject cn=nameless',
      'Reject cn=unreadable',
      'Reject cn=unreadable',
      'Reject uid=no-one',
      'Reject uid=nobody',
      'Exclude uid=excluded',
      'Keep former',
      'Keep gone',
      'Keep gone',
      'Link uid=linked',
      'Update cn=renamed',
      'Update uid=changed',
      'Update uid=moved',
      'Create cn=populated',
      'Create uid=new',
    ]);
    expect(samples(planOf(scene), 3)).toEqual(samples(planOf(scene)).slice(0, 3));
  });

  test('samples fit into a status', () => {
    const long = entryWithoutEmail('long', { label: 'x'.repeat(3000) });
    const [sample] = samples(planOf({ people: [long] }));
    expect(sample?.record).toHaveLength(1024);
    const wordy = { ...unreadable('Person', 'jane'), message: 'y'.repeat(600) };
    expect(samples(planOf({ rejected: [wordy] }))[0]?.message).toHaveLength(512);
  });
});

test('every reason stands in the catalogue', () => {
  const reasons = planOf(scene).notes.map(({ reason }) => reason);
  expect(reasons.filter((reason) => !(reason in catalogue))).toEqual([]);
});

test('a plan for many people stops often on its way, and is the same', () => {
  const people = Array.from({ length: stride * 4 }, (_, index) => entry(`p${index}`, { groups: ['g'] }));
  const users = people.slice(stride).map(({ externalId }) => linked(externalId));
  const scene: Scene = { people, users, groups: [groupEntry('g')], existingGroups: [linkedGroup('g')] };
  const steps = planSteps(inputOf(scene));
  let stops = 0;
  let next = steps.next();
  for (; !next.done; next = steps.next()) stops += 1;
  // Each pass over everybody stops four times.
  expect(stops).toBeGreaterThan(4 * 6);
  expect(next.value).toEqual(planOf(scene));
});
