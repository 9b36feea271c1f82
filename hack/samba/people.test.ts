import { describe, expect, test } from 'vitest';
import { contentRecord } from '../openldap/ldif.ts';
import { generateDomain } from './people.ts';

const domain = 'DC=ad,DC=example,DC=test';
const demo = { people: 1000, groups: 60, memberships: 4 };
const ordinary = { people: 20_000, groups: 1000, memberships: 6, specialCases: false };
const ofClass = (size: typeof demo, name: string) =>
  [...generateDomain(size, domain).entries()].filter(({ attributes }) => attributes.objectClass?.includes(name));

test('the same size makes the same domain', () => {
  const ldif = () => Array.from(generateDomain(demo, domain).entries(), contentRecord).join('');
  expect(ldif()).toBe(ldif());
});

test('names and accounts are such that a domain takes them, each once', () => {
  const people = ofClass(ordinary, 'user');
  const accounts = people.flatMap(({ attributes }) => attributes.sAMAccountName ?? []);
  expect(accounts).toHaveLength(20_000);
  expect(new Set(accounts.map((account) => account.toLowerCase())).size).toBe(20_000);
  expect(accounts.filter((account) => account.length > 20)).toEqual([]);
  const names = [...people, ...ofClass(ordinary, 'group')].map(({ dn }) => dn.toLowerCase());
  expect(new Set(names).size).toBe(21_000);
});

test('members stand in groups after their own entries', () => {
  const entries = [...generateDomain(demo, domain).entries()];
  const seen = new Set<string>();
  for (const { dn, attributes } of entries) {
    for (const member of attributes.member ?? []) expect(seen).toContain(member);
    seen.add(dn);
  }
});

describe('the special cases', () => {
  const contents = generateDomain(demo, domain);

  test('groups inside each other, and one of groups only, get their members later', () => {
    const later = [...contents.laterMembers()];
    expect(later.map(({ dn }) => /^CN=([^,]+)/.exec(dn)?.[1])).toEqual([
      'All Engineering',
      'Cycle Left',
      'Cycle Right',
    ]);
    const known = new Set(Array.from(contents.entries(), ({ dn }) => dn));
    for (const { values } of later) for (const member of values) expect(known).toContain(member);
  });

  test('a name with commas is escaped, and three people are without mail', () => {
    const people = ofClass(demo, 'user');
    expect(people.filter(({ dn }) => dn.includes(String.raw`(R\+D\, Zürich),OU=People`))).toHaveLength(1);
    expect(people.filter(({ attributes }) => attributes.mail === undefined)).toHaveLength(3);
  });
});

test('marriages change every so many people', () => {
  const changes = [...generateDomain(demo, domain).marriages(100, 1)];
  expect(changes).toHaveLength(10);
  for (const { attribute } of changes) expect(attribute).toBe('sn');
});
