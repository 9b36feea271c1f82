import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../hack/openldap/ldif.ts';
import { generateDirectory } from '../../hack/openldap/people.ts';
import { parseAllowedHosts } from '../src/credentials.ts';
import { type LdapReaderOptions, ldapReader } from '../src/directory/ldap/index.ts';
import { type DirectoryReader, readAll } from '../src/directory/reader.ts';
import type { DirectoryContents, PersonRecord } from '../src/directory/record.ts';
import { type OpenLDAP, type OpenLDAPOptions, password, startOpenLDAP, suffix } from './openldap.ts';

const servers: OpenLDAP[] = [];
afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

async function start(options: OpenLDAPOptions): Promise<OpenLDAP> {
  const server = await startOpenLDAP(options);
  servers.push(server);
  return server;
}

const signal = new AbortController().signal;
const readWith = async (reader: DirectoryReader) => {
  using opened = await reader.open(signal);
  return await readAll(opened);
};
const testWith = async (reader: DirectoryReader) => {
  using opened = await reader.open(signal);
  return await opened.test();
};
const fails = (reason: string) => expect.objectContaining({ reason });
const demo = generateDirectory({ suffix, people: 1000, groups: 60, memberships: 4 });
const small = generateDirectory({ suffix, people: 30, groups: 10, memberships: 2 });

/** As a UserDirectory with the defaults has it, with an account that may use the server in any way. */
const optionsFor = (server: OpenLDAP, more: Partial<LdapReaderOptions> = {}): LdapReaderOptions => ({
  urls: [server.urls.ldaps],
  startTLS: false,
  caBundle: server.caBundle,
  credentials: credentialsFor(server),
  pageSize: 500,
  timeoutMs: 10_000,
  preset: 'OpenLDAP',
  users: { baseDN: `ou=People,${suffix}` },
  groups: { baseDN: `ou=Groups,${suffix}` },
  membership: 'Nested',
  ...more,
});

const credentialsFor = (server: OpenLDAP, more: { readonly username?: string; readonly password?: string } = {}) => ({
  username: server.username,
  password: server.password,
  hosts: parseAllowedHosts(`${server.urls.ldaps}\n${server.urls.ldap} allowPlaintext`),
  ...more,
});

const read = (server: OpenLDAP, more: Partial<LdapReaderOptions> = {}): Promise<DirectoryContents> =>
  readWith(ldapReader(optionsFor(server, more)));
const sorted = ({ people }: DirectoryContents) =>
  people.map((person) => JSON.stringify(person)).sort((a, b) => (a < b ? -1 : 1));

