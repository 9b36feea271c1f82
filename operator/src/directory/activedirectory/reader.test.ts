import { afterEach, describe, expect, test } from 'vitest';
import { bindResponse, type Reply, searchDone, searchEntry, searchReference } from '../../../test/ldapwire.ts';
import {
  type Action,
  type Behaviour,
  directory,
  type Request,
  type ScriptedServer,
  startScriptedServer,
} from '../../../test/scriptedldap.ts';
import { parseAllowedHosts } from '../../credentials.ts';
import { extendedNamesControl } from '../ldap/search.ts';
import { type OpenDirectory, readAll } from '../reader.ts';
import type { DirectoryContents } from '../record.ts';
import { guidBytes } from './guid.ts';
import { type ActiveDirectoryOptions, activeDirectoryReader } from './reader.ts';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

const signal = new AbortController().signal;
const fails = (reason: string) => expect.objectContaining({ reason });
const done = searchDone({ cookie: '' });

const parent = 'DC=ad,DC=example';
const child = `DC=child,${parent}`;
const pagedResults = '1.2.840.113556.1.4.319';

type Search = Extract<Request, { kind: 'Search' }>;

/** A controller of a domain of the forest, which answers these entries for people and groups. */
async function startController(
  domain: string,
  {
    people = [],
    groups = [],
    ...behaviour
  }: Behaviour & { people?: readonly Action[]; groups?: readonly Action[] } = {},
): Promise<ScriptedServer> {
  const server = await startScriptedServer(
    directory({
      whoAmI: 'u:EXAMPLEAD\\roster',
      ...behaviour,
      rootDSE: {
        namingContexts: [domain, `CN=Configuration,${parent}`],
        defaultNamingContext: domain,
        rootDomainNamingContext: parent,
        configurationNamingContext: `CN=Configuration,${parent}`,
        supportedControl: [pagedResults, extendedNamesControl],
        isSynchronized: 'TRUE',
        ...behaviour.rootDSE,
      },
      search(request) {
        const answer = behaviour.search?.(request);
        if (answer !== undefined) return answer;
        if (request.base.startsWith('CN=Partitions')) {
          return [crossRef(parent, 'EXAMPLEAD'), crossRef(child, 'CHILD'), crossRef('DC=sister', 'SISTER'), done];
        }
        return [...(request.attributes.includes('userAccountControl') ? people : groups), done];
      },
    }),
  );
  servers.push(server);
  return server;
}

const crossRef = (domain: string, nETBIOSName: string): Reply =>
  searchEntry(`CN=${nETBIOSName},CN=Partitions,CN=Configuration,${parent}`, { nCName: domain, nETBIOSName });

const id = (number: number) => `00000000-1111-4222-8333-${String(number).padStart(12, '0')}`;
const named = (number: number, dn: string) => `<GUID=${id(number)}>;<SID=S-1-5-21-1-2-3-${number}>;${dn}`;
const guid = (number: number) => guidBytes(id(number)) as Buffer;

const person = (number: number, domain: string, more: Parameters<typeof searchEntry>[1] = {}): Reply =>
  searchEntry(named(number, `CN=p${number},${domain}`), {
    objectGUID: guid(number),
    sAMAccountName: `p${number}`,
    userAccountControl: '512',
    ...more,
  });
const group = (number: number, domain: string, more: Parameters<typeof searchEntry>[1]): Reply =>
  searchEntry(named(number, `CN=g${number},${domain}`), { objectGUID: guid(number), cn: `g${number}`, ...more });

type Options = Partial<ActiveDirectoryOptions>;
const open = (server: ScriptedServer, more: Options = {}): Promise<OpenDirectory> =>
  activeDirectoryReader({
    urls: [server.url],
    startTLS: false,
    pageSize: 500,
    timeoutMs: 5000,
    includeServiceAccounts: false,
    membership: 'Nested',
    ...more,
  }).open(signal);
const read = async (server: ScriptedServer, more: Options = {}): Promise<DirectoryContents> => {
  using opened = await open(server, more);
  return await readAll(opened);
};
const account = (...servers: readonly ScriptedServer[]) => ({
  credentials: {
    username: 'EXAMPLEAD\\roster',
    password: 'hunter2',
    hosts: parseAllowedHosts(servers.map(({ url }) => `${url} allowPlaintext`).join('\n')),
  },
});

