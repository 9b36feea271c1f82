import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient } from './client.ts';
import { LeadershipLostError, type Lease } from './leader.ts';
import { Manager, type ManagerOptions, StopTimeoutError } from './manager.ts';
import { RuntimeMetrics } from './metrics.ts';
import { done } from './outcome.ts';
import { RecordingLogger } from './testing/logger.ts';
import { WIDGET, widgetPath } from './testing/widget.ts';
import { WireServer } from './testing/wireserver.ts';

const closers: (() => Promise<unknown>)[] = [];
const leasePath = '/apis/coordination.k8s.io/v1/namespaces/roster/leases/operator';
const election = {
  namespace: 'roster',
  name: 'operator',
  leaseDurationMs: 1_500,
  renewDeadlineMs: 1_000,
  retryPeriodMs: 50,
};

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function setUp(options: Partial<ManagerOptions> = {}) {
  const server = new WireServer();
  await server.start();
  server.put(widgetPath('acme', 'a'));
  const client = ApiClient.fromKubeConfig(server.kubeConfig(), { userAgent: 'test', fieldManager: 'test' });
  const logger = new RecordingLogger();
  const manager = new Manager({ client, logger, leaderElection: election, ...options });
  closers.push(
    () => server.stop(),
    () => client.close(),
  );
  const start = () => {
    const running = manager.run();
    running.catch(() => undefined);
    closers.push(async () => {
      manager.stop();
      await running.catch(() => undefined);
    });
    return running;
  };
  const holder = () => (server.object(leasePath) as Lease | undefined)?.spec?.holderIdentity;
  return { server, client, manager, logger, start, holder };
}

