/** Runs of a directory in Microsoft Entra ID, from a Microsoft Graph of ours to the resources and the database. */
import { DirectorySync, Group, type KubernetesObject, User, UserDirectory } from '@roster/crds';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createClientCertificate } from '../../hack/graph/clientcertificate.ts';
import { peopleInDatabase } from './contract.ts';
import { sync } from './directory.ts';
import { type GraphFixture, type GraphFixtureOptions, startGraph } from './graph.ts';
import { tenant } from './objects.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

let roster: Roster;
let namespaces: string[];
let acme: Administrator;
let graph: GraphFixture;

beforeAll(async () => {
  namespaces = await Promise.all(Array.from({ length: 12 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return () => roster.close();
});

afterEach(async () => {
  await statusesHold(acme);
});

type Spec = UserDirectory['spec'];
type Options = { readonly [Field in Exclude<keyof Spec, 'entraID'>]?: Spec[Field] } & {
  readonly entraID?: Partial<NonNullable<Spec['entraID']>>;
  /** What the Secret holds; the client secret of the application unless told. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly graph?: GraphFixtureOptions;
};

/** A tenant of Roster, and one of Entra ID that no other test touches. */
async function newTenant({ graph: of, ...options }: Options = {}): Promise<void> {
  const started = await startGraph(of);
  graph = started;
  onTestFinished(() => started[Symbol.asyncDispose]());
  acme = roster.within(namespaces.pop() ?? '');
  await acme.apply(tenant(), ...manifests(options));
}

function manifests({ keys, entraID, ...spec }: Options, name = 'corporate'): KubernetesObject[] {
  const { url, tenantID, application, clientSecret } = graph;
  const apiVersion = 'roster.dev/v1alpha1';
  const metadata = { name, annotations: { 'roster.dev/hosts': url } };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: keys ?? { clientSecret } };
  const directory = {
    apiVersion,
    kind: 'UserDirectory',
    metadata: { name },
    spec: {
      organization: 'main',
      entraID: {
        clientID: application.clientID,
        tenantID,
        credentials: { secretRef: { name } },
        endpoints: { login: url, graph: url },
        ...entraID,
      },
      ...spec,
    },
  };
  return [secret, directory];
}

const addUser = (name: string, properties: Parameters<GraphFixture['directory']['update']>[1] = {}) =>
  graph.directory.createUser({
    userPrincipalName: `${name}@example.com`,
    displayName: name,
    givenName: name,
    surname: 'Smith',
    mail: `${name}@example.com`,
    ...properties,
  });

function addGroup(displayName: string, ...members: readonly string[]): string {
  const id = graph.directory.createGroup({ displayName });
  for (const member of members) graph.directory.addMember(id, member);
  return id;
}

const inDatabase = () => peopleInDatabase(roster.database, acme.namespace);

/** Waits until everybody is Ready: users by the local part of the address in force. */
async function users(): Promise<Record<string, User>> {
  return await eventually(async () => {
    const list = await acme.list(User);
    for (const person of list) expect(states(person)).toMatchObject({ Ready: 'True Mirrored' });
    return Object.fromEntries(list.map((person) => [person.status?.email?.split('@')[0] ?? '', person]));
  });
}

/** Names of groups, without the end that makes them unique. */
const groupsOf = async (name: string) =>
  (await inDatabase())
    .find(({ email }) => email === `${name}@example.com`)
    ?.groups.map((group) => group.replace(/-[a-z2-7]{8}$/, ''));

const requests = () => graph.answered.splice(0).flatMap(({ path }) => (path.startsWith('/v1.0') ? [path] : []));

describe('a run', () => {
  it('makes users and groups of what the tenant holds, and costs one page each when nothing changed', async () => {
    await newTenant();
    const ada = addUser('ada', {
      preferredLanguage: 'fr-FR',
      onPremisesSamAccountName: 'ada',
      onPremisesDomainName: 'corp.example.com',
    });
    const bob = addUser('bob');
    addUser('eve', { userType: 'Guest' });
    addGroup('Board', ada, addGroup('Inner', bob));

    const first = await sync(acme);
    expect(first.status).toMatchObject({
      phase: 'Succeeded',
      people: { found: 2, created: 2 },
      groups: { found: 2, created: 2 },
      evidence: { complete: true, server: graph.url, authority: graph.tenantID, boundAs: graph.application.clientID },
    });
    const { ada: person } = await users();
    expect(person?.spec.source).toMatchObject({
      directory: 'corporate',
      authority: graph.tenantID,
      externalId: ada,
      domainAccount: 'CORP\\ada',
      firstName: 'ada',
    });
    expect(await groupsOf('ada')).toEqual(['board']);
    expect(await groupsOf('bob')).toEqual(['board', 'inner']);

    const versions = async () => (await acme.list(User)).map(({ metadata }) => metadata.resourceVersion);
    const before = await versions();
    requests();
    const second = await sync(acme);
    expect(second.status).toMatchObject({ phase: 'Succeeded', people: { found: 2, unchanged: 2, created: 0 } });
    expect(requests().map((path) => path.split('?')[0])).toEqual(['/v1.0/users/delta', '/v1.0/groups/delta']);
    expect(await versions()).toEqual(before);
  });

  it('follows names, addresses, access and memberships, and keeps the objects', async () => {
    await newTenant();
    const [ada, bob] = [addUser('ada'), addUser('bob')];
    const board = addGroup('Board', ada, bob);
    await sync(acme);
    const before = await users();
    graph.directory.update(ada, { mail: 'augusta@example.com', surname: 'Lovelace' });
    graph.directory.update(bob, { accountEnabled: false });
    graph.directory.removeMember(board, bob);
    graph.directory.update(board, { displayName: 'Directors' });
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { updated: 2 } });
    const after = await eventually(async () => {
      const found = await users();
      expect(found.augusta?.status?.displayName).toBe('ada Lovelace');
      expect(states(found.bob as User).Active).toBe('False DirectoryDisabled');
      return found;
    });
    expect(after.augusta?.metadata.uid).toBe(before.ada?.metadata.uid);
    expect(await groupsOf('augusta')).toEqual(['board']);
    expect(await groupsOf('bob')).toEqual([]);
    const titles = (await acme.list(Group)).map(({ spec }) => spec.source?.displayName);
    expect(titles).toContain('Directors');
  });

  it('disables who was deleted, and restores who comes back', async () => {
    await newTenant({ whenMissing: { policy: 'Disable', gracePeriod: '720h' } });
    const ids = ['ada', 'bob', 'cid', 'dan', 'eli', 'fay'].map((name) => addUser(name));
    await sync(acme);
    await users();
    const [ada = ''] = ids;
    graph.directory.delete(ada);
    const gone = await sync(acme);
    expect(gone.status).toMatchObject({ phase: 'Succeeded', people: { found: 5, disabled: 1 } });
    expect(gone.status?.reasons).toContainEqual({ action: 'Disable', reason: 'Deleted', count: 1 });
    await eventually(async () => expect(states((await users()).ada as User).Active).toBe('False Missing'));
    graph.directory.restore(ada);
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { found: 6 } });
    await eventually(async () => expect(states((await users()).ada as User).Active).toBe('True Enabled'));
  });

  it('changes nobody where groups may not be read, and names the permission', async () => {
    await newTenant();
    const ada = addUser('ada');
    addGroup('Board', ada);
    await sync(acme);
    await users();
    graph.application.permissions = ['User.Read.All'];
    graph.directory.update(ada, { surname: 'Lovelace' });
    const run = await sync(acme);
    expect(states(run)).toEqual({ Ready: 'False IncompleteRead', Stalled: 'True IncompleteRead' });
    expect(run.status?.message).toContain('grant it GroupMember.Read.All or Group.Read.All');
    expect(await groupsOf('ada')).toEqual(['board']);
    expect((await acme.list(User))[0]?.spec.source?.lastName).toBe('Smith');
  });

  it('goes on from the snapshot after another operator took over', async () => {
    await newTenant();
    addUser('ada');
    await sync(acme);
    await users();
    await roster.stop();
    roster = await openRoster({ namespaces: [...namespaces, acme.namespace], database: roster.database });
    acme = roster.within(acme.namespace);
    addUser('bob');
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { found: 2, created: 1, unchanged: 1 } });
    expect(run.status?.evidence).not.toHaveProperty('remarks');
  });

  it('tells of one person why they are not synced', async () => {
    await newTenant({ entraID: { userFilter: 'accountEnabled eq true' } });
    const [ada, bob] = [addUser('ada'), addUser('bob', { accountEnabled: false })];
    expect((await sync(acme, { person: 'bob@example.com' })).status?.message).toMatch(/does not match the filter/);
    expect((await sync(acme, { person: ada })).status?.message).toMatch(/created/);
    expect(Object.keys(await users())).toEqual(['ada']);
    expect((await sync(acme, { person: bob })).status?.message).toMatch(/does not match the filter/);
  });
});

