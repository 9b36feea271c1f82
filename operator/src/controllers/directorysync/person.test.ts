import type { Person } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import {
  entry,
  entryWithoutEmail,
  groupEntry,
  linked,
  planOf as planEverybody,
  type Scene,
  unreadable,
  user,
} from '../../directory/plan/fixtures.ts';
import type { FoundEntry } from '../../directory/reader.ts';
import type { DirectoryContents, Evidence, Whereabouts } from '../../directory/record.ts';
import { explain, identify, planOf } from './person.ts';

const contents = ({ people = [], groups = [], rejected = [] }: Scene): DirectoryContents => ({
  people,
  groups,
  rejected,
  evidence: {} as Evidence,
});

/** A server that finds these people by hand, by what they are looked for. */
const server = (found: Record<string, FoundEntry> = {}, whereabouts: Record<string, Whereabouts> = {}) => ({
  find: async (person: string) => found[person],
  locate: async (ids: readonly string[]) =>
    new Map(ids.flatMap((id) => (whereabouts[id] === undefined ? [] : [[id, whereabouts[id]] as const]))),
});

describe('one person', () => {
  const scene = { people: [entry('jane', { label: 'uid=Jane,ou=People', email: 'Jane@Example.com' })] };
  const jane = { externalId: 'jane', label: 'uid=Jane,ou=People' };

  it.each(['JANE', ' uid=jane,ou=people', 'jane@EXAMPLE.com'])('is found in what was read by %s', async (person) => {
    expect(await identify(person, contents(scene), server(), [])).toEqual(jane);
  });

  it('is found among records that cannot be used', async () => {
    const rejected = contents({ rejected: [unreadable('Person'), unreadable('Group', 'sales')] });
    expect(await identify('cn=nameless', rejected, server(), [])).toEqual({ externalId: '', label: 'cn=nameless' });
  });

  it('is no group', async () => {
    const scenes = [{ groups: [groupEntry('sales')] }, { rejected: [unreadable('Group', 'sales')] }];
    for (const groups of scenes) {
      for (const name of ['SALES', 'cn=Sales']) {
        const found = await identify(name, contents(groups), server(), []);
        expect(found).toMatchObject({ externalId: 'sales', whereabouts: 'Group' });
      }
    }
  });

  it('is looked for by the server when the read did not give them', async () => {
    const found = { ...jane, whereabouts: 'FilteredOut' } as const;
    expect(await identify('jane', contents({}), server({ jane: found }), [])).toEqual(found);
  });

  it('is found by the address that they had in the directory before', async () => {
    const people = [linked('other'), { ...linked('jane'), status: { email: 'jane.doe@example.com' } }] as Person[];
    expect(await identify('Jane.Doe@example.com', contents(scene), server(), people)).toEqual(jane);
    expect(await identify('jane.doe@example.com', contents({}), server({}, { jane: 'Deleted' }), people)).toEqual({
      externalId: 'jane',
      label: 'jane.doe@example.com',
      whereabouts: 'Deleted',
    });
    expect(await identify('jane.doe@example.com', contents({}), server(), people)).toMatchObject({
      whereabouts: 'NotVisible',
    });
  });

  it('may be nowhere', async () => {
    expect(await identify('jane', contents({}), server(), [linked('other')])).toBeUndefined();
  });
});

/** What is done about one entry of a scene, and what is said. */
function told(scene: Scene, found: FoundEntry | undefined = { externalId: 'jane', label: 'uid=jane' }) {
  const whole = planEverybody(scene);
  const plan = planOf(whole, found);
  return { plan, said: explain('jane', found, plan, whole) };
}

