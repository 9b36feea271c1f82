import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { Controller } from './controller.ts';
import { jsonEqual } from './jsonequal.ts';
import { silentLogger } from './logger.ts';
import { RuntimeMetrics } from './metrics.ts';
import { done, StalledError } from './outcome.ts';

describe('RuntimeMetrics', () => {
  it('counts under the names and labels of controller-runtime', async () => {
    const registry = new Registry();
    const metrics = new RuntimeMetrics(registry);
    const names = ['ok', 'ok', 'fails', 'stalls', 'hangs'];
    let release: (() => void) | undefined;
    const controller = new Controller(
      {
        name: 'widget',
        concurrency: 4,
        backoff: { baseMs: 3_600_000, maxMs: 3_600_000 },
        reconcile: async ({ name }) => {
          if (name.startsWith('fails')) {
            throw new Error('bad');
          }
          if (name.startsWith('stalls')) {
            throw new StalledError('bad');
          }
          if (name.startsWith('hangs')) {
            await new Promise<void>((resolve) => (release = resolve));
          }
          return done;
        },
      },
      silentLogger,
      metrics.forController('widget'),
    );
    metrics.onAnswer({ code: '200', method: 'GET', host: 'api:443' });
    metrics.setLeader('roster', true);
    for (const [index, name] of names.entries()) {
      controller.enqueue({ namespace: '', name: `${name}${index}` });
    }
    expect(await value(registry, 'workqueue_depth', { name: 'widget', controller: 'widget' })).toBe(5);

    const stop = new AbortController();
    const running = controller.run(stop.signal, stop.signal);
    await expect.poll(() => release).toBeDefined();
    const label = { controller: 'widget' };
    const queue = { name: 'widget', controller: 'widget' };
    expect(await value(registry, 'controller_runtime_reconcile_total', { ...label, result: 'success' })).toBe(2);
    expect(await value(registry, 'controller_runtime_reconcile_total', { ...label, result: 'error' })).toBe(2);
    expect(await value(registry, 'controller_runtime_reconcile_total', { ...label, result: 'requeue_after' })).toBe(0);
    expect(await value(registry, 'controller_runtime_reconcile_errors_total', label)).toBe(2);
    expect(await value(registry, 'controller_runtime_terminal_reconcile_errors_total', label)).toBe(1);
    expect(await value(registry, 'controller_runtime_active_workers', label)).toBe(1);
    expect(await value(registry, 'controller_runtime_max_concurrent_reconciles', label)).toBe(4);
    expect(await value(registry, 'workqueue_depth', queue)).toBe(0);
    expect(await value(registry, 'workqueue_adds_total', queue)).toBe(5);
    expect(await value(registry, 'workqueue_retries_total', queue)).toBe(1);
    expect(await value(registry, 'workqueue_unfinished_work_seconds', queue)).toBeGreaterThan(0);
    expect(await value(registry, 'workqueue_longest_running_processor_seconds', queue)).toBeGreaterThan(0);
    expect(await value(registry, 'leader_election_master_status', { name: 'roster' })).toBe(1);
    const answer = { code: '200', method: 'GET', host: 'api:443' };
    expect(await value(registry, 'rest_client_requests_total', answer)).toBe(1);
    expect(await registry.metrics()).toMatch(
      /^controller_runtime_reconcile_time_seconds_count{controller="widget"} 4$/m,
    );
    expect(await registry.metrics()).toMatch(/^workqueue_work_duration_seconds_count{.*} 4$/m);
    release?.();
    stop.abort();
    await running;
  });

  it('measures the process and its event loop', async () => {
    const registry = new Registry();
    new RuntimeMetrics(registry);
    for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'process_start_time_seconds']) {
      expect(await value(registry, name, {})).toBeGreaterThan(0);
    }
    await expect.poll(() => value(registry, 'nodejs_eventloop_lag_seconds', { percentile: '100' })).toBeGreaterThan(0);
  });

  it('makes no series per object', async () => {
    const registry = new Registry();
    const metrics = new RuntimeMetrics(registry).forController('widget');
    const series = async () => (await registry.metrics()).split('\n').length;
    const before = await series();
    for (let count = 0; count < 100; count++) {
      metrics.started();
      metrics.finished('success', count);
      metrics.finished('error', count);
    }
    expect((await series()) - before).toBeLessThan(100);
  });
});

async function value(registry: Registry, name: string, labels: Record<string, string>): Promise<number | undefined> {
  const metric = await registry.getSingleMetric(name)?.get();
  return metric?.values.find((entry) => jsonEqual(entry.labels, labels))?.value;
}
