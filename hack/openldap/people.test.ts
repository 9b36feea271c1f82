import { describe, expect, test } from 'vitest';
import { contentRecord } from './ldif.ts';
import { generateDirectory, type Size } from './people.ts';

const suffix = 'dc=example,dc=com';
const demo: Size = { suffix, people: 1000, groups: 60, memberships: 4 };
const entriesOf = (size: Size) => [...generateDirectory(size).entries('secret')];
/** All but the entry with the salted password. */
const ldifOf = (size: Size) =>
  entriesOf(size)
    .filter(({ attributes }) => attributes.userPassword === undefined)
    .map(contentRecord)
    .join('');

test('the same seed makes the same directory, another one another', () => {
  expect(ldifOf(demo)).toBe(ldifOf(demo));
  expect(ldifOf({ ...demo, seed: 7 })).not.toBe(ldifOf(demo));
});

test('has as many people, groups and memberships as asked for', () => {
  const { made } = generateDirectory({ ...demo, specialCases: false });
  expect(made).toMatchObject({ people: 1000, groups: 60, memberships: 4000 });
  const entries = entriesOf({ ...demo, specialCases: false });
  const ofClass = (name: string) => entries.filter(({ attributes }) => attributes.objectClass?.includes(name));
  expect(ofClass('inetOrgPerson')).toHaveLength(1000);
  const groups = ['groupOfNames', 'groupOfUniqueNames', 'posixGroup'].map((name) => ofClass(name).length);
  expect(groups).toEqual([36, 12, 12]);
});

test('every DN, id, user id and, but for the special case, address is there once', () => {
  const entries = entriesOf({ ...demo, people: 20_000, groups: 1000, specialCases: false });
  const all = (attribute: string) => entries.flatMap(({ attributes }) => attributes[attribute] ?? []);
  for (const values of [entries.map(({ dn }) => dn), all('entryUUID'), all('uid'), all('mail')]) {
    expect(new Set(values).size).toBe(values.length);
  }
  expect(all('entryUUID')[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(all('mail').every((address) => /^[a-z]+\.[a-z]+\d*@example\.com$/.test(address))).toBe(true);
});

describe('the special cases', () => {
  const { made } = generateDirectory(demo);

  test('are all there', () => {
    const counts = Object.entries(made).map(([name, cases]) => [name, Array.isArray(cases) ? cases.length : cases]);
    expect(Object.fromEntries(counts)).toEqual({
      people: 1000,
      groups: 60,
      memberships: 4000,
      withNamesBeyondAscii: expect.any(Number),
      withoutMail: 3,
      sharingAnAddress: 2,
      inNoGroup: 1,
      withEscapedDN: 1,
      emptyGroups: 1,
      nestedGroups: 1,
      groupsInACycle: 2,
      withLongDescription: 1,
    });
    expect(made.withNamesBeyondAscii).toBeGreaterThan(500);
  });

  test('an escaped DN is spelled differently where it is a member', () => {
    const [dn = ''] = made.withEscapedDN;
    const spelled = entriesOf(demo).flatMap(({ attributes }) => [
      ...(attributes.member ?? []),
      ...(attributes.uniqueMember ?? []),
    ]);
    expect(dn).toContain('\\,');
    expect(spelled).not.toContain(dn);
    expect(spelled.filter((member) => member.startsWith('CN=')).length).toBeGreaterThan(1);
  });

  test('need people and groups to be made of', () => {
    expect(() => generateDirectory({ ...demo, people: 5 })).toThrow('need 10 people');
    expect(() => generateDirectory({ ...demo, groups: 3 })).toThrow('and 10 groups');
  });
});

test('marriages change every so many people, and another round changes them again', () => {
  const directory = generateDirectory(demo);
  const [first, second] = [[...directory.marriages(100, 1)], [...directory.marriages(100, 2)]];
  expect(first).toHaveLength(10);
  expect(second.map(({ dn }) => dn)).toEqual(first.map(({ dn }) => dn));
  for (const [index, { values }] of first.entries()) expect(second[index]?.values).not.toEqual(values);
});
