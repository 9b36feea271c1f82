import { describe, expect, test } from 'vitest';
import { judge } from '../guard.ts';
import {
  entry,
  entryWithoutEmail,
  fates,
  groupEntry,
  linked,
  planOf,
  recipient,
  type Scene,
  source,
  user,
  written,
} from './fixtures.ts';
import { finish } from './steps.ts';

type Row = [what: string, scene: Scene, expected: Record<string, string>];

/** A user of the directory that is taken over. */
const former = (externalId: string, fields: object = {}, spec: object = {}) =>
  user(externalId, { source: source(externalId, { directory: 'ad', authority: 'forest', ...fields }), ...spec });
const takesOver = { takesOver: 'ad' };
const held = { jane: 'TakeOver guid' };

describe('a directory that takes another one over', () => {
  test.each<Row>([
    [
      'finds people by on-premises id, whatever its case',
      { people: [entry('jane', { onPremisesId: 'GUID' })], users: [former('guid')] },
      held,
    ],
    [
      'finds people by address',
      { people: [entry('jane', { email: 'Guid@example.com' })], users: [former('guid')] },
      held,
    ],
    [
      'prefers the on-premises id',
      {
        people: [entry('jane', { onPremisesId: 'guid', email: 'other@example.com' })],
        users: [former('guid'), former('other')],
      },
      { jane: 'Reject EmailOfLinkedPerson' },
    ],
    [
      'lets two people swap addresses on the way',
      {
        people: [
          entry('jane', { onPremisesId: 'guid', email: 'other@example.com' }),
          entry('john', { onPremisesId: 'other', email: 'guid@example.com' }),
        ],
        users: [former('guid'), former('other')],
      },
      { jane: 'TakeOver guid', john: 'TakeOver other' },
    ],
    [
      'finds the very entries, when it was made anew',
      { people: [entry('guid')], users: [former('guid', { authority: source('x').authority })] },
      { guid: 'TakeOver guid' },
    ],
    [
      'takes over disabled people as they are',
      { people: [entry('jane', { onPremisesId: 'guid', enabled: false })], users: [former('guid')] },
      held,
    ],
    [
      'takes nobody over whom two entries claim by id',
      {
        people: [
          entry('jane', { onPremisesId: 'guid', email: 'guid@example.com' }),
          entry('john', { onPremisesId: 'guid' }),
        ],
        users: [former('guid')],
      },
      { jane: 'Reject LinkedToOtherDirectory', john: 'Reject LinkedToOtherDirectory' },
    ],
    [
      'takes nobody over whom two entries claim by address',
      {
        people: [entry('jane', { email: 'guid@example.com' }), entry('john', { email: 'guid@example.com' })],
        users: [former('guid')],
      },
      { jane: 'Reject DuplicateEmail', john: 'Reject DuplicateEmail' },
    ],
    [
      'takes nobody over from a third one',
      {
        people: [entry('jane', { onPremisesId: 'guid' })],
        users: [former('guid', { directory: 'other' })],
      },
      { jane: 'Reject LinkedToOtherDirectory' },
    ],
    [
      'takes no recipient over as a user',
      {
        people: [entry('jane', { email: 'guid@example.com' })],
        recipients: [recipient('guid', { source: source('guid', { directory: 'ad', authority: 'forest' }) })],
      },
      { jane: 'Reject EmailOfRecipient' },
    ],
    ['makes others new', { people: [entry('jane')], users: [former('guid')] }, { jane: 'Create' }],
    [
      'takes nobody over who is excluded',
      {
        directory: { ...takesOver, exclude: ['jane'] },
        people: [entry('jane', { onPremisesId: 'guid' })],
        users: [former('guid')],
      },
      { jane: 'Exclude Excluded' },
    ],
    [
      'keeps the address of who has none there',
      { people: [entryWithoutEmail('jane', { onPremisesId: 'guid' })], users: [former('guid')] },
      held,
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf({ directory: takesOver, ...scene }))).toEqual(expected));

  const users = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => former(id, { groups: ['old'] }));
  const people = users.map(({ metadata: { name } }) => entry(`new-${name}`, { onPremisesId: name, groups: ['g'] }));
  const scene: Scene = { directory: takesOver, people, users, groups: [groupEntry('g')] };

  test('holds all of it as one plan, which an approval carries out', () => {
    const plan = planOf(scene);
    const { held, people: left, groups } = finish(judge(plan));
    expect(held).toMatchObject({ reason: 'TakeOverNeedsApproval', count: 6 });
    expect(held?.keys).toHaveLength(6);
    expect([left, groups]).toEqual([[], []]);
    const approved = finish(judge(plan, { approved: new Set(held?.keys) }));
    expect(approved).toMatchObject({ people: plan.people, groups: plan.groups });
    expect(approved.held).toBeUndefined();
  });

  test('gives the people its identity and its groups', () => {
    const plan = planOf(scene);
    const [group] = plan.groups;
    const name = group?.action === 'Create' ? group.name : '';
    expect(written(plan, 'new-a')).toEqual(source('new-a', { groups: [name] }));
    expect(plan.people[0]).toMatchObject({ ref: { name: 'a' }, before: users[0]?.spec.source, effects: ['TakeOver'] });
  });

  test('leaves the former one nobody, and nobody is doubled by it', () => {
    const after = people.map(({ externalId }, index) =>
      user(users[index]?.metadata.name ?? '', { source: source(externalId) }),
    );
    const old = { name: 'ad', authority: 'forest' };
    const plan = planOf({
      directory: old,
      users: after,
      people: users.map(({ metadata }) => entry(metadata.name, { email: `new-${metadata.name}@example.com` })),
    });
    expect(plan.people).toEqual([]);
    expect(new Set(Object.values(fates(plan)))).toEqual(new Set(['Reject EmailOfLinkedPerson']));
  });

  test('says why it needs approval for an owner, whom it does not lock out', () => {
    const plan = planOf({ ...scene, people: [entry('jane', { onPremisesId: 'a', enabled: false })], owner: 'a' });
    expect(plan.people).toMatchObject([{ action: 'TakeOver', restriction: 'a owns the tenant' }]);
    expect(written(plan, 'jane')).not.toHaveProperty('enabled');
  });
});

