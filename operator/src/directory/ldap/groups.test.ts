import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { message, searchEntry } from '../../../test/ldapwire.ts';
import { EntryAttributes } from './attributes.ts';
import { keyOfName } from './dn.ts';
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
  const result = new Memberships({ nested, emptyGroups: false });
  for (const [name, attributes] of Object.entries(groups)) {
    const externalId = name.startsWith('~') ? undefined : name;
    await result.add(entry(`cn=${name},dc=x`, attributes), { externalId }, tally);
  }
  return result;
}
const groupsOf = (found: Memberships, dn: string, uids: string[] = []) =>
  found.of(keyOfName(dn) ?? dn, uids).toSorted();

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
    await found.add(entry('cn=inner,dc=x', {}), {}, new Tally());
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

describe('ranges', () => {
  const big = (attributes: Attributes) => entry('<GUID=0b2d1f2c-1111-4222-8333-944455556666>;cn=big,dc=x', attributes);
  const start = async (attributes: Attributes) => {
    const tally = new Tally();
    const found = new Memberships({ nested: false, emptyGroups: true });
    const rest = await found.add(big(attributes), { externalId: 'big' }, tally);
    return { tally, found, rest };
  };
  const first: Attributes = { member: [], 'member;range=0-1': ['cn=a,dc=x', 'cn=b,dc=x'] };

  test('are followed to the last one', async () => {
    const { tally, found, rest } = await start(first);
    expect(rest).toMatchObject({ key: '<GUID=0b2d1f2c-1111-4222-8333-944455556666>', dn: 'cn=big,dc=x', from: 2 });
    const next = rest && (await found.addRemainder(rest, big({ 'member;range=2-2': ['cn=c,dc=x'] }), tally));
    expect(next).toMatchObject({ from: 3 });
    const last = next && (await found.addRemainder(next, big({ 'member;range=3-*': ['cn=d,dc=x'] }), tally));
    expect(last).toBeUndefined();
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => found.of(`cn=${name},dc=x`))).toEqual([
      ...[['big'], ['big'], ['big'], ['big'], []],
    ]);
    expect(tally.doubts).toEqual([]);
  });

  test('one that is whole at once has no remainder', async () => {
    const { tally, found, rest } = await start({ 'member;range=0-*': ['cn=a,dc=x'] });
    expect(rest).toBeUndefined();
    expect([found.of('cn=a,dc=x'), tally.doubts]).toEqual([['big'], []]);
  });

  test.each<[string, Attributes | undefined]>([
    ['is gone', undefined],
    ['answers without a range', {}],
    ['answers with another range', { 'member;range=3-*': ['cn=d,dc=x'] }],
    ['answers with the same range again', { 'member;range=0-1': ['cn=a,dc=x', 'cn=b,dc=x'] }],
    ['answers with a range that ends before it begins', { 'member;range=2-1': [] }],
  ])('a group that %s is doubted', async (_, attributes) => {
    const { tally, found, rest } = await start(first);
    expect(rest && (await found.addRemainder(rest, attributes && big(attributes), tally))).toBeUndefined();
    expect(tally.doubts).toEqual([
      expect.stringContaining('only some of the members of 1 groups, first of cn=big,dc=x'),
    ]);
  });
});

describe('members of Active Directory', () => {
  const guid = (digit: number) => `<GUID=0b2d1f2c-1111-4222-8333-94445555666${digit}>`;

  test('are recognised by GUID, whatever they are called meanwhile', async () => {
    const found = await memberships(false, { a: { member: [`${guid(1)};<SID=S-1-5-21-1-2-3-4>;cn=Before,dc=x`] } });
    expect(found.of(guid(1))).toEqual(['a']);
    expect(found.of('cn=before,dc=x')).toEqual([]);
  });

  test('who have no GUID are doubted', async () => {
    const tally = new Tally();
    await memberships(false, { a: { member: ['<SID=S-1-5-21-1-2-3-4>;cn=x,dc=x'] } }, tally);
    expect(tally.doubts).toEqual([expect.stringContaining('members that are not distinguished names')]);
  });

  test('of the primary group are members of the groups around it', async () => {
    const found = new Memberships({ nested: true, emptyGroups: true });
    const tally = new Tally();
    await found.add(entry('cn=all,dc=x', { member: 'cn=users,dc=x' }), { externalId: 'all' }, tally);
    await found.add(entry('cn=users,dc=x', {}), { externalId: 'users', primaryName: 'S-1-5-21-1-2-3-513' }, tally);
    expect(found.of('cn=ada,dc=x', [], 'S-1-5-21-1-2-3-513').toSorted()).toEqual(['all', 'users']);
    expect(found.of('cn=ada,dc=x', [], 'S-1-5-21-1-2-3-514')).toEqual([]);
    expect(found.of('cn=ada,dc=x')).toEqual([]);
  });

  test('from elsewhere are counted and remarked', async () => {
    const tally = new Tally();
    const found = new Memberships({
      nested: true,
      emptyGroups: true,
      isElsewhere: (dn) => dn.endsWith('DC=child,DC=x'),
    });
    const member = [
      `${guid(1)};<SID=S-1-5-11>;CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=x`,
      `${guid(2)};CN=S-1-5-21-9,CN=ForeignSecurityPrincipals,DC=x`,
      `${guid(3)};CN=Bo,DC=child,DC=x`,
      `${guid(4)};CN=Ada,DC=x`,
    ];
    await found.add(entry('CN=a,DC=x', { member }), { externalId: 'a' }, tally);
    expect([tally.doubts, tally.remarks]).toEqual([
      [],
      [
        '2 members of groups are foreign security principals, first CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=x; they are not followed.',
        '1 members of groups belong to domains that are not read, first CN=Bo,DC=child,DC=x; they are not followed.',
      ],
    ]);
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
      'members from the middle on',
      { 'member;range=1-1499': ['cn=x'] },
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
    const found = new Memberships({ nested: true, emptyGroups: true });
    await found.add(entry('cn=a,dc=x', { objectClass: 'groupOfNames' }), { externalId: 'a' }, tally);
    expect(tally.doubts).toEqual([]);
  });

  test('are counted, and short', async () => {
    const tally = new Tally();
    for (let index = 0; index < 3; index++) tally.reference('Doubt', `ldap://${index}${'x'.repeat(1000)}`);
    tally.reference('Doubt', `ldap://0${'x'.repeat(1000)}`);
    expect(tally.doubts).toHaveLength(1);
    expect(tally.doubts[0]).toMatch(/other servers for 3 parts/);
    expect(tally.doubts[0]?.length).toBeLessThanOrEqual(512);
  });
});
