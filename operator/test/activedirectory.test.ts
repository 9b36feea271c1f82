import { afterAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../hack/openldap/ldif.ts';
import { parseAllowedHosts } from '../src/credentials.ts';
import { type ActiveDirectoryOptions, activeDirectoryReader } from '../src/directory/activedirectory/index.ts';
import { type DirectoryReader, readAll } from '../src/directory/reader.ts';
import type { DirectoryContents, PersonRecord } from '../src/directory/record.ts';
import { type ActiveDirectoryLimits, startActiveDirectoryFront } from './adfront.ts';
import { clearTextPassword, domain, lockoutThreshold, password, startSamba } from './samba.ts';

/** A time as Windows counts: from 1601 on, in units of 100 ns. */
const fileTime = (time: string): string => `${BigInt(Date.parse(time)) * 10_000n + 116_444_736_000_000_000n}`;
const [past, future] = ['2017-01-01T00:00:00Z', '2030-06-30T12:00:00Z'];
const never = '9223372036854775807';

const unit = (dn: string): Entry => ({ dn: `${dn},${domain}`, attributes: { objectClass: ['organizationalUnit'] } });
const account = (rdn: string, name: string, more: Entry['attributes'] = {}, objectClass = 'user'): Entry => ({
  dn: `${rdn},${domain}`,
  attributes: {
    objectClass: [objectClass],
    sAMAccountName: [name],
    userAccountControl: ['512'],
    clearTextPassword,
    ...more,
  },
});
const group = (rdn: string, name: string, ...members: string[]): Entry => ({
  dn: `${rdn},${domain}`,
  attributes: {
    objectClass: ['group'],
    sAMAccountName: [name],
    ...(members.length > 0 && { member: members.map((member) => `${member},${domain}`) }),
  },
});
const mail = (address: string) => ({ mail: [address] });

const [ada, zoe, dan, eve] = [
  'CN=Lovelace\\, Ada,OU=Paris,OU=Staff',
  'CN=Zoë Ñandú 王,OU=Berlin,OU=Staff',
  'CN=Dan,OU=Berlin,OU=Staff',
  'CN=Eve,OU=Berlin,OU=Staff',
];
const crowd = Array.from({ length: 1600 }, (_, index) => `CN=m${index},OU=Crowd`);

const server = await startSamba({
  entries: [
    ...['OU=Staff', 'OU=Paris,OU=Staff', 'OU=Berlin,OU=Staff', 'OU=Groups', 'OU=Former', 'OU=Crowd'].map(unit),
    account(ada, 'ada', {
      ...mail('ada@example.test'),
      givenName: ['Ada'],
      sn: ['Lovelace'],
      preferredLanguage: ['fr'],
      userPrincipalName: ['ada@ad.example.test'],
      accountExpires: [fileTime(future)],
    }),
    account(zoe, 'zoe', { sn: ['Ñandú 王'], proxyAddresses: ['smtp:z@example.test', 'SMTP:zoe@example.test'] }),
    account(dan, 'dan', { ...mail('dan@example.test'), userAccountControl: ['514'] }),
    account(eve, 'eve', { ...mail('eve@example.test'), accountExpires: [fileTime(past)] }),
    account('CN=Must,OU=Staff', 'must', { pwdLastSet: ['0'] }),
    account('CN=Lou,OU=Staff', 'lou', { ...mail('lou@example.test'), accountExpires: ['0'] }),
    account('CN=Guy,OU=Former', 'guy', mail('guy@example.test')),
    account('CN=PC1,OU=Staff', 'PC1$', { userAccountControl: ['4096'] }, 'computer'),
    account(
      'CN=Backup,OU=Staff',
      'backup$',
      { userAccountControl: ['4096'], 'msDS-ManagedPasswordInterval': ['30'] },
      'msDS-GroupManagedServiceAccount',
    ),
    group('CN=Paris,OU=Groups', 'Paris', ada),
    group('CN=Inner,OU=Staff', 'Inner', zoe),
    group('CN=Europe,OU=Groups', 'Europe', 'CN=Paris,OU=Groups', 'CN=Inner,OU=Staff'),
    group('CN=Everybody,OU=Groups', 'Everybody', 'CN=Domain Users,CN=Users'),
    group('CN=Primary,OU=Groups', 'Primary', dan),
    group('CN=Foreign,OU=Groups', 'Foreign', 'CN=S-1-5-11,CN=ForeignSecurityPrincipals', ada),
    // A password takes Samba longer than all the rest of an account.
    ...crowd.map((dn, index) =>
      account(dn, `m${index}`, index > 3 ? { clearTextPassword: [], userAccountControl: ['544'] } : {}),
    ),
    group('CN=Crowd,OU=Groups', 'Crowd', ...crowd),
    group('CN=Outer,OU=Groups', 'Outer', 'CN=Crowd,OU=Groups'),
  ],
});
afterAll(() => server[Symbol.asyncDispose]());

const signal = new AbortController().signal;
const fails = (reason: string) => expect.objectContaining({ reason });
const hosts = parseAllowedHosts(`${server.urls.ldaps}\n${server.urls.ldap}`);
const credentials = { username: server.username, password, hosts };

/** As a UserDirectory with the defaults has it. */
const readerOf = (more: Partial<ActiveDirectoryOptions> = {}): DirectoryReader =>
  activeDirectoryReader({
    urls: [server.urls.ldaps],
    startTLS: false,
    caBundle: server.caBundle,
    credentials,
    pageSize: 500,
    timeoutMs: 30_000,
    includeServiceAccounts: false,
    membership: 'Nested',
    baseDNs: [`OU=Staff,${domain}`, `OU=Groups,${domain}`],
    ...more,
  });
const read = async (more: Partial<ActiveDirectoryOptions> = {}): Promise<DirectoryContents> => {
  using opened = await readerOf(more).open(signal);
  return await readAll(opened);
};
const byAccount = ({ people }: DirectoryContents, name: string): PersonRecord | undefined =>
  people.find(({ domainAccount }) => domainAccount === `EXAMPLEAD\\${name}`);
const groupsOf = (contents: DirectoryContents, name: string) =>
  byAccount(contents, name)
    ?.groups.map((id) => contents.groups.find(({ externalId }) => externalId === id)?.name)
    .sort();

describe('a domain', async () => {
  // Nobody's primary group can be one that they are not in, so it is set when all is there.
  const rid = /primaryGroupToken: (\d+)/.exec(
    await server.run([
      ...['ldbsearch', '-H', '/samba/private/sam.ldb', '(sAMAccountName=Primary)', 'primaryGroupToken'],
    ]),
  )?.[1];
  await server.apply(`dn: ${dan},${domain}\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: ${rid}\n`);
  const contents = await read();

  test('is read whole, with GUIDs as ids and the forest as authority', async () => {
    expect(contents.evidence).toEqual({
      complete: true,
      server: server.urls.ldaps,
      authority: domain.toLowerCase(),
      boundAs: server.username,
      bases: [`OU=Staff,${domain}`, `OU=Groups,${domain}`],
      pages: expect.any(Number),
      entries: expect.any(Number),
      doubts: [],
      remarks: [expect.stringContaining('1 members of groups are foreign security principals'), expect.any(String)],
    });
    expect(byAccount(contents, 'ada')).toEqual({
      kind: 'Person',
      externalId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      label: `${ada},${domain}`,
      firstName: 'Ada',
      lastName: 'Lovelace',
      email: 'ada@example.test',
      domainAccount: 'EXAMPLEAD\\ada',
      language: 'fr',
      expiresAt: future,
      groups: expect.any(Array),
    });
    // As Samba's own tools write it.
    const said = await server.run([
      'samba-tool',
      'user',
      'show',
      'ada',
      '--attributes=objectGUID',
      '--configfile=/samba/etc/smb.conf',
    ]);
    expect(said).toContain(`objectGUID: ${byAccount(contents, 'ada')?.externalId}`);
  });

  test('names beyond ASCII arrive, and an address that is not in mail where that is configured', async () => {
    expect(byAccount(contents, 'zoe')).toMatchObject({ lastName: 'Ñandú 王', label: `${zoe},${domain}` });
    expect(byAccount(contents, 'zoe')).not.toHaveProperty('email');
    const configured = await read({ attributes: { email: ['mail', 'proxyAddresses'] } });
    expect(byAccount(configured, 'zoe')).toMatchObject({ email: 'zoe@example.test' });
    expect(byAccount(configured, 'ada')).toMatchObject({ email: 'ada@example.test' });
  });

  test('who is disabled is, and who has expired says since when', () => {
    expect(byAccount(contents, 'dan')).toMatchObject({ enabled: false });
    expect(byAccount(contents, 'eve')).toMatchObject({ expiresAt: past });
    expect(byAccount(contents, 'eve')).not.toHaveProperty('enabled');
    for (const name of ['lou', 'zoe']) {
      expect(byAccount(contents, name)).not.toHaveProperty('expiresAt');
      expect(byAccount(contents, name)).not.toHaveProperty('enabled');
    }
  });

  test('a password that must be changed and a locked account disable nobody', async () => {
    await server.apply(`dn: CN=Lou,OU=Staff,${domain}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 0\n`);
    const wrong = { username: 'EXAMPLEAD\\lou', password: 'wrong', hosts };
    for (let attempt = 0; attempt < lockoutThreshold; attempt++) {
      await expect(readerOf({ credentials: wrong }).open(signal)).rejects.toThrow(fails('InvalidCredentials'));
    }
    const locked = await server.run([
      ...['ldbsearch', '-H', '/samba/private/sam.ldb', '(sAMAccountName=lou)', 'lockoutTime'],
    ]);
    expect(locked).toMatch(/lockoutTime: [1-9]/);
    const again = await read();
    for (const name of ['lou', 'must']) expect(byAccount(again, name)).not.toHaveProperty('enabled');
  });

  test('computers and service accounts are left out, unless they are wanted', async () => {
    const names = (found: DirectoryContents) =>
      found.people.map(({ domainAccount = '' }) => domainAccount).sort((a, b) => (a < b ? -1 : 1));
    const people = ['ada', 'dan', 'eve', 'lou', 'must', 'zoe'].map((name) => `EXAMPLEAD\\${name}`);
    expect(names(contents)).toEqual(people);
    expect(names(await read({ includeServiceAccounts: true }))).toEqual([
      'EXAMPLEAD\\PC1$',
      'EXAMPLEAD\\ada',
      'EXAMPLEAD\\backup$',
      ...people.slice(1),
    ]);
  });

  test('nested groups count across organizational units, and the primary group like any other', () => {
    expect(groupsOf(contents, 'ada')).toEqual(['Europe', 'Everybody', 'Foreign', 'Paris']);
    expect(groupsOf(contents, 'zoe')).toEqual(['Europe', 'Everybody', 'Inner']);
    expect(groupsOf(contents, 'dan')).toEqual(['Everybody', 'Primary']);
  });

  test('groups pass their people on that base or filter leave out', async () => {
    const narrow = await read({ baseDNs: [`OU=Paris,OU=Staff,${domain}`, `OU=Groups,${domain}`] });
    expect(groupsOf(narrow, 'ada')).toEqual(['Europe', 'Everybody', 'Foreign', 'Paris']);
    const filtered = await read({ groupFilter: '(|(cn=Europe)(cn=Everybody))' });
    expect(groupsOf(filtered, 'ada')).toEqual(['Europe', 'Everybody']);
    expect(groupsOf(filtered, 'zoe')).toEqual(['Europe', 'Everybody']);
    const direct = await read({ groupFilter: '(|(cn=Europe)(cn=Paris))', membership: 'Direct' });
    expect(groupsOf(direct, 'ada')).toEqual(['Paris']);
    expect(groupsOf(direct, 'zoe')).toEqual([]);
  });

  test('a group has 1,600 members', async () => {
    const all = await read({ baseDNs: [`OU=Crowd,${domain}`, `OU=Groups,${domain}`] });
    const crowdId = all.groups.find(({ name }) => name === 'Crowd')?.externalId ?? '';
    expect(all.people.filter(({ groups }) => groups.includes(crowdId))).toHaveLength(1600);
  });

  test.each<[string, Partial<ActiveDirectoryOptions>]>([
    ['over StartTLS', { urls: [server.urls.ldap], startTLS: true }],
    ['with the name@domain of the account', { credentials: { ...credentials, username: 'roster@ad.example.test' } }],
    ['with the DN of the account', { credentials: { ...credentials, username: `CN=roster,CN=Users,${domain}` } }],
    ['in pages of 7', { pageSize: 7 }],
    ['from the base in the URL', { urls: [`${server.urls.ldaps}/OU=Staff,${domain}`], baseDNs: undefined }],
    ['from bases within each other', { baseDNs: [`OU=Paris,OU=Staff,${domain}`, `ou=staff, ${domain}`] }],
  ])('gives the same people %s', async (_, more) => {
    const again = await read(more);
    expect(again.evidence).toMatchObject({ complete: true, authority: domain.toLowerCase() });
    const ids = ({ people }: DirectoryContents) => people.map(({ externalId }) => externalId).sort();
    expect(ids(again)).toEqual(ids(contents));
  });

  test('a person filter narrows what is read anyway', async () => {
    const { people } = await read({ userFilter: '(|(sAMAccountName=PC1$)(sAMAccountName=ada))' });
    expect(people.map(({ domainAccount }) => domainAccount)).toEqual(['EXAMPLEAD\\ada']);
  });

  test('references are counted and not followed', async () => {
    const { evidence } = await read({ baseDNs: undefined, userFilter: '(sAMAccountName=ada)' });
    expect(evidence).toMatchObject({ complete: true, bases: [domain] });
    expect(evidence.remarks).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/refers to another part of the forest, ldaps:.*Configuration.*; it is not read\./),
      ]),
    );
  });

  test('the connection test counts and names people', async () => {
    using opened = await readerOf().open(signal);
    const tested = await opened.test();
    expect(tested).toMatchObject({ people: 6, groups: 8, boundAs: server.username, authority: domain.toLowerCase() });
    expect(tested.sample).toHaveLength(5);
    for (const label of tested.sample) expect(label).toMatch(`OU=Staff,${domain}`);
  });

  test('who is missing is located', async () => {
    using opened = await readerOf({ userFilter: '(mail=*)' }).open(signal);
    const id = (name: string) => byAccount(contents, name)?.externalId ?? '';
    const [former] = (await read({ baseDNs: [`OU=Former,${domain}`] })).people;
    const unknown = '00000000-1111-4222-8333-444444444444';
    const found = await opened.locate([id('ada'), id('must'), former?.externalId ?? '', unknown, 'no-guid']);
    expect([...found.values()]).toEqual(['NotVisible', 'FilteredOut', 'OutOfBase', 'Deleted', 'NotVisible']);
  });

  test('one person is found by address, id and DN', async () => {
    using opened = await readerOf({ userFilter: '(mail=*)' }).open(signal);
    const id = byAccount(contents, 'ada')?.externalId ?? '';
    const found = { externalId: id, label: `${ada},${domain}` };
    await expect(opened.find(' Ada@Example.Test')).resolves.toEqual(found);
    await expect(opened.find('ada@ad.example.test')).resolves.toEqual(found);
    await expect(opened.find(id.toUpperCase())).resolves.toEqual(found);
    await expect(opened.find(`cn=lovelace\\2c ada, OU=Paris,OU=Staff,${domain}`)).resolves.toEqual(found);
    await expect(opened.find('guy@example.test')).resolves.toMatchObject({ whereabouts: 'OutOfBase' });
    await expect(opened.find(`CN=Must,OU=Staff,${domain}`)).resolves.toMatchObject({ whereabouts: 'FilteredOut' });
    await expect(opened.find('nobody@example.test')).resolves.toBeUndefined();
    await expect(opened.find(`CN=Nobody,${domain}`)).resolves.toBeUndefined();
    await expect(opened.find('CN=Ada,DC=elsewhere')).resolves.toBeUndefined();
  });

  test('who is moved stays the same person, and a deleted one is gone', async () => {
    const before = byAccount(contents, 'zoe');
    await server.apply(
      `dn: ${eve},${domain}\nchangetype: delete\n\ndn: ${dan},${domain}\nchangetype: modrdn\nnewrdn: CN=Daniel\ndeleteoldrdn: 1\nnewsuperior: OU=Paris,OU=Staff,${domain}\n`,
    );
    const after = await read();
    expect(byAccount(after, 'dan')).toEqual({
      ...byAccount(contents, 'dan'),
      label: `CN=Daniel,OU=Paris,OU=Staff,${domain}`,
    });
    expect(byAccount(after, 'zoe')).toEqual(before);
    using opened = await readerOf().open(signal);
    const gone = byAccount(contents, 'eve')?.externalId ?? '';
    expect(await opened.locate([gone])).toEqual(new Map([[gone, 'Deleted']]));
  });
});

