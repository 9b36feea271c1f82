import { readFile } from 'node:fs/promises';
import { Client } from 'ldapts';
import { afterAll, describe, expect, test } from 'vitest';
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
/** The server gives ids of its own, and has another schema for them. */
const entriesOf = (directory: typeof demo): Entry[] =>
  Array.from(directory.entries(password))
    .filter(({ dn }) => dn !== serviceAccount)
    .map(({ dn, attributes: { entryUUID: _, ...attributes } }) => ({ dn, attributes }));

describe('the directory of the demo, with the set-up that docs/directories.md describes', async () => {
  const server = await startDirectoryServer389({ entries: entriesOf(demo) });
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
});
