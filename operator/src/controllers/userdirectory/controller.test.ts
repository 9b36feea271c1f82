import { AppRole, DirectorySync, Organization, Tenant, UserDirectory } from '@roster/crds';
import { type Metric, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../metrics.ts';
import { ApiError, silentLogger } from '../../runtime/index.ts';
import type { Context } from '../context.ts';
import { Informed, ManualManager } from '../testing/engine.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import { at, condition, directory, now, organization, run, tenant } from '../testing/objects.ts';
import { addUserDirectoryController } from './controller.ts';

/** The controller of directories; in a namespace without a Tenant no server is connected to. */
class World {
  readonly api = new MemoryApi();
  readonly directories = new Informed<UserDirectory>(UserDirectory);
  readonly runs = new Informed<DirectorySync>(DirectorySync, { directory: () => ['acme/corporate'] });
  readonly organizations = new Informed<Organization>(Organization, {}, organization('main'));
  readonly metrics = createMetrics(new Registry(), { version: '1' });
  /** Reason and sentence of each. */
  readonly events: string[] = [];
  now = now;
  readonly #manager = new ManualManager();

  constructor(object: UserDirectory, ...tenants: Tenant[]) {
    this.api.put(object);
    this.directories.cache.set(object);
    const informers = {
      directories: this.directories,
      runs: this.runs,
      tenants: new Informed<Tenant>(Tenant, {}, ...tenants),
      organizations: this.organizations,
      roles: new Informed<AppRole>(AppRole),
    };
    const secrets = { read: () => Promise.reject(new Error('no Secret is read here')) };
    const events = {
      record: (_: unknown, __: unknown, ___: unknown, reason: string, message: string) =>
        void this.events.push(`${reason}: ${message}`),
    };
    const { api: client, metrics } = this;
    const context = { client, informers, metrics, secrets, events, log: silentLogger, now: () => this.now };
    addUserDirectoryController(this.#manager.asManager, context as unknown as Context);
  }

  /** On the server and in the cache. */
  setDirectory(object: UserDirectory): void {
    this.api.put(object);
    this.directories.cache.set(object);
  }

  reconcile() {
    return this.#manager.reconcile('userdirectory', 'corporate');
  }

  /** Lets the caches see what the API server has. */
  synchronize(): void {
    for (const object of this.api.objects.values()) {
      if (object.kind === 'UserDirectory') this.directories.cache.set(object as UserDirectory);
      else this.runs.cache.set(object as DirectorySync);
    }
  }

  get status(): NonNullable<UserDirectory['status']> {
    return this.api.at(UserDirectory, 'corporate')?.status ?? expect.fail('the directory has a status');
  }

  /** Of each metric about this directory, its value. */
  async exposed() {
    const { connected, lastAttempt, lastAttemptFailed, lastSuccess, people, groups, held, rejected } = this.metrics;
    const ofStatus = { connected, lastAttempt, lastAttemptFailed, lastSuccess, people, groups };
    const { scheduleInterval, scheduleSince } = this.metrics;
    const metrics = Object.entries({ ...ofStatus, held, rejected, scheduleInterval, scheduleSince });
    const values = metrics.map(async ([name, metric]) => [name, (await metric.get()).values[0]?.value] as const);
    return Object.fromEntries(await Promise.all(values));
  }
}

const stageName = 'roster_directory_stage_duration_seconds';

const known: UserDirectory['status'] = {
  conditions: [condition('Connected', 'True', 'Connected')],
  lastAttempt: { run: 'b', result: 'Failed', finishedAt: at(-30) },
  lastSuccessAt: at(-90),
  people: 1200,
  groups: 30,
};

describe('metrics of a directory', () => {
  it('are there after a restart as its status has them', async () => {
    const world = new World(directory({}, { status: known }));
    await world.reconcile();
    expect(await world.exposed()).toMatchObject({
      connected: undefined,
      lastAttempt: Date.parse(at(-30)) / 1000,
      lastAttemptFailed: 1,
      lastSuccess: Date.parse(at(-90)) / 1000,
      people: 1200,
      groups: 30,
    });
  });

  it('say of the last run what it holds and rejects, whatever was written before', async () => {
    const world = new World(directory({}, { status: known }));
    const reasons = [
      { action: 'Reject' as const, reason: 'NoEmail', count: 7 },
      { action: 'Hold' as const, reason: 'Removal', count: 12 },
    ];
    const held = { hash: 'sha256:1', count: 12, reasons: [], expiresAt: at(60) };
    const people = { found: 20, rejected: 7 };
    const holding = { phase: 'Held', finishedAt: at(-10), held, people, reasons };
    world.runs.cache.set(run('a', holding as unknown as DirectorySync['status']));
    await world.reconcile();
    expect(await world.exposed()).toMatchObject({ held: 12, rejected: 7, lastAttemptFailed: 0 });
    world.runs.cache.set(run('b', { phase: 'Failed', finishedAt: at(-5) }));
    world.runs.cache.delete('acme', 'a');
    await world.reconcile();
    expect(await world.exposed()).toMatchObject({ held: 0, rejected: 7, lastAttemptFailed: 1 });
    const succeeded = { phase: 'Succeeded', finishedAt: at(-1), people };
    world.runs.cache.set(run('c', succeeded as unknown as DirectorySync['status']));
    await world.reconcile();
    expect(await world.exposed()).toMatchObject({ held: 0, rejected: undefined, lastAttemptFailed: 0 });
  });

  it('have the longest interval of the schedule, and none while nothing starts by it', async () => {
    const weekly = { weekly: { days: ['Monday' as const, 'Thursday' as const], at: '04:00' }, timeZone: 'UTC' };
    const world = new World(directory({ schedule: weekly }));
    await world.reconcile();
    expect((await world.exposed()).scheduleInterval).toBe(4 * 24 * 3600);
    const suspended = async () => (await world.metrics.suspended.get()).values.map(({ value }) => value);
    expect(await suspended()).toEqual([0]);
    world.setDirectory(directory({ schedule: weekly, suspend: true }));
    await world.reconcile();
    expect((await world.exposed()).scheduleInterval).toBeUndefined();
    expect(await suspended()).toEqual([1]);
    world.setDirectory(directory({ schedule: { every: '15m', timeZone: 'UTC' } }));
    await world.reconcile();
    expect((await world.exposed()).scheduleInterval).toBe(900);
  });

  it('have the moment at which the schedule came into force, and none without a schedule', async () => {
    const world = new World(directory({ schedule: { every: '15m', timeZone: 'UTC' } }));
    await world.reconcile();
    const since = world.status.schedule?.since ?? '';
    expect((await world.exposed()).scheduleSince).toBe(Date.parse(since) / 1000);
    world.setDirectory(directory());
    await world.reconcile();
    expect((await world.exposed()).scheduleSince).toBeUndefined();
  });

  it('count from zero, so that the first run is an increase', async () => {
    const world = new World(directory());
    await world.reconcile();
    const { runs, changes, stage } = world.metrics;
    const labels = { namespace: 'acme', directory: 'corporate' };
    runs.inc({ ...labels, result: 'Succeeded' });
    stage.observe({ ...labels, stage: 'Read' }, 3);
    await world.reconcile();
    const of = async (metric: Metric) => (await metric.get()).values;
    expect(await of(runs)).toContainEqual({ labels: { ...labels, result: 'Succeeded' }, value: 1 });
    expect(await of(runs)).toContainEqual({ labels: { ...labels, result: 'Failed' }, value: 0 });
    expect(await of(changes)).toContainEqual({ labels: { ...labels, kind: 'person', action: 'deleted' }, value: 0 });
    const sum = (name: string, value: number) =>
      expect.objectContaining({ labels: { ...labels, stage: name }, metricName: `${stageName}_sum`, value });
    expect(await of(stage)).toEqual(expect.arrayContaining([sum('Read', 3), sum('Apply', 0)]));
    world.directories.cache.delete('acme', 'corporate');
    await world.reconcile();
    for (const metric of [runs, changes, stage, world.metrics.suspended]) expect(await of(metric)).toEqual([]);
  });

  it('are absent while nothing is known', async () => {
    const world = new World(directory());
    await world.reconcile();
    expect(Object.values(await world.exposed()).filter((value) => value !== undefined)).toEqual([]);
  });

  it('go with the directory', async () => {
    const world = new World(directory({}, { status: known }));
    await world.reconcile();
    world.directories.cache.delete('acme', 'corporate');
    await world.reconcile();
    expect(Object.values(await world.exposed()).filter((value) => value !== undefined)).toEqual([]);
  });
});

describe('the status of a directory', () => {
  it('keeps what a test saw that the cache does not know of yet', async () => {
    const sample = directory();
    const { credentials: _, ...anonymous } = sample.spec.ldap ?? expect.fail('the sample is read over LDAP');
    const connection = { testedAt: at(-1), server: 'ldaps://ldap.example.com', boundAs: 'anonymous' };
    const tested = { conditions: [condition('Connected', 'True', 'Connected')], connection };
    const current = directory({ ldap: anonymous }, { status: tested });
    const world = new World(current, tenant());
    const { status: __, ...stale } = current;
    world.directories.cache.set(stale);
    await world.reconcile();
    const { status } = world.api.at(UserDirectory, 'corporate') ?? {};
    expect(status?.connection).toEqual(connection);
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Connected', status: 'True' }));
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  });
});

describe('a schedule', () => {
  const { credentials: _, ...ldap } = directory().spec.ldap ?? expect.fail('the sample is read over LDAP');
  const connection = { testedAt: at(-7200), server: 'ldaps://ldap.example.com', boundAs: 'anonymous' };
  const every = (interval: string, status: Partial<UserDirectory['status']> = {}, spec = {}) =>
    directory(
      { ldap, schedule: { every: interval, timeZone: 'Etc/UTC' }, ...spec },
      // Created an hour ago.
      { status: { conditions: [condition('Connected', 'True', 'Connected')], connection, ...status } },
    );
  const created = (world: World) => world.api.requests.filter((request) => request.startsWith('create'));
  const minute = (time: string) => Date.parse(time) / 60_000;

  it('sleeps until its time, and then starts one run', async () => {
    const world = new World(every('2h'), tenant());
    expect(await world.reconcile()).toEqual({ requeueAfterMs: 3_600_000 });
    expect(world.status).toMatchObject({
      schedule: { inForce: 'every 2h', since: at(-3600) },
      nextRunAt: at(3600),
    });
    expect(created(world)).toEqual([]);

    world.synchronize();
    world.now = new Date(at(3600));
    expect(await world.reconcile()).toEqual({ requeueAfterMs: 7_200_000 });
    expect(created(world)).toEqual([`create DirectorySync corporate-${minute(at(3600))}`]);
    expect(world.events).toEqual([
      `RunCreated: Created the run corporate-${minute(at(3600))}: scheduled for ${at(3600)}.`,
    ]);
    expect(world.status).toMatchObject({ lastScheduledAt: at(3600), nextRunAt: at(10_800) });
  });

  it('writes nothing between runs', async () => {
    const world = new World(every('2h'), tenant());
    await world.reconcile();
    world.synchronize();
    const { length } = world.api.requests;
    for (const second of [1, 600, 3599]) {
      world.now = new Date(at(second));
      expect(await world.reconcile()).toEqual({ requeueAfterMs: (3600 - second) * 1000 });
    }
    expect(world.api.requests).toHaveLength(length);
  });

  it('starts no second run of a time, though the cache knows neither the first nor the status', async () => {
    const world = new World(every('2h'), tenant());
    world.now = new Date(at(3600));
    await world.reconcile();
    await world.reconcile();
    expect(created(world)).toHaveLength(1);
  });

  it('does not bring back a run that was deleted', async () => {
    const world = new World(every('2h'), tenant());
    world.now = new Date(at(3600));
    await world.reconcile();
    world.api.objects.delete(`DirectorySync corporate-${minute(at(3600))}`);
    await world.reconcile();
    world.synchronize();
    await world.reconcile();
    expect(created(world)).toHaveLength(1);
  });

  it('starts the run of a time once when the operator ends before it noted that', async () => {
    const world = new World(every('2h'), tenant());
    world.now = new Date(at(3600));
    world.api.endings.push('answered', 'answered', new Error('the operator ended'));
    await expect(world.reconcile()).rejects.toThrow('the operator ended');
    expect(created(world)).toHaveLength(1);
    await world.reconcile();
    expect([...world.api.objects.keys()].filter((key) => key.startsWith('DirectorySync'))).toHaveLength(1);
    expect(world.status.lastScheduledAt).toBe(at(3600));
  });

  it('tells of a run that the API server refuses, keeps the rest, and tries again', async () => {
    const world = new World(every('2h'), tenant());
    world.now = new Date(at(3600));
    const message = 'exceeded quota: runs';
    world.api.endings.push('answered', new ApiError(403, { reason: 'Forbidden', message }));
    await expect(world.reconcile()).rejects.toThrow(message);
    expect(world.events).toEqual([
      `WriteRefused: The run corporate-${minute(at(3600))} could not be created: ${message}`,
    ]);
    expect(world.status).toMatchObject({ schedule: { inForce: 'every 2h' } });
    expect(world.status).not.toHaveProperty('lastScheduledAt');
    world.synchronize();
    await world.reconcile();
    expect(world.api.at(DirectorySync, `corporate-${minute(at(3600))}`)).toBeDefined();
    expect(world.status.lastScheduledAt).toBe(at(3600));
  });

  it('makes up once for what was missed', async () => {
    const world = new World(every('10m'), tenant());
    world.now = new Date(at(100 * 3600 + 300));
    const { requeueAfterMs = 0 } = await world.reconcile();
    expect(requeueAfterMs).toBeLessThanOrEqual(30_000);
    expect(created(world)).toEqual([]);
    world.synchronize();
    world.now = new Date(world.now.getTime() + requeueAfterMs);
    await world.reconcile();
    expect(created(world)).toEqual([`create DirectorySync corporate-${minute(at(100 * 3600))}`]);
    expect(world.status).toMatchObject({ lastScheduledAt: at(100 * 3600), nextRunAt: at(100 * 3600 + 600) });
  });

  it('starts none while a run waits that serves its time', async () => {
    const world = new World(every('2h'), tenant());
    world.runs.cache.set(run('waiting'));
    world.now = new Date(at(3600));
    await world.reconcile();
    expect(created(world)).toEqual([]);
    expect(world.status.lastScheduledAt).toBe(at(3600));
  });

  it('has the run that was asked for at the same time serve it', async () => {
    const object = every('2h');
    const annotations = { 'roster.dev/requestedAt': 'now' };
    const world = new World({ ...object, metadata: { ...object.metadata, annotations } }, tenant());
    world.now = new Date(at(3600));
    await world.reconcile();
    expect(created(world)).toEqual([expect.stringMatching(/^create DirectorySync corporate-[0-9a-f]{8}$/)]);
    expect(world.status).toMatchObject({ lastScheduledAt: at(3600), lastHandledRequestAt: 'now' });
  });

  it.each([
    ['the directory is suspended', every('2h', {}, { suspend: true })],
    ['the account is refused', every('2h', { conditions: [condition('Connected', 'False', 'InvalidCredentials')] })],
    ['the time zone is not known', every('2h', {}, { schedule: { every: '2h', timeZone: 'Mars/Olympus' } })],
    ['the organization is missing', every('2h', {}, { organization: 'moon' })],
  ])('starts none while %s, and announces none', async (_, object) => {
    const world = new World(object, tenant());
    world.now = new Date(at(3600));
    expect(await world.reconcile()).toEqual({});
    expect(created(world)).toEqual([]);
    expect(world.status).not.toHaveProperty('nextRunAt');
    expect(world.status).not.toHaveProperty('lastScheduledAt');
  });
});
