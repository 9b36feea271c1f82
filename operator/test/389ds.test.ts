import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../hack/openldap/ldif.ts';
import { generateDirectory } from '../../hack/openldap/people.ts';
import { parseAllowedHosts } from '../src/credentials.ts';
import { type LdapReaderOptions, ldapReader } from '../src/directory/ldap/index.ts';
import { readAll } from '../src/directory/reader.ts';
import type { DirectoryContents } from '../src/directory/record.ts';
import {
  type DirectoryServer389,
  directoryManager,
  password,
  startDirectoryServer389,
  suffix,
} from './directoryserver389.ts';

const serviceAccount = `cn=roster,ou=Services,${suffix}`;
const [people, groups] = [`ou=People,${suffix}`, `ou=Groups,${suffix}`];

const signal = new AbortController().signal;
const fails = (reason: string) => expect.objectContaining({ reason });

type Options = Partial<LdapReaderOptions> & { readonly username?: string };

const optionsFor = (
  server: DirectoryServer389,
  { username = serviceAccount, ...more }: Options,
): LdapReaderOptions => ({
  urls: [server.urls.ldaps],
  startTLS: false,
  caBundle: server.caBundle,
  credentials: { username, password, hosts: parseAllowedHosts(`${server.urls.ldaps}\n${server.urls.ldap}`) },
  pageSize: 500,
  timeoutMs: 10_000,
  preset: '389DirectoryServer',
  users: { baseDN: people },
  groups: { baseDN: groups },
  membership: 'Nested',
  ...more,
});

async function read(server: DirectoryServer389, more: Options = {}): Promise<DirectoryContents> {
  using opened = await ldapReader(optionsFor(server, more)).open(signal);
  return await readAll(opened);
}