describe('the account of the operator', () => {
  const as = (username: string, secret = password) => ({ credentials: { username, password: secret, hosts } });

  test.each<[string, string, Partial<ActiveDirectoryOptions>]>([
    ['a wrong password', 'InvalidCredentials', as('EXAMPLEAD\\m1', 'wrong')],
    ['an unknown account', 'InvalidCredentials', as('EXAMPLEAD\\nobody')],
    ['a disabled account', 'AccountDisabled', as('EXAMPLEAD\\dan')],
    ['a password that must be changed', 'PasswordMustChange', as('EXAMPLEAD\\must')],
    [
      'no encryption',
      'StrongerAuthRequired',
      {
        urls: [server.urls.ldap],
        credentials: { ...credentials, hosts: parseAllowedHosts(`${server.urls.ldap} allowPlaintext`) },
      },
    ],
    ['a base of another forest', 'BaseNotFound', { baseDNs: ['DC=elsewhere,DC=test'] }],
    ['a base that does not exist', 'BaseNotFound', { baseDNs: [`OU=Nowhere,${domain}`] }],
    ['the same domain twice', 'DomainsDoNotFit', { additionalDomains: [{ urls: [server.urls.ldaps] }] }],
    ['no account', 'InsufficientAccess', { credentials: undefined }],
  ])('%s: %s', async (_, reason, more) => {
    const attempt = read(more);
    await expect(attempt).rejects.toThrow(fails(reason));
    await expect(attempt).rejects.toThrow(expect.not.stringContaining(password));
  });

  test('an account that has expired', async () => {
    await server.apply(
      `dn: CN=m2,OU=Crowd,${domain}\nchangetype: modify\nreplace: accountExpires\naccountExpires: ${fileTime(past)}\n`,
    );
    await expect(read(as('EXAMPLEAD\\m2'))).rejects.toThrow(fails('AccountExpired'));
    await server.apply(
      `dn: CN=m2,OU=Crowd,${domain}\nchangetype: modify\nreplace: accountExpires\naccountExpires: ${never}\n`,
    );
    await expect(read({ ...as('EXAMPLEAD\\m2'), membership: 'None' })).resolves.toBeDefined();
  });

  test('a locked account says so, also with the right password', async () => {
    for (let attempt = 0; attempt < lockoutThreshold; attempt++) {
      await expect(read(as('EXAMPLEAD\\m3', 'wrong'))).rejects.toThrow(fails('InvalidCredentials'));
    }
    await expect(read(as('EXAMPLEAD\\m3'))).rejects.toThrow(fails('AccountLocked'));
  });
});

