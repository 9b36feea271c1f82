/** Runs of a directory, from a real OpenLDAP to the resources and the database. */
import {
  DirectorySync,
  Group,
  type KubernetesObject,
  Recipient,
  type ResourceType,
  User,
  UserDirectory,
} from '@roster/crds';
import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { namesInDatabase, peopleInDatabase } from './contract.ts';
import { Branch, type DirectoryOptions, startDirectoryServer, sync, whenEnded } from './directory.ts';
import { startGate } from './gate.ts';
import { group, recipient, role, tenant, user } from './objects.ts';
import type { OpenLDAP } from './openldap.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster, startRoster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

let server: OpenLDAP;
let roster: Roster;
let namespaces: string[];
let acme: Administrator;
let branch: Branch;

beforeAll(async () => {
  server = await startDirectoryServer();
  namespaces = await Promise.all(Array.from({ length: 26 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await server[Symbol.asyncDispose]();
  };
});

/** A tenant and a part of the directory that no other test touches. */
async function newTenant(
  options: DirectoryOptions = {},
  administrator = roster.within(namespaces.pop() ?? ''),
): Promise<void> {
  acme = administrator;
  const grown = await Branch.grow(server, acme.namespace);
  branch = grown;
  onTestFinished(() => grown[Symbol.asyncDispose]());
  await acme.apply(tenant(), ...branch.manifests({ defaultRole: 'users', ...options }));
}

afterEach(async () => {
  await statusesHold(acme);
});

const ready = { Ready: 'True Mirrored' };
const active = { Active: 'True Enabled', ...ready };

/** Waits until everybody is Ready, and returns users and recipients by the local part of the address in force. */
async function everybody<T extends User | Recipient>(type: ResourceType<T>): Promise<Record<string, T>> {
  return await eventually(async () => {
    const people = await acme.list(type);
    for (const person of people) expect(states(person)).toMatchObject(ready);
    return Object.fromEntries(people.map((person) => [person.status?.email?.split('@')[0] ?? '', person]));
  });
}

/** Waits until everybody is Ready; the one with this address. */
async function userNamed(name: string): Promise<User> {
  return await eventually(async () => {
    const { [name]: found } = await everybody(User);
    if (found === undefined) throw new Error(`there is no user ${name}`);
    return found;
  });
}

/** Of everybody and of all groups but that of everybody, which counts its members a while after they came. */
async function versions(): Promise<string[]> {
  const types: ResourceType[] = [User, Recipient, Group].map((type) => type as ResourceType<KubernetesObject>);
  const lists = await Promise.all(types.map((type) => acme.list(type)));
  return lists
    .flat()
    .filter(({ metadata }) => metadata.name !== 'all-users')
    .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
}

const inDatabase = () => peopleInDatabase(roster.database, acme.namespace);

/** Grows with each change of any row of the tenant. */
async function lastChange(): Promise<number> {
  const { rows } = await sql<{ last: string }>`
    select max(changed) as last from roster_api.changes where tenant = ${acme.namespace}
  `.execute(roster.database.reader);
  return Number(rows[0]?.last);
}

/** Groups count their members a while after the last change. */
async function whenCounted(): Promise<void> {
  await eventually(async () => {
    for (const { metadata, status } of await acme.list(Group)) {
      expect(status?.members, metadata.name).toBeDefined();
    }
  });
}

const noPeople = { created: 0, linked: 0, updated: 0, unchanged: 0, excluded: 0, rejected: 0, missing: 0 };
const noGroups = { created: 0, updated: 0, unchanged: 0, skipped: 0, rejected: 0, missing: 0 };

describe('a run', () => {
  it('makes users and groups of what the directory holds, and writes nothing when nothing changed', async () => {
    await newTenant({ passwordSetup: 'Invite' });
    await branch.addPerson('jane', { givenName: 'Jane', sn: 'Doe', preferredLanguage: 'fr' });
    await branch.addPerson('john', { mail: 'John@Example.com' });
    await branch.addGroup('Board', 'jane', 'john');
    await branch.addGroup('Nobody');

    const first = await sync(acme);
    expect(states(first)).toEqual({ Ready: 'True Succeeded' });
    expect(first.status).toMatchObject({
      phase: 'Succeeded',
      message: '2 people found: 2 created. 1 group with 2 memberships.',
      people: { ...noPeople, found: 2, created: 2 },
      groups: { ...noGroups, found: 2, created: 1, skipped: 1 },
      memberships: 2,
      stages: [{ name: 'Read' }, { name: 'Plan' }, { name: 'Apply' }],
      evidence: {
        complete: true,
        server: server.urls.ldaps,
        authority: 'dc=example,dc=com',
        boundAs: server.username,
        bases: [branch.people, branch.groups],
      },
    });

    const { jane, john } = await everybody(User);
    expect(jane?.metadata.name).toMatch(/^jane-[a-z2-7]{8}$/);
    const [board] = (await acme.list(Group)).filter(({ spec }) => spec.source !== undefined);
    expect(board?.metadata.name).toMatch(/^board-[a-z2-7]{8}$/);
    expect(board?.spec).toMatchObject({ organization: 'main', source: { displayName: 'Board' } });
    expect(states(jane as User)).toEqual(active);
    expect(jane?.spec).toEqual({
      enabled: true,
      passwordSetup: 'Invite',
      organizations: [{ name: 'main', roles: ['users'] }],
      source: {
        directory: 'corporate',
        authority: 'dc=example,dc=com',
        externalId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        firstName: 'Jane',
        lastName: 'Doe',
        email: 'jane@example.com',
        language: 'fr',
        groups: [board?.metadata.name],
      },
    });
    expect(await inDatabase()).toMatchObject([
      { email: 'jane@example.com', display_name: 'Jane Doe', language: 'fr', groups: [board?.metadata.name] },
      { email: 'john@example.com', display_name: 'john Smith', language: 'en', roles: ['users'], active: true },
    ]);
    expect(john?.status).toMatchObject({ email: 'john@example.com' });

    const directory = await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toEqual({
        Connected: 'True Connected',
        Ready: 'True Connected',
        Synced: 'True Succeeded',
      }),
    );
    expect(directory.status).toMatchObject({ people: 2, groups: 1, rejected: 0, lastAttempt: { result: 'Succeeded' } });
    expect(sentence(directory, 'Connected')).toBe(
      `Connected to ${server.urls.ldaps} as ${server.username}: 2 people and 2 groups match.`,
    );

    await whenCounted();
    const [before, changed] = [await versions(), await lastChange()];
    const second = await sync(acme);
    expect(second.status).toMatchObject({
      phase: 'Succeeded',
      message: '2 people found: 2 unchanged. 1 group with 2 memberships.',
      people: { ...noPeople, found: 2, unchanged: 2 },
      groups: { ...noGroups, found: 2, unchanged: 1, skipped: 1 },
    });
    await acme.eventually(UserDirectory, 'corporate', ({ status }) =>
      expect(status?.lastAttempt?.run).toBe(second.metadata.name),
    );
    expect(await versions()).toEqual(before);
    expect(await lastChange()).toBe(changed);
    expect(await storedLines(second)).toEqual([]);
  });

  it('follows names, addresses, memberships and renames, and keeps the objects', async () => {
    await newTenant();
    for (const uid of ['ann', 'ben', 'cid']) await branch.addPerson(uid);
    await branch.addGroup('Choir', 'ann', 'ben');
    await branch.addGroup('Band', 'ben');
    await sync(acme);
    const before = await everybody(User);
    const groupsOf = async (name: string) =>
      (await inDatabase())
        .find(({ email }) => email === `${name}@example.com`)
        ?.groups.map((of) => of.replace(/-.*/, ''));
    expect(await groupsOf('ben')).toEqual(['band', 'choir']);

    await branch.setPerson('ann', { sn: 'Jones' });
    await branch.setPerson('ben', { mail: 'benjamin@example.com' });
    await branch.renamePerson('cid', 'sidney');
    await branch.setMembers('Choir', 'ann', 'sidney');
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { ...noPeople, found: 3, updated: 3 } });
    expect(run.status?.samples).toContainEqual({
      action: 'Update',
      record: branch.person('ann'),
      name: before.ann?.metadata.name,
      message: 'Changed: lastName.',
    });

    const after = await everybody(User);
    const identity = (person: User | undefined) => [person?.metadata.name, person?.metadata.uid];
    expect(identity(after.ann)).toEqual(identity(before.ann));
    expect(identity(after.benjamin)).toEqual(identity(before.ben));
    expect(identity(after.cid)).toEqual(identity(before.cid));
    expect(after.ann?.status).toMatchObject({ displayName: 'ann Jones' });
    expect(await groupsOf('ann')).toEqual(['choir']);
    expect(await groupsOf('benjamin')).toEqual(['band']);
    expect(await groupsOf('cid')).toEqual(['choir']);
  });

  it('keeps who is gone from the directory', async () => {
    await newTenant();
    for (const uid of ['dan', 'eve']) await branch.addPerson(uid);
    await branch.addGroup('Pair', 'dan', 'eve');
    await sync(acme);
    await everybody(User);
    await whenCounted();
    const before = await versions();
    await branch.removePerson('eve');
    const run = await sync(acme);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      message: '1 person found: 1 unchanged, 1 missing and left as they are. 1 group with 1 membership.',
      people: { ...noPeople, found: 1, unchanged: 1, missing: 1 },
      reasons: [{ action: 'Keep', reason: 'NoLongerFound', count: 1 }],
    });
    expect(await versions()).toEqual(before);
    expect((await inDatabase()).map(({ active }) => active)).toEqual([true, true]);
  });

  it('that is only to plan changes nobody', async () => {
    await newTenant();
    for (const uid of ['fay', 'gus']) await branch.addPerson(uid);
    await branch.addGroup('Pair', 'fay', 'gus');
    const before = await versions();
    const run = await sync(acme, { dryRun: true });
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      message: 'Nothing was changed. 2 people found: 2 created. 1 group with 2 memberships.',
      people: { ...noPeople, found: 2, created: 2 },
      groups: { ...noGroups, found: 1, created: 1 },
      stages: [{ name: 'Read' }, { name: 'Plan' }],
    });
    expect(await acme.list(User)).toEqual([]);
    expect(await namesInDatabase(roster.database, acme.namespace, 'groups')).toEqual(['all-users']);
    expect(await versions()).toEqual(before);
    expect((await storedLines(run)).map(({ action }) => action)).toEqual(['Create', 'Create', 'Create']);
    const directory = await acme.get(UserDirectory, 'corporate');
    expect(directory.status?.lastAttempt).toBeUndefined();
  });

  it('rejects records that cannot be taken over, each with its reason, and takes the others', async () => {
    await newTenant({ emailDomains: ['example.com'], exclude: ['boss@example.com'] });
    await acme.apply(recipient('press'));
    await acme.eventually(Recipient, 'press', (object) => expect(states(object)).toEqual(active));
    await branch.addPerson('hal');
    await branch.addPerson('nomail', { mail: [] });
    await branch.addPerson('dots', { mail: 'dots..dots@example.com' });
    await branch.addPerson('twin1', { mail: 'twin@example.com' });
    await branch.addPerson('twin2', { mail: 'TWIN@example.com' });
    await branch.addPerson('press');
    await branch.addPerson('guest', { mail: 'guest@elsewhere.org' });
    await branch.addPerson('boss');
    const run = await sync(acme);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      people: { ...noPeople, found: 8, created: 1, rejected: 5, excluded: 2 },
      reasons: [
        { action: 'Reject', reason: 'DuplicateEmail', count: 2 },
        { action: 'Reject', reason: 'EmailOfRecipient', count: 1 },
        { action: 'Reject', reason: 'InvalidEmail', count: 1 },
        { action: 'Reject', reason: 'NoEmail', count: 1 },
        { action: 'Exclude', reason: 'Excluded', count: 1 },
        { action: 'Exclude', reason: 'OutsideEmailDomains', count: 1 },
      ],
    });
    const sentences = new Map(run.status?.samples?.map(({ record, message }) => [record, message]));
    expect(sentences.get(branch.person('nomail'))).toMatch(/no e-mail address/);
    expect(sentences.get(branch.person('twin1'))).toMatch(/twin@example\.com/);
    expect(sentences.get(branch.person('press'))).toMatch(/Recipient press|recipient press/);
    expect(Object.keys(await everybody(User))).toEqual(['hal']);
  });

  it('brings back whom somebody deleted by hand', async () => {
    await newTenant();
    for (const uid of ['ida', 'jim', 'kim', 'lea']) await branch.addPerson(uid);
    await sync(acme);
    const ida = await userNamed('ida');
    const [before] = await inDatabase();
    await acme.delete(User, ida.metadata.name);
    await eventually(async () => expect(await inDatabase()).toHaveLength(3));
    const run = await sync(acme);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      people: { ...noPeople, found: 4, created: 1, unchanged: 3 },
    });
    const again = await userNamed('ida');
    expect(again.metadata.name).toBe(ida.metadata.name);
    expect(again.metadata.uid).not.toBe(ida.metadata.uid);
    expect((await inDatabase())[0]).toEqual(before);
  });

  it('makes recipients where the directory says so', async () => {
    await newTenant({ importAs: 'Recipients', defaultRole: undefined });
    await branch.addPerson('lou');
    await branch.addGroup('Readers', 'lou');
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { created: 1 } });
    const { lou } = await everybody(Recipient);
    expect(lou?.spec).toMatchObject({ organizations: [{ name: 'main' }], source: { email: 'lou@example.com' } });
    expect(await acme.list(User)).toEqual([]);
    expect(await inDatabase()).toMatchObject([{ kind: 'Recipient', active: true, groups: lou?.spec.source?.groups }]);
  });

  it('puts the prefix of the directory before the names of groups', async () => {
    await newTenant({ groupPrefix: 'LDAP ' });
    await branch.addPerson('max');
    await branch.addGroup('Board', 'max');
    await sync(acme);
    await acme.apply(...branch.manifests({ defaultRole: 'users', groupPrefix: 'Corporate ' }));
    const names = async () => (await acme.list(Group)).map(({ spec }) => spec.source?.displayName).filter(Boolean);
    expect(await names()).toEqual(['LDAP Board']);
    await sync(acme);
    expect(await names()).toEqual(['Corporate Board']);
  });

  it('holds what looks like an accident, and does the rest', async () => {
    await newTenant();
    const uids = Array.from({ length: 12 }, (_, index) => `user${index}`);
    for (const uid of uids) await branch.addPerson(uid);
    await branch.addGroup('Everybody', ...uids);
    await sync(acme);
    await everybody(User);
    await branch.setMembers('Everybody', 'user0');
    await branch.setPerson('user0', { sn: 'Jones' });
    await branch.addPerson('newcomer');
    const run = await sync(acme);
    expect(states(run)).toEqual({ Ready: 'False ChangesHeld', Stalled: 'True ChangesHeld' });
    const lost = '11 of 12 memberships would go; 3 may at once.';
    expect(run.status).toMatchObject({
      phase: 'Held',
      message: expect.stringContaining(lost),
      held: { reason: 'ManyMembershipsLost', count: 11, message: expect.stringContaining(lost) },
    });
    const after = await everybody(User);
    expect(after.newcomer).toBeDefined();
    expect(after.user0?.status?.displayName).toBe('user0 Jones');
    for (const uid of uids) expect(after[uid]?.spec.source?.groups, uid).toHaveLength(1);
    const directory = await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toEqual({
        Connected: 'True Connected',
        Ready: 'False ChangesHeld',
        Stalled: 'True ChangesHeld',
        Synced: 'False ChangesHeld',
      }),
    );
    expect(directory.status?.lastAttempt?.result).toBe('Held');

    await branch.setMembers('Everybody', ...uids);
    await sync(acme);
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Ready: 'True Connected', Synced: 'True Succeeded' }),
    );
  });
});

