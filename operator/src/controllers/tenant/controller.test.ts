import { AppRole, Group, Organization, Recipient, Tenant, User } from '@roster/crds';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { DatabaseError } from '../../errors.ts';
import { createMetrics } from '../../metrics.ts';
import type { RowKey, TenantRow } from '../../mirror/index.ts';
import { ApiError, requeueAfter, silentLogger } from '../../runtime/index.ts';
import type { Context } from '../context.ts';
import { Informed, ManualManager } from '../testing/engine.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import { brokenInvariants, group, now, organization, recipient, role, tenant, user } from '../testing/objects.ts';
import { builtInObjects } from './builtin.ts';
import { addTenantController } from './controller.ts';
import { confirmVanished } from './decide.ts';
import type { Vanishings } from './vanishings.ts';

const row = (name: string): RowKey => ({ namespace: 'acme', kind: 'User', name });
const people = (count: number): User[] => Array.from({ length: count }, (_, index) => user(`person-${index}`));

/** The controller of tenants between an API server in memory and a database that remembers what it is told. */
class World {
  readonly api = new MemoryApi();
  readonly users = new Informed<User>(User);
  readonly tenants = new Informed<Tenant>(Tenant);
  readonly organizations = new Informed<Organization>(Organization, {}, organization('main'));
  readonly metrics = createMetrics(new Registry(), { version: '1' });
  readonly written: TenantRow[] = [];
  readonly buried: string[] = [];
  /** Whom a directory no longer has. */
  missing: readonly RowKey[] = [];
  readonly events: string[] = [];
  readonly vanishings: Vanishings;
  /** The database's answer to whether it can be reached. */
  database: () => Promise<void> = async () => undefined;
  #now = now;
  /** Known from the queries of others. */
  outage: DatabaseError | undefined;
  readonly #manager = new ManualManager();

