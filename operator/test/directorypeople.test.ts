/** What a directory makes of people beyond their names: rights, absence and returns, from a real OpenLDAP. */
import { DirectorySync, Recipient, type ResourceType, Tenant, User, type UserDirectory } from '@roster/crds';
import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { peopleInDatabase } from './contract.ts';
import { Branch, type DirectoryOptions, startDirectoryServer, sync } from './directory.ts';
import { organization, role, tenant, user } from './objects.ts';
import type { OpenLDAP } from './openldap.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster } from './roster.ts';
import { states, statusesHold } from './status.ts';

let server: OpenLDAP;
let roster: Roster;
let namespaces: string[];
let acme: Administrator;
let branch: Branch;

beforeAll(async () => {
  server = await startDirectoryServer();
  namespaces = await Promise.all(Array.from({ length: 12 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await server[Symbol.asyncDispose]();
  };
});

afterEach(async () => {
  await statusesHold(acme);
});

/** A tenant, and a part of the directory that no other test touches with these people in it. */
async function newTenant(uids: readonly string[], options: DirectoryOptions = {}): Promise<void> {
  acme = roster.within(namespaces.pop() ?? '');
  const grown = await Branch.grow(server, acme.namespace);
  branch = grown;
  onTestFinished(() => grown[Symbol.asyncDispose]());
  for (const uid of uids) await branch.addPerson(uid);
  await acme.apply(tenant());
  await configure(options);
}

/** Applies the directory anew. */
const configure = (options: DirectoryOptions) => acme.apply(...branch.manifests({ defaultRole: 'users', ...options }));

/** Of the few people here, so many changes are not held. */
const guard = { floor: 10, percent: 5, cap: 500 } as const;

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `user${index}`);

/** The people whom the filter lets through are those who have not left; so who left keeps the entry, and the id. */
const staff = () => ({
  users: { baseDN: branch.people, filter: '(&(objectClass=inetOrgPerson)(!(sn=Left)))' },
});
const leave = (uid: string) => branch.setPerson(uid, { sn: 'Left' });
const comeBack = (uid: string) => branch.setPerson(uid, { sn: 'Smith' });

/** Waits until everybody is Ready: users by the local part of the address in force. */
async function users(): Promise<Record<string, User>> {
  return await eventually(async () => {
    const list = await acme.list(User);
    for (const person of list) expect(states(person), person.metadata.name).toMatchObject({ Ready: 'True Mirrored' });
    return Object.fromEntries(list.map((person) => [person.status?.email?.split('@')[0] ?? '', person]));
  });
}

const inDatabase = async (name: string) =>
  (await peopleInDatabase(roster.database, acme.namespace)).find(({ email }) => email === `${name}@example.com`);

/** Approves what a run holds, and waits for what comes of it. */
async function approve({ metadata: { name, generation = 0 }, status }: DirectorySync): Promise<DirectorySync> {
  const patch = JSON.stringify({ spec: { approval: { hash: status?.held?.hash } } });
  await acme.kubectl(['patch', 'directorysyncs.roster.dev', name, '--type', 'merge', '--patch', patch]);
  return await acme.eventually(DirectorySync, name, ({ status: decided }) => {
    expect(decided?.observedGeneration).toBe(generation + 1);
    expect(['Succeeded', 'Failed', 'Held', 'Aborted']).toContain(decided?.phase);
  });
}

/** What a run says of records, by the local part of their DN: action and reason. */
async function linesOf({ metadata }: DirectorySync): Promise<Record<string, string>> {
  const { rows } = await sql<{ record: string; external_id: string; action: string; reason: string | null }>`
    select record, external_id, action, reason from roster.sync_lines join roster.sync_runs on id = run_id
    where uid = ${metadata.uid} and kind <> 'Group'`.execute(roster.database.reader);
  return Object.fromEntries(
    rows.map(({ record, action, reason }) => [
      /^uid=(\w+)/.exec(record)?.[1] ?? record,
      [action, reason].filter(Boolean).join(' '),
    ]),
  );
}

async function idOf(run: DirectorySync, uid: string): Promise<string> {
  const { rows } = await sql<{ external_id: string }>`
    select external_id from roster.sync_lines join roster.sync_runs on id = run_id
    where uid = ${run.metadata.uid} and record = ${branch.person(uid)}`.execute(roster.database.reader);
  return rows[0]?.external_id ?? '';
}

const annotate = (annotation: string) =>
  acme.kubectl(['annotate', 'userdirectories.roster.dev', 'corporate', annotation, '--overwrite']);

describe('who is missing', () => {
  it('cannot sign in, is restored on return, and is deleted when the grace period is over', async () => {
    await newTenant(numbered(20));
    const options = {
      ldap: staff(),
      passwordSetup: 'Invite',
      whenMissing: { policy: 'Delete', gracePeriod: '0h' },
      guard,
    } as const;
    await configure(options);
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { created: 20 } });
    const before = await users();
    const rowBefore = await inDatabase('user0');
    for (const uid of numbered(5)) await leave(uid);
    const missed = await sync(acme);
    expect(missed.status).toMatchObject({
      phase: 'Succeeded',
      people: { found: 15, unchanged: 15, disabled: 5, deleted: 0, missing: 0 },
      reasons: [{ action: 'Disable', reason: 'FilteredOut', count: 5 }],
    });
    await eventually(async () => {
      for (const uid of numbered(5)) {
        expect(await inDatabase(uid)).toMatchObject({ active: false, inactive_reason: 'Missing' });
      }
    });
    expect((await inDatabase('user5'))?.active).toBe(true);

    await comeBack('user4');
    const returned = await sync(acme);
    expect(returned.status).toMatchObject({
      phase: 'Succeeded',
      people: { found: 16, unchanged: 15, restored: 1, deleted: 4 },
    });
    await eventually(async () => {
      expect(Object.keys(await users()).sort()).toEqual(numbered(20).slice(4).sort());
      expect(await inDatabase('user4')).toMatchObject({ active: true, inactive_reason: null });
      for (const uid of numbered(4)) expect(await inDatabase(uid)).toBeUndefined();
    });
    expect((await users()).user4?.metadata.uid).toBe(before.user4?.metadata.uid);
    // The guard of the run let four go; to hold them in the database again would be one question too many.
    await acme.eventually(Tenant, 'tenant', (object) =>
      expect(states(object)).toMatchObject({ MirrorHeld: 'False InStep', Ready: 'True Mirrored' }),
    );

    await comeBack('user0');
    const recreated = await sync(acme);
    expect(recreated.status).toMatchObject({ phase: 'Succeeded', people: { created: 1 } });
    expect(await linesOf(recreated)).toMatchObject({ user0: expect.stringMatching(/Create|Recreated/) });
    expect(recreated.status?.reasons).toContainEqual({ action: 'Warn', reason: 'Recreated', count: 1 });
    const { user0 } = await users();
    expect(user0?.metadata.name).toBe(before.user0?.metadata.name);
    expect(user0?.spec.passwordSetup).toBe('None');
    expect(before.user0?.spec.passwordSetup).toBe('Invite');
    await eventually(async () => expect(await inDatabase('user0')).toEqual(rowBefore));
  });

  it('keeps access when it is the owner of the tenant', async () => {
    await newTenant(['jane', 'boss', ...numbered(8)]);
    await sync(acme);
    const { boss } = await users();
    await acme.apply(tenant({ owner: boss?.metadata.name ?? '' }));
    await configure({ whenMissing: { policy: 'Disable', gracePeriod: '720h' } });
    await sync(acme);
    await branch.removePerson('boss');
    const run = await sync(acme);
    expect(run.status).toMatchObject({ people: { missing: 1, disabled: 0 } });
    expect(run.status?.reasons).toContainEqual({ action: 'Keep', reason: 'OwnerKeepsAccess', count: 1 });
    expect(await inDatabase('boss')).toMatchObject({ active: true });
  });
});