describe('with the limits of Active Directory, which Samba has not', () => {
  /** A reader that goes through a front with these limits. */
  const through = async (
    limits: ActiveDirectoryLimits,
    more: Partial<ActiveDirectoryOptions> = {},
    username = server.username,
  ) => {
    await using front = await startActiveDirectoryFront({ url: server.urls.ldaps, caBundle: server.caBundle }, limits);
    const allowed = { username, password, hosts: parseAllowedHosts(`${front.url} allowPlaintext`) };
    const contents = await read({ urls: [front.url], credentials: allowed, ...more });
    return { ...contents, searches: front.searches };
  };
  const crowded = { baseDNs: [`OU=Crowd,${domain}`, `OU=Groups,${domain}`] };
  const inCrowd = ({ people, groups }: Pick<DirectoryContents, 'people' | 'groups'>) => {
    const id = groups.find(({ name }) => name === 'Crowd')?.externalId ?? '';
    return people.filter((person) => person.groups.includes(id)).length;
  };

  test('MaxPageSize 1000 and MaxValRange 1500: all people, and all members', async () => {
    const found = await through({ maxPageSize: 1000, maxValRange: 1500 }, { ...crowded, pageSize: 1000 });
    expect(found.people).toHaveLength(1600);
    expect(inCrowd(found)).toBe(1600);
    expect(found.evidence).toMatchObject({ complete: true, doubts: [] });
    const ranges = found.searches.flatMap(({ attributes }) => attributes.filter((name) => name.includes('range')));
    expect(ranges).toEqual(['member;range=1500-*']);
  });

  test('smaller limits give the same', async () => {
    const found = await through({ maxPageSize: 100, maxValRange: 250 }, crowded);
    expect(found.people).toHaveLength(1600);
    expect(inCrowd(found)).toBe(1600);
    const ranges = found.searches.flatMap(({ attributes }) => attributes.filter((name) => name.includes('range')));
    expect(ranges).toEqual([250, 500, 750, 1000, 1250, 1500].map((from) => `member;range=${from}-*`));
    expect(found.evidence.complete).toBe(true);
  });

  test('ranges also of groups that only pass their people on', async () => {
    const found = await through({ maxValRange: 1000 }, { ...crowded, groupFilter: '(cn=Outer)' });
    const outer = found.groups.find(({ name }) => name === 'Outer')?.externalId ?? '';
    expect(found.people.filter(({ groups }) => groups.includes(outer))).toHaveLength(1600);
  });

  test('references to other domains and partitions are remarked, each once', async () => {
    const references = ['DomainDnsZones', 'ForestDnsZones', 'child'].map(
      (name) => `ldap://${name}.ad.example.test/DC=${name},${domain}`,
    );
    const { evidence } = await through({ references }, { baseDNs: undefined, userFilter: '(sAMAccountName=ada)' });
    expect(evidence.complete).toBe(true);
    expect(evidence.remarks?.[0]).toMatch('The server refers to 4 other parts of the forest');
  });

  test.each([
    [51, 'ServerBusy'],
    [53, 'InsufficientAccess'],
  ])('result %s at any search ends the read: %s', async (code, reason) => {
    const { searches } = await through({ maxPageSize: 10 });
    expect(searches.length).toBeGreaterThan(5);
    for (const at of searches.keys()) {
      const refuse = (search: number) => (search === at ? code : undefined);
      await expect(through({ maxPageSize: 10, refuse })).rejects.toThrow(fails(reason));
    }
  });

  test.each(['EXAMPLEAD\\roster', 'examplead\\ROSTER', 'roster@ad.example.test', `CN=roster,CN=Users,${domain}`])(
    'the account %s is told to be EXAMPLEAD\\roster',
    async (username) => {
      const { evidence } = await through({ whoAmI: 'u:EXAMPLEAD\\roster' }, { membership: 'None' }, username);
      expect(evidence).toMatchObject({ complete: true, boundAs: 'EXAMPLEAD\\roster' });
    },
  );

  test.each(['u:EXAMPLEAD\\somebody', 'u:NT AUTHORITY\\ANONYMOUS LOGON', ''])(
    'an account that is told to be "%s" reads nothing',
    async (whoAmI) => {
      await expect(through({ whoAmI })).rejects.toThrow(fails('UnexpectedIdentity'));
    },
  );
});