async function storedLines({ metadata }: DirectorySync): Promise<{ action: string }[]> {
  const { rows } = await sql<{ action: string }>`
    select line.action from roster.sync_lines line join roster.sync_runs run on run.id = line.run_id
    where run.uid = ${metadata.uid} order by line.position`.execute(roster.database.reader);
  return rows;
}

describe('a person who was there by hand', () => {
  it('is filled by the directory that has the address, and keeps what was declared', async () => {
    await newTenant();
    const declared = user('jane.doe', {
      email: 'Jane@example.com',
      domainAccount: 'ACME\\jane',
      organizations: [{ name: 'main', roles: ['developers'] }],
      groups: ['friends'],
    });
    await acme.apply(group('friends'), declared);
    await acme.eventually(User, 'jane.doe', (object) => expect(states(object)).toEqual(active));
    await branch.addPerson('jane', { givenName: 'Jane', sn: 'Doe' });
    await branch.addGroup('Board', 'jane');
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { ...noPeople, found: 1, linked: 1 } });
    const jane = await userNamed('jane');
    expect(jane.metadata.name).toBe('jane.doe');
    const { source, ...beside } = jane.spec;
    expect(beside).toEqual({ enabled: true, passwordSetup: 'None', ...declared.spec });
    expect(source).toMatchObject({ directory: 'corporate', firstName: 'Jane', lastName: 'Doe' });
    expect(await inDatabase()).toMatchObject([
      { display_name: 'Jane Doe', roles: ['developers'], groups: [source?.groups?.[0], 'friends'] },
    ]);

    // Git applies its manifest again and again.
    await acme.apply(declared);
    expect((await acme.get(User, 'jane.doe')).metadata.resourceVersion).toBe(jane.metadata.resourceVersion);
    const again = await sync(acme);
    expect(again.status).toMatchObject({ people: { ...noPeople, found: 1, unchanged: 1 } });
    expect((await acme.get(User, 'jane.doe')).metadata.resourceVersion).toBe(jane.metadata.resourceVersion);
  });

  it('and may administer or is disabled is linked by nobody before that is approved', async () => {
    await newTenant();
    const mayAdminister = role('keepers', 'Organization', { permissions: [{ resource: 'users', verbs: ['*'] }] });
    await acme.apply(
      tenant({ owner: 'owner' }),
      mayAdminister,
      user('owner'),
      user('chief', { roles: ['tenant-administrator-viewer'] }),
      user('admin', { organizations: [{ name: 'main', roles: ['administrators'] }] }),
      user('keeper', { organizations: [{ name: 'main', roles: ['keepers'] }] }),
      user('sleeper', { enabled: false }),
      user('plain'),
    );
    await everybody(User);
    const uids = ['owner', 'chief', 'admin', 'keeper', 'sleeper'];
    for (const uid of [...uids, 'plain']) await branch.addPerson(uid);
    const before = (await versions()).filter((version) => !version.includes('plain'));
    const run = await sync(acme);
    expect(run.status).toMatchObject({
      phase: 'Held',
      people: { ...noPeople, found: 6, linked: 1 },
      held: { reason: 'LinkNeedsApproval', count: 5 },
      reasons: [
        { action: 'Hold', reason: 'RestrictedLink', count: 5 },
        { action: 'Warn', reason: 'LinkNeedsApproval', count: 5 },
      ],
    });
    const holds = run.status?.samples?.filter(({ action }) => action === 'Hold');
    const sentences = new Map(holds?.map(({ record, message }) => [record, message]));
    expect(sentences.get(branch.person('owner'))).toMatch(/owns the tenant/);
    expect(sentences.get(branch.person('chief'))).toMatch(/holds the tenant role tenant-administrator-viewer/);
    expect(sentences.get(branch.person('admin'))).toMatch(/holds the role administrators in the organization main/);
    expect(sentences.get(branch.person('keeper'))).toMatch(/holds the role keepers in the organization main/);
    expect(sentences.get(branch.person('sleeper'))).toMatch(/disabled/);
    expect((await versions()).filter((version) => !version.includes('plain'))).toEqual(before);
    expect((await userNamed('plain')).spec.source).toBeDefined();
  });

  it('stays as they are where linking is off', async () => {
    await newTenant({ linking: 'Never' });
    await acme.apply(user('jane'));
    await everybody(User);
    await branch.addPerson('jane');
    const before = await versions();
    const run = await sync(acme);
    expect(run.status).toMatchObject({ reasons: [{ action: 'Reject', reason: 'LinkingOff', count: 1 }] });
    expect(await versions()).toEqual(before);
  });
});