describe('the directory of the demo', async () => {
  const server = await start({ entries: demo.entries(password) });
  const contents = await read(server);
  const people = new Map(contents.people.map((person) => [person.label, person]));
  const groups = new Map(contents.groups.map((group) => [group.externalId, group]));
  const groupNamed = (dn: string) => contents.groups.find(({ label }) => label === dn);
  const [direct, nested] = [await read(server, { membership: 'Direct' }), contents];
  const membershipsOf = (found: DirectoryContents) => found.people.reduce((sum, { groups: of }) => sum + of.length, 0);
  const membersOf = (found: DirectoryContents, dn: string): PersonRecord[] => {
    const id = groupNamed(dn)?.externalId ?? 'none';
    return found.people.filter((person) => person.groups.includes(id));
  };

  test('is read whole', () => {
    expect(contents.people).toHaveLength(demo.made.people);
    expect(contents.groups).toHaveLength(demo.made.groups);
    expect(contents.rejected).toEqual([]);
    expect(contents.evidence).toEqual({
      complete: true,
      server: server.urls.ldaps,
      authority: suffix,
      boundAs: server.username,
      bases: [`ou=People,${suffix}`, `ou=Groups,${suffix}`],
      pages: 3,
      entries: 1060,
      doubts: [],
    });
  });

  test('every membership is found', () => {
    expect(membershipsOf(direct)).toBe(demo.made.memberships);
    expect(membershipsOf(nested)).toBeGreaterThan(demo.made.memberships);
    for (const person of contents.people) for (const id of person.groups) expect(groups.has(id)).toBe(true);
  });

  test('names beyond ASCII arrive', () => {
    const beyond = contents.people.filter(({ firstName, lastName }) => /[^ -~]/.test(`${firstName}${lastName}`));
    expect(beyond).toHaveLength(demo.made.withNamesBeyondAscii);
    expect(beyond.length).toBeGreaterThan(100);
  });

  test('people without mail have none', () => {
    expect(contents.people.filter(({ email }) => email === undefined).map(({ label }) => label)).toEqual(
      demo.made.withoutMail,
    );
    expect(demo.made.withoutMail).not.toEqual([]);
  });

  test('two people share an address in different case', () => {
    const [a, b] = demo.made.sharingAnAddress.map((dn) => people.get(dn)?.email);
    expect(a).toBeDefined();
    expect(a).not.toBe(b);
    expect(a?.toLowerCase()).toBe(b?.toLowerCase());
  });

  test('a person is in no group', () => {
    expect(demo.made.inNoGroup.map((dn) => people.get(dn)?.groups)).toEqual([[]]);
  });

  test('a DN with escaped commas is recognised where it is spelled differently', () => {
    const byRDN = contents.people.filter(({ label }) => label.startsWith('cn='));
    expect(byRDN).toHaveLength(demo.made.withEscapedDN.length);
    const names = byRDN[0]?.groups.map((id) => groups.get(id)?.name);
    expect(names).toContain('Chronicle');
    expect(names?.length).toBeGreaterThan(4);
  });

  test('an empty group is there, with nobody in it', () => {
    for (const dn of demo.made.emptyGroups) {
      expect(groupNamed(dn)).toBeDefined();
      expect(membersOf(contents, dn)).toEqual([]);
    }
  });

  test('members of a nested group are members, and not where only direct ones count', () => {
    const [dn = ''] = demo.made.nestedGroups;
    expect(membersOf(contents, dn).length).toBeGreaterThan(0);
    expect(membersOf(direct, dn)).toEqual([]);
  });

  test('a cycle of groups has the same members in each', () => {
    const [left, right] = demo.made.groupsInACycle.map((dn) => membersOf(contents, dn).map(({ label }) => label));
    expect(left).toHaveLength(2);
    expect(right).toEqual(left);
    expect(demo.made.groupsInACycle.map((dn) => membersOf(direct, dn).length)).toEqual([1, 1]);
  });

  test('a long description arrives', () => {
    expect(demo.made.withLongDescription.map((dn) => groupNamed(dn)?.description?.length)).toEqual([2000]);
  });

  test.each<[string, (options: OpenLDAP) => Partial<LdapReaderOptions>]>([
    ['over StartTLS', ({ urls }) => ({ urls: [urls.ldap], startTLS: true })],
    ['in the clear, where the Secret allows it', ({ urls }) => ({ urls: [urls.ldap] })],
    ['in pages of 1000', () => ({ pageSize: 1000 })],
    ['in pages of 7', () => ({ pageSize: 7 })],
    ['from the naming context', () => ({ users: {}, groups: {} })],
    ['from the base in the URL', ({ urls }) => ({ urls: [`${urls.ldaps}/${suffix}`], users: {}, groups: {} })],
  ])('gives the same %s', async (_, more) => {
    const again = await read(server, more(server));
    expect(again.evidence).toMatchObject({ complete: true, authority: suffix });
    expect(sorted(again)).toEqual(sorted(contents));
  });

  test('takes part of it by filter', async () => {
    const { people: found } = await read(server, { users: { filter: '(&(objectClass=inetOrgPerson)(!(mail=*)))' } });
    expect(found.map(({ label }) => label)).toEqual(demo.made.withoutMail);
    const { groups: one, people: all } = await read(server, { groups: { filter: '(cn=All Engineering)' } });
    expect(one.map(({ name }) => name)).toEqual(['All Engineering']);
    expect(all.filter((person) => person.groups.length > 0)).toHaveLength(
      membersOf(contents, demo.made.nestedGroups[0] ?? '').length,
    );
  });

  test('takes filters with escaped letters', async () => {
    const [family] = contents.people.flatMap(({ lastName = '' }) =>
      /^[ -~]*é[ -~]*$/.test(lastName) ? [lastName] : [],
    );
    const { people: found } = await read(server, { users: { filter: `(sn=${family?.replace('é', '\\c3\\a9')})` } });
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found.map(({ lastName }) => lastName))).toEqual(new Set([family]));
  });

  test('shows a change at the next read, and keeps the ids', async () => {
    await server.modify(demo.marriages(100, 1));
    const { people: after } = await read(server);
    const before = new Map(contents.people.map((person) => [person.externalId, person]));
    const changed = after.filter((person) => person.lastName !== before.get(person.externalId)?.lastName);
    expect(changed).toHaveLength(10);
  });

  test('the connection test says who is there', async () => {
    await expect(testWith(ldapReader(optionsFor(server)))).resolves.toEqual({
      server: server.urls.ldaps,
      boundAs: server.username,
      authority: suffix,
      people: demo.made.people,
      groups: demo.made.groups,
      sample: Array.from({ length: 5 }, () => expect.stringMatching(`,ou=People,${suffix}$`)),
    });
  });
});

