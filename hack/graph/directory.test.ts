import { expect, test } from 'vitest';
import { EntraDirectory } from './directory.ts';

const ada = { userPrincipalName: 'ada@example.com', displayName: 'Ada' };

test('has each user principal name once, in any case, and frees it when its owner is deleted or renamed', () => {
  const directory = new EntraDirectory();
  const id = directory.createUser(ada);
  expect(() => directory.createUser({ ...ada, userPrincipalName: 'ADA@example.com' })).toThrow('taken');
  directory.update(id, { userPrincipalName: 'lovelace@example.com' });
  const second = directory.createUser(ada);
  directory.delete(second);
  const third = directory.createUser(ada);
  expect(() => directory.restore(second)).toThrow('taken');
  directory.delete(third);
  directory.restore(second);
  expect(directory.user('ada@example.com')?.id).toBe(second);
});

test('puts the restored back into their groups, but not into those that are gone', () => {
  const directory = new EntraDirectory();
  const id = directory.createUser(ada);
  const [stays, goes] = ['Stays', 'Goes'].map((displayName) => directory.createGroup({ displayName })) as [
    string,
    string,
  ];
  directory.addMember(stays, id);
  directory.addMember(goes, id);
  directory.delete(id);
  expect([...directory.members(stays)]).toEqual([]);
  directory.delete(goes);
  directory.restore(id);
  expect([...directory.members(stays)]).toEqual([id]);
});

test('deletes Microsoft 365 groups softly, and security groups for good', () => {
  const directory = new EntraDirectory();
  const unified = directory.createGroup({ displayName: 'Unified', groupTypes: ['Unified'] });
  const security = directory.createGroup({ displayName: 'Security' });
  for (const id of [unified, security]) directory.delete(id);
  expect([unified, security].map((id) => directory.find(id)?.state)).toEqual(['deleted', 'gone']);
  expect(() => directory.restore(security)).toThrow();
  expect(() => directory.purge(security)).toThrow();
});

test('refuses changes that make no sense', () => {
  const directory = new EntraDirectory();
  const id = directory.createUser(ada);
  const group = directory.createGroup({ displayName: 'Engines' });
  directory.addMember(group, id);
  expect(() => directory.addMember(group, id)).toThrow('already');
  expect(() => directory.removeMember(group, group)).toThrow('not in');
  expect(() => directory.addMember(group, 'nobody')).toThrow('there is no');
  expect(() => directory.update(id, { shoeSize: '42' })).toThrow('has no shoeSize');
  expect(() => directory.createUser(ada, id)).toThrow('taken');
  directory.delete(id);
  expect(() => directory.update(id, { surname: 'King' })).toThrow('there is no');
});
