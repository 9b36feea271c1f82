import { describe, expect, it } from 'vitest';
import { Changes, isObjectID } from './changes.ts';

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const selected = ['displayName', 'mail'];
const user = '#microsoft.graph.user';

function changed(take: (changes: Changes) => void) {
  const changes = new Changes();
  take(changes);
  return {
    users: [...changes.users],
    groups: [...changes.groups],
    memberships: [...changes.memberships].map(({ group, member, isMember }) => [group, member, isMember]),
  };
}

describe('users', () => {
  it('are told of with the properties that were asked for, and null where a value went', () => {
    const object = {
      '@odata.etag': 'W/"1"',
      id: id(1).toUpperCase(),
      displayName: 'Ada',
      mail: null,
      jobTitle: 'Countess',
    };
    expect(changed((changes) => changes.addUsers([object], selected)).users).toEqual([
      { id: id(1), state: 'Present', fields: { displayName: 'Ada', mail: null } },
    ]);
  });

  it('are put together from several pages, of which the last counts', () => {
    const { users } = changed((changes) => {
      changes.addUsers([{ id: id(1), displayName: 'Ada', mail: 'a@example.com' }, { id: id(2) }], selected);
      changes.addUsers([{ id: id(1), displayName: 'Augusta' }], selected);
    });
    expect(users).toEqual([
      { id: id(1), state: 'Present', fields: { displayName: 'Augusta', mail: 'a@example.com' } },
      { id: id(2), state: 'Present', fields: {} },
    ]);
  });

  it('are removed for a while or for good, and may come back', () => {
    const removed = (reason: string, n: number) => ({ id: id(n), '@removed': { reason } });
    const { users } = changed((changes) => {
      changes.addUsers([{ id: id(1), displayName: 'Ada' }, removed('changed', 1), removed('deleted', 2)], selected);
      changes.addUsers([removed('changed', 3), { id: id(3), displayName: 'Cid' }], selected);
    });
    expect(users).toEqual([
      { id: id(1), state: 'Removed' },
      { id: id(2), state: 'Gone' },
      { id: id(3), state: 'Present', fields: { displayName: 'Cid' } },
    ]);
  });
});

describe('members', () => {
  it('are told of in parts, may come before the user, and come and go', () => {
    const { groups, memberships } = changed((changes) => {
      const joined = { '@odata.type': user, id: id(1) };
      changes.addGroups([{ id: id(7), displayName: 'Team', 'members@delta': [joined] }], selected);
      const left = { '@odata.type': user, id: id(1), '@removed': { reason: 'deleted' } };
      const inner = { '@odata.type': '#microsoft.graph.group', id: id(8) };
      changes.addGroups([{ id: id(7), 'members@delta': [left, inner, { id: id(2).toUpperCase() }] }], selected);
    });
    expect(groups).toEqual([{ id: id(7), state: 'Present', fields: { displayName: 'Team' } }]);
    expect(memberships).toEqual([
      [id(7), id(1), false],
      [id(7), id(8), true],
      [id(7), id(2), true],
    ]);
  });

  it('are users and groups only', () => {
    const members = ['device', 'orgContact', 'servicePrincipal'].map((type) => ({
      '@odata.type': `#microsoft.graph.${type}`,
      id: id(1),
    }));
    const object = { id: id(7), 'members@delta': members };
    expect(changed((changes) => changes.addGroups([object], selected)).memberships).toEqual([]);
  });
});

it.each([
  ['nothing', null],
  ['a text', 'ada'],
  ['an object without id', { displayName: 'Ada' }],
  ['an object with a strange id', { id: 'ada' }],
  ['members that are no list', { id: id(1), 'members@delta': {} }],
  ['a member without id', { id: id(1), 'members@delta': [null] }],
])('%s is not taken for a change', (_, object) => {
  expect(() => new Changes().addGroups([object], selected)).toThrowError(
    expect.objectContaining({ reason: 'ProtocolError' }),
  );
});

it.each([
  [id(1), true],
  [id(1).toUpperCase(), true],
  [`${id(1)}0`, false],
  ['ada@example.com', false],
  ['', false],
])('%s is an object id: %s', (text, expected) => {
  expect(isObjectID(text)).toBe(expected);
});