describe('organizations and roles that follow from groups', () => {
  it('come and go with the group, and nothing else goes with them', async () => {
    await newTenant(['ann', 'bob', 'cee']);
    await acme.apply(organization('sales'), organization('lab'), role('sellers', 'Organization'));
    await branch.addGroup('Sales', 'ann', 'bob');
    await branch.addGroup('Ghosts', 'cee');
    const mappings = [
      { group: 'sales', organization: 'sales', roles: ['sellers'] },
      { group: 'Sales', organization: 'lab' },
      { group: 'Ghosts', organization: 'nowhere' },
    ];
    await configure({ mappings, guard });
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { created: 3 } });
    expect(run.status?.reasons).toContainEqual({ action: 'Warn', reason: 'OrganizationNotFound', count: 1 });
    await users();
    expect(await inDatabase('ann')).toMatchObject({
      organizations: ['lab', 'main', 'sales'],
      roles: ['sellers', 'users'],
    });
    expect(await inDatabase('cee')).toMatchObject({ organizations: ['main'], roles: ['users'] });

    const { ann } = await users();
    const declared = [...(ann?.spec.organizations ?? []), { name: 'lab' }];
    const patch = JSON.stringify({ spec: { organizations: declared } });
    await acme.kubectl(['patch', 'users.roster.dev', ann?.metadata.name ?? '', '--type', 'merge', '--patch', patch]);
    await branch.setMembers('Sales', 'bob');
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { updated: 1 } });
    await eventually(async () =>
      expect(await inDatabase('ann')).toMatchObject({ organizations: ['lab', 'main'], roles: ['users'] }),
    );
    expect(await inDatabase('bob')).toMatchObject({ organizations: ['lab', 'main', 'sales'] });
  });

  it('wait for approval where they give administration rights', async () => {
    await newTenant(['ann', 'bob']);
    const permissions = [{ resource: 'users', verbs: ['*'] }];
    await acme.apply(role('keepers', 'Organization', { permissions }));
    await branch.addGroup('Admins', 'ann');
    await configure({ mappings: [{ group: 'Admins', organization: 'main', roles: ['keepers'] }] });
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Held', held: { reason: 'GrantNeedsApproval', count: 1 } });
    expect(Object.keys(await users())).toEqual(['bob']);
    expect((await approve(run)).status).toMatchObject({ phase: 'Succeeded', people: { created: 1 } });
    await users();
    await eventually(async () => expect(await inDatabase('ann')).toMatchObject({ roles: ['keepers', 'users'] }));

    // Who administers by now keeps address and access, whatever the directory says, until that is approved, too.
    await branch.setPerson('ann', { mail: 'thief@example.com', sn: 'Jones' });
    await branch.setPerson('bob', { mail: 'robert@example.com' });
    const change = await sync(acme);
    expect(change.status).toMatchObject({ phase: 'Held', held: { reason: 'ChangeNeedsApproval', count: 1 } });
    await eventually(async () => expect(Object.keys(await users()).sort()).toEqual(['ann', 'robert']));
    expect((await users()).ann?.spec.source).toMatchObject({ email: 'ann@example.com', lastName: 'Jones' });
    expect((await approve(change)).status?.phase).toBe('Succeeded');
    await eventually(async () => expect(Object.keys(await users()).sort()).toEqual(['robert', 'thief']));
  });
});