  constructor(object = tenant(), embedded = false) {
    this.add(object);
    const informers = {
      tenants: this.tenants,
      users: this.users,
      organizations: this.organizations,
      roles: new Informed<AppRole>(AppRole, {}, role('auditors')),
      recipients: new Informed<Recipient>(Recipient, {}, recipient('press')),
      groups: new Informed<Group>(Group, {}, group('board')),
    };
    const mirror = {
      embedded,
      has: () => true,
      missing: async () => this.missing,
      count: () => 100,
      buriedSince: async () => {
        await this.database();
        return 0;
      },
      writeTenant: async (tenantRow: TenantRow) => {
        await this.database();
        this.written.push(tenantRow);
      },
      assertAnswering: () => {
        if (this.outage !== undefined) throw this.outage;
      },
      bury: async (rows: readonly RowKey[], { confirmed }: { confirmed: boolean }) => {
        this.buried.push(...rows.map(({ name }) => (confirmed ? `${name} (confirmed)` : name)));
      },
    };
    const context = {
      client: this.api,
      informers,
      scope: { excludes: () => false },
      mirror,
      events: {
        record: (...[, , , reason]: Parameters<Context['events']['record']>) => this.events.push(reason),
      },
      metrics: this.metrics,
      log: silentLogger,
      now: () => this.#now,
    };
    ({ vanishings: this.vanishings } = addTenantController(this.#manager.asManager, context as unknown as Context));
  }

  add(object: Tenant): void {
    this.api.put(object);
    this.tenants.cache.set(object);
  }

  /** After so many milliseconds, in which what vanished was gathered unless told. */
  reconcile(milliseconds = 10_000) {
    this.#now = new Date(this.#now.getTime() + milliseconds);
    return this.#manager.reconcile('tenant', 'tenant');
  }

  get enqueued(): readonly string[] {
    return this.#manager.enqueued;
  }

  get status(): NonNullable<Tenant['status']> {
    const status = this.api.at(Tenant, 'tenant')?.status ?? {};
    expect(brokenInvariants(status.conditions)).toEqual([]);
    return status;
  }

  get shown() {
    return this.status.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  }

  async held(): Promise<number | undefined> {
    return (await this.metrics.mirrorHeld.get()).values[0]?.value;
  }
}

describe('a tenant', () => {
  it('is mirrored, and counts what it has', async () => {
    const world = new World(tenant({ displayName: 'Acme', seats: { creator: 5 }, publicURL: 'https://acme.example' }));
    for (const person of people(3)) world.users.cache.set(person);
    await world.reconcile();
    expect(world.written).toEqual([
      {
        namespace: 'acme',
        name: 'tenant',
        uid: 'uid-of-tenant',
        displayName: 'Acme',
        defaultOrganization: 'main',
        defaultLanguage: 'en',
        seats: { creator: 5 },
        publicURL: 'https://acme.example',
      },
    ]);
    expect(world.shown).toEqual(['MirrorHeld=False InStep', 'Ready=True Mirrored']);
    expect(world.status).toMatchObject({ users: 3, recipients: 1, groups: 1 });
  });

  it('says that its database is for a trial, for as long as it is', async () => {
    const ready = ['MirrorHeld=False InStep', 'Ready=True Mirrored'];
    const world = new World(tenant(), true);
    await world.reconcile();
    expect(world.shown).toEqual([...ready, 'TrialDatabase=True EmbeddedDatabase']);
    const moved = new World({ ...tenant(), status: world.status });
    await moved.reconcile();
    expect(moved.shown).toEqual(ready);
  });

  it('gets the built-in objects that are missing, and only those', async () => {
    const world = new World();
    await world.reconcile();
    const missing = builtInObjects(tenant()).filter(({ kind }) => kind !== 'Organization');
    expect(world.api.requests.filter((request) => request.startsWith('create'))).toEqual(
      missing.map(({ kind, metadata }) => `create ${kind} ${metadata.name}`),
    );
  });

  it('says so while built-in objects cannot be created, and creates the others', async () => {
    const world = new World(tenant({ owner: 'jane' }));
    for (const person of people(60)) world.vanishings.report(row(person.metadata.name));
    const gone = new ApiError(404, { reason: 'NotFound', message: 'the server could not find the requested resource' });
    world.api.endings.push(gone, gone);
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'WaitingError', afterMs: 10_000 });
    expect(world.shown).toEqual([
      'MirrorHeld=True ResourcesVanished',
      'Ready=False BuiltInsMissing',
      'Reconciling=True BuiltInsMissing',
    ]);
    expect(world.status.conditions?.find(({ type }) => type === 'Ready')?.message).toMatch(
      /^AppRole tenant-administrator-creator cannot be created: the server could not find the requested resource\. See/,
    );
    expect(world.api.at(AppRole, 'tenant-administrator-creator')).toBeUndefined();
    expect(world.api.at(Group, 'all-users')).toBeDefined();
    expect(world.events).toEqual(['ResourcesVanished', 'BuiltInsCreated']);
  });

  it('is stalled while its owner is not there', async () => {
    const world = new World(tenant({ owner: 'jane' }));
    await expect(world.reconcile()).rejects.toThrow('OwnerNotFound');
    expect(world.shown).toContain('Stalled=True OwnerNotFound');
    expect(world.status.conditions?.find(({ type }) => type === 'Ready')?.message).toBe(
      'There is no user jane in this namespace. Create the user, or name another owner.',
    );
    world.users.cache.set(user('jane'));
    await world.reconcile();
    expect(world.shown).toContain('Ready=True Mirrored');
  });

  it('waits for a database that is down', async () => {
    const world = new World();
    world.database = () => Promise.reject(new DatabaseError('DatabaseUnavailable', 'Down.'));
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'WaitingError' });
    expect(world.shown).toEqual(['Ready=False DatabaseUnavailable', 'Reconciling=True DatabaseUnavailable']);
  });

  it('tells of a database that is down though its own row is up to date', async () => {
    const world = new World();
    world.outage = new DatabaseError('DatabaseUnavailable', 'Down.');
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'WaitingError' });
    expect(world.shown).toContain('Ready=False DatabaseUnavailable');
    world.outage = undefined;
    await world.reconcile();
    expect(world.shown).toContain('Ready=True Mirrored');
  });
});

