/** Runs of a directory, from a real Active Directory to the resources. */
import { Group, type KubernetesObject, User, UserDirectory } from '@roster/crds';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../hack/openldap/ldif.ts';
import { sync } from './directory.ts';
import { tenant } from './objects.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster } from './roster.ts';
import { clearTextPassword, domain, password, type Samba, startSamba } from './samba.ts';
import { states, statusesHold } from './status.ts';

let samba: Samba;
let roster: Roster;
let acme: Administrator;
let namespaces: string[];

const staff = `OU=Staff,${domain}`;
const groups = `OU=Groups,${domain}`;
const unit = (dn: string): Entry => ({ dn, attributes: { objectClass: ['organizationalUnit'] } });
const account = (name: string, more: Entry['attributes'] = {}): Entry => ({
  dn: `CN=${name},${staff}`,
  attributes: {
    objectClass: ['user'],
    sAMAccountName: [name],
    givenName: [name],
    sn: ['Smith'],
    mail: [`${name}@example.com`],
    userAccountControl: ['512'],
    clearTextPassword,
    ...more,
  },
});
const group = (name: string, ...members: string[]): Entry => ({
  dn: `CN=${name},${groups}`,
  attributes: { objectClass: ['group'], sAMAccountName: [name], member: members },
});
const names = ['ada', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus', 'hal'];

beforeAll(async () => {
  samba = await startSamba({
    entries: [
      ...[staff, groups].map(unit),
      ...names.map((name) => account(name)),
      account('off', { userAccountControl: ['514'] }),
      account('old', { accountExpires: ['131277024000000000'] }),
      group('Inner', `CN=ada,${staff}`),
      group('Outer', `CN=Inner,${groups}`, `CN=bob,${staff}`),
      group('Everybody', `CN=Domain Users,CN=Users,${domain}`),
    ],
  });
  namespaces = await Promise.all(Array.from({ length: 3 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await samba[Symbol.asyncDispose]();
  };
});

afterEach(async () => {
  await statusesHold(acme);
});

async function newTenant(spec: object = {}, secret: object = {}): Promise<void> {
  acme = roster.within(namespaces.pop() ?? '');
  await acme.apply(tenant(), credentials(secret), directory(spec));
}

function credentials(keys: object): KubernetesObject {
  const metadata = { name: 'corporate', annotations: { 'roster.dev/hosts': samba.urls.ldaps } };
  const stringData = { username: samba.username, password, ...keys };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData } as KubernetesObject;
}

function directory(spec: object): KubernetesObject {
  const { urls, caBundle } = samba;
  const activeDirectory = {
    ...{ urls: [urls.ldaps], caBundle, baseDNs: [staff, groups] },
    credentials: { secretRef: { name: 'corporate' } },
  };
  return {
    apiVersion: 'roster.dev/v1alpha1',
    kind: 'UserDirectory',
    metadata: { name: 'corporate' },
    spec: { organization: 'main', defaultRole: 'users', activeDirectory, ...spec },
  } as KubernetesObject;
}

/** Waits until everybody is Ready, and returns users by the first part of their address. */
async function everybody(): Promise<Record<string, User>> {
  return await eventually(async () => {
    const people = await acme.list(User);
    for (const person of people) expect(states(person)).toMatchObject({ Ready: 'True Mirrored' });
    return Object.fromEntries(people.map((person) => [person.status?.email?.split('@')[0] ?? '', person]));
  });
}

const change = (dn: string, attribute: string, value: string) =>
  samba.apply(`dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`);

describe('a run', () => {
  it('makes users and groups of a domain, and follows it', async () => {
    await newTenant({ whenMissing: { policy: 'Disable' } });
    const first = await sync(acme);
    expect(first.status).toMatchObject({
      phase: 'Succeeded',
      people: { found: 10, created: 8, excluded: 2 },
      groups: { found: 3, created: 3 },
      evidence: { complete: true, authority: domain.toLowerCase(), server: samba.urls.ldaps },
    });
    const before = await everybody();
    expect(Object.keys(before).toSorted()).toEqual(names);
    expect(before.ada?.spec.source).toMatchObject({
      domainAccount: 'EXAMPLEAD\\ada',
      authority: domain.toLowerCase(),
    });
    const titles = new Map(
      (await acme.list(Group)).map(({ metadata, spec }) => [metadata.name, spec.source?.displayName]),
    );
    const groupsOf = (person?: User) => person?.spec.source?.groups?.map((name) => titles.get(name)).toSorted();
    expect(groupsOf(before.ada)).toEqual(['Everybody', 'Inner', 'Outer']);
    expect(groupsOf(before.bob)).toEqual(['Everybody', 'Outer']);

    const second = await sync(acme);
    expect(second.status).toMatchObject({ phase: 'Succeeded', people: { unchanged: 8, updated: 0 } });
    const again = await everybody();
    expect(again.ada?.metadata.resourceVersion).toBe(before.ada?.metadata.resourceVersion);

    await samba.apply(
      [
        `dn: CN=bob,${staff}\nchangetype: modrdn\nnewrdn: CN=Robert\ndeleteoldrdn: 1\nnewsuperior: ${groups}\n`,
        `dn: CN=eve,${staff}\nchangetype: delete\n`,
        `dn: CN=fay,${staff}\nchangetype: modrdn\nnewrdn: CN=fay\ndeleteoldrdn: 1\nnewsuperior: CN=Users,${domain}\n`,
      ].join('\n'),
    );
    await change(`CN=cid,${staff}`, 'userAccountControl', '514');
    await change(`CN=dan,${staff}`, 'accountExpires', '131277024000000000');
    await change(`CN=gus,${staff}`, 'pwdLastSet', '0');
    const third = await sync(acme);
    expect(third.status).toMatchObject({ phase: 'Succeeded', people: { found: 8, disabled: 2, updated: 2 } });
    const after = await everybody();
    const active = Object.fromEntries(Object.entries(after).map(([name, person]) => [name, states(person).Active]));
    expect(active).toEqual({
      ada: 'True Enabled',
      bob: 'True Enabled',
      cid: 'False DirectoryDisabled',
      dan: 'False Expired',
      eve: 'False Missing',
      fay: 'False Missing',
      gus: 'True Enabled',
      hal: 'True Enabled',
    });
    expect(after.bob?.metadata).toMatchObject({ uid: before.bob?.metadata.uid });
  });

  it('is tested before, and says how many match', async () => {
    await newTenant();
    const tested = await acme.eventually(UserDirectory, 'corporate', (object) => {
      expect(states(object)).toMatchObject({ Connected: expect.stringMatching(/^True/) });
    });
    expect(tested.status?.connection).toMatchObject({
      server: samba.urls.ldaps,
      boundAs: samba.username,
      people: expect.any(Number),
      groups: 3,
    });
    expect(tested.status?.connection?.sample).toHaveLength(5);
  });
});

it('a wrong password is tried once, whatever happens next, and the account is not locked', async () => {
  await newTenant({ schedule: { every: '5m' } }, { username: 'EXAMPLEAD\\hal', password: 'wrong' });
  await acme.eventually(UserDirectory, 'corporate', (object) => {
    expect(states(object)).toMatchObject({ Connected: 'False InvalidCredentials' });
  });
  // Reasons to look at the directory again, none of them a change of what is read.
  for (const value of ['a', 'b', 'c', 'd']) {
    await acme.kubectl([
      'annotate',
      'userdirectories.roster.dev',
      'corporate',
      `example.com/note=${value}`,
      '--overwrite',
    ]);
  }
  await acme.apply({
    apiVersion: 'roster.dev/v1alpha1',
    kind: 'Organization',
    metadata: { name: 'other' },
    spec: { displayName: 'Other' },
  } as KubernetesObject);
  const attempts = async () => {
    const said = await samba.run(['ldbsearch', '-H', '/samba/private/sam.ldb', '(sAMAccountName=hal)', 'badPwdCount']);
    return Number(/badPwdCount: (\d+)/.exec(said)?.[1]);
  };
  expect(await attempts()).toBe(1);

  await acme.apply(credentials({ username: 'EXAMPLEAD\\hal' }));
  await acme.eventually(UserDirectory, 'corporate', (object) => {
    expect(states(object)).toMatchObject({ Connected: expect.stringMatching(/^True/) });
  });
  expect(await attempts()).toBe(0);
});
