/** Runs that start by themselves, tests of the connection, and accounts that must not be locked: with a real OpenLDAP. */
import { DirectorySync, type KubernetesObject, User, UserDirectory } from '@roster/crds';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Branch, type DirectoryOptions, startDirectoryServer, sync, whenEnded } from './directory.ts';
import { startFaultProxy } from './faultproxy.ts';
import { metric } from './metric.ts';
import { tenant } from './objects.ts';
import type { OpenLDAP } from './openldap.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster, startRoster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

let server: OpenLDAP;
let roster: Roster;
let namespaces: string[];

beforeAll(async () => {
  server = await startDirectoryServer();
  namespaces = await Promise.all(Array.from({ length: 12 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await server[Symbol.asyncDispose]();
  };
});

/** A tenant with one person in a part of the directory of its own. */
async function newTenant(options: DirectoryOptions = {}, administrator = roster.within(namespaces.pop() ?? '')) {
  const branch = await Branch.grow(server, administrator.namespace);
  onTestFinished(() => branch[Symbol.asyncDispose]());
  await branch.addPerson('jane');
  await branch.addGroup('Board', 'jane');
  await administrator.apply(tenant(), ...branch.manifests(options));
  return { acme: administrator, branch };
}

const minutely = { schedule: { every: '5m', timeZone: 'Etc/UTC' } } as const;
const ago = (seconds: number) => `${new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19)}Z`;
const minuteOf = (time: string) => `corporate-${Math.floor(Date.parse(time) / 60_000)}`;

const directoryOf = (acme: Administrator) => acme.get(UserDirectory, 'corporate');
const whenDirectory = (acme: Administrator, expectation: (object: UserDirectory) => void) =>
  acme.eventually(UserDirectory, 'corporate', expectation);
const whenReady = (acme: Administrator) =>
  whenDirectory(acme, (object) => expect(states(object)).toMatchObject({ Ready: 'True Connected' }));
const runNames = async (acme: Administrator) => (await acme.list(DirectorySync)).map(({ metadata }) => metadata.name);

/** Sets fields of the spec. */
async function set(acme: Administrator, spec: object): Promise<void> {
  await acme.kubectl([
    'patch',
    'userdirectories.roster.dev',
    'corporate',
    '--type=merge',
    '-p',
    JSON.stringify({ spec }),
  ]);
}

const patchStatus = [
  ...['patch', 'userdirectories.roster.dev', 'corporate'],
  ...['--subresource=status', '--type=merge', '-p'],
] as const;

/** As an operator left the status that ended a while ago; the directory was suspended meanwhile. */
async function resume(acme: Administrator, status: NonNullable<UserDirectory['status']>): Promise<void> {
  const patch = JSON.stringify({ status: { schedule: { inForce: 'every 5m', since: ago(86_400) }, ...status } });
  await acme.kubectl([...patchStatus, patch]);
  await set(acme, { suspend: false });
}

async function annotate(acme: Administrator, annotation: string): Promise<void> {
  await acme.kubectl(['annotate', 'userdirectories.roster.dev', 'corporate', '--overwrite', annotation]);
}

describe('a schedule', () => {
  it('starts a run at its time, named by its minute, and announces the next', async () => {
    const { acme } = await newTenant({ ...minutely, suspend: true });
    const suspended = await whenReady(acme);
    expect(suspended.status).toMatchObject({ schedule: { inForce: 'every 5m' } });
    expect(suspended.status).not.toHaveProperty('nextRunAt');

    const lastScheduledAt = ago(297);
    const time = new Date(Date.parse(lastScheduledAt) + 300_000).toISOString().replace('.000Z', 'Z');
    await resume(acme, { lastScheduledAt });
    const run = await whenEnded(acme, minuteOf(time));
    expect(run.status?.phase).toBe('Succeeded');
    expect(Date.parse(run.metadata.creationTimestamp ?? '')).toBeGreaterThanOrEqual(Date.parse(time));
    const next = new Date(Date.parse(time) + 300_000).toISOString().replace('.000Z', 'Z');
    await whenDirectory(acme, ({ status }) =>
      expect(status).toMatchObject({
        lastScheduledAt: time,
        nextRunAt: next,
        lastAttempt: { run: run.metadata.name, result: 'Succeeded' },
        people: 1,
        missing: 0,
      }),
    );

    const table = await acme.kubectl(['get', 'userdirectories.roster.dev', '-o', 'wide']);
    const [heads = '', row = ''] = table.split('\n');
    expect(heads.split(/\s{2,}/).map((head) => head.trim())).toEqual(
      expect.arrayContaining(['NAME', 'PEOPLE', 'LAST-RESULT', 'LAST-SUCCESS', 'NEXT-RUN', 'SCHEDULE', 'READY']),
    );
    expect(row).toContain(next);
    expect(row).toContain('every 5m');
    await statusesHold(acme);
  });

  it('makes up once for what was missed, and does not bring back a run that was deleted', async () => {
    const { acme } = await newTenant({ ...minutely, suspend: true });
    await whenReady(acme);
    // Announced for a moment that passed while no operator was there.
    const lastScheduledAt = ago(3_700);
    const announced = ago(1);
    await resume(acme, { lastScheduledAt, nextRunAt: announced });
    const { status } = await whenDirectory(acme, (object) =>
      expect(object.status?.lastScheduledAt).not.toBe(lastScheduledAt),
    );
    const name = minuteOf(status?.lastScheduledAt ?? '');
    await whenEnded(acme, name);
    expect(await runNames(acme)).toEqual([name]);
    expect(Date.parse(status?.lastScheduledAt ?? '')).toBe(Date.parse(lastScheduledAt) + 12 * 300_000);

    await acme.delete(DirectorySync, name);
    await annotate(acme, 'roster.dev/requestedAt=1');
    const asked = await eventually(async () => (await runNames(acme)).find((other) => other !== name) ?? expect.fail());
    await whenEnded(acme, asked);
    expect(await runNames(acme)).toEqual([asked]);
  });

  it('starts one run for a time, whichever operator is there', async () => {
    const first = await startRoster();
    const { acme } = await newTenant({ ...minutely, suspend: true }, first);
    await whenReady(acme);
    const lastScheduledAt = ago(297);
    await resume(acme, { lastScheduledAt });
    await whenDirectory(acme, ({ status }) => expect(status?.nextRunAt).toBeDefined());
    await first.stop();
    await startRoster({ namespaces: [first.namespace], database: first.database });
    const name = minuteOf(new Date(Date.parse(lastScheduledAt) + 300_000).toISOString());
    await whenEnded(acme, name);
    expect(await runNames(acme)).toEqual([name]);
  });

  it('is Stalled with an unknown time zone; the directory can be run all the same', async () => {
    const { acme } = await newTenant({ schedule: { daily: { at: '02:30' }, timeZone: 'Mars/Olympus' } });
    const directory = await whenDirectory(acme, (object) =>
      expect(states(object)).toEqual({
        Connected: 'True Connected',
        Ready: 'False InvalidTimeZone',
        Stalled: 'True InvalidTimeZone',
      }),
    );
    expect(sentence(directory, 'Ready')).toMatch(/^There is no time zone Mars\/Olympus\. Correct schedule\.timeZone; /);
    expect(directory.status).not.toHaveProperty('nextRunAt');
    expect((await sync(acme)).status?.phase).toBe('Succeeded');
    await set(acme, { schedule: { timeZone: 'Europe/Paris' } });
    await whenDirectory(acme, ({ status }) => {
      expect(status?.schedule?.inForce).toBe('daily at 02:30, Europe/Paris');
      expect(status?.nextRunAt).toMatch(/T0[01]:30:00Z$/);
    });
  });

  it('does not rewrite the status nor test the connection when an operator starts', async () => {
    const first = await startRoster();
    const { acme } = await newTenant(minutely, first);
    await whenReady(acme);
    await first.stop();
    const before = await directoryOf(acme);
    const second = await startRoster({ namespaces: [first.namespace], database: first.database });
    // By then the controller has looked at it.
    await eventually(async () =>
      expect(
        (await metric(second, 'roster_directory_connected')).get(`namespace="${acme.namespace}",directory="corporate"`),
      ).toBe(1),
    );
    expect((await directoryOf(acme)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });
});

describe('a refused account', () => {
  const refused = {
    Connected: 'False InvalidCredentials',
    Ready: 'False InvalidCredentials',
    Stalled: 'True InvalidCredentials',
  };

  it('is not tried by the schedule before the Secret changes; then what was missed is made up for', async () => {
    const { acme, branch } = await newTenant({ ...minutely, suspend: true, secret: { password: 'wrong' } });
    await whenDirectory(acme, (object) => expect(states(object)).toEqual(refused));
    await resume(acme, { lastScheduledAt: ago(600), nextRunAt: ago(1) });
    await whenDirectory(acme, (object) => {
      expect(states(object)).toEqual(refused);
      expect(object.status).not.toHaveProperty('nextRunAt');
    });
    expect(await runNames(acme)).toEqual([]);

    const [secret] = branch.manifests();
    await acme.apply(secret as KubernetesObject);
    await whenDirectory(acme, (object) => {
      expect(states(object)).toMatchObject({ Connected: 'True Connected' });
      expect(object.status?.nextRunAt).toBeDefined();
    });
    await vi.waitFor(async () => expect(await runNames(acme)).toHaveLength(1), { timeout: 45_000, interval: 200 });
  });

  it('is not tried at all when the schedule comes to its time and somebody looks', async () => {
    await using proxy = await startFaultProxy(Number(new URL(server.urls.ldap).port), 'message', 0);
    const url = `ldap://127.0.0.1:${proxy.port}`;
    const alone = await startRoster();
    const secret = { password: 'wrong', hosts: `${url} allowPlaintext` };
    const { acme } = await newTenant({ ...minutely, url, secret }, alone);
    await whenDirectory(acme, (object) => expect(states(object)).toEqual(refused));
    const attempted = proxy.units;
    expect(attempted).toBeGreaterThan(0);

    const status = { lastScheduledAt: ago(600), nextRunAt: ago(300) };
    await acme.kubectl([...patchStatus, JSON.stringify({ status })]);
    const looks = async () =>
      [...(await metric(alone, 'controller_runtime_reconcile_total'))]
        .filter(([labels]) => labels.includes('userdirectory'))
        .reduce((sum, [, count]) => sum + count, 0);
    const before = await looks();
    await annotate(acme, 'example.com/noted=1');
    await eventually(async () => expect(await looks()).toBeGreaterThan(before));
    await whenDirectory(acme, (object) => expect(object.status).not.toHaveProperty('nextRunAt'));
    expect(proxy.units).toBe(attempted);
    expect(await runNames(acme)).toEqual([]);

    await annotate(acme, 'roster.dev/testRequestedAt=1');
    await whenDirectory(acme, (object) => expect(object.status?.lastHandledTestAt).toBe('1'));
    expect(proxy.units).toBeGreaterThan(attempted);
  });

  it('is not tried by the schedule after a run found it refused', async () => {
    const other = await startDirectoryServer();
    onTestFinished(() => other[Symbol.asyncDispose]());
    const acme = roster.within(namespaces.pop() ?? '');
    const branch = await Branch.grow(other, acme.namespace);
    onTestFinished(() => branch[Symbol.asyncDispose]());
    await branch.addPerson('jane');
    await acme.apply(tenant(), ...branch.manifests(minutely));
    await whenReady(acme);
    await other.apply(
      `dn: ${other.username}\nchangetype: modify\nreplace: userPassword\nuserPassword: another\n`,
      'administrator',
    );
    expect((await sync(acme)).status).toMatchObject({ phase: 'Failed' });
    await whenDirectory(acme, (object) => {
      expect(states(object)).toEqual({ ...refused, Synced: 'False InvalidCredentials' });
      expect(object.status).not.toHaveProperty('nextRunAt');
    });
  });
});

describe('a test of the connection', () => {
  it('says what was reached, as whom, and who matches, each time it is asked for, and changes nobody', async () => {
    const { acme, branch } = await newTenant();
    const { status } = await whenReady(acme);
    const seen = {
      server: server.urls.ldaps,
      boundAs: server.username,
      people: 1,
      groups: 1,
      sample: [branch.person('jane')],
    };
    expect(status?.connection).toMatchObject(seen);
    expect(status).not.toHaveProperty('lastHandledTestAt');

    for (const uid of ['john', 'jim', 'jack', 'joan', 'jill']) await branch.addPerson(uid);
    await annotate(acme, 'roster.dev/testRequestedAt=1');
    const again = await whenDirectory(acme, (object) => expect(object.status?.lastHandledTestAt).toBe('1'));
    expect(again.status?.connection).toMatchObject({ people: 6, groups: 1 });
    expect(again.status?.connection?.sample).toHaveLength(5);
    expect(await acme.list(User)).toEqual([]);
    expect(await runNames(acme)).toEqual([]);
  });
});

describe('credentials that end', () => {
  it('are told of in the status, as a condition and as a metric', async () => {
    const { acme, branch } = await newTenant();
    await whenReady(acme);
    const series = `namespace="${acme.namespace}",directory="corporate"`;
    const expiry = async () =>
      (await metric(roster, 'roster_directory_credentials_expiry_timestamp_seconds')).get(series);
    expect(await expiry()).toBeUndefined();

    const end = ago(-10 * 86_400);
    const [secret] = branch.manifests();
    const annotated = (expiresAt: string) => ({
      ...(secret as KubernetesObject),
      metadata: {
        name: 'corporate',
        annotations: { ...secret?.metadata.annotations, 'roster.dev/expiresAt': expiresAt },
      },
    });
    await acme.apply(annotated(end));
    const told = await whenDirectory(acme, (object) =>
      expect(states(object)).toEqual({
        Connected: 'True Connected',
        CredentialsExpiring: 'True CredentialsExpireSoon',
        Ready: 'True Connected',
      }),
    );
    expect(told.status?.credentialsExpireAt).toBe(end);
    expect(sentence(told, 'CredentialsExpiring')).toContain(`The credentials in the Secret corporate end on ${end}.`);
    expect(await expiry()).toBe(Date.parse(end) / 1000);
    const events = await acme.kubectl(['get', 'events', '--field-selector=reason=CredentialsExpireSoon', '-o', 'name']);
    expect(events.trim().split('\n')).toHaveLength(1);

    await acme.apply(annotated('in ten days'));
    await whenDirectory(acme, (object) => {
      expect(states(object)).toMatchObject({ CredentialsExpiring: 'Unknown InvalidExpiry' });
      expect(object.status).not.toHaveProperty('credentialsExpireAt');
    });
    await eventually(async () => expect(await expiry()).toBeUndefined());
    await acme.apply(secret as KubernetesObject);
    await whenDirectory(acme, (object) => expect(states(object)).not.toHaveProperty('CredentialsExpiring'));
  });
});
