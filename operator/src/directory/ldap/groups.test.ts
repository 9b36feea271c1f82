import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { message, searchEntry } from '../../../test/ldapwire.ts';
import { EntryAttributes } from './attributes.ts';
import { Memberships } from './groups.ts';
import { decodeMessage, type Entry } from './message.ts';
import { Tally } from './tally.ts';

type Attributes = Parameters<typeof searchEntry>[1];
const entry = (dn: string, attributes: Attributes) =>
  new EntryAttributes(decodeMessage(message(1, searchEntry(dn, attributes))).content as Entry);

/** Groups named by their external ids, with what they list; a name that starts with ~ is only passed through. */
function memberships(nested: boolean, groups: Record<string, Attributes>, tally = new Tally()): Memberships {
  const result = new Memberships(nested, false);
  for (const [name, attributes] of Object.entries(groups)) {
    result.add(entry(`cn=${name},dc=x`, attributes), name.startsWith('~') ? undefined : name, tally);
  }
  return result;
}
const groupsOf = (found: Memberships, dn: string, uids: string[] = []) => found.of(dn, uids).toSorted();

describe('Memberships', () => {
  test('finds members however their DNs are spelled', () => {
    const found = memberships(false, {
      a: { member: ['UID=Ada , DC=X'] },
      b: { uniqueMember: ["uid=ada,dc=x#'0101'B"] },
      c: { member: ['cn=Love\\2clace\\, A  B,dc=x'] },
      d: { memberUid: ['ada'] },
      e: { memberUid: ['Ada'] },
      f: { member: [''] },
    });
    expect(groupsOf(found, 'uid=ada,dc=x', ['ada', 'countess'])).toEqual(['a', 'b', 'd']);
    expect(groupsOf(found, 'CN=love\\,lace\\2C a b,DC=X')).toEqual(['c']);
    expect(groupsOf(found, 'uid=nobody,dc=x', ['nobody'])).toEqual([]);
  });

  test('names a group once, whatever lists somebody twice', () => {
    const found = memberships(true, {
      a: { member: ['uid=ada,dc=x', 'UID=ADA,dc=x', 'cn=b,dc=x'], memberUid: ['ada'] },
      b: { member: ['uid=ada,dc=x'] },
    });
    expect(groupsOf(found, 'uid=ada,dc=x', ['ada'])).toEqual(['a', 'b']);
  });

  const tree = {
    top: { member: ['cn=middle,dc=x'] },
    middle: { uniqueMember: ['CN=Bottom, DC=X'] },
    bottom: { member: ['uid=ada,dc=x'] },
  };
  test('nested: the groups around a group count', () => {
    expect(groupsOf(memberships(true, tree), 'uid=ada,dc=x')).toEqual(['bottom', 'middle', 'top']);
  });
  test('direct: they do not', () => {
    expect(groupsOf(memberships(false, tree), 'uid=ada,dc=x')).toEqual(['bottom']);
  });

  test('a cycle makes its members members of each of its groups, and ends', () => {
    const found = memberships(true, {
      a: { member: ['cn=b,dc=x', 'uid=ada,dc=x'] },
      b: { member: ['cn=c,dc=x'] },
      c: { member: ['cn=a,dc=x', 'uid=grace,dc=x'] },
      self: { member: ['cn=self,dc=x', 'uid=grace,dc=x'] },
    });
    expect(groupsOf(found, 'uid=ada,dc=x')).toEqual(['a', 'b', 'c']);
    expect(groupsOf(found, 'uid=grace,dc=x')).toEqual(['a', 'b', 'c', 'self']);
  });

  test("a group that is only passed through is in nobody's groups", () => {
    const groups = { top: { member: ['cn=~inner,dc=x'] }, '~inner': { member: ['uid=ada,dc=x'] } };
    expect(groupsOf(memberships(true, groups), 'uid=ada,dc=x')).toEqual(['top']);
    expect(groupsOf(memberships(false, groups), 'uid=ada,dc=x')).toEqual([]);
  });

  test('misses groups that are listed and not there', () => {
    const found = memberships(true, { top: { member: ['CN=Inner,DC=X'] } });
    expect(found.misses('cn=inner,dc=x')).toBe(true);
    expect(found.misses('cn=other,dc=x')).toBe(false);
    found.add(entry('cn=inner,dc=x', {}), undefined, new Tally());
    expect(found.misses('cn=inner,dc=x')).toBe(false);
  });

  test('is right about any graph', () => {
    const size = 6;
    const edge = fc.tuple(fc.nat({ max: size - 1 }), fc.nat({ max: size - 1 }));
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 15 }), fc.nat({ max: size - 1 }), (edges, start) => {
        const groups = Object.fromEntries(
          Array.from({ length: size }, (_, outer) => [
            `g${outer}`,
            {
              member: [
                ...edges.filter(([from]) => from === outer).map(([, inner]) => `cn=g${inner},dc=x`),
                ...(outer === start ? ['uid=ada,dc=x'] : []),
              ],
            },
          ]),
        );
        const expected = new Set([start]);
        for (let round = 0; round < size; round++) {
          for (const [outer, inner] of edges) if (expected.has(inner)) expected.add(outer);
        }
        expect(groupsOf(memberships(true, groups), 'uid=ada,dc=x')).toEqual(
          [...expected].toSorted((a, b) => a - b).map((id) => `g${id}`),
        );
      }),
    );
  });
});

describe('doubts', () => {
  const doubtsOf = (attributes: Attributes) => {
    const tally = new Tally();
    memberships(true, { a: attributes }, tally);
    return tally.doubts;
  };

  test.each<[string, Attributes, string]>([
    [
      'part of the members',
      { 'member;range=0-1499': ['cn=x'] },
      'only some of the members of 1 groups, first of cn=a,dc=x',
    ],
    ['no members where there must be some', { objectClass: ['top', 'groupOfNames'] }, 'shows no members of 1 groups'],
    ['the same of the other class', { objectClass: 'GROUPOFUNIQUENAMES', member: [] }, 'let the account read them'],
    ['a member that is no DN', { member: ['nonsense'] }, 'not distinguished names, first cn=a,dc=x'],
  ])('%s', (_, attributes, sentence) => {
    expect(doubtsOf(attributes)).toEqual([expect.stringContaining(sentence)]);
  });

  test.each<[string, Attributes]>([
    ['an empty posixGroup', { objectClass: 'posixGroup' }],
    ['a placeholder', { objectClass: 'groupOfNames', member: 'cn=empty-membership-placeholder,dc=x' }],
    ['an empty DN', { objectClass: 'groupOfNames', member: '' }],
  ])('%s is beyond doubt', (_, attributes) => {
    expect(doubtsOf(attributes)).toEqual([]);
  });

  test('do not arise where the server allows empty groups', () => {
    const tally = new Tally();
    new Memberships(true, true).add(entry('cn=a,dc=x', { objectClass: 'groupOfNames' }), 'a', tally);
    expect(tally.doubts).toEqual([]);
  });

  test('are counted, and short', () => {
    const tally = new Tally();
    for (let index = 0; index < 3; index++) tally.doubt('Reference', `ldap://${'x'.repeat(1000)}`);
    expect(tally.doubts).toHaveLength(1);
    expect(tally.doubts[0]).toMatch(/other servers for 3 parts/);
    expect(tally.doubts[0]?.length).toBeLessThanOrEqual(512);
  });
});