describe('several domains of a forest', () => {
  const two = async (behaviour: Parameters<typeof startController>[1] = {}) => {
    const first = await startController(parent, {
      people: [person(1, parent)],
      // Of people of both domains, and of a group of the other one.
      groups: [group(10, parent, { member: [named(2, `CN=p2,${child}`), named(11, `CN=g11,${child}`)] })],
    });
    const second = await startController(child, {
      people: [person(2, child), person(3, child)],
      groups: [group(11, child, { member: [named(1, `CN=p1,${parent}`), named(3, `CN=p3,${child}`)] })],
      ...behaviour,
    });
    return { first, second, options: { additionalDomains: [{ urls: [second.url] }], ...account(first, second) } };
  };

  test('are read as one, with memberships across them', async () => {
    const { first, second, options } = await two();
    const { people, groups, evidence } = await read(first, options);
    expect(
      people.map(({ externalId, domainAccount, groups: of }) => [externalId, domainAccount, of.toSorted()]),
    ).toEqual([
      [id(1), 'EXAMPLEAD\\p1', [id(10), id(11)]],
      [id(2), 'CHILD\\p2', [id(10)]],
      [id(3), 'CHILD\\p3', [id(10), id(11)]],
    ]);
    expect(groups.map(({ name }) => name)).toEqual(['g10', 'g11']);
    expect(evidence).toEqual({
      complete: true,
      server: `${first.url}, ${second.url}`,
      authority: parent.toLowerCase(),
      boundAs: 'EXAMPLEAD\\roster',
      bases: [parent, child],
      pages: 4,
      entries: 5,
      doubts: [],
    });
  });

  test('one alone is whole, and says whom it does not follow', async () => {
    const { first } = await two();
    const { people, evidence } = await read(first);
    expect(people.map(({ externalId }) => externalId)).toEqual([id(1)]);
    expect(evidence.complete).toBe(true);
    expect(evidence.remarks).toEqual([
      `2 members of groups belong to domains that are not read, first CN=p2,${child}; they are not followed.`,
    ]);
  });

  test.each<[string, Behaviour, string]>([
    ['does not answer any more', { search: () => ['hang up'] }, 'ConnectionLost'],
    ['refuses the account', { bind: () => [bindResponse({ code: 49 })] }, 'InvalidCredentials'],
    ['has not everything yet', { rootDSE: { isSynchronized: 'FALSE' } }, 'ServerBusy'],
    ['is of another forest', { rootDSE: { rootDomainNamingContext: 'DC=other' } }, 'DomainsDoNotFit'],
    ['is the same domain', { rootDSE: { defaultNamingContext: 'dc=AD, dc=Example' } }, 'DomainsDoNotFit'],
    ['is no domain', { rootDSE: { defaultNamingContext: [] } }, 'NotActiveDirectory'],
    ['knows no forest', { rootDSE: { rootDomainNamingContext: [] } }, 'NotActiveDirectory'],
  ])('nothing is read when one %s', async (_, behaviour, reason) => {
    const { first, options } = await two(behaviour);
    await expect(read(first, options)).rejects.toThrow(fails(reason));
  });

  test('a doubt about one is a doubt about all', async () => {
    const { first, options } = await two({ people: [person(2, child, { userAccountControl: [] })] });
    const { evidence } = await read(first, options);
    expect(evidence).toMatchObject({
      complete: false,
      doubts: [
        `The server does not show whether 1 accounts are disabled, first of CN=p2,${child}: let the account read userAccountControl.`,
      ],
    });
  });

  test('who is missing is looked for in each', async () => {
    const find = (numbers: readonly number[], domain: string): Behaviour => ({
      search({ base, attributes }: Search) {
        if (base.startsWith('CN=Partitions') || attributes.length > 1) return undefined;
        const root = searchEntry(named(100 + domain.length, domain), { objectGUID: guid(100 + domain.length) });
        return [root, ...numbers.map((number) => person(number, `OU=Former,${domain}`)), done];
      },
    });
    const first = await startController(parent, find([7], parent));
    const second = await startController(child, find([8], child));
    const third = await startController('DC=sister', {
      search: ({ base }) => (base === 'DC=sister' ? [searchDone({ code: 32 })] : undefined),
    });
    const staff = (domain: string) => ({ baseDNs: [`OU=Staff,${domain}`] });
    using both = await open(first, { ...staff(parent), additionalDomains: [{ urls: [second.url], ...staff(child) }] });
    expect([...(await both.locate([id(7), id(8), id(9)])).values()]).toEqual(['OutOfBase', 'OutOfBase', 'Deleted']);
    using all = await open(first, {
      ...staff(parent),
      additionalDomains: [{ urls: [third.url], ...staff('DC=sister') }],
    });
    // Whom one domain does not have may be in the one that cannot be seen.
    expect([...(await all.locate([id(7), id(9)])).values()]).toEqual(['OutOfBase', 'NotVisible']);
  });
});