describe('who is taken over', () => {
  it('is whom a pilot group has, and whoever was taken over stays', async () => {
    await newTenant(['ann', 'bob', 'cee']);
    await branch.addGroup('Pilot', 'ann');
    await branch.addGroup('Later', 'bob');
    await configure({ onlyMembersOf: ['pilot'] });
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { created: 1, excluded: 2 } });
    expect(run.status?.reasons).toContainEqual({ action: 'Exclude', reason: 'OutsidePilot', count: 2 });
    expect(Object.keys(await users())).toEqual(['ann']);
    await configure({ onlyMembersOf: ['Pilot', 'Later'] });
    await sync(acme);
    await branch.setMembers('Pilot');
    const after = await sync(acme);
    expect(after.status).toMatchObject({ people: { excluded: 2, disabled: 0, missing: 0 } });
    expect(Object.keys(await users()).sort()).toEqual(['ann', 'bob']);
  });

  it('is linked by approval only, where the directory says so', async () => {
    await newTenant(['ann', 'bob'], { linking: 'Approve' });
    await acme.apply(user('ann', { groups: [] }));
    const run = await sync(acme);
    expect(run.status).toMatchObject({ phase: 'Held', held: { reason: 'LinkNeedsApproval', count: 1 } });
    const { ann, bob } = await users();
    expect([ann?.spec.source, bob?.spec.source?.directory]).toEqual([undefined, 'corporate']);
    expect((await approve(run)).status).toMatchObject({ phase: 'Succeeded', people: { linked: 1 } });
    expect((await acme.get(User, 'ann')).spec.source).toMatchObject({ directory: 'corporate' });
  });

  it('is not doubled by a directory of the other kind', async () => {
    await newTenant(['ann', 'bob']);
    await sync(acme);
    await users();
    const [, directory] = branch.manifests({ importAs: 'Recipients', defaultRole: undefined });
    await acme.apply({ ...directory, metadata: { name: 'press' } } as UserDirectory);
    const run = await sync(acme, { directory: 'press' });
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { created: 0, rejected: 2 } });
    expect(run.status?.reasons).toEqual([{ action: 'Reject', reason: 'LinkedToOtherDirectory', count: 2 }]);
    expect(await acme.list(Recipient as ResourceType<Recipient>)).toEqual([]);
  });

  it('has the language of the directory on creation only', async () => {
    await newTenant([]);
    await branch.addPerson('ann', { preferredLanguage: 'fr-ca, en;q=0.5' });
    await sync(acme);
    expect((await users()).ann?.status).toBeDefined();
    expect(await inDatabase('ann')).toMatchObject({ language: 'fr-CA' });
    await branch.setPerson('ann', { preferredLanguage: 'de' });
    expect((await sync(acme)).status).toMatchObject({ people: { unchanged: 1 } });
  });
});

