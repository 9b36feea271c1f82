/** What runs hold, and what becomes of it: from a real OpenLDAP, decided about with kubectl. */
import { DirectorySync, Tenant, User, UserDirectory } from '@roster/crds';
import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Branch, type DirectoryOptions, startDirectoryServer, sync } from './directory.ts';
import { role, tenant, user } from './objects.ts';
import type { OpenLDAP } from './openldap.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster, startRoster } from './roster.ts';
import { states, statusesHold } from './status.ts';

let server: OpenLDAP;
let roster: Roster;
let namespaces: string[];
let acme: Administrator;
let branch: Branch;

beforeAll(async () => {
  server = await startDirectoryServer();
  namespaces = await Promise.all(Array.from({ length: 16 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await server[Symbol.asyncDispose]();
  };
});

afterEach(async () => {
  await statusesHold(acme);
});

const disable = { whenMissing: { policy: 'Disable', gracePeriod: '720h' } } as const;

/** A tenant, and a part of the directory that no other test touches with these people in it. */
async function newTenant(
  uids: readonly string[],
  options: DirectoryOptions = {},
  administrator = roster.within(namespaces.pop() ?? ''),
): Promise<void> {
  acme = administrator;
  const grown = await Branch.grow(server, acme.namespace);
  branch = grown;
  onTestFinished(() => grown[Symbol.asyncDispose]());
  for (const uid of uids) await branch.addPerson(uid);
  await acme.apply(tenant(), ...branch.manifests({ defaultRole: 'users', ...options }));
}

const people = (count: number, name = 'user') => Array.from({ length: count }, (_, index) => `${name}${index}`);

/** Whether each person may sign in, by the local part of the address. */
async function active(): Promise<Record<string, string | undefined>> {
  return await eventually(async () => {
    const users = await acme.list(User);
    for (const person of users) expect(states(person), person.metadata.name).toMatchObject({ Ready: 'True Mirrored' });
    return Object.fromEntries(
      users.map((person) => [person.status?.email?.split('@')[0] ?? '', states(person).Active?.split(' ')[1]]),
    );
  });
}

/** Decides as docs/directories.md says, and waits for what comes of it. */
async function decide(run: DirectorySync, decision: Readonly<Record<string, unknown>> = {}): Promise<DirectorySync> {
  const { name, generation = 0 } = run.metadata;
  await approve(run, decision);
  return await acme.eventually(DirectorySync, name, (decided) => {
    expect(decided.status?.observedGeneration).toBe(generation + 1);
    expect(['Succeeded', 'Failed', 'Held', 'Aborted']).toContain(decided.status?.phase);
  });
}

async function approve(run: DirectorySync, decision: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const { name } = run.metadata;
  const hash = (
    await acme.kubectl(['get', 'directorysyncs.roster.dev', name, '-o', 'jsonpath={.status.held.hash}'])
  ).trim();
  const patch = JSON.stringify({ spec: { approval: { hash, ...decision } } });
  await acme.kubectl(['patch', 'directorysyncs.roster.dev', name, '--type', 'merge', '--patch', patch]);
}

/** Runs the command that the run ends its message with. */
async function approveAsTold({ status }: DirectorySync): Promise<void> {
  const [, args = '', patch = ''] = /: kubectl (.*) '(.*)'$/.exec(status?.message ?? '') ?? [];
  await acme.kubectl([...args.split(' '), patch]);
}

const phaseOf = async (run: DirectorySync) => states(await acme.get(DirectorySync, run.metadata.name)).Ready;

/** Lets half of ten people vanish, and the run that finds it. */
async function halfGone(options: DirectoryOptions = disable): Promise<DirectorySync> {
  await newTenant(people(10), options);
  expect((await sync(acme)).status?.phase).toBe('Succeeded');
  await active();
  for (const uid of people(5)) await branch.removePerson(uid);
  return await sync(acme);
}

describe('removals that are unusually many', () => {
  it('are held, and made when they are approved and still due', async () => {
    const run = await halfGone();
    expect(run.status).toMatchObject({
      phase: 'Held',
      people: { found: 5, unchanged: 5, disabled: 0 },
      held: {
        reason: 'ManyRemovals',
        count: 5,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        expiresAt: expect.any(String),
      },
      reasons: expect.arrayContaining([
        { action: 'Hold', reason: 'Removal', count: 5 },
        { action: 'Disable', reason: 'Deleted', count: 5 },
      ]),
    });
    const hours =
      (Date.parse(run.status?.held?.expiresAt ?? '') - Date.parse(run.status?.finishedAt ?? '')) / 3_600_000;
    expect(hours).toBeCloseTo(24, 1);
    const directory = await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(object.status?.lastAttempt?.run).toBe(run.metadata.name),
    );
    for (const { type, message } of directory.status?.conditions ?? []) {
      if (type !== 'Connected') expect(message, type).toBe(run.status?.message);
    }
    expect(Object.values(await active())).toEqual(Array(10).fill('Enabled'));
    const { name } = run.metadata;
    // As docs/directories.md says.
    const selector = ['--field-selector', 'spec.directory=corporate,status.phase=Held', '-o', 'name'];
    const found = await acme.kubectl(['get', 'directorysyncs.roster.dev', ...selector]);
    expect(found.trim()).toBe(`directorysync.roster.dev/${name}`);
    const { rows } = await sql`
      select line.name, record, reason, message
      from roster.sync_lines line join roster.sync_runs run on run.id = run_id
      where run.namespace = ${acme.namespace} and run.name = ${name} and action = 'Hold'`.execute(
      roster.database.reader,
    );
    expect(rows).toHaveLength(5);
    expect(rows[0]).toMatchObject({ name: expect.stringMatching(/^user\d-/), reason: 'Removal' });

    const done = await decide(run, { by: 'ann' });
    expect(done.status).toMatchObject({ phase: 'Succeeded', people: { disabled: 5 } });
    expect(done.status?.held).toBeUndefined();
    await eventually(async () => {
      const states = await active();
      for (const uid of people(5)) expect(states[uid]).toBe('Missing');
      expect(states.user5).toBe('Enabled');
    });
    const again = await sync(acme);
    expect(again.status).toMatchObject({ phase: 'Succeeded', people: { disabled: 0, missing: 5 } });
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Ready: 'True Connected', Synced: 'True Succeeded' }),
    );
  });

  it('that come in addition are held again, and need another run', async () => {
    await newTenant(people(20), disable);
    await sync(acme);
    for (const uid of people(5)) await branch.removePerson(uid);
    const run = await sync(acme);
    expect(run.status?.held).toMatchObject({ reason: 'ManyRemovals', count: 5 });
    for (const uid of people(10).slice(5)) await branch.removePerson(uid);
    const half = await decide(run);
    expect(half.status).toMatchObject({ phase: 'Held', held: { reason: 'ManyRemovals', count: 5 } });
    expect(half.status?.held?.hash).toBeUndefined();
    expect(half.status?.message).toContain('What was approved is done; start another run to have the rest approved.');
    await eventually(async () => {
      const states = await active();
      expect(people(10).map((uid) => states[uid])).toEqual([...Array(5).fill('Missing'), ...Array(5).fill('Enabled')]);
    });
    const next = await sync(acme);
    expect(next.status?.held).toMatchObject({ reason: 'ManyRemovals', count: 5, hash: expect.any(String) });
    await eventually(async () => expect(await phaseOf(half)).toBe('False Superseded'));
    expect((await decide(next)).status?.phase).toBe('Succeeded');
  });

  it('are not made when they are rejected', async () => {
    const run = await halfGone();
    const rejected = await decide(run, { rejected: true, by: 'ann' });
    expect(states(rejected)).toEqual({ Ready: 'False ApprovalRejected', Stalled: 'True ApprovalRejected' });
    expect(rejected.status).toMatchObject({ phase: 'Aborted', finishedAt: run.status?.finishedAt });
    expect(rejected.status?.message).toMatch(/^What was held was rejected by ann; it was not done\./);
    expect(Object.values(await active())).toEqual(Array(10).fill('Enabled'));
    await acme.eventually(UserDirectory, 'corporate', ({ status }) =>
      expect(status?.lastAttempt).toMatchObject({ run: run.metadata.name, result: 'Aborted' }),
    );
    await expect(decide(run, { by: 'bob' })).rejects.toThrow(/cannot be changed or taken back/);
  });

  it('cannot be approved after a newer run, which holds them itself', async () => {
    const run = await halfGone();
    const newer = await sync(acme);
    expect(newer.status?.held).toMatchObject({ reason: 'ManyRemovals', count: 5, hash: run.status?.held?.hash });
    await eventually(async () => expect(await phaseOf(run)).toBe('False Superseded'));
    await expect(decide(run)).rejects.toThrow('only a run that is Held can be approved or rejected');
    expect(await phaseOf(newer)).toBe('False ChangesHeld');
  });

  it('cannot be approved when it is too late', async () => {
    const run = await halfGone();
    const { name } = run.metadata;
    const past = new Date(Date.now() - 1_000).toISOString().replace(/\.\d+Z/, 'Z');
    const patch = JSON.stringify({ status: { held: { expiresAt: past } } });
    await acme.kubectl([
      'patch',
      'directorysyncs.roster.dev',
      name,
      '--subresource',
      'status',
      '--type',
      'merge',
      '--patch',
      patch,
    ]);
    const late = await decide(run);
    expect(states(late)).toEqual({ Ready: 'False ApprovalExpired', Stalled: 'True ApprovalExpired' });
    expect(Object.values(await active())).toEqual(Array(10).fill('Enabled'));
  });

  it('pass when they are few, however often a run looks', async () => {
    await newTenant(people(10), disable);
    await sync(acme);
    for (const uid of people(2)) await branch.removePerson(uid);
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { disabled: 2 } });
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { disabled: 0, missing: 2 } });
  });

  it('are counted over seven days: many small steps are one large one', async () => {
    await newTenant(people(12), disable);
    await sync(acme);
    for (const uid of people(2)) await branch.removePerson(uid);
    expect((await sync(acme)).status?.phase).toBe('Succeeded');
    for (const uid of people(4).slice(2)) await branch.removePerson(uid);
    const run = await sync(acme);
    expect(run.status?.held).toMatchObject({ reason: 'ManyRemovals', count: 2 });
    expect(run.status?.held?.message).toContain('2 in the last seven days');
    await sql`update roster.sync_effects set started_at = started_at - interval '7 days' where namespace = ${acme.namespace}`.execute(
      roster.database.writer,
    );
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { disabled: 2 } });
  });

  it('are held whatever their number after a change of what decides who is found', async () => {
    await newTenant(people(30), disable);
    await sync(acme);
    await acme.eventually(UserDirectory, 'corporate', ({ status }) => expect(status?.readSettings).toBeDefined());
    const narrowed = {
      ldap: { users: { baseDN: branch.people, filter: '(&(objectClass=inetOrgPerson)(!(uid=user7)))' } },
    };
    await acme.apply(...branch.manifests({ defaultRole: 'users', ...disable, ...narrowed }));
    const run = await sync(acme);
    expect(run.status).toMatchObject({
      phase: 'Held',
      held: { reason: 'ReadSettingsChanged', count: 1 },
      reasons: expect.arrayContaining([{ action: 'Disable', reason: 'FilteredOut', count: 1 }]),
    });
    expect((await active()).user7).toBe('Enabled');
    expect((await decide(run)).status?.phase).toBe('Succeeded');
    // By now the filter is the one that the last success had.
    await branch.removePerson('user8');
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { disabled: 1 } });
  });
});