describe('a group of 5,000 members', () => {
  const members = Array.from({ length: 5000 }, (_, index) => named(index, `CN=p${index},${parent}`));
  /** As a domain controller gives it: 1,500 at a time. */
  const ranges = (change: (from: number) => readonly Action[] | undefined = () => undefined): Behaviour => ({
    search({ base, scope, attributes }) {
      if (scope !== 'base') return undefined;
      const from = Number(/^member;range=(\d+)-\*$/.exec(attributes[0] ?? '')?.[1]);
      expect(base).toBe(`<GUID=${id(6000)}>`);
      return change(from) ?? [range(from), searchDone()];
    },
  });
  const range = (from: number): Reply => {
    const part = members.slice(from, from + 1500);
    const end = from + part.length >= members.length ? '*' : `${from + part.length - 1}`;
    return searchEntry(named(6000, `CN=g6000,${parent}`), { [`member;range=${from}-${end}`]: part });
  };
  const first = group(6000, parent, { member: [], 'member;range=0-1499': members.slice(0, 1500) });
  const people = members.map((_, number) => person(number, parent));

  test('is read range by range', async () => {
    const server = await startController(parent, { ...ranges(), people, groups: [first] });
    const contents = await read(server);
    expect(contents.people.filter(({ groups }) => groups.includes(id(6000)))).toHaveLength(5000);
    expect(contents.evidence).toMatchObject({ complete: true, doubts: [] });
    const asked = server.requests.flatMap((request) => ('attributes' in request ? request.attributes : []));
    expect(asked.filter((name) => name.includes('range'))).toEqual(
      [1500, 3000, 4500].map((from) => `member;range=${from}-*`),
    );
  });

  test.each<[string, readonly Action[], string]>([
    ['is not given', [searchEntry(named(6000, 'CN=g6000'), {}), searchDone()], 'incomplete'],
    ['belongs to a group that is gone', [searchDone({ code: 32 })], 'incomplete'],
    ['is another one', [range(1500), searchDone()], 'incomplete'],
    ['is refused', [searchDone({ code: 80 })], 'ProtocolError'],
    ['is too much', [searchDone({ code: 51 })], 'ServerBusy'],
    ['is cut off', [range(3000), 'hang up'], 'ConnectionLost'],
  ])('a range that %s is missed', async (_, answer, ending) => {
    const change = (from: number) => (from === 3000 ? answer : undefined);
    const reading = read(await startController(parent, { ...ranges(change), people, groups: [first] }));
    if (ending !== 'incomplete') await expect(reading).rejects.toThrow(fails(ending));
    else {
      const { evidence } = await reading;
      expect(evidence.complete).toBe(false);
      expect(evidence.doubts).toEqual([
        `The server lists only some of the members of 1 groups, first of CN=g6000,${parent}.`,
      ]);
    }
  });
});

describe('what the account is told', () => {
  const said = (data: string) =>
    `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v4563`;

  test.each([
    ['52e', 'InvalidCredentials'],
    ['525', 'InvalidCredentials'],
    ['530', 'LogonRestricted'],
    ['531', 'LogonRestricted'],
    ['532', 'PasswordExpired'],
    ['533', 'AccountDisabled'],
    ['701', 'AccountExpired'],
    ['773', 'PasswordMustChange'],
    ['775', 'AccountLocked'],
    ['1234', 'InvalidCredentials'],
  ])('%s is %s, tried once, on one server', async (data, reason) => {
    const bind = () => [bindResponse({ code: 49, diagnostic: said(data) })];
    const [first, second] = [await startController(parent, { bind }), await startController(parent, { bind })];
    const attempt = read(first, { urls: [first.url, second.url], ...account(first, second) });
    await expect(attempt).rejects.toThrow(fails(reason));
    await expect(attempt).rejects.toThrow('refuses the account EXAMPLEAD\\roster');
    await expect(attempt).rejects.toThrow(expect.not.stringContaining('hunter2'));
    expect([first.connections, second.connections]).toEqual([1, 0]);
  });

  test('a code in the answer to something else is none', async () => {
    const server = await startController(parent, { bind: () => [bindResponse({ code: 8, diagnostic: said('533') })] });
    await expect(read(server, account(server))).rejects.toThrow(fails('StrongerAuthRequired'));
  });
});

