import { describe, expect, test } from 'vitest';
import { judge } from '../guard.ts';
import {
  entry,
  fates,
  groupEntry,
  linked,
  linkedGroup,
  planOf,
  recipient,
  role,
  type Scene,
  source,
  unreadable,
  user,
  written,
} from './fixtures.ts';
import { finish } from './steps.ts';

const viewers = role('viewers');
const keepers = role('keepers', { permissions: [{ resource: 'users', verbs: ['*'] }] });
const whole = role('whole', { scope: 'Tenant' });
const jane = (...groups: string[]) => entry('jane', { groups });
const mapped = { mappings: [{ group: 'g', organization: 'branch', roles: ['viewers', 'users'] }] };
const given = [{ name: 'branch', roles: ['users', 'viewers'] }];
const base: Scene = {
  directory: mapped,
  roles: [viewers, keepers, whole],
  groups: [groupEntry('g', 'Branch staff'), groupEntry('h')],
  existingGroups: [linkedGroup('g', 'Branch staff'), linkedGroup('h')],
};
const block = (scene: Scene) => written(planOf({ ...base, ...scene }), 'jane');

describe('a mapping', () => {
  test.each<[string, Scene, unknown]>([
    ['gives organization and roles, sorted', { people: [jane('g')] }, given],
    ['gives nothing to others', { people: [jane('h')] }, undefined],
    [
      'goes by the name of the group, whatever its case',
      { people: [jane('g')], directory: { mappings: [{ group: ' branch STAFF', organization: 'branch' }] } },
      [{ name: 'branch' }],
    ],
    [
      'goes by the name without the prefix of the directory',
      {
        people: [jane('g')],
        directory: { groupPrefix: 'AD ', mappings: [{ group: 'Branch staff', organization: 'branch' }] },
      },
      [{ name: 'branch' }],
    ],
    [
      'adds to others',
      {
        people: [jane('g', 'h')],
        directory: {
          mappings: [
            { group: 'h', organization: 'main', roles: ['viewers'] },
            { group: 'g', organization: 'branch' },
            { group: 'h', organization: 'branch', roles: ['viewers'] },
          ],
        },
      },
      [
        { name: 'branch', roles: ['viewers'] },
        { name: 'main', roles: ['viewers'] },
      ],
    ],
    [
      'puts recipients into organizations, too',
      {
        people: [jane('g')],
        directory: { importAs: 'Recipients', mappings: [{ group: 'g', organization: 'branch' }] },
      },
      [{ name: 'branch' }],
    ],
  ])('%s', (_, scene, expected) => expect(block(scene)?.organizations).toEqual(expected));

  test('changes nobody who has what it gives', () => {
    const users = [linked('jane', { groups: ['g'], organizations: given })];
    expect(planOf({ ...base, people: [jane('g')], users }).people).toEqual([]);
  });

  test('takes back what it gave when the group goes, and only that', () => {
    const declared = [{ name: 'main', roles: ['users'] }, { name: 'branch' }];
    const users = [linked('jane', { groups: ['g'], organizations: given }, { organizations: declared })];
    const plan = planOf({ ...base, people: [jane()], users });
    expect(plan.people).toMatchObject([{ changed: ['groups', 'organizations'], effects: ['LostMembership'] }]);
    expect(written(plan, 'jane')).toEqual(source('jane'));
    expect(plan.facts).toMatchObject({
      memberships: 4,
      members: new Map([
        ['group g', 1],
        ['organization branch', 1],
        ['role users in the organization branch', 1],
        ['role viewers in the organization branch', 1],
      ]),
    });
  });

  test('is held where it would empty an organization, and what it gave stays', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const users = ids.map((id) => linked(id, { groups: ['g'], organizations: [{ name: 'branch' }] }));
    const plan = planOf({ ...base, people: ids.map((id) => entry(id, { groups: ['g'] })), users, directory: {} });
    const { held, people } = finish(judge(plan));
    expect(held?.message).toContain('The organization branch would lose 4 of 4 members.');
    expect(people).toEqual([]);
  });

  test('that puts people into the organization of the directory lets them be in its groups', () => {
    const users = [linked('jane', {}, { organizations: [{ name: 'branch' }] })];
    const directory = { mappings: [{ group: 'h', organization: 'main' }] };
    const plan = planOf({ ...base, directory, people: [jane('g', 'h')], users });
    expect(fates(plan)).toEqual({ jane: 'Update jane: groups, organizations' });
    expect(written(plan, 'jane')?.groups).toEqual(['g', 'h']);
  });
});

