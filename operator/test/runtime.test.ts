/** The engine against a real API server: what the unit tests' server only imitates. */

import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import type { KubernetesObject, ResourceType } from '@roster/crds';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { apiClient, kubectl } from '../../hack/stack.ts';
import {
  type ApiClient,
  ApiError,
  done,
  EventRecorder,
  Informer,
  type InformerEvent,
  isAlreadyExists,
  isConflict,
  isGone,
  isInvalid,
  isNotFound,
  keyOf,
  LeaderElector,
  Manager,
  patchStatus,
  setCondition,
  silentLogger,
} from '../src/runtime/index.ts';
import { LEASE } from '../src/runtime/leader.ts';
import { WIDGET, type Widget, type WidgetStatus, widget } from '../src/runtime/testing/widget.ts';

const NAMESPACE: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

interface Definition extends KubernetesObject {
  readonly spec: object;
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const DEFINITION: ResourceType<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

const kubeconfig = inject('kubeconfig');
/** A kind of this file's own, so that deleting it disturbs nobody. */
const type = { ...WIDGET, group: `${randomBytes(4).toString('hex')}.test.roster.dev` };
const namespace = `runtime-${randomBytes(4).toString('hex')}`;
let client: ApiClient;

beforeAll(async () => {
  client = apiClient(kubeconfig, 'runtime-test');
  await client.create(NAMESPACE, { metadata: { name: namespace } });
  await define();
});

afterAll(async () => {
  await client.delete(DEFINITION, { name: `widgets.${type.group}` }).catch(() => undefined);
  await client.delete(NAMESPACE, { name: namespace });
  await client.close();
});

/** Makes the kind, and waits until it is served. */
async function define(): Promise<void> {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const spec = { type: 'object', properties: { size: { type: 'integer', minimum: 0 }, note: { type: 'string' } } };
  const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec, status: anything } } };
  const version = { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema };
  await client.create(DEFINITION, {
    metadata: { name: `widgets.${type.group}` },
    spec: { group: type.group, scope: 'Namespaced', names, versions: [version] },
  });
  await vi.waitFor(() => client.list(type, { limit: 1 }), { timeout: 30_000 });
}

async function create(name: string, rest: Partial<Widget> = {}): Promise<Widget> {
  return await client.create(type, {
    ...widget(namespace, name, rest),
    apiVersion: `${type.group}/v1`,
    kind: 'Widget',
  });
}

function startInformer(namespaces: readonly string[] | 'all' = [namespace]) {
  const timings = { backoff: { baseMs: 50, maxMs: 500 } };
  const informer = new Informer(client, type, silentLogger, { namespaces, timings });
  const events: InformerEvent<Widget>[] = [];
  informer.onEvent((event) => events.push(event));
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return { informer, events };
}

