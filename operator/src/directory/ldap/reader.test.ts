import { afterEach, describe, expect, test } from 'vitest';
import { bindResponse, extendedResponse, searchDone, searchEntry, searchReference } from '../../../test/ldapwire.ts';
import {
  type Action,
  type Behaviour,
  directory,
  type Request,
  type Script,
  type ScriptedServer,
  startScriptedServer,
} from '../../../test/scriptedldap.ts';
import { parseAllowedHosts } from '../../credentials.ts';
import { type DirectoryReader, readAll } from '../reader.ts';
import { type LdapReaderOptions, ldapReader } from './reader.ts';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function start(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
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

const optionsFor = (urls: readonly string[], more: Partial<LdapReaderOptions> = {}): LdapReaderOptions => ({
  urls,
  startTLS: false,
  pageSize: 2,
  timeoutMs: 5000,
  preset: 'OpenLDAP',
  users: { baseDN: 'ou=people,dc=example' },
  groups: { baseDN: 'ou=groups,dc=example' },
  membership: 'Nested',
  ...more,
});

const account = (server: ScriptedServer, username = 'cn=roster,dc=example') => ({
  credentials: { username, password: 'hunter2', hosts: parseAllowedHosts(`${server.url} allowPlaintext`) },
});

const readerOf = (server: ScriptedServer, more: Partial<LdapReaderOptions> = {}) =>
  ldapReader(optionsFor([server.url], more));
const readFrom = async (script: Script, more: Partial<LdapReaderOptions> = {}) =>
  readWith(readerOf(await start(script), more));

type Search = Extract<Request, { kind: 'Search' }>;

const person = (name: string, more: Parameters<typeof searchEntry>[1] = {}) =>
  searchEntry(`uid=${name},ou=people,dc=example`, { entryUUID: `id-${name}`, uid: name, sn: name, ...more });

/** Gives these pages of people, and no groups. */
const pagesOfPeople = (
  pages: readonly (readonly Action[])[],
  last: Action = searchDone({ cookie: '' }),
): Behaviour => ({
  search({ base, page }: Search) {
    if (!base.startsWith('ou=people')) return [searchDone({ cookie: '' })];
    const index = Number(page?.cookie || 0);
    const more = index + 1 < pages.length;
    return [...(pages[index] ?? []), more ? searchDone({ cookie: `${index + 1}` }) : last];
  },
});

describe('paging', () => {
  test('reads every page, also behind an empty one', async () => {
    const script = directory(pagesOfPeople([[person('a'), person('b')], [], [person('c')]]));
    const { people, evidence } = await readFrom(script);
    expect(people.map(({ externalId }) => externalId)).toEqual(['id-a', 'id-b', 'id-c']);
    expect(evidence).toMatchObject({ complete: true, pages: 4, entries: 3, doubts: [] });
  });

  test('doubts a server that does not say whether there is more', async () => {
    const { evidence } = await readFrom(directory(pagesOfPeople([[person('a')]], searchDone())));
    expect(evidence).toMatchObject({
      complete: false,
      doubts: ['The server does not say whether there is more below ou=people,dc=example.'],
    });
  });

  test('does without where the server does not know it', async () => {
    const server = await start(
      directory({
        rootDSE: { supportedControl: [] },
        search: ({ base }) =>
          base.startsWith('ou=people') ? [person('a'), person('b'), searchDone()] : [searchDone()],
      }),
    );
    const { people, evidence } = await readWith(readerOf(server));
    expect(people).toHaveLength(2);
    expect(evidence.complete).toBe(true);
    expect(server.requests.filter((request) => 'page' in request)).toEqual([]);
  });

  test('asks for smaller pages when the first one exceeds the limit of the server, as 389 Directory Server has it', async () => {
    const limited = (limit: number): Behaviour => ({
      search({ base, page }) {
        if ((page?.size ?? 0) > limit) return [person('never'), searchDone({ code: 4, cookie: '' })];
        return base.startsWith('ou=people') ? [person('a'), searchDone({ cookie: '' })] : [searchDone({ cookie: '' })];
      },
    });
    const server = await start(directory(limited(125)));
    const { people, evidence } = await readWith(readerOf(server, { pageSize: 500 }));
    expect(people.map(({ externalId }) => externalId)).toEqual(['id-a']);
    expect(evidence).toMatchObject({ complete: true, pages: 2, entries: 1 });
    expect(server.requests.flatMap((request) => ('page' in request ? [request.page?.size] : []))).toEqual([
      ...[500, 250, 125, 500, 250, 125],
    ]);
    await expect(readFrom(directory(limited(10)), { pageSize: 500 })).rejects.toThrow(fails('SizeLimitExceeded'));
  });

  test('fails at a limit in the middle, as OpenLDAP has it', async () => {
    const script = directory(pagesOfPeople([[person('a')], [person('b')]], searchDone({ code: 4, cookie: '' })));
    await expect(readFrom(script)).rejects.toThrow(fails('SizeLimitExceeded'));
  });

  test('asks for the attributes that are needed, without limits of its own', async () => {
    const server = await start(directory());
    await readWith(readerOf(server, { attributes: { email: ['proxy', 'mail'], language: undefined } }));
    const [, groups, people] = server.requests as Search[];
    expect(people?.attributes).toEqual(['entryUUID', 'givenName', 'sn', 'proxy', 'mail', 'preferredLanguage', 'uid']);
    expect(groups?.attributes).toEqual([
      ...['entryUUID', 'cn', 'description', 'objectClass', 'member', 'uniqueMember', 'memberUid'],
    ]);
    expect([people?.sizeLimit, people?.timeLimit, people?.scope]).toEqual([0, 0, 'sub']);
  });
});

describe('evidence', () => {
  test('says what was read, and from whom', async () => {
    const server = await start(directory(pagesOfPeople([[person('a')]])));
    const { evidence } = await readWith(readerOf(server, account(server)));
    expect(evidence).toEqual({
      complete: true,
      server: server.url,
      authority: 'dc=example',
      boundAs: 'cn=roster,dc=example',
      bases: ['ou=people,dc=example', 'ou=groups,dc=example'],
      pages: 2,
      entries: 1,
      doubts: [],
    });
  });

  test('doubts a tree of which parts are elsewhere', async () => {
    const { evidence } = await readFrom(
      directory(pagesOfPeople([[person('a'), searchReference('ldap://b/ou=x', 'ldap://c/ou=x')], [person('c')]])),
    );
    expect(evidence).toMatchObject({
      complete: false,
      doubts: ['The server refers to other servers for 2 parts of the tree, first to ldap://b/ou=x.'],
    });
  });

  test('has one base where there are no groups', async () => {
    const server = await start(directory());
    const { evidence } = await readWith(readerOf(server, { membership: 'None' }));
    expect(evidence.bases).toEqual(['ou=people,dc=example']);
    expect(server.requests.filter((request) => 'base' in request && request.base.startsWith('ou=groups'))).toEqual([]);
  });

  test('an empty answer is given as it is', async () => {
    const { people, evidence } = await readFrom(directory());
    expect(people).toEqual([]);
    expect(evidence).toMatchObject({ complete: true, entries: 0 });
  });
});

describe('groups', () => {
  const group = (name: string, ...member: string[]) =>
    searchEntry(`cn=${name},ou=groups,dc=example`, { entryUUID: `id-${name}`, cn: name, member });
  const inner = 'cn=inner,ou=groups,dc=example';
  const ada = 'uid=ada,ou=people,dc=example';

  /** A directory whose filter leaves out the group `inner`, which is listed, and `other`, which is not. */
  const filtered: Behaviour = {
    search({ base, scope, attributes }) {
      const done = searchDone({ cookie: '' });
      if (base.startsWith('ou=people')) return [person('ada'), done];
      if (scope === 'base') return base === inner ? [group('inner', ada), done] : [searchDone({ code: 32 })];
      const all = ['top', 'inner', 'other'].map((name) => searchEntry(`cn=${name},ou=groups,dc=example`, {}));
      return attributes.includes('1.1') ? [...all, done] : [group('top', inner), done];
    },
  };

  test('that the filter leaves out pass their people on', async () => {
    const server = await start(directory(filtered));
    const { people, groups } = await readWith(readerOf(server, { groups: { filter: '(cn=top)' } }));
    expect(groups.map(({ name }) => name)).toEqual(['top']);
    expect(people.map((record) => record.groups)).toEqual([['id-top']]);
    const bases = server.requests.flatMap((request) =>
      'base' in request && request.scope === 'base' ? [request.base] : [],
    );
    expect(bases).toEqual(['', inner]);
  });

  test('are only what the filter says where nesting does not count', async () => {
    const { people } = await readFrom(directory(filtered), { groups: { filter: '(cn=top)' }, membership: 'Direct' });
    expect(people.map((record) => record.groups)).toEqual([[]]);
  });

  test('that cannot be used are rejected, and the rest goes on', async () => {
    const { groups, rejected, people } = await readFrom(
      directory({
        search({ base }) {
          const done = searchDone({ cookie: '' });
          if (base.startsWith('ou=people')) return [person('ada'), person('bob', { sn: Buffer.from([0xff]) }), done];
          return [group('a', ada), searchEntry('cn=b,ou=groups,dc=example', { entryUUID: 'id-b', member: ada }), done];
        },
      }),
    );
    expect(groups.map(({ name }) => name)).toEqual(['a']);
    expect(people.map((record) => [record.externalId, record.groups])).toEqual([['id-ada', ['id-a']]]);
    expect(rejected.map(({ of, reason, externalId }) => [of, reason, externalId])).toEqual([
      ['Group', 'GroupWithoutName', 'id-b'],
      ['Person', 'InvalidValue', 'id-bob'],
    ]);
  });

  test('whose base does not exist end the read', async () => {
    const script = directory({
      search: ({ base }) => [searchDone({ code: base.startsWith('ou=groups') ? 32 : 0, cookie: '' })],
    });
    await expect(readFrom(script)).rejects.toThrow(fails('BaseNotFound'));
  });

  test.each([
    ['an entry of a person', 'ou=people', searchEntry('uid=x,ou=people,dc=example', { uid: 'x' })],
    ['an entry of a group', 'ou=groups', searchEntry('cn=x,ou=groups,dc=example', { cn: 'x' })],
  ])('%s without id ends the read', async (_, base, entry) => {
    const script = directory({
      search: (request) => [...(request.base.startsWith(base) ? [entry] : []), searchDone({ cookie: '' })],
    });
    await expect(readFrom(script)).rejects.toThrow(fails('IdentityMissing'));
  });
});

describe('who we are', () => {
  const bindAs = async (script: Script, username?: string) => {
    const server = await start(script);
    return await testWith(readerOf(server, account(server, username)));
  };

  test.each([
    ['dn:cn=roster,dc=example', undefined, 'cn=roster,dc=example'],
    ['dn: CN=Roster, DC=example', undefined, 'CN=Roster, DC=example'],
    ['u:roster', undefined, 'roster'],
    ['u:EXAMPLE\\roster', 'example\\roster', 'EXAMPLE\\roster'],
    ['dn:cn=roster,dc=example', 'roster@example.com', 'cn=roster,dc=example'],
  ])('%s is believed to be %s', async (whoAmI, username, boundAs) => {
    await expect(bindAs(directory({ whoAmI }), username)).resolves.toMatchObject({ boundAs });
  });

  test.each([
    ['', undefined],
    ['dn:', undefined],
    ['u:', undefined],
    ['dn:cn=somebody,dc=example', undefined],
    ['u:EXAMPLE\\somebody', 'EXAMPLE\\roster'],
    ['roster', undefined],
  ])('"%s" is not who is configured', async (whoAmI, username) => {
    await expect(bindAs(directory({ whoAmI }), username)).rejects.toThrow(fails('UnexpectedIdentity'));
  });

  test('an answer without a value is anonymous', async () => {
    const script = directory({ extended: () => [extendedResponse()] });
    await expect(bindAs(script)).rejects.toThrow('treats it as anonymous');
  });

  test('a server that does not know the question is believed', async () => {
    const script = directory({ extended: () => [extendedResponse({ code: 2, diagnostic: 'unsupported' })] });
    await expect(bindAs(script)).resolves.toMatchObject({ boundAs: 'cn=roster,dc=example' });
  });

  test('a server that refuses to say is not', async () => {
    const script = directory({ extended: () => [extendedResponse({ code: 50 })] });
    await expect(bindAs(script)).rejects.toThrow(fails('InsufficientAccess'));
  });

  test('anonymous where there is no account, and then nothing is bound', async () => {
    const server = await start(directory());
    await expect(testWith(readerOf(server))).resolves.toMatchObject({ boundAs: 'anonymous' });
    expect(server.requests.map(({ kind }) => kind)).not.toContain('Bind');
  });

  test.each([
    [49, 'InvalidCredentials'],
    [34, 'InvalidCredentials'],
    [19, 'InvalidCredentials'],
    [53, 'InvalidCredentials'],
    [8, 'StrongerAuthRequired'],
    [13, 'StrongerAuthRequired'],
    [51, 'ServerBusy'],
    [80, 'ProtocolError'],
  ])('a bind that ends with %s', async (code, reason) => {
    await expect(bindAs(directory({ bind: () => [bindResponse({ code })] }))).rejects.toThrow(fails(reason));
  });

  test('the password is in no error', async () => {
    const script = directory({
      bind: ({ password }) => [bindResponse({ code: 49, diagnostic: `${password} is wrong` })],
    });
    await expect(bindAs(script)).rejects.toThrow(expect.not.stringContaining('hunter2'));
    await expect(bindAs(script)).rejects.toThrow('*** is wrong');
  });

  test.each([
    ['', 'hunter2', 'username'],
    ['cn=roster', '', 'password'],
  ])(
    'an empty name or password is not tried, which servers would take for anonymous',
    async (username, password, key) => {
      const server = await start(directory());
      const credentials = { username, password, hosts: parseAllowedHosts(server.url) };
      const test = testWith(readerOf(server, { credentials }));
      await expect(test).rejects.toThrow(fails('SecretIncomplete'));
      await expect(test).rejects.toThrow(key);
      expect(server.connections).toBe(0);
    },
  );
});

describe('where credentials go', () => {
  const credentials = (annotation: string) => ({
    credentials: { username: 'cn=roster,dc=example', password: 'hunter2', hosts: parseAllowedHosts(annotation) },
  });

  test('nowhere that the Secret does not list', async () => {
    const server = await start(directory());
    const test = testWith(readerOf(server, credentials('ldap://elsewhere.example allowPlaintext')));
    await expect(test).rejects.toThrow(fails('HostNotAllowed'));
    expect(server.connections).toBe(0);
  });

  test('nowhere unencrypted unless the Secret allows it', async () => {
    const server = await start(directory());
    const test = testWith(readerOf(server, credentials(server.url)));
    await expect(test).rejects.toThrow(fails('PlaintextNotAllowed'));
    expect(server.connections).toBe(0);
  });

  test('nowhere when one of several servers is not listed', async () => {
    const server = await start(directory());
    const reader = ldapReader(
      optionsFor([server.url, 'ldap://elsewhere.example'], credentials(`${server.url} allowPlaintext`)),
    );
    await expect(testWith(reader)).rejects.toThrow(fails('HostNotAllowed'));
    expect(server.connections).toBe(0);
  });
});

describe('several servers', () => {
  const both = (first: ScriptedServer, second: ScriptedServer) => {
    const hosts = parseAllowedHosts(`${first.url} allowPlaintext, ${second.url} allowPlaintext`);
    const credentials = { username: 'cn=roster,dc=example', password: 'hunter2', hosts };
    return ldapReader(optionsFor([first.url, second.url], { credentials }));
  };

  test('the next one is read when the first is busy', async () => {
    const first = await start(directory({ bind: () => [bindResponse({ code: 51 })] }));
    const second = await start(directory());
    await expect(testWith(both(first, second))).resolves.toMatchObject({ server: second.url });
  });

  test('the next one is read when nobody listens at the first', async () => {
    const first = await start(directory());
    await first[Symbol.asyncDispose]();
    const second = await start(directory());
    await expect(testWith(both(first, second))).resolves.toMatchObject({ server: second.url });
  });

  test('a wrong password is tried once', async () => {
    const first = await start(directory({ bind: () => [bindResponse({ code: 49 })] }));
    const second = await start(directory());
    await expect(testWith(both(first, second))).rejects.toThrow(fails('InvalidCredentials'));
    expect(second.connections).toBe(0);
  });

  test('no other one is read once reading has begun', async () => {
    const first = await start(directory({ search: () => [person('a'), 'hang up'] }));
    const second = await start(directory());
    await expect(readWith(both(first, second))).rejects.toThrow(fails('ConnectionLost'));
    expect(second.connections).toBe(0);
  });

  test('when none answers, each is named', async () => {
    const first = await start(directory());
    const second = await start(directory({ bind: () => [bindResponse({ code: 52 })] }));
    await first[Symbol.asyncDispose]();
    const test = testWith(both(first, second));
    await expect(test).rejects.toThrow(fails('ServerUnreachable'));
    await expect(test).rejects.toThrow(first.url);
    await expect(test).rejects.toThrow(second.url);
  });
});

describe('bases', () => {
  const readFromRoot = async (
    rootDSE: NonNullable<Behaviour['rootDSE']>,
    more: Partial<LdapReaderOptions> & { readonly path?: string } = {},
  ) => {
    const server = await start(directory({ rootDSE }));
    const options = optionsFor([`${server.url}${more.path ?? ''}`], { users: {}, groups: {}, ...more });
    const { evidence } = await readWith(ldapReader(options));
    return [evidence.authority, ...evidence.bases];
  };

  test('the sole naming context when nothing is configured', async () => {
    await expect(readFromRoot({ namingContexts: 'DC=Example' })).resolves.toEqual(['dc=example', 'DC=Example']);
  });

  test('the default one of several', async () => {
    const rootDSE = { namingContexts: ['o=NetscapeRoot', 'dc=example'], defaultNamingContext: 'dc=example' };
    await expect(readFromRoot(rootDSE)).resolves.toEqual(['dc=example', 'dc=example']);
  });

  test('the path of the URL, and rather what is configured', async () => {
    const path = '/ou=all,dc=example';
    await expect(readFromRoot({}, { path })).resolves.toEqual(['dc=example', 'ou=all,dc=example']);
    await expect(readFromRoot({}, { path, users: { baseDN: 'ou=people,dc=example' } })).resolves.toEqual([
      ...['dc=example', 'ou=people,dc=example', 'ou=all,dc=example'],
    ]);
  });

  test('the authority is the most special context that holds the base', async () => {
    const namingContexts = ['dc=example', 'ou=sales,dc=example', 'dc=other'];
    const users = { baseDN: 'ou=people, OU=Sales, dc=example' };
    const groups = { baseDN: 'dc=other' };
    const [authority] = await readFromRoot({ namingContexts }, { users, groups });
    expect(authority).toBe('ou=sales,dc=example');
  });

  test('the authority fits into the resource', async () => {
    const long = `o=${'x'.repeat(300)}`;
    const [authority] = await readFromRoot({ namingContexts: long });
    expect(authority).toMatch(/^sha256:[0-9a-f]{64}$/);
    await expect(
      readFromRoot({ namingContexts: '' }, { users: { baseDN: 'o=x' }, groups: { baseDN: 'o=x' } }),
    ).resolves.toEqual([...['root', 'o=x']]);
  });

  test.each<[string, NonNullable<Behaviour['rootDSE']>, LdapReaderOptions['users'], string]>([
    [
      'several naming contexts and no base',
      { namingContexts: ['dc=a', 'dc=b'] },
      {},
      'shows several naming contexts (dc=a; dc=b), and users.baseDN is not set.',
    ],
    ['no naming context and no base', { namingContexts: [] }, {}, 'shows no naming context'],
    ['no naming context shown', { namingContexts: [] }, { baseDN: 'dc=a' }, 'shows no naming context'],
    ['a base in none', { namingContexts: 'dc=a' }, { baseDN: 'dc=b' }, 'has no naming context that holds dc=b'],
  ])('%s', async (_, rootDSE, users, sentence) => {
    const reading = readFromRoot(rootDSE, { users });
    await expect(reading).rejects.toThrow(fails('BaseNotFound'));
    await expect(reading).rejects.toThrow(sentence);
  });
});

describe('settings that are wrong are told before any server is asked', () => {
  test.each<[string, Partial<LdapReaderOptions>, string?]>([
    ['InvalidFilter', { users: { filter: '(cn=x' } }, 'The filter (cn=x of users.filter is not valid'],
    ['InvalidFilter', { groups: { filter: '(&(a=b)(c=d)' } }, 'The filter (&(a=b)(c=d) of groups.filter is not valid'],
    ['InvalidBaseDN', { users: { baseDN: 'example.com' } }, 'example.com of users.baseDN is not'],
    ['InvalidBaseDN', { groups: { baseDN: 'ou=,,' } }, 'ou=,, of groups.baseDN is not'],
    ['GlobalCatalogRefused', { urls: ['ldap://127.0.0.1:3268'] }],
    ['InvalidURL', { urls: ['ldapi:///'] }],
    ['InvalidURL', { urls: [] }],
    ['CertificateNotTrusted', { caBundle: 'none' }],
    ['CertificateNotTrusted', { caBundle: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }],
  ])('%s: %j', async (reason, more, sentence = '') => {
    const server = await start(directory());
    const test = testWith(readerOf(server, more));
    await expect(test).rejects.toThrow(fails(reason));
    await expect(test).rejects.toThrow(sentence);
    await expect(readWith(readerOf(server, more))).rejects.toThrow(fails(reason));
    expect(server.connections).toBe(0);
  });
});

describe('test', () => {
  test('counts who matches, names the first five, and says who is there', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => person(name));
    const server = await start(directory(pagesOfPeople([names.slice(0, 4), names.slice(4)])));
    await expect(testWith(readerOf(server, account(server)))).resolves.toEqual({
      server: server.url,
      boundAs: 'cn=roster,dc=example',
      authority: 'dc=example',
      people: 6,
      groups: 0,
      sample: ['a', 'b', 'c', 'd', 'e'].map((name) => `uid=${name},ou=people,dc=example`),
    });
    const searches = server.requests.filter((request): request is Search => request.kind === 'Search');
    expect(searches.map(({ base, attributes }) => [base, attributes])).toEqual([
      ['', expect.arrayContaining(['namingContexts', 'supportedControl'])],
      ['ou=people,dc=example', ['entryUUID']],
      ['ou=people,dc=example', ['entryUUID']],
      ['ou=groups,dc=example', ['entryUUID']],
    ]);
  });

  test('counts no groups where none are taken over', async () => {
    const server = await start(directory(pagesOfPeople([[person('a')]])));
    const opened = testWith(readerOf(server, { membership: 'None' }));
    await expect(opened).resolves.toMatchObject({ people: 1, groups: 0 });
    expect(server.requests.filter((request) => 'base' in request && request.base.startsWith('ou=groups'))).toEqual([]);
  });

  test.each([
    [32, 'BaseNotFound'],
    [10, 'BaseNotFound'],
    [50, 'InsufficientAccess'],
    [3, 'TimeLimitExceeded'],
    [11, 'SizeLimitExceeded'],
    [18, 'InvalidFilter'],
    [21, 'InvalidFilter'],
    [34, 'InvalidBaseDN'],
    [52, 'ServerBusy'],
    [12, 'ProtocolError'],
    [80, 'ProtocolError'],
  ])('a search that ends with %s', async (code, reason) => {
    const server = await start(directory({ search: () => [searchDone({ code, diagnostic: 'because' })] }));
    const test = testWith(readerOf(server));
    await expect(test).rejects.toThrow(fails(reason));
    await expect(test).rejects.toThrow(`result code ${code}: "because"`);
  });

  test.each([18, 21])('names the filter that the server refuses with %s', async (code) => {
    const refused = (request: { base: string }) => (request.base.startsWith('ou=groups') ? code : 0);
    const server = await start(directory({ search: (request) => [searchDone({ code: refused(request) })] }));
    const test = testWith(readerOf(server, { groups: { baseDN: 'ou=groups,dc=example', filter: '(gidNumber=x)' } }));
    await expect(test).rejects.toThrow('refuses to search below ou=groups,dc=example by (gidNumber=x) (result code');
  });

  test.each([1, 8, 48, 53])('an anonymous reader who is refused with %s', async (code) => {
    const server = await start(directory({ search: () => [searchDone({ code })] }));
    await expect(testWith(readerOf(server))).rejects.toThrow(fails('InsufficientAccess'));
  });

  test('an entry without id', async () => {
    const server = await start(directory({ search: () => [searchEntry('uid=a,dc=example', {}), searchDone()] }));
    await expect(testWith(readerOf(server))).rejects.toThrow(fails('IdentityMissing'));
  });

  test('leaves no connection behind', async () => {
    const server = await start(directory());
    await testWith(readerOf(server));
    {
      using opened = await readerOf(server).open(signal);
      await opened.read().next();
    }
    await expect.poll(() => server.open).toBe(0);
  });
});