it('memberships that came back meanwhile stay when what was held is approved', async () => {
  await newTenant(people(12));
  await branch.addGroup('Everybody', ...people(12));
  await sync(acme);
  await active();
  await branch.setMembers('Everybody', 'user0');
  const run = await sync(acme);
  expect(run.status?.held).toMatchObject({ reason: 'ManyMembershipsLost', count: 11 });
  await branch.setMembers('Everybody', ...people(8));
  const done = await decide(run);
  expect(done.status).toMatchObject({ phase: 'Succeeded', people: { updated: 4, unchanged: 8 }, memberships: 8 });
  const members = (await acme.list(User)).filter(({ spec }) => spec.source?.groups?.length === 1);
  expect(
    members.map(({ spec }) => spec.source?.email?.split('@')[0]).toSorted((a = '', b = '') => (a < b ? -1 : 1)),
  ).toEqual(people(8));
});

it('nobody at all is always held, also where nobody would be removed', async () => {
  await newTenant(['jane', 'john']);
  await sync(acme);
  const nobody = { ldap: { users: { baseDN: branch.people, filter: '(uid=nobody)' } } };
  await acme.apply(...branch.manifests({ defaultRole: 'users', ...nobody }));
  const run = await sync(acme);
  expect(states(run)).toEqual({ Ready: 'False EmptyAnswer', Stalled: 'True EmptyAnswer' });
  expect(run.status).toMatchObject({ phase: 'Held', held: { reason: 'EmptyAnswer', count: 2 } });
  expect(run.status?.message).toMatch(/^Nobody matches, although this directory still had 2 people\./);
  expect(run.status?.held?.hash).toBeUndefined();
  expect(Object.values(await active())).toEqual(['Enabled', 'Enabled']);
});

