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
async function memberships(
  nested: boolean,
  groups: Record<string, Attributes>,
  tally = new Tally(),
): Promise<Memberships> {
  const result = new Memberships(nested, false);
  for (const [name, attributes] of Object.entries(groups)) {
    await result.add(entry(`cn=${name},dc=x`, attributes), name.startsWith('~') ? undefined : name, tally);
  }
  return result;
}
const groupsOf = (found: Memberships, dn: string, uids: string[] = []) => found.of(dn, uids).toSorted();

describe('Memberships', () => {
  test('finds members however their DNs are spelled', async () => {
    const found = await memberships(false, {
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

  test('names a group once, whatever lists somebody twice', async () => {
    const found = await memberships(true, {
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
  test('nested: the groups around a group count', async () => {
    expect(groupsOf(await memberships(true, tree), 'uid=ada,dc=x')).toEqual(['bottom', 'middle', 'top']);
  });
  test('direct: they do not', async () => {
    expect(groupsOf(await memberships(false, tree), 'uid=ada,dc=x')).toEqual(['bottom']);
  });

  test('a cycle makes its members members of each of its groups, and ends', async () => {
    const found = await memberships(true, {
      a: { member: ['cn=b,dc=x', 'uid=ada,dc=x'] },
      b: { member: ['cn=c,dc=x'] },
      c: { member: ['cn=a,dc=x', 'uid=grace,dc=x'] },
      self: { member: ['cn=self,dc=x', 'uid=grace,dc=x'] },
    });
    expect(groupsOf(found, 'uid=ada,dc=x')).toEqual(['a', 'b', 'c']);
    expect(groupsOf(found, 'uid=grace,dc=x')).toEqual(['a', 'b', 'c', 'self']);
  });

  test("a group that is only passed through is in nobody's groups", async () => {
    const groups = { top: { member: ['cn=~inner,dc=x'] }, '~inner': { member: ['uid=ada,dc=x'] } };
    expect(groupsOf(await memberships(true, groups), 'uid=ada,dc=x')).toEqual(['top']);
    expect(groupsOf(await memberships(false, groups), 'uid=ada,dc=x')).toEqual([]);
  });

  test('misses groups that are listed and not there', async () => {
    const found = await memberships(true, { top: { member: ['CN=Inner,DC=X'] } });
    expect(found.misses('cn=inner,dc=x')).toBe(true);
    expect(found.misses('cn=other,dc=x')).toBe(false);
    await found.add(entry('cn=inner,dc=x', {}), undefined, new Tally());
    expect(found.misses('cn=inner,dc=x')).toBe(false);
  });

  test('lets others have their turn while it adds a big group', async () => {
    const members = Array.from({ length: 5000 }, (_, index) => `uid=u${index},dc=x`);
    let turns = 0;
    let next = setImmediate(function take() {
      turns += 1;
      next = setImmediate(take);
    });
    const found = await memberships(true, { big: { member: members } });
    clearImmediate(next);
    expect(groupsOf(found, 'uid=u4999,dc=x')).toEqual(['big']);
    expect(turns).toBeGreaterThan(0);
  });

  test('is right about any graph', async () => {
    const size = 6;
    const edge = fc.tuple(fc.nat({ max: size - 1 }), fc.nat({ max: size - 1 }));
    await fc.assert(
      fc.asyncProperty(fc.array(edge, { maxLength: 15 }), fc.nat({ max: size - 1 }), async (edges, start) => {
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
        expect(groupsOf(await memberships(true, groups), 'uid=ada,dc=x')).toEqual(
          [...expected].toSorted((a, b) => a - b).map((id) => `g${id}`),
        );
      }),
    );
  });
});

describe('doubts', () => {
  const doubtsOf = async (attributes: Attributes) => {
    const tally = new Tally();
    await memberships(true, { a: attributes }, tally);
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
    ['members that are no DNs', { member: ['nonsense', 'more'] }, '1 groups list members that are not'],
  ])('%s', async (_, attributes, sentence) => {
    expect(await doubtsOf(attributes)).toEqual([expect.stringContaining(sentence)]);
  });

  test.each<[string, Attributes]>([
    ['an empty posixGroup', { objectClass: 'posixGroup' }],
    ['a placeholder', { objectClass: 'groupOfNames', member: 'cn=empty-membership-placeholder,dc=x' }],
    ['an empty DN', { objectClass: 'groupOfNames', member: '' }],
  ])('%s is beyond doubt', async (_, attributes) => {
    expect(await doubtsOf(attributes)).toEqual([]);
  });

  test('do not arise where the server allows empty groups', async () => {
    const tally = new Tally();
    await new Memberships(true, true).add(entry('cn=a,dc=x', { objectClass: 'groupOfNames' }), 'a', tally);
    expect(tally.doubts).toEqual([]);
  });

  test('are counted, and short', async () => {
    const tally = new Tally();
    for (let index = 0; index < 3; index++) tally.doubt('Reference', `ldap://${'x'.repeat(1000)}`);
    expect(tally.doubts).toHaveLength(1);
    expect(tally.doubts[0]).toMatch(/other servers for 3 parts/);
    expect(tally.doubts[0]?.length).toBeLessThanOrEqual(512);
  });
});