describe('an address that is used again', () => {
  it('is nobody’s until an administrator says whose it is', async () => {
    await newTenant(['ann', 'bob', ...numbered(8)]);
    await sync(acme);
    const before = await users();
    const rows = { ann: await inDatabase('ann'), bob: await inDatabase('bob') };
    for (const uid of ['ann', 'bob'] as const) {
      await branch.removePerson(uid);
      await acme.delete(User, before[uid]?.metadata.name ?? '');
      await eventually(async () => expect(await inDatabase(uid)).toBeUndefined());
      await branch.addPerson(uid);
    }
    const run = await sync(acme);
    expect(run.status).toMatchObject({ people: { created: 0, rejected: 2 } });
    expect(run.status?.reasons).toContainEqual({ action: 'Reject', reason: 'EmailOfDeletedPerson', count: 2 });
    expect(Object.keys(await users())).not.toEqual(expect.arrayContaining(['ann', 'bob']));

    await annotate(`roster.dev/samePerson=${await idOf(run, 'ann')}`);
    await annotate(`roster.dev/newPerson=${await idOf(run, 'bob')}`);
    const decided = await sync(acme);
    expect(decided.status).toMatchObject({ phase: 'Succeeded', people: { created: 2, rejected: 0 } });
    const { ann, bob } = await users();
    expect(ann?.metadata.name).toBe(before.ann?.metadata.name);
    expect(bob?.metadata.name).not.toBe(before.bob?.metadata.name);
    await eventually(async () => {
      expect((await inDatabase('ann'))?.id).toBe(rows.ann?.id);
      expect((await inDatabase('bob'))?.id).toBeDefined();
    });
    expect((await inDatabase('bob'))?.id).not.toBe(rows.bob?.id);
    expect((await sync(acme)).status).toMatchObject({ people: { unchanged: 10 } });
  });
});