describe('what is done about one person', () => {
  it('is that person and the groups that they need', () => {
    const { plan, said } = told({
      people: [entry('jane', { groups: ['sales'] }), entry('john', { groups: ['board'] })],
      groups: [groupEntry('sales'), groupEntry('board')],
    });
    expect(plan.people).toMatchObject([{ action: 'Create', record: { externalId: 'jane' } }]);
    expect(plan.groups).toMatchObject([{ action: 'Create', record: { externalId: 'sales' } }]);
    expect(plan.counts.people).toMatchObject({ found: 1, created: 1, unchanged: 0 });
    expect(said).toMatch(/^uid=jane is found: User jane-[a-z2-7]{8} is created\.$/);
  });

  it('is nothing about anybody else, present or missing', () => {
    const { plan, said } = told({
      people: [entry('jane')],
      users: [linked('jane', { email: 'jane@example.com' }), linked('gone'), user('x', { email: 'x@example.com' })],
    });
    expect([plan.people, plan.groups, plan.notes]).toEqual([[], [], []]);
    expect(plan.counts.people).toMatchObject({ found: 1, unchanged: 1, missing: 0 });
    expect(said).toBe('uid=jane is found: there is nothing to do.');
  });

  it('may be a change, or a link', () => {
    expect(told({ people: [entry('jane', { lastName: 'Doe' })], users: [linked('jane')] }).said).toBe(
      'uid=jane is found: User jane changes in lastName.',
    );
    expect(told({ people: [entry('jane')], users: [user('by-hand', { email: 'jane@example.com' })] }).said).toBe(
      'uid=jane is found: User by-hand, who was there by hand, is filled by the directory from now on.',
    );
  });

  it('leaves an address that somebody else has to give up first', () => {
    const people = [
      entry('jane', { email: 'john@example.com', lastName: 'Doe' }),
      entry('john', { email: 'jane@example.com' }),
    ];
    const { plan, said } = told({ people, users: [linked('jane'), linked('john')] });
    expect(plan.people).toMatchObject([
      { action: 'Update', changed: ['lastName'], source: { email: 'jane@example.com' } },
    ]);
    expect(said).toBe(
      'uid=jane is found: User jane changes in lastName. The address is still that of john, whose own change comes first.',
    );
  });

  it.each<[string, Scene, string]>([
    ['without an address', { people: [entryWithoutEmail('jane')] }, 'The entry has no e-mail address.'],
    [
      'whose address another entry has as well',
      { people: [entry('jane'), entry('john', { email: 'jane@example.com' })] },
      '2 entries of the directory have the address jane@example.com.',
    ],
    [
      'who is excluded',
      { people: [entry('jane')], directory: { exclude: ['jane@example.com'] } },
      'exclude lists the address jane@example.com.',
    ],
    [
      'outside the domains',
      { people: [entry('jane')], directory: { emailDomains: ['example.org'] } },
      'emailDomains does not list that of jane@example.com.',
    ],
    [
      'outside the pilot',
      { people: [entry('jane')], directory: { onlyMembersOf: ['pilot'] } },
      'The person is in none of the groups that onlyMembersOf names.',
    ],
    [
      'whose record cannot be used',
      { rejected: [{ ...unreadable('Person', 'jane'), label: 'uid=jane' }] },
      'A value is not valid text.',
    ],
  ])('says why somebody is not synced: %s', (_, scene, sentence) => {
    const { plan, said } = told(scene);
    expect(said).toBe(`uid=jane is not synced. ${sentence}`);
    expect(plan.people).toEqual([]);
    expect(plan.counts.people).toMatchObject({ found: 1, unchanged: 0 });
  });

  it.each<[NonNullable<FoundEntry['whereabouts']>, string]>([
    ['Deleted', 'uid=jane was deleted in the directory.'],
    ['OutOfBase', 'uid=jane is not synced: it lies outside the base.'],
    ['FilteredOut', 'uid=jane is not synced: it does not match the filter.'],
    ['NotVisible', 'uid=jane is not synced: the account may not see enough of it.'],
    ['Group', 'uid=jane is a group, not a person.'],
  ])('says where somebody is who was not read: %s', (whereabouts, sentence) => {
    const found = { externalId: 'jane', label: 'uid=jane', whereabouts };
    expect(told({}, found).said).toBe(sentence);
    const { plan, said } = told({ users: [linked('jane')] }, found);
    expect(said.startsWith(`${sentence} `)).toBe(true);
    expect(said).toContain('user jane');
    expect([plan.people, plan.counts.people.found, plan.counts.people.missing]).toEqual([[], 0, 1]);
  });

  it('says that there is nobody', () => {
    const whole = planEverybody({ people: [entry('john')] });
    const plan = planOf(whole, undefined);
    const said = (person: string) => explain(person, undefined, plan, whole);
    for (const person of ['jane@example.com', 'uid=jane,dc=example']) {
      expect(said(person)).toBe(`The directory has no entry for ${person}, as far as the account may see.`);
    }
    expect(said('jane')).toBe(
      'The directory has no entry for jane, as far as the account may see. ' +
        'People are looked for by e-mail address, DN or id, not by account name.',
    );
    expect([plan.people, plan.counts.people.found]).toEqual([[], 0]);
  });
});