/** The LDIF that docs/directories.md tells administrators to apply. */
async function documentedSetUp(): Promise<string> {
  const page = await readFile(new URL('../../docs/directories.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('### The account on 389'), page.indexOf('### The Secret'));
  return [...section.matchAll(/```ldif\n(.*?)```/gs)].map(([, ldif]) => `${ldif}\n`).join('');
}

const demo = generateDirectory({ suffix, people: 1000, groups: 60, memberships: 4 });
/** The server gives ids of its own, and the service account comes with the set-up. */
const entries = Array.from(demo.entries(password))
  .filter(({ dn }) => dn !== serviceAccount)
  .map(({ dn, attributes }): Entry => {
    const { entryUUID, ...others } = attributes;
    return { dn, attributes: entryUUID === undefined ? attributes : others };
  });

describe('the directory of the demo, with the set-up that docs/directories.md describes', async () => {
  const server = await startDirectoryServer389({ entries });
  afterAll(() => server[Symbol.asyncDispose]());
  await server.apply(await documentedSetUp());
  const contents = await read(server);
  const membersOf = (found: DirectoryContents, dn = ''): string[] => {
    const id = found.groups.find(({ label }) => label === dn)?.externalId ?? 'none';
    return found.people.filter((person) => person.groups.includes(id)).map(({ label }) => label);
  };

  test('is read whole, by the account', () => {
    expect([contents.people.length, contents.groups.length, contents.rejected]).toEqual([1000, 60, []]);
    expect(contents.evidence).toMatchObject({
      complete: true,
      doubts: [],
      authority: suffix,
      boundAs: expect.stringMatching(new RegExp(`^${serviceAccount}$`, 'i')),
      entries: 1060,
    });
  });

  test('ids are those that 389 Directory Server gives', () => {
    for (const { externalId } of contents.people) expect(externalId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{8}){3}$/);
    expect(new Set(contents.people.map(({ externalId }) => externalId)).size).toBe(1000);
  });

  test('members of each class of group, of nested ones, and by a DN that is spelled otherwise', async () => {
    const direct = await read(server, { membership: 'Direct' });
    const count = ({ people: all }: DirectoryContents) => all.reduce((sum, { groups: of }) => sum + of.length, 0);
    expect(count(direct)).toBe(demo.made.memberships);
    expect(membersOf(direct, demo.made.nestedGroups[0])).toEqual([]);
    expect(membersOf(contents, demo.made.nestedGroups[0]).length).toBeGreaterThan(0);
    const [left, right] = demo.made.groupsInACycle.map((dn) => membersOf(contents, dn));
    expect(left).toHaveLength(2);
    expect(right).toEqual(left);
    expect(membersOf(contents, demo.made.withLongDescription[0])).toHaveLength(2);
  });

  test('the account reads nothing else, and who has none reads nothing', async () => {
    const services = { users: { baseDN: `ou=Services,${suffix}` } };
    const { people: none } = await read(server, { ...services, membership: 'None' });
    expect(none).toEqual([]);
    const { people: nobody } = await read(server, { credentials: undefined, membership: 'None' });
    expect(nobody).toEqual([]);
  });

  test('says where people are who were not given, which proves them gone', async () => {
    using opened = await ldapReader(optionsFor(server, { users: { baseDN: people, filter: '(uid=a*)' } })).open(signal);
    const outside = contents.people.find(({ label }) => !label.startsWith('uid=a'))?.externalId ?? '';
    const gone = '12345678-12345678-12345678-12345678';
    await expect(opened.locate([outside, gone])).resolves.toEqual(
      new Map([
        [outside, 'FilteredOut'],
        [gone, 'Deleted'],
      ]),
    );
  });

  test.each<[string, (server: DirectoryServer389) => Options]>([
    ['over StartTLS', ({ urls }) => ({ urls: [urls.ldap], startTLS: true })],
    ['in pages of 7', () => ({ pageSize: 7 })],
    ['in pages of 1000', () => ({ pageSize: 1000 })],
  ])('gives the same %s', async (_, more) => {
    const again = await read(server, more(server));
    expect(again.evidence.complete).toBe(true);
    expect(again.people).toEqual(contents.people);
  });
});

describe('what is particular to it', async () => {
  const container = (ou: string): Entry => ({
    dn: `ou=${ou},${suffix}`,
    attributes: { objectClass: ['organizationalUnit'], ou: [ou] },
  });
  const root: Entry = { dn: suffix, attributes: { objectClass: ['domain'], dc: ['example'] } };
  const server = await startDirectoryServer389({
    entries: [root, container('People'), container('Groups'), container('Services')],
  });
  afterAll(() => server[Symbol.asyncDispose]());
  await server.apply(await documentedSetUp());
  const client = new Client({ url: server.urls.ldaps, tlsOptions: { ca: [server.caBundle] } });
  afterAll(() => client.unbind());
  await client.bind(directoryManager, password);

  type Values = Readonly<Record<string, string | string[]>>;
  const addPerson = (uid: string, more: Values = {}) =>
    client.add(`uid=${uid},${people}`, {
      ...{ objectClass: ['inetOrgPerson', 'posixAccount'], uid, cn: uid, sn: 'Smith', givenName: uid },
      ...{ mail: `${uid}@example.com`, uidNumber: '1000', gidNumber: '1000', homeDirectory: '/', ...more },
    });
  const addGroup = (cn: string, attributes: Values) => client.add(`cn=${cn},${groups}`, { cn, ...attributes });
  const modify = (dn: string, attribute: string, ...values: string[]) =>
    server.apply(
      `dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${values.map((v) => `${attribute}: ${v}\n`).join('')}`,
    );
  const allow = (account: string, base: string, target: string) =>
    server.apply(
      `dn: ${base}\nchangetype: modify\nadd: aci\naci: (${target})(version 3.0; acl "${randomUUID()}"; ` +
        `allow (read, search, compare) userdn="ldap:///${account}";)\n`,
    );
  const named = ({ people: found }: DirectoryContents, uid: string) => found.find(({ firstName }) => firstName === uid);
  const groupsOf = (contents: DirectoryContents, uid: string) =>
    named(contents, uid)
      ?.groups.map((id) => contents.groups.find(({ externalId }) => externalId === id)?.name)
      .toSorted();

  test('an account with nsAccountLock is disabled, and enabled again without it', async () => {
    await addPerson('locked');
    expect(named(await read(server), 'locked')?.enabled).not.toBe(false);
    await modify(`uid=locked,${people}`, 'nsAccountLock', 'true');
    expect(named(await read(server), 'locked')?.enabled).toBe(false);
    await modify(`uid=locked,${people}`, 'nsAccountLock');
    expect(named(await read(server), 'locked')?.enabled).not.toBe(false);
  });

  test('an entry keeps its id when it is renamed', async () => {
    await addPerson('maiden');
    const id = named(await read(server), 'maiden')?.externalId;
    await client.modifyDN(`uid=maiden,${people}`, `uid=married,${people}`);
    await modify(`uid=married,${people}`, 'givenName', 'married');
    expect(named(await read(server), 'married')).toMatchObject({ externalId: id, label: `uid=married,${people}` });
  });

  test('groups of every class, with members directly and through a group', async () => {
    for (const uid of ['ann', 'ben', 'cid', 'dot']) await addPerson(uid);
    const dn = (uid: string) => `uid=${uid},${people}`;
    await addGroup('names', { objectClass: 'groupOfNames', member: dn('ann') });
    await addGroup('unique', { objectClass: 'groupOfUniqueNames', uniqueMember: [dn('ben'), `cn=names,${groups}`] });
    await addGroup('posix', { objectClass: 'posixGroup', gidNumber: '7', memberUid: ['cid'] });
    await addGroup('empty', { objectClass: 'groupOfNames' });
    await addGroup('outer', { objectClass: 'groupOfNames', member: `cn=unique,${groups}` });
    const [direct, nested] = [await read(server, { membership: 'Direct' }), await read(server)];
    const all = (contents: DirectoryContents) => ['ann', 'ben', 'cid', 'dot'].map((uid) => groupsOf(contents, uid));
    expect(all(direct)).toEqual([['names'], ['unique'], ['posix'], []]);
    expect(all(nested)).toEqual([['names', 'outer', 'unique'], ['outer', 'unique'], ['posix'], []]);
    expect(nested.groups.map(({ name }) => name)).toContain('empty');
    expect(nested.evidence.doubts).toEqual([]);
  });

  test('memberOf changes nothing: members are those whom the groups list', async () => {
    await addPerson('eve');
    const before = await read(server);
    await modify('cn=config', 'nsslapd-dynamic-plugins', 'on');
    await modify('cn=MemberOf Plugin,cn=plugins,cn=config', 'nsslapd-pluginEnabled', 'on');
    await modify('cn=MemberOf Plugin,cn=plugins,cn=config', 'memberOfAutoAddOC', 'nsMemberOf');
    await addGroup('late', { objectClass: 'groupOfNames', member: `uid=eve,${people}` });
    const { searchEntries } = await client.search(`uid=eve,${people}`, { attributes: ['memberOf'] });
    expect(searchEntries[0]?.memberOf).toBe(`cn=late,${groups}`);
    const after = await read(server);
    expect(groupsOf(after, 'eve')).toEqual(['late']);
    expect(groupsOf(after, 'ann')).toEqual(groupsOf(before, 'ann'));
  });

  test('attributes and filters can be named', async () => {
    await addPerson('fay', { employeeType: 'staff', displayName: 'Fay!', labeledURI: 'fay@example.org' });
    await modify(`uid=fay,${people}`, 'mail');
    await allow(serviceAccount, people, 'targetattr="employeeType || displayName || labeledURI"');
    await allow(serviceAccount, groups, 'targetattr="ou"');
    await addGroup('called', { objectClass: 'groupOfNames', ou: 'Called otherwise', member: `uid=fay,${people}` });
    const found = await read(server, {
      users: { baseDN: people, filter: '(employeeType=staff)' },
      groups: { baseDN: groups, filter: '(&(objectClass=groupOfNames)(ou=*))' },
      attributes: {
        firstName: ['displayName', 'givenName'],
        email: ['mail', 'labeledURI'],
        domainAccount: ['uid'],
        groupName: ['ou'],
      },
    });
    expect(found.people).toEqual([
      expect.objectContaining({ firstName: 'Fay!', email: 'fay@example.org', domainAccount: 'fay' }),
    ]);
    expect(found.groups.map(({ name }) => name)).toEqual(['Called otherwise']);
    expect(found.people[0]?.groups).toHaveLength(1);
  });

  describe('limits', () => {
    const limit = (attribute: string, ...values: string[]) => modify(serviceAccount, attribute, ...values);

    beforeAll(async () => {
      for (let n = 0; n < 60; n++) await addPerson(`one.of.many.${n}`);
    });

    test('nsSizeLimit counts for each page, so smaller pages read everything', async () => {
      const whole = await read(server);
      await limit('nsSizeLimit', '30');
      const { evidence, people: found } = await read(server, { pageSize: 1000 });
      expect(evidence).toMatchObject({ complete: true, remarks: [expect.stringContaining('refuses large pages')] });
      expect(found).toEqual(whole.people);
      await limit('nsSizeLimit');
    });

    test('a limit below the smallest page ends the read', async () => {
      await limit('nsSizeLimit', '5');
      await expect(read(server)).rejects.toThrow(fails('SizeLimitExceeded'));
      await limit('nsSizeLimit');
    });

    test('nsLookThroughLimit has to admit everybody', async () => {
      await limit('nsLookThroughLimit', '5');
      await expect(read(server)).rejects.toThrow(fails('SizeLimitExceeded'));
      await limit('nsLookThroughLimit');
      await expect(read(server)).resolves.toBeDefined();
    });
  });

  test('an account that may not read nsUniqueId recognises nobody again: IdentityMissing', async () => {
    const blind = `cn=blind,ou=Services,${suffix}`;
    await client.add(blind, {
      objectClass: ['applicationProcess', 'simpleSecurityObject'],
      cn: 'blind',
      userPassword: password,
    });
    for (const base of [people, groups]) await allow(blind, base, 'targetattr!="nsUniqueId || userPassword || aci"');
    await expect(read(server, { username: blind })).rejects.toThrow(fails('IdentityMissing'));
    using opened = await ldapReader(optionsFor(server, { username: blind })).open(signal);
    await expect(opened.test()).rejects.toThrow(fails('IdentityMissing'));
  });

  test('a wrong password, a locked account and an unknown one are refused', async () => {
    const hosts = parseAllowedHosts(server.urls.ldaps);
    const refused = (username: string, secret = password) =>
      expect(read(server, { credentials: { username, password: secret, hosts } })).rejects.toThrow(
        fails('InvalidCredentials'),
      );
    await refused(serviceAccount, 'wrong');
    await refused(`cn=nobody,${suffix}`);
    const inactive = `cn=inactive,ou=Services,${suffix}`;
    await client.add(inactive, {
      ...{ objectClass: ['applicationProcess', 'simpleSecurityObject'], cn: 'inactive', userPassword: password },
      nsAccountLock: 'true',
    });
    await refused(inactive);
  });

  test('a value that is not UTF-8 rejects its record, and the others go on', async () => {
    await modify('cn=config', 'nsslapd-syntaxcheck', 'off');
    await addPerson('latin1');
    await server.apply(
      `dn: uid=latin1,${people}\nchangetype: modify\nreplace: sn\nsn:: ${Buffer.from('Müller', 'latin1').toString('base64')}\n`,
    );
    const { rejected, people: found } = await read(server);
    expect(rejected).toEqual([
      expect.objectContaining({ of: 'Person', label: `uid=latin1,${people}`, reason: 'InvalidValue' }),
    ]);
    expect(found.length).toBeGreaterThan(5);
  });
});