/** Runs until it is told to stop. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

describe('Manager', () => {
  it('starts in order and stops in the opposite one', async () => {
    const steps: string[] = [];
    const registry = new Registry();
    const metrics = new RuntimeMetrics(registry);
    const { manager, start, holder } = await setUp({
      metrics,
      onLeading: async () => {
        steps.push(`leading, still holds: ${await manager.stillHolds()}, read: ${widgets.cache.synced}`);
      },
    });
    const widgets = manager.informer(WIDGET, { indexes: { byName: ({ metadata }) => [metadata.name] } });
    const noted = (name: string, needsLeader: boolean) => ({
      name,
      needsLeader,
      start: async (signal: AbortSignal) => {
        steps.push(`${name} starts`);
        await untilAborted(signal);
        steps.push(`${name} ends, lease: ${holder() === '' ? 'given back' : 'held'}`);
      },
    });
    manager.add(noted('service', false));
    manager.add(noted('worker', true));
    manager
      .controller({
        name: 'widget',
        reconcile: async ({ name }) => {
          steps.push(`reconcile ${widgets.cache.byIndex('byName', name).length} ${name}`);
          return done;
        },
      })
      .watches(widgets);
    const running = start();
    await expect.poll(() => steps.at(-1)).toBe('reconcile 1 a');
    expect(await registry.metrics()).toContain('leader_election_master_status{name="operator"} 1');
    manager.stop();
    await running;
    expect(steps).toEqual([
      'service starts',
      'leading, still holds: true, read: true',
      'worker starts',
      'reconcile 1 a',
      'worker ends, lease: held',
      'service ends, lease: given back',
    ]);
    expect(await registry.metrics()).toContain('leader_election_master_status{name="operator"} 0');
  });

  it('is ready once everything is read, and says what is not', async () => {
    const { server, manager, start } = await setUp();
    server.absent.add('/apis/test.roster.dev');
    const widgets = manager.informer(WIDGET, { timings: { backoff: { baseMs: 5, maxMs: 20 } } });
    const ready = manager.readyChecks.get('informers');
    void start();
    await expect.poll(() => ready?.()).toContain('widgets.test.roster.dev absent');
    server.absent.clear();
    await widgets.whenSynced();
    expect(ready?.()).toBeUndefined();
  });

  it('works in the namespaces that are admitted, and moves what one holds in one go', async () => {
    const { server, manager, start } = await setUp();
    const label = (name: string, ours: string) =>
      server.put(`/api/v1/namespaces/${name}`, { metadata: { labels: { ours } } });
    label('acme', 'no');
    label('globex', 'yes');
    server.put(widgetPath('globex', 'b'));
    const scope = manager.confine(({ metadata }) => metadata.labels?.ours === 'yes');
    const one = manager.informer(WIDGET);
    const two = manager.informer(WIDGET);
    const seen: string[] = [];
    const size = () => `${one.cache.size} and ${two.cache.size}`;
    one.onEvent(({ type, object }) => seen.push(`${type} ${object.metadata.name}: ${size()}`));
    void start();
    await expect.poll(() => manager.readyChecks.get('informers')?.()).toBeUndefined();
    expect([...(one.cache.list() ?? [])].map(({ metadata }) => metadata.name)).toEqual(['b']);
    seen.length = 0;
    label('acme', 'yes');
    await expect.poll(() => seen).toEqual(['added a: 2 and 2']);
    label('globex', 'no');
    await expect.poll(() => seen).toEqual(['added a: 2 and 2', 'deleted b: 1 and 1']);
    expect([...scope]).toEqual(['acme']);
  });

  it('waits in line while another leads, and takes over', async () => {
    const { server, manager, start, holder } = await setUp();
    server.put(leasePath, { spec: { holderIdentity: 'other', leaseDurationSeconds: 3_600 } });
    let started = false;
    manager.add({
      name: 'worker',
      needsLeader: true,
      start: async (signal) => {
        started = true;
        await untilAborted(signal);
      },
    });
    void start();
    await expect.poll(() => server.requests.filter(({ path }) => path === leasePath).length).toBeGreaterThan(2);
    expect(started).toBe(false);
    expect(await manager.stillHolds()).toBe(false);
    server.put(leasePath, { spec: { holderIdentity: '', leaseDurationSeconds: 1 } });
    await expect.poll(() => started).toBe(true);
    expect(holder()).not.toBe('other');
  });

  it('leads at once without an election', async () => {
    const server = await setUp();
    const manager = new Manager({
      client: ApiClient.fromKubeConfig(server.server.kubeConfig(), { userAgent: 'test', fieldManager: 'test' }),
      logger: new RecordingLogger(),
    });
    let started = false;
    manager.add({
      name: 'worker',
      needsLeader: true,
      start: async (signal) => {
        started = true;
        await untilAborted(signal);
      },
    });
    const running = manager.run();
    await expect.poll(() => started).toBe(true);
    expect(await manager.stillHolds()).toBe(true);
    manager.stop();
    await running;
  });

  it('ends with an error when the lease is lost, aborting what runs', async () => {
    const { server, manager, start, holder } = await setUp();
    let reason: unknown;
    manager
      .controller({
        name: 'widget',
        reconcile: (_, signal) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              reason = signal.reason;
              reject(signal.reason);
            }),
          ),
      })
      .enqueue({ namespace: 'acme', name: 'a' });
    const running = start();
    await expect.poll(() => holder()).toBeTruthy();
    server.put(leasePath, { spec: { holderIdentity: 'thief', leaseDurationSeconds: 15 } });
    await expect(running).rejects.toBeInstanceOf(LeadershipLostError);
    expect(reason).toBeInstanceOf(LeadershipLostError);
    expect(holder()).toBe('thief');
  });

  it.each([true, false])('ends with what a runnable fails with (needs leader: %s)', async (needsLeader) => {
    const { manager, start, holder } = await setUp();
    manager.add({ name: 'bad', needsLeader, start: () => Promise.reject(new Error('port taken')) });
    await expect(start()).rejects.toThrow('port taken');
    expect(holder() ?? '').toBe('');
  });

  it('ends with what onLeading fails with, before any controller starts', async () => {
    const { manager, start } = await setUp({ onLeading: () => Promise.reject(new Error('epoch refused')) });
    let reconciled = false;
    manager
      .controller({
        name: 'widget',
        reconcile: async () => {
          reconciled = true;
          return done;
        },
      })
      .enqueue({ namespace: 'acme', name: 'a' });
    await expect(start()).rejects.toThrow('epoch refused');
    expect(reconciled).toBe(false);
  });

  it('aborts what does not end by itself within the grace period', async () => {
    const { manager, start, holder } = await setUp({ gracePeriodMs: 300 });
    let aborted = false;
    manager
      .controller({
        name: 'slow',
        reconcile: (_, signal) =>
          new Promise((resolve) =>
            signal.addEventListener('abort', () => {
              aborted = true;
              resolve(done);
            }),
          ),
      })
      .enqueue({ namespace: 'acme', name: 'a' });
    const running = start();
    await expect.poll(() => holder()).toBeTruthy();
    manager.stop();
    await running;
    expect(aborted).toBe(true);
    expect(holder()).toBe('');
  });

  it('keeps the lease when something does not end at all', async () => {
    const { manager, start, holder } = await setUp({ gracePeriodMs: 100 });
    manager
      .controller({ name: 'stuck', reconcile: () => new Promise(() => undefined) })
      .enqueue({ namespace: '', name: 'a' });
    const running = start();
    await expect.poll(() => holder()).toBeTruthy();
    manager.stop();
    await expect(running).rejects.toThrow(new StopTimeoutError('Did not end when told to: controller stuck.'));
    expect(holder()).not.toBe('');
  });

  it('stops at once when told twice', async () => {
    const { manager, start, holder } = await setUp({ gracePeriodMs: 3_600_000 });
    let running = false;
    manager
      .controller({
        name: 'slow',
        reconcile: (_, signal) => {
          running = true;
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      })
      .enqueue({ namespace: 'acme', name: 'a' });
    const ended = start();
    await expect.poll(() => running).toBe(true);
    manager.stop();
    manager.stop();
    await ended;
    expect(holder()).toBe('');
  });

  it('stops before it has read everything', async () => {
    const { server, manager, start } = await setUp();
    server.absent.add('/apis/test.roster.dev');
    manager.informer(WIDGET);
    const running = start();
    await expect.poll(() => server.requests.length).toBeGreaterThan(0);
    manager.stop();
    await running;
    expect(server.object(leasePath)).toBeUndefined();
  });

  it('leaves no connection open but those of its client', async () => {
    const { server, client, manager, start, holder } = await setUp();
    const running = start();
    await expect.poll(holder).toBeTruthy();
    manager.stop();
    await running;
    await client.close();
    await expect.poll(() => server.openConnections).toBe(0);
  });
});
