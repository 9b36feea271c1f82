import { AppRole, DirectorySync, Organization, Tenant, UserDirectory } from '@roster/crds';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../metrics.ts';
import { silentLogger } from '../../runtime/index.ts';
import type { Context } from '../context.ts';
import { Informed, ManualManager } from '../testing/engine.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import { at, condition, directory, now, organization, tenant } from '../testing/objects.ts';
import { addUserDirectoryController } from './controller.ts';

/** The controller of directories; in a namespace without a Tenant no server is connected to. */
class World {
  readonly api = new MemoryApi();
  readonly directories = new Informed<UserDirectory>(UserDirectory);
  readonly metrics = createMetrics(new Registry(), { version: '1' });
  readonly #manager = new ManualManager();

  constructor(object: UserDirectory, ...tenants: Tenant[]) {
    this.api.put(object);
    this.directories.cache.set(object);
    const informers = {
      directories: this.directories,
      runs: new Informed<DirectorySync>(DirectorySync, { directory: () => [] }),
      tenants: new Informed<Tenant>(Tenant, {}, ...tenants),
      organizations: new Informed<Organization>(Organization, {}, organization(object.spec.organization)),
      roles: new Informed<AppRole>(AppRole),
    };
    const secrets = { read: () => Promise.reject(new Error('no Secret is read here')) };
    const context = { client: this.api, informers, metrics: this.metrics, secrets, log: silentLogger, now: () => now };
    addUserDirectoryController(this.#manager.asManager, context as unknown as Context);
  }

  reconcile() {
    return this.#manager.reconcile('userdirectory', 'corporate');
  }

  /** Of each metric about this directory, its value. */
  async exposed() {
    const { connected, lastAttempt, lastSuccess, people, groups } = this.metrics;
    const metrics = Object.entries({ connected, lastAttempt, lastSuccess, people, groups });
    const values = metrics.map(async ([name, metric]) => [name, (await metric.get()).values[0]?.value] as const);
    return Object.fromEntries(await Promise.all(values));
  }
}

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
    expect(await world.exposed()).toEqual({
      connected: undefined,
      lastAttempt: Date.parse(at(-30)) / 1000,
      lastSuccess: Date.parse(at(-90)) / 1000,
      people: 1200,
      groups: 30,
    });
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