describe('where people are', async () => {
  const server = await start({ entries: small.entries(password) });
  const { people } = await read(server);
  const person = people.find(({ email }) => email !== undefined) as PersonRecord;
  const rdn = person.label.slice(0, person.label.indexOf(','));
  const withoutMail = '(&(objectClass=inetOrgPerson)(!(mail=*)))';
  const open = (more: Partial<LdapReaderOptions> = {}) => ldapReader(optionsFor(server, more)).open(signal);
  const [unknown, groupId] = ['00000000-1111-4222-8333-444444444444', (await read(server)).groups[0]?.externalId ?? ''];

  test('who is missing is located', async () => {
    using opened = await open({ users: { baseDN: `ou=People,${suffix}`, filter: withoutMail } });
    const ids = [person.externalId, person.externalId.toUpperCase(), groupId, unknown, 'ada', ''];
    const found = await opened.locate(ids);
    expect([...found.entries()]).toEqual([
      [person.externalId, 'FilteredOut'],
      [person.externalId.toUpperCase(), 'FilteredOut'],
      [groupId, 'OutOfBase'],
      [unknown, 'Deleted'],
      ['ada', 'NotVisible'],
      ['', 'NotVisible'],
    ]);
  });

  test('who is there after all is proof of nothing', async () => {
    using opened = await open();
    expect([...(await opened.locate([person.externalId])).values()]).toEqual(['NotVisible']);
  });

  test('hundreds are located', async () => {
    using opened = await open();
    const unknowns = Array.from({ length: 250 }, (_, n) => `00000000-1111-4222-8333-${String(n).padStart(12, '0')}`);
    const found = await opened.locate([...unknowns, ...people.map(({ externalId }) => externalId)]);
    const count = (where: string) => [...found.values()].filter((whereabouts) => whereabouts === where).length;
    expect([count('Deleted'), count('NotVisible')]).toEqual([250, people.length]);
  });

  test('one person is found by address, id and DN, wherever they are', async () => {
    const { externalId, label, email = '' } = person;
    using all = await open();
    for (const text of [email.toUpperCase(), ` ${externalId} `, label.replace(',ou=', ' , OU=')]) {
      await expect(all.find(text)).resolves.toEqual({ externalId, label });
    }
    using narrow = await open({ users: { baseDN: `ou=People,${suffix}`, filter: withoutMail } });
    await expect(narrow.find(email)).resolves.toEqual({ externalId, label, whereabouts: 'FilteredOut' });
    using elsewhere = await open({ users: { baseDN: `ou=Groups,${suffix}` } });
    await expect(elsewhere.find(email)).resolves.toEqual({ externalId, label, whereabouts: 'OutOfBase' });
    for (const text of [
      'nobody@example.com',
      unknown,
      `${rdn},ou=Groups,${suffix}`,
      'uid=x,dc=elsewhere',
      'x=,',
      '*',
    ]) {
      await expect(all.find(text)).resolves.toBeUndefined();
    }
  });

  test.each<[string, readonly string[]]>([
    ['the root of the tree', [`to dn.base="${suffix}" by * none`]],
    ['ids at the root of the tree', [`to dn.base="${suffix}" attrs=entryUUID by * none`]],
    ['ids anywhere by searching', [`to attrs=entryUUID by * =rd`]],
    ['the attributes of the filter', [`to dn.subtree="ou=People,${suffix}" attrs=mail by * none`]],
  ])('an account that may not see %s proves nobody missing', async (_, access) => {
    const limited = await start({
      entries: small.entries(password),
      access: ['to attrs=userPassword by * auth', ...access, 'to * by * read'],
    });
    const users = { baseDN: `ou=People,${suffix}`, filter: withoutMail };
    using opened = await ldapReader(optionsFor(limited, { users })).open(signal);
    const ids = access.some((rule) => rule.includes('mail'))
      ? (await read(limited)).people.map(({ externalId }) => externalId)
      : [unknown];
    expect(new Set((await opened.locate(ids)).values())).toEqual(new Set(['NotVisible']));
  });
});

