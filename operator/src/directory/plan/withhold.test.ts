import type { PersonSource } from '@roster/crds';
import { describe, expect, test } from 'vitest';
import type { PersonRecord } from '../record.ts';
import { entry, groupEntry, linked, linkedGroup, planOf, source, user } from './fixtures.ts';
import type { DirectorySettings, Effect, UpdatePerson } from './types.ts';
import { withoutEffects } from './withhold.ts';

const names = ['a', 'b', 'c'];

/** The update that the plan has for Jane, who is in the groups a and b. */
function update(record: Partial<PersonRecord>, directory: Partial<DirectorySettings> = {}, before: object = {}) {
  const { people } = planOf({
    directory,
    people: [entry('jane', { groups: ['a', 'b'], ...record })],
    groups: names.map((name) => groupEntry(name)),
    existingGroups: names.map((name) => linkedGroup(name)),
    users: [linked('jane', { groups: ['a', 'b'], ...before }, { email: 'declared@example.com' })],
  });
  const [action] = people;
  if (action?.action !== 'Update') throw new Error('nothing is updated');
  return action;
}

const block = (fields: Partial<PersonSource>) => source('jane', { groups: ['a', 'b'], ...fields });
const left = (action: UpdatePerson, ...withheld: Effect[]) => withoutEffects(action, new Set(withheld));

test('the former block is kept only where there is something to leave out', () => {
  expect(update({ lastName: 'Doe' })).not.toHaveProperty('before');
  expect(update({ groups: ['a'] }).before).toEqual(block({}));
});

describe('without losses of memberships', () => {
  test('who is disabled and leaves the groups is disabled', () => {
    const leaver = update({ groups: [], enabled: false, expiresAt: '2026-01-01T00:00:00Z' });
    expect(left(leaver, 'LostMembership')).toMatchObject({
      source: block({ enabled: false, expiresAt: '2026-01-01T00:00:00Z' }),
      changed: ['enabled', 'expiresAt'],
      ref: leaver.ref,
    });
    expect(left(leaver, 'LostMembership')).not.toHaveProperty('effects');
  });

  test('groups are added, sorted', () => {
    const moved = left(update({ groups: ['c'] }), 'LostMembership');
    expect(moved).toMatchObject({ source: block({ groups: ['a', 'b', 'c'] }), changed: ['groups'] });
  });

  test('no more groups are added than fit', () => {
    const full = Array.from({ length: 1000 }, (_, index) => `z${1000 + index}`);
    const moved = update({ groups: ['c'], enabled: false }, {}, { groups: full });
    expect(left(moved, 'LostMembership')).toMatchObject({ source: { groups: full }, changed: ['enabled'] });
  });

  test('an address changes all the same', () => {
    const both = left(update({ groups: [], email: 'roe@example.com' }), 'LostMembership');
    expect(both).toMatchObject({ source: block({ email: 'roe@example.com' }), effects: ['AddressChange'] });
  });
});

describe('without changes of addresses', () => {
  test('everything else is new', () => {
    const married = update({ email: 'roe@example.com', lastName: 'Roe', domainAccount: 'CORP\\roe', groups: ['a'] });
    expect(left(married, 'AddressChange')).toMatchObject({
      source: source('jane', { lastName: 'Roe', domainAccount: 'CORP\\roe', groups: ['a'] }),
      changed: ['domainAccount', 'groups', 'lastName'],
      effects: ['LostMembership'],
    });
  });

  test('a precedence that would bring another address into force stays, and the account with it', () => {
    const record = { domainAccount: 'CORP\\roe', enabled: false };
    const held = left(update(record, { precedence: 'Declared' }), 'AddressChange');
    expect(held?.source).toEqual(block({ enabled: false }));
    const freed = left(update(record, {}, { precedence: 'Declared' }), 'AddressChange');
    expect(freed?.source).toEqual(block({ enabled: false, precedence: 'Declared' }));
  });

  test('an address that was missing stays missing', () => {
    const found = left(update({ lastName: 'Roe' }, {}, { email: undefined }), 'AddressChange');
    expect(found?.source).not.toHaveProperty('email');
    expect(found?.changed).toEqual(['lastName']);
  });

  test('nobody is awaited', () => {
    const { people } = planOf({
      people: [
        entry('a', { email: 'b@example.com', lastName: 'Roe' }),
        entry('b', { email: 'new@example.com', groups: [] }),
      ],
      users: [linked('a'), linked('b'), user('c', { email: 'c@example.com' })],
    });
    const action = people.find(({ awaits }) => awaits === 'b');
    if (action?.action !== 'Update') throw new Error('nobody awaits anybody');
    expect(left(action, 'LostMembership')).toMatchObject({ awaits: 'b', changed: ['email', 'lastName'] });
    expect(left(action, 'AddressChange')).not.toHaveProperty('awaits');
  });
});

test.each<[string, Partial<PersonRecord>, Effect[]]>([
  ['groups go', { groups: ['b'] }, ['LostMembership']],
  ['the address changes', { email: 'roe@example.com' }, ['AddressChange']],
  ['both', { email: 'roe@example.com', groups: [] }, ['AddressChange', 'LostMembership']],
])('nothing is left where only %s', (_, record, withheld) => {
  expect(left(update(record), ...withheld)).toBeUndefined();
});

describe('without what comes and goes with mappings', () => {
  const organizations = [{ name: 'branch', roles: ['viewers'] }, { name: 'main' }];
  const keeping = (after: PersonSource['organizations']) => {
    const action = update({ groups: ['a', 'b'] }, {}, { organizations });
    const changed = { ...action, source: block(after === undefined ? {} : { organizations: after }) };
    return left(changed, 'LostMembership');
  };

  test('organizations and roles stay beside those that come', () => {
    expect(keeping(undefined)).toBeUndefined();
    expect(keeping([{ name: 'branch', roles: ['users'] }, { name: 'sales' }])?.source).toEqual(
      block({
        organizations: [{ name: 'branch', roles: ['users', 'viewers'] }, { name: 'main' }, { name: 'sales' }],
      }),
    );
  });

  test('rights that need approval do not come, nor the groups that they would come with', () => {
    const action = update({ groups: ['a', 'b', 'c'], lastName: 'Roe' }, {}, { organizations });
    const granting: UpdatePerson = {
      ...action,
      effects: ['Grant'],
      before: block({ organizations }),
      source: {
        ...action.source,
        organizations: [{ name: 'branch', roles: ['keepers', 'viewers'] }, { name: 'main' }],
      },
    };
    expect(left(granting, 'Grant')).toMatchObject({
      source: block({ organizations, lastName: 'Roe' }),
      changed: ['lastName'],
    });
    expect(left(granting, 'Grant')).not.toHaveProperty('restriction');
  });
});

test('who may not be let in again stays out, and is updated', () => {
  const gone = { missingSince: '2026-05-01T00:00:00Z', enabled: false as const, expiresAt: '2026-05-01T00:00:00Z' };
  const [back] = planOf({ people: [entry('jane', { lastName: 'Roe' })], users: [linked('jane', gone)] }).people;
  if (back?.action !== 'Restore') throw new Error('nobody is restored');
  expect(back.effects).toEqual(['Restore']);
  expect(left(back, 'Restore')).toMatchObject({
    action: 'Update',
    source: source('jane', { ...gone, lastName: 'Roe' }),
    changed: ['lastName'],
  });
});