describe('runs', () => {
  const request = (value: string) =>
    acme.client.mergePatch(
      UserDirectory,
      { namespace: acme.namespace, name: 'corporate' },
      { metadata: { annotations: { 'roster.dev/requestedAt': value } } },
    );
  const handled = (value: string) =>
    acme.eventually(UserDirectory, 'corporate', ({ status }) => expect(status?.lastHandledRequestAt).toBe(value));
  const phases = async () => (await acme.list(DirectorySync)).map(({ status }) => status?.phase ?? 'none').sort();

  it('are asked for by an annotation, each value once', async () => {
    await newTenant();
    await branch.addPerson('ned');
    await request('one');
    await handled('one');
    const [run] = await acme.list(DirectorySync);
    const { metadata } = await whenEnded(acme, run?.metadata.name ?? '');
    expect(metadata.name).toMatch(/^corporate-[0-9a-f]{8}$/);
    await userNamed('ned');
    const { message } = await eventWith('RunCreated');
    expect(message).toBe(`Created the run ${metadata.name}: roster.dev/requestedAt is one.`);
    expect((await eventWith('Succeeded')).message).toMatch(/1 person found: 1 created\./);

    // The directory is looked at again, and the request was handled.
    await acme.apply(...branch.manifests({ defaultRole: 'users', successfulRunsHistoryLimit: 5 }));
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Ready: 'True Connected' }),
    );
    expect(await acme.list(DirectorySync)).toHaveLength(1);
    await request('two');
    await handled('two');
    await eventually(async () => expect(await phases()).toEqual(['Succeeded', 'Succeeded']));
  });

  it('that are asked for during a run are one afterwards', async () => {
    const gate = await startGate(Number(new URL(server.urls.ldaps).port));
    onTestFinished(() => gate[Symbol.asyncDispose]());
    await newTenant({ url: `ldaps://127.0.0.1:${gate.port}` });
    await branch.addPerson('ola');
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Connected: 'True Connected' }),
    );
    gate.close();
    await request('one');
    await eventually(async () => expect(await phases()).toEqual(['Reading']));
    for (const value of ['two', 'three', 'four']) {
      await request(value);
      await handled(value);
    }
    await eventually(async () => expect(await phases()).toEqual(['Pending', 'Reading']));
    const waiting = (await acme.list(DirectorySync)).find(({ status }) => status?.phase === 'Pending');
    expect(waiting?.status?.message).toMatch(/^Waiting for the run corporate-[0-9a-f]{8} to end\.$/);
    expect(states(waiting as DirectorySync)).toEqual({ Ready: 'Unknown Pending', Reconciling: 'True Pending' });
    gate.open();
    await eventually(async () => expect(await phases()).toEqual(['Succeeded', 'Succeeded']));
    await userNamed('ola');
  });

  it('of one tenant go one after another, whatever their directory', async () => {
    const gate = await startGate(Number(new URL(server.urls.ldaps).port));
    onTestFinished(() => gate[Symbol.asyncDispose]());
    await newTenant({ url: `ldaps://127.0.0.1:${gate.port}` });
    await branch.addPerson('pam');
    const [, other] = branch.manifests({ linking: 'Never' });
    await acme.apply({ ...(other as KubernetesObject), metadata: { name: 'other' } });
    for (const name of ['corporate', 'other']) {
      await acme.eventually(UserDirectory, name, (object) => expect(states(object)).toHaveProperty('Connected'));
    }
    gate.close();
    const first = sync(acme);
    await eventually(async () => expect(await phases()).toEqual(['Reading']));
    const second = sync(acme, { directory: 'other' });
    await eventually(async () => expect(await phases()).toEqual(['Pending', 'Reading']));
    gate.open();
    expect((await first).status).toMatchObject({ phase: 'Succeeded', people: { created: 1 } });
    // The Secret allows the gate only.
    expect((await second).status).toMatchObject({ phase: 'Failed' });
    expect(states(await second)).toEqual({ Ready: 'False HostNotAllowed', Stalled: 'True HostNotAllowed' });
  });

  it('wait while the directory is suspended', async () => {
    await newTenant({ suspend: true });
    await branch.addPerson('quin');
    const waiting = sync(acme);
    await eventually(async () => expect(await phases()).toEqual(['Pending']));
    const [run] = await acme.list(DirectorySync);
    expect(run?.status?.message).toBe('The directory corporate is suspended.');
    await request('one');
    await acme.apply(...branch.manifests({ defaultRole: 'users', suspend: true, groupPrefix: 'X ' }));
    await acme.eventually(UserDirectory, 'corporate', (object) => expect(states(object)).toHaveProperty('Connected'));
    expect((await acme.get(UserDirectory, 'corporate')).status?.lastHandledRequestAt).toBeUndefined();
    await acme.apply(...branch.manifests({ defaultRole: 'users' }));
    expect((await waiting).status?.phase).toBe('Succeeded');
    await handled('one');
    await userNamed('quin');
  });

  it('are kept as many as the directory says, or as long as they say themselves', async () => {
    await newTenant({ successfulRunsHistoryLimit: 2, failedRunsHistoryLimit: 1 });
    await branch.addPerson('ray');
    const names: string[] = [];
    for (let count = 0; count < 4; count++) names.push((await sync(acme)).metadata.name);
    const kept = async () => (await acme.list(DirectorySync)).map(({ metadata }) => metadata.name).sort();
    await eventually(async () => expect(await kept()).toEqual(names.slice(2).sort()));
    // What the runs said stays; it is written after those that are too many were deleted.
    await acme.eventually(UserDirectory, 'corporate', ({ status }) =>
      expect(status).toMatchObject({ people: 1, lastAttempt: { run: names[3] } }),
    );

    await acme.apply({
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'DirectorySync',
      metadata: { name: 'fleeting' },
      spec: { directory: 'corporate', ttlSecondsAfterFinished: 1 },
    } as KubernetesObject);
    await eventually(async () => expect(await kept()).not.toContain('fleeting'));
    expect(await kept()).toEqual(names.slice(2).sort());
  });

  it('of a directory that does not exist fail', async () => {
    await newTenant();
    const run = await sync(acme, { directory: 'nowhere' });
    expect(states(run)).toEqual({ Ready: 'False DirectoryNotFound', Stalled: 'True DirectoryNotFound' });
    expect(run.status?.message).toBe(
      'There is no UserDirectory nowhere. Correct spec.directory and create another run.',
    );
  });

  it('leave people and groups where the directory is deleted', async () => {
    await newTenant();
    await branch.addPerson('sue');
    await branch.addGroup('Board', 'sue');
    await request('one');
    await handled('one');
    await userNamed('sue');
    await whenCounted();
    const [before, rows] = [await versions(), await inDatabase()];
    await acme.delete(UserDirectory, 'corporate');
    const run = await sync(acme);
    expect(states(run)).toEqual({ Ready: 'False DirectoryNotFound', Stalled: 'True DirectoryNotFound' });
    expect(await versions()).toEqual(before);
    expect(await inDatabase()).toEqual(rows);
    expect(rows).toMatchObject([{ directory: 'corporate', active: true }]);
    // They tell for a day how they ended.
    expect(await phases()).toEqual(['Failed', 'Succeeded']);
  });

  it('that are under way or hold something when the directory is deleted end as aborted', async () => {
    const gate = await startGate(Number(new URL(server.urls.ldaps).port));
    onTestFinished(() => gate[Symbol.asyncDispose]());
    await newTenant({ url: `ldaps://127.0.0.1:${gate.port}` });
    for (const uid of ['amy', 'bob', 'cid', 'dan']) await branch.addPerson(uid);
    await sync(acme);
    await everybody(User);
    for (const uid of ['amy', 'bob', 'cid', 'dan']) await branch.setPerson(uid, { mail: `${uid}.new@example.com` });
    const held = await sync(acme);
    expect(held.status).toMatchObject({ phase: 'Held', held: { reason: 'ManyAddressChanges' } });
    const before = await versions();
    gate.close();
    await request('one');
    await eventually(async () => expect(await phases()).toEqual(['Held', 'Reading', 'Succeeded']));
    await acme.delete(UserDirectory, 'corporate');
    await eventually(async () => expect(await phases()).toEqual(['Aborted', 'Aborted', 'Succeeded']));
    for (const run of await acme.list(DirectorySync)) {
      if (run.status?.phase === 'Succeeded') continue;
      expect(states(run)).toEqual({ Ready: 'False DirectoryDeleted', Stalled: 'True DirectoryDeleted' });
      expect(run.status?.message).toMatch(/^The UserDirectory corporate was deleted\. Its people and groups stay/);
    }
    expect((await eventWith('DirectoryDeleted')).message).toMatch(/^The UserDirectory corporate was deleted/);
    gate.open();
    expect(await versions()).toEqual(before);
  });

  it('that an operator left unfinished fail, and are begun anew', async () => {
    const gate = await startGate(Number(new URL(server.urls.ldaps).port));
    onTestFinished(() => gate[Symbol.asyncDispose]());
    const first = await startRoster();
    await newTenant({ url: `ldaps://127.0.0.1:${gate.port}` }, first);
    await branch.addPerson('tom');
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Connected: 'True Connected' }),
    );
    gate.close();
    await request('one');
    await eventually(async () => expect(await phases()).toEqual(['Reading']));
    await first.stop();
    gate.open();
    const second = await startRoster({ namespaces: [first.namespace], database: first.database });
    await eventually(async () => expect(await phases()).toEqual(['Failed', 'Succeeded']));
    const failed = (await acme.list(DirectorySync)).find(({ status }) => status?.phase === 'Failed');
    expect(states(failed as DirectorySync)).toEqual({ Ready: 'False RunInterrupted', Stalled: 'True RunInterrupted' });
    expect(failed?.status?.message).toBe(
      'The operator ended while the run was under way. Nothing is lost: start another run, which plans afresh.',
    );
    await userNamed('tom');
    expect(await peopleInDatabase(second.database, acme.namespace)).toMatchObject([{ email: 'tom@example.com' }]);
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Synced: 'True Succeeded', Ready: 'True Connected' }),
    );
  });
});

interface Event extends KubernetesObject {
  readonly reason: string;
  readonly message: string;
}
const Event: ResourceType<Event> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };

async function eventWith(reason: string): Promise<Event> {
  return await eventually(async () => {
    const found = (await acme.list(Event)).find((event) => event.reason === reason);
    if (found === undefined) throw new Error(`there is no event ${reason}`);
    return found;
  });
}