describe('a connection', () => {
  const connected = (expectation: (directory: UserDirectory) => void) =>
    acme.eventually(UserDirectory, 'corporate', expectation);

  it('is tested: what is reached as whom, and how many people and groups match', async () => {
    await newTenant();
    for (const name of ['ada', 'bob']) addUser(name);
    addGroup('Board');
    await acme.kubectl([
      ...['annotate', '--overwrite', 'userdirectories.roster.dev', 'corporate'],
      'roster.dev/testRequestedAt=2026-01-01T00:00:00Z',
    ]);
    await connected((directory) => {
      expect(states(directory)).toMatchObject({ Connected: 'True Connected' });
      expect(directory.status?.connection).toMatchObject({
        server: graph.url,
        boundAs: graph.application.clientID,
        people: 2,
        groups: 1,
        sample: ['ada@example.com', 'bob@example.com'],
      });
    });
  });

  it('works with a certificate, of which the status tells when it ends', async () => {
    const { certificate, key } = await createClientCertificate(100);
    await newTenant({ keys: { 'tls.crt': certificate, 'tls.key': key } });
    graph.application.certificates = [certificate];
    addUser('ada');
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { created: 1 } });
    const { status } = await connected(({ status: now }) => expect(now?.credentialsExpireAt).toBeDefined());
    const days = (Date.parse(status?.credentialsExpireAt ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(100);
  });

  it('says why it fails, without the secret, and is not tried again', async () => {
    await newTenant({ keys: { clientSecret: 'swordfish' } });
    const directory = await connected((object) =>
      expect(states(object)).toMatchObject({ Connected: 'False InvalidCredentials' }),
    );
    expect(sentence(directory, 'Connected')).toMatch(/refuses the credentials of the application .* \(AADSTS7000215\)/);
    expect(JSON.stringify(directory)).not.toContain('swordfish');
    const run = await sync(acme);
    expect(run.status?.phase).toBe('Failed');
    expect(JSON.stringify(await acme.list(DirectorySync))).not.toContain('swordfish');
  });

  it('sends nothing where the Secret does not say so', async () => {
    await newTenant();
    await connected((object) => expect(states(object)).toMatchObject({ Connected: 'True Connected' }));
    const arrivals = graph.answered.length;
    await acme.kubectl([
      'annotate',
      '--overwrite',
      'secret',
      'corporate',
      'roster.dev/hosts=https://login.example.com',
    ]);
    await connected((object) => expect(states(object)).toMatchObject({ Connected: 'False HostNotAllowed' }));
    expect(graph.answered.slice(arrivals)).toEqual([]);
  });
});
