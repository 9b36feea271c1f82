/** A company moves from Active Directory to Microsoft Entra ID, which was synchronised from it. */
import { DirectorySync, type KubernetesObject, User } from '@roster/crds';
import { afterEach, beforeAll, expect, it } from 'vitest';
import type { Entry } from '../../hack/openldap/ldif.ts';
import { sync } from './directory.ts';
import { type GraphFixture, startGraph } from './graph.ts';
import { tenant } from './objects.ts';
import { type Administrator, eventually, openRoster, type Roster } from './roster.ts';
import { clearTextPassword, domain, type Samba, startSamba } from './samba.ts';
import { states, statusesHold } from './status.ts';

const names = ['ada', 'bob', 'cid', 'dan'];

let samba: Samba;
let graph: GraphFixture;
let roster: Roster;
let acme: Administrator;

beforeAll(async () => {
  samba = await startSamba({ entries: [staff, ...names.map(account)] });
  roster = await openRoster();
  acme = roster;
  return async () => {
    await roster.close();
    await samba[Symbol.asyncDispose]();
  };
});

afterEach(async () => {
  await statusesHold(acme);
});

const staff: Entry = { dn: `OU=Staff,${domain}`, attributes: { objectClass: ['organizationalUnit'] } };

const account = (name: string): Entry => ({
  dn: `CN=${name},OU=Staff,${domain}`,
  attributes: {
    objectClass: ['user'],
    sAMAccountName: [name],
    userAccountControl: ['512'],
    clearTextPassword,
    mail: [`${name}@example.com`],
  },
});

function secret(name: string, hosts: string, keys: Readonly<Record<string, string>>): KubernetesObject {
  const metadata = { name, annotations: { 'roster.dev/hosts': hosts } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: keys } as KubernetesObject;
}

function directory(name: string, spec: object): KubernetesObject {
  const common = { organization: 'main', whenMissing: { policy: 'Disable', gracePeriod: '720h' } };
  return {
    apiVersion: 'roster.dev/v1alpha1',
    kind: 'UserDirectory',
    metadata: { name },
    spec: { ...common, ...spec },
  } as KubernetesObject;
}

const credentials = (name: string) => ({ credentials: { secretRef: { name } } });

function former(): KubernetesObject[] {
  const { urls, caBundle, username, password } = samba;
  const activeDirectory = { urls: [urls.ldaps], caBundle, baseDNs: [staff.dn], ...credentials('former') };
  return [secret('former', urls.ldaps, { username, password }), directory('former', { activeDirectory })];
}

function successor(): KubernetesObject[] {
  const { url, tenantID, application, clientSecret } = graph;
  const endpoints = { login: url, graph: url };
  const entraID = { clientID: application.clientID, tenantID, endpoints, ...credentials('corporate') };
  return [
    secret('corporate', url, { clientSecret }),
    directory('corporate', { entraID, takesOver: 'former', linking: 'Never' }),
  ];
}

/** As Entra Connect makes it of an objectGUID: Base64 of its bytes, of which the first three parts are little-endian. */
function immutableID(objectGUID: string): string {
  const [a = '', b = '', c = '', ...rest] = objectGUID.split('-').map((part) => Buffer.from(part, 'hex'));
  const littleEndian = [a, b, c].map((part) => Buffer.from(part).reverse());
  return Buffer.concat([...littleEndian, ...rest]).toString('base64');
}

async function users(): Promise<User[]> {
  return await eventually(async () => {
    const list = await acme.list(User);
    for (const person of list) expect(states(person)).toMatchObject({ Ready: 'True Mirrored' });
    return list;
  });
}

const uids = (people: readonly User[]) => new Set(people.map(({ metadata }) => metadata.uid));

it('keeps everybody once: by on-premises id, else by address, in one plan that is approved', async () => {
  await using entra = await startGraph();
  graph = entra;
  await acme.apply(tenant(), ...former());
  expect((await sync(acme, { directory: 'former' })).status).toMatchObject({
    phase: 'Succeeded',
    people: { created: 4 },
  });
  const before = await users();
  const idOf = (name: string) =>
    before.find(({ spec }) => spec.source?.email === `${name}@example.com`)?.spec.source?.externalId ?? '';

  const add = (name: string, properties: Readonly<Record<string, string>> = {}) =>
    graph.directory.createUser({
      userPrincipalName: `${name}@example.com`,
      displayName: name,
      mail: `${name}@example.com`,
      ...properties,
    });
  // One has another address since, and one was made in the cloud, with the address only.
  const ada = add('augusta', { onPremisesImmutableId: immutableID(idOf('ada')) });
  const others = ['bob', 'cid'].map((name) => add(name, { onPremisesImmutableId: immutableID(idOf(name)) }));
  const dan = add('dan');
  const eve = add('eve');
  await acme.apply(...successor());

  const held = await sync(acme);
  expect(held.status).toMatchObject({ phase: 'Held', people: { found: 5 } });
  const meanwhile = await users();
  const unmoved = meanwhile.filter(({ spec }) => spec.source?.directory === 'former');
  expect(uids(unmoved)).toEqual(uids(before));

  const patch = JSON.stringify({ spec: { approval: { hash: held.status?.held?.hash } } });
  await acme.kubectl(['patch', 'directorysyncs.roster.dev', held.metadata.name, '--type', 'merge', '--patch', patch]);
  await acme.eventually(DirectorySync, held.metadata.name, ({ status }) => expect(status?.phase).toBe('Succeeded'));

  const after = await users();
  expect(new Map(after.map(({ spec }) => [spec.source?.externalId, spec.source?.directory]))).toEqual(
    new Map([ada, ...others, dan, eve].map((id) => [id, 'corporate'])),
  );
  expect(uids(before).isSubsetOf(uids(after))).toBe(true);
  expect(after).toHaveLength(before.length + 1);
  expect(after.find(({ spec }) => spec.source?.externalId === ada)?.metadata.uid).toBe(
    before.find(({ spec }) => spec.source?.email === 'ada@example.com')?.metadata.uid,
  );

  // The former directory finds nobody of its own any more, and takes nobody back.
  const last = await sync(acme, { directory: 'former' });
  expect(last.status?.people).toMatchObject({ created: 0, disabled: 0, excluded: 4 });
  expect(last.status?.reasons).toEqual([{ action: 'Exclude', reason: 'TakenOver', count: 4 }]);
  expect(uids(await users())).toEqual(uids(after));
  expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { unchanged: 5 } });
});