test('an account that another directory fills by its on-premises id is never doubled', () => {
  const scene = { people: [entry('jane', { onPremisesId: 'guid' })] };
  expect(fates(planOf({ ...scene, users: [former('guid')] }))).toEqual({ jane: 'Reject LinkedToOtherDirectory' });
  const recipients = [recipient('r', { source: source('guid', { directory: 'ad', authority: 'forest' }) })];
  expect(fates(planOf({ ...scene, recipients }))).toEqual({ jane: 'Reject LinkedToOtherDirectory' });
  expect(fates(planOf(scene))).toEqual({ jane: 'Create' });
});

test('who is in two directories of different kind is rejected with a reason', () => {
  const people = [entry('jane')];
  const other = source('x', { directory: 'branch', email: 'jane@example.com' });
  expect(fates(planOf({ people, recipients: [recipient('r', { source: other })] }))).toEqual({
    jane: 'Reject EmailOfRecipient',
  });
  const directory = { importAs: 'Recipients' as const };
  expect(fates(planOf({ directory, people, users: [user('u', { source: other })] }))).toEqual({
    jane: 'Reject EmailOfUser',
  });
});

describe('an address of a person whose entry is gone', () => {
  const people = [entry('jane', { email: 'gone@example.com' })];
  const users = [linked('gone')];
  test.each<Row>([
    ['stays that person’s', {}, { jane: 'Reject EmailOfLinkedPerson', gone: 'Keep NoLongerFound' }],
    [
      'goes to the entry that an administrator says is the same person',
      { directory: { samePerson: ['jane'] } },
      { jane: 'TakeOver gone' },
    ],
    [
      'not to somebody new: the person has to be deleted first',
      { directory: { newPerson: ['jane'] } },
      { jane: 'Reject EmailOfLinkedPerson', gone: 'Keep NoLongerFound' },
    ],
    [
      'not while the former entry is there',
      { people: [...people, entry('gone')], directory: { samePerson: ['jane'] } },
      { jane: 'Reject DuplicateEmail' },
    ],
    [
      'not from another directory',
      { users: [former('gone')], directory: { samePerson: ['jane'] } },
      { jane: 'Reject EmailOfLinkedPerson' },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf({ people, users, ...scene }))).toEqual(expected));

  test('goes on as one among few, and needs approval for great rights', () => {
    const scene = { people, users, directory: { samePerson: ['jane'] } };
    expect(planOf(scene).people).toMatchObject([{ effects: ['Link'], ref: { name: 'gone' } }]);
    expect(finish(judge(planOf(scene))).people).toHaveLength(1);
    expect(planOf({ ...scene, owner: 'gone' }).people).toMatchObject([{ effects: ['RestrictedLink'] }]);
    expect(finish(judge(planOf({ ...scene, owner: 'gone' }))).people).toEqual([]);
  });
});
