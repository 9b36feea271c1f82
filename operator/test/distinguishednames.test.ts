/** Members are found whatever way of RFC 4514 their DNs are escaped, on each kind of server. */
import { Client } from 'ldapts';
import { afterAll, describe, expect, test } from 'vitest';
import { administrator } from '../../hack/openldap/config.ts';
import type { Entry } from '../../hack/openldap/ldif.ts';
import { parseAllowedHosts } from '../src/credentials.ts';
import { ldapReader } from '../src/directory/ldap/index.ts';
import { readAll } from '../src/directory/reader.ts';
import { directoryManager, password, startDirectoryServer389, suffix } from './directoryserver389.ts';
import { startOpenLDAP } from './openldap.ts';

const [people, groups] = [`ou=People,${suffix}`, `ou=Groups,${suffix}`];

const container = (ou: string): Entry => ({
  dn: `ou=${ou},${suffix}`,
  attributes: { objectClass: ['organizationalUnit'], ou: [ou] },
});
const person = (dn: string, attributes: Entry['attributes']): Entry => ({
  dn,
  attributes: { objectClass: ['inetOrgPerson'], sn: ['Doe'], ...attributes },
});
/** Every character that needs an escape somewhere, and one beyond ASCII. */
const awkward = 'Doe, Zoë "R+D" <a\\b>; #1=x';
const awkwardDN = String.raw`cn=Doe\, Zoë \"R\+D\" \<a\\b\>\; #1=x,${people}`;
const twoValuesDN = `cn=Two Values+uid=two,${people}`;
const entries: readonly Entry[] = [
  { dn: suffix, attributes: { objectClass: ['domain'], dc: ['example'] } },
  ...[container('People'), container('Groups')],
  person(awkwardDN, { cn: [awkward] }),
  person(twoValuesDN, { cn: ['Two Values'], uid: ['two'] }),
];

/** BER of a UTF8String, for the form `#hex`. */
const hexString = (text: string) => {
  const bytes = Buffer.from(text);
  return `#${Buffer.concat([Buffer.from([0x0c, bytes.length]), bytes]).toString('hex')}`;
};

const ofAwkward: Readonly<Record<string, string>> = {
  'as the entry': awkwardDN,
  'by code': String.raw`cn=Doe\2c Zo\c3\ab \22R\2bD\22 \3ca\5cb\3e\3b #1=x,${people}`,
  'by code in capitals': String.raw`cn=Doe\2C Zo\C3\AB \22R\2BD\22 \3Ca\5Cb\3E\3B #1=x,${people}`,
  'more than needed': String.raw`cn=Doe\,\20Zoë \"R\+D\" \<a\\b\>\; \#1\=x,${people}`,
  'letters by code': String.raw`cn=\44\6f\65\, Zoë \"R\+D\" \<a\\b\>\; #1=x,${people}`,
  'in other case': awkwardDN.toUpperCase(),
  'with spaces around separators': String.raw`CN = Doe\, Zoë \"R\+D\" \<a\\b\>\; #1=x , OU = People , dc= example,DC =com`,
  'with more spaces between words': String.raw`cn=Doe\,   Zoë  \"R\+D\" \<a\\b\>\; #1=x,${people}`,
  'with types as OIDs': String.raw`2.5.4.3=Doe\, Zoë \"R\+D\" \<a\\b\>\; #1=x,2.5.4.11=People,${suffix}`,
  'as a hex string': `cn=${hexString(awkward)},${people}`,
  decomposed: awkwardDN.normalize('NFD'),
};
const ofTwoValues: Readonly<Record<string, string>> = {
  'as the entry': twoValuesDN,
  'in the other order': `uid=two+cn=Two Values,${people}`,
  'in the other order and case, with spaces': `UID=TWO + CN=two  values , ${people}`,
};

const servers = {
  OpenLDAP: async () => {
    const access = ['to * by * read'];
    return { server: await startOpenLDAP({ entries, access }), manager: administrator(suffix) };
  },
  '389DirectoryServer': async () => {
    const server = await startDirectoryServer389({ entries });
    // So it takes names that it would not, as it did before it checked.
    await server.apply('dn: cn=config\nchangetype: modify\nreplace: nsslapd-syntaxcheck\nnsslapd-syntaxcheck: off\n');
    return { server, manager: directoryManager };
  },
} as const;
/** What a server takes from nobody. */
const refused: Readonly<Record<keyof typeof servers, readonly string[]>> = {
  OpenLDAP: ['as a hex string'],
  '389DirectoryServer': [],
};

describe.each(Object.keys(servers) as (keyof typeof servers)[])('%s', async (preset) => {
  const { server, manager } = await servers[preset]();
  afterAll(() => server[Symbol.asyncDispose]());
  const client = new Client({ url: server.urls.ldaps, tlsOptions: { ca: [server.caBundle] } });
  afterAll(() => client.unbind());
  await client.bind(manager, password);

  const read = async () => {
    const reader = ldapReader({
      urls: [server.urls.ldaps],
      startTLS: false,
      caBundle: server.caBundle,
      credentials: { username: manager, password, hosts: parseAllowedHosts(server.urls.ldaps) },
      pageSize: 500,
      timeoutMs: 10_000,
      preset,
      users: { baseDN: people },
      groups: { baseDN: groups },
      membership: 'Nested',
    });
    using opened = await reader.open(new AbortController().signal);
    return await readAll(opened);
  };

  const spellings = [
    ...Object.entries(ofAwkward).map(
      ([how, member]) => ['a name with every special character', how, member, /zo/i] as const,
    ),
    ...Object.entries(ofTwoValues).map(([how, member]) => ['a name of two values', how, member, /two/i] as const),
  ];
  const stored = spellings.filter(([, how]) => !refused[preset].includes(how));
  test.each(stored)('finds %s %s', async (_, __, member, who) => {
    const dn = `cn=only,${groups}`;
    await client.add(dn, { objectClass: ['groupOfNames'], cn: 'only', member });
    const { people: found, evidence } = await read();
    await client.del(dn);
    expect(found).toHaveLength(2);
    const members = found.filter((one) => one.groups.length > 0).map(({ label }) => label);
    expect(members).toEqual([expect.stringMatching(who)]);
    expect(evidence).toMatchObject({ complete: true, doubts: [] });
  });
});