describe('a mapping that cannot be used is left out with a warning', () => {
  test.each<[string, Scene, string]>([
    ['organization unknown', { organizations: ['main'] }, 'OrganizationNotFound'],
    ['role unknown', { roles: [] }, 'RoleNotFound'],
    [
      'role of the whole tenant',
      { directory: { mappings: [{ group: 'g', organization: 'branch', roles: ['users', 'whole', 'viewers'] }] } },
      'RoleScopeMismatch',
    ],
    ['group ambiguous', { groups: [groupEntry('g'), groupEntry('x', 'G')] }, 'MappedGroupNotUnique'],
    [
      'group perhaps unreadable',
      { groups: [], rejected: [unreadable('Group')], existingGroups: [] },
      'MappedGroupNotFound',
    ],
  ])('%s', (_, scene, reason) => {
    const all = { ...base, existingGroups: [], ...scene };
    const plan = planOf({ ...all, people: [jane('g')] });
    expect(written(plan, 'jane')?.organizations).toBeUndefined();
    expect(plan.reasons).toContainEqual({ action: 'Warn', reason, count: 1 });
    // Whoever has it keeps it until the mapping is put right.
    const users = [linked('jane', { organizations: given })];
    const kept = planOf({ ...all, people: [jane()], users });
    expect(kept.people).toEqual([]);
  });

  test('a group that is not there gives nobody anything any more', () => {
    const users = [linked('jane', { organizations: given })];
    const plan = planOf({ ...base, groups: [groupEntry('h')], people: [jane('h')], users });
    expect(plan.reasons).toContainEqual({ action: 'Warn', reason: 'MappedGroupNotFound', count: 1 });
    expect(plan.people).toMatchObject([{ effects: ['LostMembership'] }]);
    expect(plan.notes.find(({ reason }) => reason === 'MappedGroupNotFound')?.message).toBe(
      'The mapping of the group g gives nobody anything: the directory has no such group.',
    );
  });
});

describe('administration rights', () => {
  const directory = { mappings: [{ group: 'g', organization: 'branch', roles: ['keepers'] }] };
  const has = [{ name: 'branch', roles: ['keepers'] }];
  const why = 'the role keepers in the organization branch gives administration rights';

  test.each<[string, Scene, string, string[]]>([
    ['of somebody new need approval', {}, 'Create', ['Creation', 'Grant']],
    ['of somebody linked', { users: [user('jane', { email: 'jane@example.com' })] }, 'Link', ['Link', 'Grant']],
    ['of somebody of the directory', { users: [linked('jane', { lastName: 'Doe' })] }, 'Update', ['Grant']],
  ])('%s', (_, scene, action, effects) => {
    const plan = planOf({ ...base, directory, people: [jane('g')], ...scene });
    expect(plan.people).toMatchObject([{ action, effects, restriction: why }]);
    const { held, people } = finish(judge(plan));
    expect(held?.reason).toBe('GrantNeedsApproval');
    expect(people).toEqual([]);
    expect(finish(judge(plan, { approved: new Set(held?.keys) })).people).toEqual(plan.people);
  });

  test('that are there need none', () => {
    const users = [linked('jane', { organizations: has })];
    const plan = planOf({ ...base, directory, people: [jane('g')], users });
    expect(plan.people).toMatchObject([{ changed: ['groups'] }]);
    expect(finish(judge(plan)).held).toBeUndefined();
  });

  test('are withheld, and names follow all the same', () => {
    const users = [linked('jane')];
    const plan = planOf({ ...base, directory, people: [entry('jane', { groups: ['g'], lastName: 'Doe' })], users });
    const { people } = finish(judge(plan));
    expect(written({ ...plan, people }, 'jane')).toEqual(source('jane', { lastName: 'Doe' }));
  });

  test('of the default role need approval', () => {
    const plan = planOf({ ...base, directory: { defaultRole: 'keepers' }, people: [jane()] });
    expect(plan.people).toMatchObject([
      {
        effects: ['Creation', 'Grant'],
        restriction: 'the role keepers, which new users get, gives administration rights',
      },
    ]);
  });

  test('by a role that other rights do not come from need none', () => {
    expect(planOf({ ...base, people: [jane('g')] }).people).toMatchObject([{ effects: ['Creation'] }]);
  });
});

test('recipients are in organizations without roles', () => {
  const directory = { importAs: 'Recipients' as const, mappings: [{ group: 'g', organization: 'branch' }] };
  const recipients = [recipient('jane', { source: source('jane', { groups: ['g'] }) })];
  expect(fates(planOf({ ...base, directory, people: [jane('g')], recipients }))).toEqual({
    jane: 'Update jane: organizations',
  });
});