test('the set-up that docs/directories.md describes is enough, on an OpenLDAP as Debian installs it', async () => {
  const page = await readFile(new URL('../../docs/directories.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('### The account on OpenLDAP'), page.indexOf('### The account on 389'));
  const [account = '', rights = ''] = [...section.matchAll(/```ldif\n(.*?)```/gs)].map(([, ldif]) => ldif ?? '');
  const server = await start({
    entries: [...demo.entries(password)].filter(({ dn }) => !dn.includes('ou=Services')),
    sizeLimit: 500,
    access: ['to attrs=userPassword by self write by anonymous auth by * none', 'to * by * read'],
  });
  await server.apply(account, 'administrator');
  await server.apply(rights, 'root');
  const { people, groups, evidence } = await read(server);
  expect([people.length, groups.length]).toEqual([1000, 60]);
  expect(evidence).toMatchObject({ complete: true, boundAs: server.username });
  // It reads nothing else.
  await expect(read(server, { users: { baseDN: 'ou=Services,dc=example,dc=com' } })).rejects.toThrow(
    fails('BaseNotFound'),
  );

  // It proves who is gone.
  const unknown = '00000000-1111-4222-8333-444444444444';
  using opened = await ldapReader(optionsFor(server)).open(signal);
  await expect(opened.locate([unknown])).resolves.toEqual(new Map([[unknown, 'Deleted']]));
});

describe('bad input', async () => {
  const server = await start({ entries: small.entries(password) });
  const otherName = await start({ entries: small.entries(password), certificateFor: ['ldap.example.com'] });
  const expired = await start({ entries: small.entries(password), certificateExpired: true });
  const { ldap, ldaps } = server.urls;
  const nobodyListens = 'ldaps://127.0.0.1:1';
  const allowed = (url: string) => ({ ...credentialsFor(server), hosts: parseAllowedHosts(`${url} allowPlaintext`) });

  test.each<[string, string, Partial<LdapReaderOptions>, OpenLDAP?]>([
    [
      'a wrong host',
      'ServerUnreachable',
      { urls: ['ldaps://ldap.invalid'], credentials: allowed('ldaps://ldap.invalid') },
    ],
    [
      'a port where nobody listens',
      'ServerUnreachable',
      { urls: [nobodyListens], credentials: allowed(nobodyListens) },
    ],
    [
      'ldaps:// to the port without TLS',
      'TLSFailed',
      { urls: [ldap.replace('ldap:', 'ldaps:')], credentials: allowed(ldap.replace('ldap:', 'ldaps:')) },
    ],
    [
      'ldap:// to the port with TLS',
      'ProtocolError',
      { urls: [ldaps.replace('ldaps:', 'ldap:')], credentials: allowed(ldaps.replace('ldaps:', 'ldap:')) },
    ],
    ['a certificate of an authority of their own', 'CertificateNotTrusted', { caBundle: undefined }],
    ['a certificate of another authority', 'CertificateNotTrusted', { caBundle: otherName.caBundle }],
    ['the same over StartTLS', 'CertificateNotTrusted', { caBundle: otherName.caBundle, urls: [ldap], startTLS: true }],
    ['a certificate that has expired', 'CertificateNotTrusted', {}, expired],
    ['a certificate for another host', 'HostNameMismatch', {}, otherName],
    ['the same over StartTLS', 'HostNameMismatch', { urls: [otherName.urls.ldap], startTLS: true }, otherName],
    ['a wrong password', 'InvalidCredentials', { credentials: credentialsFor(server, { password: 'wrong' }) }],
    [
      'an unknown account',
      'InvalidCredentials',
      { credentials: credentialsFor(server, { username: `cn=x,${suffix}` }) },
    ],
    ['an account that is no DN', 'InvalidCredentials', { credentials: credentialsFor(server, { username: 'roster' }) }],
    ['an empty password', 'SecretIncomplete', { credentials: credentialsFor(server, { password: '' }) }],
    ['a base DN of people that does not exist', 'BaseNotFound', { users: { baseDN: `ou=Nowhere,${suffix}` } }],
    ['a base DN of groups that does not exist', 'BaseNotFound', { groups: { baseDN: `ou=Nowhere,${suffix}` } }],
    ['a base DN of another organization', 'BaseNotFound', { users: { baseDN: 'dc=other,dc=org' } }],
    ['a base DN that the account may not read', 'BaseNotFound', { users: { baseDN: `ou=Services,${suffix}` } }],
    ['a base DN that is none', 'InvalidBaseDN', { users: { baseDN: 'People' } }],
    ['a filter with a parenthesis missing', 'InvalidFilter', { users: { filter: '(&(objectClass=person)(mail=*)' } }],
    ['the same of groups', 'InvalidFilter', { groups: { filter: '(cn=*' } }],
    ['no account where the server wants one', 'BaseNotFound', { credentials: undefined }],
    ['a Secret that lists another host', 'HostNotAllowed', { credentials: allowed('ldaps://ldap.example.com') }],
    ['a Secret that lists another port', 'HostNotAllowed', { credentials: allowed('ldaps://127.0.0.1:636') }],
    [
      'a password in the clear that the Secret does not allow',
      'PlaintextNotAllowed',
      { urls: [ldap], credentials: { ...credentialsFor(server), hosts: parseAllowedHosts(ldap) } },
    ],
  ])('%s: %s', async (_, reason, more, target = server) => {
    await expect(testWith(ldapReader(optionsFor(target, more)))).rejects.toThrow(fails(reason));
    await expect(read(target, more)).rejects.toThrow(fails(reason));
    await expect(read(target, more)).rejects.toThrow(expect.not.stringContaining(password));
  });

  test('an empty answer is told as it is: who was there before is for the plan to know', async () => {
    const { people, evidence } = await read(server, { users: { filter: '(mail=nobody@example.com)' } });
    expect(people).toEqual([]);
    expect(evidence.complete).toBe(true);
  });

  test('a size limit of 500, as OpenLDAP has unless told otherwise, whatever the page', async () => {
    const limited = await start({ entries: demo.entries(password), sizeLimit: 500 });
    for (const pageSize of [100, 500, 1000]) {
      await expect(read(limited, { pageSize })).rejects.toThrow(fails('SizeLimitExceeded'));
    }
    await expect(testWith(ldapReader(optionsFor(limited)))).rejects.toThrow(fails('SizeLimitExceeded'));
  });

  test('a server that dies in the middle', async () => {
    const mortal = await start({ entries: demo.entries(password) });
    using opened = await ldapReader(optionsFor(mortal, { pageSize: 10 })).open(signal);
    const records = opened.read();
    await records.next();
    await mortal.kill();
    const rest = async () => {
      while (!(await records.next()).done);
    };
    await expect(rest()).rejects.toThrow(fails('ConnectionLost'));
  });

  test.each([
    ['entryUUID', 'IdentityMissing'],
    ['member', undefined],
  ])('an account that may not read %s', async (hidden, reason) => {
    const limited = await start({ entries: small.entries(password), hidden: [hidden] });
    if (reason !== undefined) await expect(read(limited)).rejects.toThrow(fails(reason));
    else {
      const { evidence } = await read(limited);
      expect(evidence).toMatchObject({ complete: false, doubts: [expect.stringContaining('shows no members of')] });
    }
  });

  test('a part of the tree that is on another server', async () => {
    const referral: Entry = {
      dn: `ou=Elsewhere,ou=People,${suffix}`,
      attributes: {
        objectClass: ['referral', 'extensibleObject'],
        ou: ['Elsewhere'],
        ref: ['ldap://elsewhere.example.com/ou=People,dc=example,dc=com'],
      },
    };
    const partial = await start({ entries: [...small.entries(password), referral], anonymousRead: true });
    const { evidence } = await read(partial);
    expect(evidence).toMatchObject({
      complete: false,
      doubts: [expect.stringContaining('ldap://elsewhere.example.com')],
    });
    await expect(read(partial, { users: { baseDN: referral.dn } })).rejects.toThrow(fails('BaseNotFound'));
  });

  test('no account where the server lets everybody read', async () => {
    const open = await start({ entries: small.entries(password), anonymousRead: true });
    const { people, evidence } = await read(open, { credentials: undefined });
    expect(people).toHaveLength(30);
    expect(evidence).toMatchObject({ complete: true, boundAs: 'anonymous' });
  });
});