it('nobody who administers is linked before that is approved, and then nothing but that', async () => {
  await newTenant(['chief', 'plain', 'boss']);
  await acme.apply(
    role('keepers', 'Organization', { permissions: [{ resource: 'users', verbs: ['*'] }] }),
    user('chief', { organizations: [{ name: 'main', roles: ['keepers'] }] }),
    user('boss'),
    user('plain'),
    tenant({ owner: 'boss' }),
  );
  await active();
  await acme.eventually(Tenant, 'tenant', (object) => expect(states(object)).toMatchObject({ Ready: 'True Mirrored' }));
  const run = await sync(acme);
  expect(run.status).toMatchObject({ phase: 'Held', held: { reason: 'LinkNeedsApproval', count: 2 } });
  const linked = async () =>
    (await acme.list(User)).filter(({ spec }) => spec.source !== undefined).map(({ metadata }) => metadata.name);
  expect(await linked()).toEqual(['plain']);
  expect((await decide(run)).status?.phase).toBe('Succeeded');
  expect((await linked()).sort()).toEqual(['boss', 'chief', 'plain']);
});

it('a preview holds as a run would, takes nobody an address, and leaves all of it in the database', async () => {
  const claims = async () => {
    const { rows } = await sql`select value from roster.claims where namespace = ${acme.namespace}`.execute(
      roster.database.reader,
    );
    return rows;
  };
  await newTenant(people(10), disable);
  const first = await sync(acme, { dryRun: true });
  expect(first.status).toMatchObject({ phase: 'Succeeded', people: { created: 10 } });
  expect(first.status?.held).toBeUndefined();
  expect([await claims(), await acme.list(User)]).toEqual([[], []]);
  await sync(acme);
  await active();
  for (const uid of people(5)) await branch.removePerson(uid);
  const preview = await sync(acme, { dryRun: true });
  expect(preview.status).toMatchObject({ phase: 'Succeeded', held: { reason: 'ManyRemovals', count: 5 } });
  expect(preview.status?.held?.expiresAt).toBeUndefined();
  const run = await sync(acme);
  expect(run.status?.held?.hash).toBe(preview.status?.held?.hash);
  expect(await linesOf(preview)).toEqual(await linesOf(run));
  expect((await linesOf(run)).filter((line) => line === 'Hold Removal')).toHaveLength(5);
  expect(Object.values(await active())).toEqual(Array(10).fill('Enabled'));
});