describe('who vanished', () => {
  let world: World;
  const vanish = (count: number) => {
    for (const { metadata } of people(count)) world.vanishings.report(row(metadata.name));
  };
  beforeEach(() => {
    world = new World();
  });

  it('is buried when there are few, once', async () => {
    vanish(3);
    await world.reconcile();
    await world.reconcile();
    expect(world.buried).toEqual(['person-0', 'person-1', 'person-2']);
    expect(await world.held()).toBe(0);
  });

  it('is held when there are many, until somebody confirms it', async () => {
    vanish(60);
    await world.reconcile();
    expect(world.buried).toEqual([]);
    expect(await world.held()).toBe(60);
    expect(world.shown).toEqual(['MirrorHeld=True ResourcesVanished', 'Ready=True Mirrored']);
    const [, token = ''] =
      new RegExp(`${confirmVanished}=(\\w+)`).exec(world.status.conditions?.[0]?.message ?? '') ?? [];
    world.add(tenant({}, { annotations: { [confirmVanished]: token } }));
    await world.reconcile();
    expect(world.buried).toHaveLength(60);
    expect(world.buried[0]).toBe('person-0 (confirmed)');
    expect(await world.held()).toBe(0);
    expect(world.shown).toContain('MirrorHeld=False InStep');
  });

  it('is buried, however many there are, when a directory no longer had them: the guard of its run judged that', async () => {
    vanish(60);
    world.missing = people(58).map(({ metadata }) => row(metadata.name));
    await world.reconcile();
    expect(world.buried).toHaveLength(60);
    expect(world.buried.slice(57)).toEqual(['person-57 (confirmed)', 'person-58', 'person-59']);
    expect(world.shown).toContain('MirrorHeld=False InStep');
  });

  it('is held among those whom a directory no longer had, when they are many by themselves', async () => {
    vanish(60);
    world.missing = people(10).map(({ metadata }) => row(metadata.name));
    await world.reconcile();
    expect(world.buried).toHaveLength(10);
    expect(await world.held()).toBe(50);
  });

  it('is not buried when they have an object, missing from a directory or not', async () => {
    vanish(2);
    world.missing = [row('person-0')];
    world.users.cache.set(user('person-0'));
    await world.reconcile();
    expect(world.buried).toEqual(['person-1']);
  });

  it('is not judged before everybody who vanishes was told of', async () => {
    vanish(1);
    expect(await world.reconcile(999)).toEqual(requeueAfter(1));
    vanish(60);
    expect(await world.reconcile(1)).toEqual(requeueAfter(999));
    expect(world.buried).toEqual([]);
    await world.reconcile(999);
    expect(world.shown).toContain('MirrorHeld=True ResourcesVanished');
  });

  it('is held until they come back', async () => {
    vanish(60);
    await world.reconcile();
    for (const person of people(58)) world.users.cache.set(person);
    await world.reconcile();
    expect(world.buried).toEqual(['person-58', 'person-59']);
    expect(world.shown).toContain('MirrorHeld=False InStep');
  });

  it('is looked at again when organizations come back', async () => {
    world.organizations.delete(organization('main'));
    world.vanishings.report({ namespace: 'acme', kind: 'Organization', name: 'main' });
    await world.reconcile();
    expect(world.shown).toContain('MirrorHeld=True ResourcesVanished');
    const asked = world.enqueued.length;
    world.organizations.add(organization('main'));
    expect(world.enqueued.length).toBe(asked + 1);
    await world.reconcile();
    expect(world.shown).toContain('MirrorHeld=False InStep');
    expect(world.buried).toEqual([]);
  });

  it('stays held in the eyes of a person while the database is down', async () => {
    vanish(60);
    await world.reconcile();
    world.add(world.api.at(Tenant, 'tenant') ?? tenant());
    world.database = () => Promise.reject(new DatabaseError('DatabaseUnavailable', 'Down.'));
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'WaitingError' });
    expect(world.shown).toContain('MirrorHeld=True ResourcesVanished');
  });

  it('is not buried when they come back while the database is asked', async () => {
    vanish(2);
    // Not at the first question, which comes before anybody is looked at.
    world.database = async () => {
      if (world.written.length > 0) world.users.cache.set(user('person-0'));
    };
    await world.reconcile();
    expect(world.buried).toEqual(['person-1']);
  });

  it('is not buried without a Tenant', async () => {
    world.tenants.cache.delete('acme', 'tenant');
    vanish(1);
    world.missing = [row('person-0')];
    await world.reconcile();
    expect(world.buried).toEqual([]);
    expect(await world.held()).toBe(1);
  });
});