describe('a controller', () => {
  test('is asked for people by the type of their account, and for the state of it', async () => {
    const server = await startController(parent);
    await read(server, { attributes: { email: ['mail', 'proxyAddresses'] } });
    const searches = server.requests.filter((request): request is Search => request.kind === 'Search');
    expect(searches.map(({ base, attributes }) => [base, attributes]).slice(2)).toEqual([
      [parent, ['objectGUID', 'cn', 'description', 'member', 'objectSid']],
      [
        parent,
        [
          ...['objectGUID', 'givenName', 'sn', 'mail', 'proxyAddresses', 'sAMAccountName', 'preferredLanguage'],
          ...['userAccountControl', 'accountExpires', 'primaryGroupID', 'objectSid'],
        ],
      ],
    ]);
  });

  test('that refers to others for parts of the forest gives what it has', async () => {
    const reference = searchReference('ldap://child.ad.example/DC=child,DC=ad,DC=example');
    const server = await startController(parent, { people: [person(1, parent), reference], groups: [reference] });
    const { evidence } = await read(server);
    expect(evidence).toMatchObject({
      complete: true,
      doubts: [],
      remarks: [
        'The server refers to another part of the forest, ldap://child.ad.example/DC=child,DC=ad,DC=example; it is not read.',
      ],
    });
  });

  test.each<[string, Action[]]>([
    ['are empty', [done]],
    ['are hidden', [searchDone({ code: 32 })]],
  ])('whose partitions %s: the DNS name takes the place of the NetBIOS name, and that is said', async (_, answer) => {
    const server = await startController(parent, {
      people: [person(1, parent)],
      search: ({ base }) => (base.startsWith('CN=Partitions') ? answer : undefined),
    });
    const { people, evidence } = await read(server);
    expect(people.map(({ domainAccount }) => domainAccount)).toEqual(['ad.example\\p1']);
    expect(evidence).toMatchObject({
      complete: true,
      remarks: [expect.stringContaining('The NetBIOS name of DC=ad,DC=example cannot be read')],
    });
  });

  test.each([
    [51, 'ServerBusy'],
    [53, 'InsufficientAccess'],
  ])('whose partitions are refused with %s is not read', async (code, reason) => {
    const server = await startController(parent, {
      search: ({ base }) => (base.startsWith('CN=Partitions') ? [searchDone({ code })] : undefined),
    });
    await expect(read(server, account(server))).rejects.toThrow(fails(reason));
  });

  test('another attribute for the account gets its domain, too, unless it names one', async () => {
    const server = await startController(parent, {
      people: [person(1, parent, { old: 'one' }), person(2, parent, { old: 'OLD\\two' })],
    });
    const { people } = await read(server, { attributes: { domainAccount: ['old', 'sAMAccountName'] } });
    expect(people.map(({ domainAccount }) => domainAccount)).toEqual(['EXAMPLEAD\\one', 'OLD\\two']);
  });

  test('without the control for GUIDs is read by DNs', async () => {
    const server = await startController(parent, {
      rootDSE: { supportedControl: pagedResults },
      people: [searchEntry(`CN=p1,${parent}`, { objectGUID: guid(1), userAccountControl: '512' })],
      groups: [searchEntry(`CN=g2,${parent}`, { objectGUID: guid(2), cn: 'g2', member: `cn=P1, ${parent}` })],
    });
    const { people } = await read(server);
    expect(people.map(({ groups }) => groups)).toEqual([[id(2)]]);
  });

  test.each<[string, Options, string]>([
    ['InvalidBaseDN', { baseDNs: ['Staff'] }, 'Staff of baseDNs is'],
    [
      'InvalidBaseDN',
      { additionalDomains: [{ urls: ['ldap://dc2.example'], baseDNs: ['Staff'] }] },
      'Staff of additionalDomains.baseDNs is',
    ],
    ['InvalidFilter', { userFilter: '(cn=' }, 'The filter (cn= of userFilter is'],
    ['InvalidFilter', { groupFilter: 'cn=x' }, 'The filter cn=x of groupFilter is'],
    ['GlobalCatalogRefused', { urls: ['ldaps://dc.example:3269'] }, 'ldaps://dc.example:3269'],
    ['GlobalCatalogRefused', { urls: ['LDAP://dc.example:3268/DC=x'] }, '3268'],
  ])('is not asked with settings that are wrong: %s %j', async (reason, more, sentence) => {
    const server = await startController(parent);
    const reading = read(server, more);
    await expect(reading).rejects.toThrow(fails(reason));
    await expect(reading).rejects.toThrow(sentence);
    expect(server.connections).toBe(0);
  });

  test('leaves no connection behind when another domain fails', async () => {
    const first = await startController(parent);
    const second = await startController(child, { rootDSE: { defaultNamingContext: [] } });
    await expect(read(first, { additionalDomains: [{ urls: [second.url] }] })).rejects.toThrow();
    await expect.poll(() => first.open + second.open).toBe(0);
  });
});