async function linesOf({ metadata }: DirectorySync): Promise<string[]> {
  const { rows } = await sql<{ action: string; reason: string | null }>`
    select action, reason from roster.sync_lines join roster.sync_runs on id = run_id
    where uid = ${metadata.uid} order by position`.execute(roster.database.reader);
  return rows.map(({ action, reason }) => `${action} ${reason}`);
}

describe('one person', () => {
  it('is synced alone, by address, DN or id, with the groups that they need', async () => {
    await newTenant(['jane', 'john', 'mary']);
    await branch.addGroup('Board', 'jane', 'john');
    await branch.addGroup('Others', 'mary');
    const run = await sync(acme, { person: 'JANE@example.com' });
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { found: 1, created: 1 } });
    expect(run.status?.message).toMatch(
      new RegExp(`^${branch.person('jane')} is found: User jane-[a-z2-7]{8} is created\\.$`),
    );
    expect(Object.keys(await active())).toEqual(['jane']);
    const [jane] = await acme.list(User);
    expect(jane?.spec.source?.groups).toHaveLength(1);
    expect((await sync(acme, { person: branch.person('john').toUpperCase() })).status?.people?.created).toBe(1);
    expect(Object.keys(await active()).sort()).toEqual(['jane', 'john']);
    const unchanged = await sync(acme, { person: jane?.spec.source?.externalId ?? '' });
    expect(unchanged.status?.message).toBe(`${branch.person('jane')} is found: there is nothing to do.`);
    const directory = await acme.get(UserDirectory, 'corporate');
    expect([directory.status?.lastAttempt, directory.status?.lastSuccessAt]).toEqual([undefined, undefined]);
  });

  it('is only looked at in a preview', async () => {
    await newTenant(['jane']);
    const run = await sync(acme, { person: 'jane@example.com', dryRun: true });
    expect(run.status?.message).toMatch(/^Nothing was changed\. uid=jane,.* is created\.$/);
    expect(await acme.list(User)).toEqual([]);
  });

  it('who is not synced learns why', async () => {
    await newTenant(['boss', 'odd'], { exclude: ['boss@example.com'] });
    const said = async (person: string) => (await sync(acme, { person })).status?.message;
    await branch.addPerson('nomail', { mail: [] });
    for (const uid of ['twin1', 'twin2']) await branch.addPerson(uid, { mail: 'twin@example.com' });
    const filter = '(&(objectClass=inetOrgPerson)(!(uid=odd)))';
    const narrowed = { ldap: { users: { baseDN: branch.people, filter } } };
    await acme.apply(...branch.manifests({ exclude: ['boss@example.com'], ...narrowed }));
    const dn = (uid: string) => branch.person(uid);
    expect(await said(dn('nomail'))).toBe(`${dn('nomail')} is not synced. The entry has no e-mail address.`);
    expect(await said('boss@example.com')).toBe(
      `${dn('boss')} is not synced. exclude lists the address boss@example.com.`,
    );
    expect(await said('odd@example.com')).toBe(`${dn('odd')} is not synced: it does not match the filter.`);
    expect(await said('twin@example.com')).toMatch(/ is not synced\. 2 entries of the directory have the address/);
    expect(await said('nobody@example.com')).toBe(
      'The directory has no entry for nobody@example.com, as far as the account may see.',
    );
    const elsewhere = await Branch.grow(server, `${acme.namespace}-elsewhere`);
    onTestFinished(() => elsewhere[Symbol.asyncDispose]());
    await elsewhere.addPerson('far');
    expect(await said('far@example.com')).toBe(`${elsewhere.person('far')} is not synced: it lies outside the base.`);
    expect(await acme.list(User)).toEqual([]);
  });

  it('is not removed when missing, and supersedes no hold', async () => {
    const held = await halfGone();
    const run = await sync(acme, { person: 'user0@example.com' });
    expect(run.status).toMatchObject({ phase: 'Succeeded', people: { found: 0, missing: 1, disabled: 0 } });
    expect(run.status?.message).toMatch(/was deleted in the directory\./);
    expect((await active()).user0).toBe('Enabled');
    expect(await phaseOf(held)).toBe('False ChangesHeld');
    expect((await decide(held)).status?.phase).toBe('Succeeded');
  });
});

it('what was approved while no operator was there is done by the next one', async () => {
  const first = await startRoster();
  await newTenant(people(10), disable, first);
  await sync(acme);
  await active();
  for (const uid of people(5)) await branch.removePerson(uid);
  const run = await sync(acme);
  expect(run.status?.held).toMatchObject({ reason: 'ManyRemovals', count: 5 });
  await first.stop();
  await approveAsTold(run);
  await startRoster({ namespaces: [first.namespace], database: first.database });
  await acme.eventually(DirectorySync, run.metadata.name, ({ status }) =>
    expect(status).toMatchObject({ phase: 'Succeeded', people: { disabled: 5 } }),
  );
});