const seen = (events: readonly InformerEvent<Widget>[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name}`);

describe('ApiClient', () => {
  it('knows the server', async () => {
    expect((await client.serverVersion()).gitVersion).toMatch(/^v1\.\d+\.\d+/);
  });

  it('creates, reads, changes, applies and deletes', async () => {
    const created = await create('verbs', { spec: { size: 1 } });
    const key = keyOf(created);
    await expect(create('verbs')).rejects.toSatisfy(isAlreadyExists);
    await client.mergePatch(type, key, { spec: { size: 2 } });
    await client.jsonPatch(type, key, [{ op: 'add', path: '/spec/note', value: 'hello' }]);
    expect((await client.get(type, key)).spec).toEqual({ size: 2, note: 'hello' });
    await expect(client.replace(type, { ...created, spec: { size: 3 } })).rejects.toSatisfy(isConflict);
    await client.apply(type, widget(namespace, 'verbs', { spec: { size: 4 } }), { force: true });
    expect((await client.get(type, key)).spec).toEqual({ size: 4, note: 'hello' });

    const { uid, resourceVersion } = created.metadata;
    await expect(client.delete(type, key, { preconditions: { uid, resourceVersion } })).rejects.toSatisfy(isConflict);
    await client.delete(type, key, { preconditions: { uid } });
    await expect(client.get(type, key)).rejects.toSatisfy(isNotFound);
    await expect(client.delete(type, key)).rejects.toSatisfy(isNotFound);
  });

  it('is told precisely what is wrong', async () => {
    const invalid = await create('invalid', { spec: { size: -1 } }).catch((error: unknown) => error);
    expect(invalid).toSatisfy(isInvalid);
    expect((invalid as ApiError).details?.causes?.[0]).toMatchObject({ field: 'spec.size' });
    const unknown = await create('invalid', { spec: { colour: 'red' } as object }).catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(ApiError);
    expect((unknown as ApiError).message).toContain('unknown field "spec.colour"');
  });

  it('keeps its connections for thousands of sequential requests', async () => {
    const own = apiClient(kubeconfig, 'runtime-test-connections');
    onTestFinished(() => own.close());
    let connections = 0;
    const connected = () => connections++;
    diagnostics.subscribe('undici:client:connected', connected);
    onTestFinished(() => void diagnostics.unsubscribe('undici:client:connected', connected));
    for (let count = 0; count < 3_000; count++) {
      await own.serverVersion();
    }
    // The one may not be free yet when the next request comes.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('learns that a version is forgotten', async () => {
    const watching = (async () => {
      const options = { namespace, resourceVersion: '1', timeoutSeconds: 5, idleTimeoutMs: 30_000 };
      for await (const event of client.watch(type, options)) {
        throw new ApiError(event.type === 'ERROR' ? (event.object.code ?? 0) : 0);
      }
    })();
    // What is not in the watch cache is asked of etcd, which has not compacted this young cluster yet.
    await expect(watching.catch((error: unknown) => error)).resolves.toSatisfy(
      (error) => error === undefined || isGone(error),
    );
  });

  it('lists consistently in pages', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `page-${String(index).padStart(2, '0')}`);
    await Promise.all(names.map((name) => create(name)));
    const found: string[] = [];
    const versions = new Set<string>();
    for await (const { items, metadata } of client.listAll(type, { namespace, limit: 10 })) {
      found.push(...items.map((item) => item.metadata.name));
      versions.add(metadata.resourceVersion);
    }
    expect(found.filter((name) => name.startsWith('page-'))).toEqual(names);
    expect(versions.size).toBe(1);
  });
});

describe('Informer', () => {
  it('reads by watch list, and follows', async () => {
    await create('before');
    const { informer, events } = startInformer();
    await informer.whenSynced();
    expect(informer.cache.get(namespace, 'before')).toBeDefined();
    expect(informer.cache.get(namespace, 'before')?.metadata).not.toHaveProperty('managedFields');
    await expect.poll(() => informer.states[0]?.phase).toBe('watching');
    events.length = 0;
    await create('after');
    await client.mergePatch(type, { namespace, name: 'after' }, { spec: { size: 1 } });
    await client.delete(type, { namespace, name: 'after' });
    await expect
      .poll(() => seen(events), { timeout: 10_000 })
      .toEqual(['added after', 'updated after', 'deleted after']);
  });

  it('sees a kind go and come back', async () => {
    await create('lost');
    const { informer, events } = startInformer(['missing', namespace]);
    await informer.whenSynced();
    await client.delete(DEFINITION, { name: `widgets.${type.group}` });
    await expect
      .poll(() => informer.states.map(({ phase }) => phase), { timeout: 30_000 })
      .toEqual(['absent', 'absent']);
    // Deleting a definition deletes its objects first, which the watch shows.
    expect(seen(events)).toContain('deleted lost');
    expect(informer.cache.size).toBe(0);
    await expect.poll(() => client.get(DEFINITION, { name: `widgets.${type.group}` }).catch(isNotFound)).toBe(true);
    await define();
    await create('found');
    await expect.poll(() => informer.cache.get(namespace, 'found'), { timeout: 30_000 }).toBeDefined();
  });
});

describe('patchStatus', () => {
  it('writes once, removes, and leaves another object alone', async () => {
    const object = await create('status', { spec: { size: 5 } });
    const key = keyOf(object);
    const ready = { type: 'Ready', status: 'True', reason: 'Done', message: 'It is done.' } as const;
    const first: WidgetStatus = {
      observedGeneration: 1,
      note: 'first',
      conditions: setCondition([], ready, new Date()),
    };
    const patch = (from: Widget, status: WidgetStatus) => patchStatus<WidgetStatus, Widget>(client, type, from, status);
    expect(await patch(object, first)).toBe(true);
    const written = await client.get(type, key);
    expect(written).toMatchObject({ spec: { size: 5 }, status: first });
    expect(await patch(written, structuredClone(first))).toBe(false);
    expect(await patch(written, { observedGeneration: 1 })).toBe(true);
    expect((await client.get(type, key)).status).toEqual({ observedGeneration: 1 });

    await client.delete(type, key);
    expect(await patch(object, first)).toBe(false);
    await create('status');
    expect(await patch(object, first)).toBe(false);
    expect((await client.get(type, key)).status).toBeUndefined();
  });
});

describe('LeaderElector', () => {
  it('holds a lease that the server accepts, and hands it over', async () => {
    const options = { namespace, name: 'election', leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 100 };
    const start = (identity: string) => {
      const elector = new LeaderElector(client.dedicated(), { ...options, identity }, silentLogger);
      const stop = new AbortController();
      const running = elector.run(stop.signal, { onStartedLeading: () => undefined });
      const end = async () => {
        stop.abort();
        await running;
      };
      return { elector, stop: end };
    };
    const first = start('first');
    await expect.poll(() => first.elector.isLeader).toBe(true);
    expect(await first.elector.stillHolds()).toBe(true);
    const second = start('second');
    await expect.poll(() => second.elector.holder).toBe('first');
    await first.stop();
    await expect.poll(() => second.elector.isLeader, { timeout: 10_000 }).toBe(true);
    const lease = await client.get(LEASE, { namespace, name: 'election' });
    expect(lease.spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1, leaseDurationSeconds: 3 });
    await second.stop();
  });
});

describe('EventRecorder', () => {
  it('writes what kubectl describe shows, counted', async () => {
    const object = await create('described');
    const recorder = new EventRecorder(client, { component: 'roster', instance: 'pod-1' }, silentLogger);
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    const describeIt = () => kubectl(kubeconfig, ['describe', `widgets.${type.group}`, 'described', '-n', namespace]);
    recorder.record(type, object, 'Warning', 'Held', 'Too much would be removed.');
    await expect
      .poll(describeIt, { timeout: 10_000 })
      .toMatch(/Warning +Held +\S+ +roster +Too much would be removed\./);
    recorder.record(type, object, 'Warning', 'Held', 'Too much would be removed.');
    await expect.poll(describeIt, { timeout: 10_000 }).toMatch(/Warning +Held +\S+ \(x2 over \S+\) +roster/);
    stop.abort();
    await running;
  });
});

describe('Manager', () => {
  it('brings the status of every object to what is declared, and then writes nothing', async () => {
    const names = ['managed-1', 'managed-2', 'managed-3'];
    const labels = { managed: 'true' };
    await Promise.all(names.map((name, size) => create(name, { metadata: { name, labels }, spec: { size } })));
    let writes = 0;
    const manager = new Manager({
      client,
      logger: silentLogger,
      namespaces: [namespace],
      leaderElection: { namespace, name: 'manager' },
    });
    const widgets = manager.informer(type, { labelSelector: 'managed=true' });
    manager
      .controller({
        name: 'widget',
        concurrency: 2,
        reconcile: async (request) => {
          const object = widgets.cache.get(request.namespace, request.name);
          if (object !== undefined) {
            const status: WidgetStatus = { note: `size ${object.spec.size ?? 'unknown'}` };
            const wrote = await patchStatus<WidgetStatus, Widget>(client, type, object, status);
            writes += wrote ? 1 : 0;
          }
          return done;
        },
      })
      .watches(widgets);
    const running = manager.run();
    const notes = () => names.map((name) => widgets.cache.get(namespace, name)?.status?.note);
    await expect.poll(notes, { timeout: 20_000 }).toEqual(['size 0', 'size 1', 'size 2']);
    await client.mergePatch(type, { namespace, name: 'managed-1' }, { spec: { size: 9 } });
    await expect.poll(notes, { timeout: 20_000 }).toEqual(['size 9', 'size 1', 'size 2']);
    expect(writes).toBe(names.length + 1);
    manager.stop();
    await running;
    expect((await client.get(LEASE, { namespace, name: 'manager' })).spec?.holderIdentity).toBe('');
  });
});
