import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient } from './client.ts';
import { Informer, type InformerEvent, type InformerOptions } from './informer.ts';
import { FreezableProxy } from './testing/freezableproxy.ts';
import { RecordingLogger } from './testing/logger.ts';
import { WIDGET, type Widget, widgetPath } from './testing/widget.ts';
import { type WatchFault, WireServer, type WireServerOptions } from './testing/wireserver.ts';

const HOUR_MS = 3_600_000;
const timings = { idleTimeoutMs: 400, watchSeconds: 60, relistEveryMs: HOUR_MS, backoff: { baseMs: 2, maxMs: 20 } };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function startServer(options?: WireServerOptions): Promise<WireServer> {
  const server = new WireServer(options);
  await server.start();
  closers.push(() => server.stop());
  return server;
}

function startInformer(server: WireServer, options: InformerOptions<Widget> = {}, port = server.port) {
  const client = ApiClient.fromKubeConfig(server.kubeConfig('token', port), {
    userAgent: 'test',
    fieldManager: 'test',
    timeoutMs: 400,
  });
  const logger = new RecordingLogger();
  const informer = new Informer(client, WIDGET, logger, { timings, ...options });
  const events: InformerEvent<Widget>[] = [];
  informer.onEvent((event) => events.push(event));
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  closers.push(async () => {
    stop.abort();
    await running;
    await client.close();
  });
  return { informer, events, logger };
}

/** What a set of objects is known by. */
function versions(objects: Iterable<{ metadata: Widget['metadata'] }>): string[] {
  return [...objects]
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}@${metadata.resourceVersion}`)
    .sort();
}

/** The cache equals the server, and so does who only listened to the events. */
async function expectEqual(server: WireServer, informer: Informer<Widget>, events: InformerEvent<Widget>[]) {
  await expect.poll(() => versions(informer.cache.list()), { timeout: 4_000 }).toEqual(versions(server.objects()));
  const followed = new Map<string, Widget>();
  for (const event of events) {
    const key = `${event.object.metadata.namespace}/${event.object.metadata.name}`;
    expect(followed.has(key)).toBe(event.type !== 'added');
    if (event.type === 'updated') {
      expect(event.old).toBe(followed.get(key));
    }
    if (event.type === 'deleted') {
      followed.delete(key);
    } else {
      followed.set(key, event.object);
    }
  }
  expect(versions(followed.values())).toEqual(versions(server.objects()));
  expect(informer.cache.size).toBe(followed.size);
}

function seen(events: InformerEvent<Widget>[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name}`);
}

function put(server: WireServer, name: string, namespace = 'acme', object: object = {}): void {
  server.put(widgetPath(namespace, name), object);
}

describe.each([{ noWatchList: false }, { noWatchList: true }])('Informer (paged lists: $noWatchList)', (variant) => {
  it('reads everything, then follows', async () => {
    const server = await startServer(variant);
    for (let count = 0; count < 1_200; count++) {
      put(server, `w${count}`);
    }
    const { informer, events } = startInformer(server);
    expect(informer.cache.synced).toBe(false);
    await informer.whenSynced();
    expect(informer.cache.synced).toBe(true);
    expect(informer.cache.size).toBe(1_200);
    expect(events.every((event) => event.type === 'added' && event.initial)).toBe(true);
    events.length = 0;

    await expect.poll(() => server.watches).toBe(1);
    put(server, 'new');
    put(server, 'w7', 'acme', { spec: { size: 7 } });
    server.remove(widgetPath('acme', 'w8'));
    await expect.poll(() => seen(events)).toEqual(['added new', 'updated w7', 'deleted w8']);
    expect(events[1]).toMatchObject({ initial: false, object: { spec: { size: 7 } }, old: {} });
    expect(events[2]).toMatchObject({ missedDelete: false });
    expect(server.requests.filter(({ query }) => query.get('watch')).length).toBe(variant.noWatchList ? 2 : 1);
  });

  it('goes on where it was when the watch ends, without reading anew', async () => {
    const server = await startServer(variant);
    put(server, 'a');
    const { informer, events } = startInformer(server);
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    put(server, 'b');
    await expect.poll(() => seen(events)).toEqual(['added a', 'added b']);
    const before = server.requests.length;
    server.breakWatches('end');
    put(server, 'c');
    await expect.poll(() => seen(events)).toEqual(['added a', 'added b', 'added c']);
    expect(server.requests.slice(before).map(({ query }) => query.get('resourceVersion'))).toEqual([
      server.object(widgetPath('acme', 'b'))?.metadata.resourceVersion,
    ]);
  });

  it('goes on from a bookmark when its own last event is forgotten', async () => {
    const server = await startServer(variant);
    put(server, 'a');
    const { informer, events } = startInformer(server);
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    const before = server.requests.length;
    server.compact();
    server.bookmark();
    server.breakWatches('end');
    put(server, 'b');
    await expect.poll(() => seen(events)).toEqual(['added a', 'added b']);
    expect(server.requests.length).toBe(before + 1);
  });

  it('emits the differences when it must read anew', async () => {
    const server = await startServer(variant);
    for (const name of ['same', 'changed', 'deleted', 'replaced']) {
      put(server, name);
    }
    const { informer, events } = startInformer(server);
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    events.length = 0;
    await server.stop();
    put(server, 'changed', 'acme', { spec: { size: 2 } });
    server.remove(widgetPath('acme', 'deleted'));
    server.remove(widgetPath('acme', 'replaced'));
    put(server, 'replaced');
    put(server, 'added');
    server.compact();
    await server.start();
    await expectDifferences();
    expect(events.find(({ object }) => object.metadata.name === 'deleted')).toMatchObject({ missedDelete: true });

    async function expectDifferences(): Promise<void> {
      await expect
        .poll(() => seen(events).sort(), { timeout: 4_000 })
        .toEqual(['added added', 'added replaced', 'deleted deleted', 'deleted replaced', 'updated changed']);
    }
  });

  it.each<WatchFault>(['duplicate', 'swap', 'garble', 'truncate', 'reset', 'silence', 'gone', 'end'])(
    'ends equal after: %s',
    async (fault) => {
      const server = await startServer(variant);
      put(server, 'a');
      put(server, 'b');
      const { informer, events } = startInformer(server);
      await informer.whenSynced();
      await expect.poll(() => server.watches).toBe(1);
      server.breakWatches(fault);
      put(server, 'a', 'acme', { spec: { size: 1 } });
      server.remove(widgetPath('acme', 'b'));
      put(server, 'c');
      await expectEqual(server, informer, events);
    },
  );

  it('leaves a connection that went dead without a word', async () => {
    const server = await startServer(variant);
    put(server, 'a');
    const proxy = new FreezableProxy(server.port);
    const port = await proxy.start();
    closers.push(() => proxy.stop());
    const { informer, events } = startInformer(server, {}, port);
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    proxy.freeze();
    put(server, 'b');
    await expectEqual(server, informer, events);
  });

  it('does not take an older state for the newest', async () => {
    const server = await startServer(variant);
    put(server, 'a');
    const { informer, events } = startInformer(server, { timings: { ...timings, idleTimeoutMs: HOUR_MS } });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    server.breakWatches('swap');
    put(server, 'a', 'acme', { spec: { size: 1 } });
    put(server, 'a', 'acme', { spec: { size: 2 } });
    await expectEqual(server, informer, events);
  });

  it('learns at the next complete read what the server never sent', async () => {
    const server = await startServer(variant);
    put(server, 'a');
    const { informer, events } = startInformer(server, { timings: { ...timings, relistEveryMs: 0 } });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    server.breakWatches('drop');
    server.remove(widgetPath('acme', 'a'));
    server.breakWatches('end');
    await expectEqual(server, informer, events);
  });

  it.each([429, 500, 503, 401])('survives being refused with %i', async (code) => {
    const server = await startServer(variant);
    put(server, 'a');
    let refusals = 5;
    server.fault = () => (refusals-- > 0 ? { kind: 'refuse', code, retryAfter: 0 } : undefined);
    const { informer, events } = startInformer(server);
    await expectEqual(server, informer, events);
  });

  it.each([{ kind: 'errorEvent', code: 500 }, { kind: 'garble' }, { kind: 'refuse', code: 400 }] as const)(
    'reads anew when it cannot go on from where it was: %j',
    async (fault) => {
      const server = await startServer(variant);
      put(server, 'a');
      const { informer, events } = startInformer(server);
      await informer.whenSynced();
      await expect.poll(() => server.watches).toBe(1);
      const stuckAt = server.object(widgetPath('acme', 'a'))?.metadata.resourceVersion ?? null;
      server.fault = ({ query }) => (query.get('resourceVersion') === stuckAt ? fault : undefined);
      server.breakWatches('end');
      put(server, 'b');
      await expectEqual(server, informer, events);
    },
  );

  it('lets others have their turn while it reads', async () => {
    const server = await startServer(variant);
    for (let count = 0; count < 400; count++) {
      put(server, `w${count}`);
    }
    let turn = 0;
    const turns = new Set<number>();
    const ticking = setInterval(() => turn++, 0);
    const { informer } = startInformer(server);
    informer.onEvent(() => {
      turns.add(turn);
      const until = performance.now() + 0.5;
      while (performance.now() < until);
    });
    await informer.whenSynced();
    clearInterval(ticking);
    expect(turns.size).toBeGreaterThan(5);
  });

  it('ends equal after any faults, once they clear', async () => {
    const action = fc.oneof(
      fc.record({
        do: fc.constantFrom('put' as const, 'remove' as const),
        name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      }),
      fc.record({
        do: fc.constant('break' as const),
        fault: fc.constantFrom<WatchFault>(
          'duplicate',
          'swap',
          'garble',
          'truncate',
          'reset',
          'silence',
          'gone',
          'end',
        ),
      }),
      fc.record({ do: fc.constantFrom('compact' as const, 'cut' as const, 'restart' as const, 'wait' as const) }),
      fc.record({ do: fc.constant('refuse' as const), code: fc.constantFrom(403, 404, 410, 429, 500, 503) }),
      fc.record({ do: fc.constantFrom('hang' as const, 'garbled' as const, 'resetRequest' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 25 }), async (actions) => {
        const server = await startServer(variant);
        for (const name of 'abc') {
          put(server, name);
        }
        const { informer, events } = startInformer(server);
        for (const step of actions) {
          server.fault = () => undefined;
          switch (step.do) {
            case 'put':
              put(server, step.name);
              break;
            case 'remove':
              server.remove(widgetPath('acme', step.name));
              break;
            case 'break':
              server.breakWatches(step.fault);
              break;
            case 'compact':
              server.compact();
              break;
            case 'cut':
              server.cutConnections();
              break;
            case 'restart':
              await server.stop();
              await server.start();
              break;
            case 'wait':
              await expect.poll(() => server.watches, { timeout: 4_000 }).toBe(1);
              break;
            case 'refuse':
              server.fault = () => ({ kind: 'refuse', code: step.code });
              break;
            case 'hang':
              server.fault = () => ({ kind: 'hang' });
              break;
            case 'garbled':
              server.fault = () => ({ kind: 'garble' });
              break;
            case 'resetRequest':
              server.fault = () => ({ kind: 'reset' });
              break;
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        server.fault = () => undefined;
        // What was held back for swapping is lost for good, as after a dropped event; a new connection is not.
        server.cutConnections();
        put(server, 'z');
        await expectEqual(server, informer, events);
        for (const close of closers.splice(0).reverse()) {
          await close();
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});

describe('Informer', () => {
  it('shows that the kind is absent, keeps its cache, and learns the differences when it is back', async () => {
    const server = await startServer();
    const prefix = '/apis/test.roster.dev';
    server.absent.add(prefix);
    put(server, 'a');
    put(server, 'b');
    const { informer, events, logger } = startInformer(server);
    await expect.poll(() => informer.states).toMatchObject([{ namespace: undefined, phase: 'absent' }]);
    expect(informer.cache.synced).toBe(false);
    server.absent.clear();
    await informer.whenSynced();
    await expect.poll(() => informer.states[0]?.phase).toBe('watching');

    server.absent.add(prefix);
    server.breakWatches('end');
    await expect.poll(() => informer.states[0]?.phase).toBe('absent');
    expect(versions(informer.cache.list())).toEqual(versions(server.objects()));
    server.remove(widgetPath('acme', 'a'));
    server.absent.clear();
    await expectEqual(server, informer, events);
    expect(events.at(-1)).toMatchObject({ type: 'deleted', missedDelete: true });
    expect(logger.lines.filter(({ level }) => level === 'warn').length).toBe(2);
  });

  it('shows that it may not read, and reads when it may', async () => {
    const server = await startServer();
    put(server, 'a');
    server.fault = () => ({ kind: 'refuse', code: 403, reason: 'Forbidden' });
    const { informer, events } = startInformer(server);
    await expect.poll(() => informer.states).toMatchObject([{ phase: 'forbidden', message: 'refused: Forbidden' }]);
    server.fault = () => undefined;
    await expectEqual(server, informer, events);
  });

  it('reads several namespaces into one cache, each on its own', async () => {
    const server = await startServer();
    put(server, 'a', 'one');
    put(server, 'a', 'two');
    put(server, 'a', 'unwatched');
    server.fault = ({ path }) => (path.includes('/two/') ? { kind: 'refuse', code: 403 } : undefined);
    const { informer, events } = startInformer(server, { namespaces: ['one', 'two', 'missing', 'one'] });
    await expect.poll(() => informer.states.map(({ phase }) => phase)).toEqual(['watching', 'forbidden', 'watching']);
    expect(informer.cache.synced).toBe(false);
    expect(versions(informer.cache.list('two'))).toEqual([]);
    server.fault = () => undefined;
    await informer.whenSynced();
    server.compact();
    server.breakWatches('gone');
    put(server, 'b', 'one');
    server.remove(widgetPath('one', 'a'));
    server.remove(widgetPath('unwatched', 'a'));
    await expectEqual(server, informer, events);
  });

  it('keeps and tells only what a transform leaves', async () => {
    const server = await startServer();
    put(server, 'a', 'acme', { spec: { note: 'first' } });
    const { informer, events } = startInformer(server, { transform: ({ metadata }) => ({ metadata, spec: {} }) });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    put(server, 'a', 'acme', { spec: { note: 'second' } });
    server.remove(widgetPath('acme', 'a'));
    await expect.poll(() => seen(events)).toEqual(['added a', 'updated a', 'deleted a']);
    expect(events.map(({ object }) => object.spec)).toEqual([{}, {}, {}]);
  });

  it('keeps objects lean', async () => {
    const server = await startServer();
    put(server, 'a', 'acme', {
      metadata: {
        managedFields: [{ manager: 'kubectl' }],
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' },
      },
    });
    const { informer } = startInformer(server);
    await informer.whenSynced();
    const { metadata } = informer.cache.get('acme', 'a') ?? {};
    expect(metadata).not.toHaveProperty('managedFields');
    expect(metadata?.annotations).toEqual({ kept: 'yes' });
  });

  it('sets aside what other namespaces hold, until they are shown, and again when they are hidden', async () => {
    const server = await startServer();
    put(server, 'a', 'acme');
    put(server, 'b', 'globex');
    const { informer, events } = startInformer(server, {
      shown: ['acme'],
      indexes: { name: ({ metadata }) => [metadata.name] },
    });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    put(server, 'b', 'globex', { spec: { size: 2 } });
    put(server, 'c', 'globex');
    put(server, 'd', 'globex');
    server.remove(widgetPath('globex', 'd'));
    put(server, 'e', 'acme');
    await expect.poll(() => seen(events)).toEqual(['added a', 'added e']);
    expect(informer.cache.size).toBe(2);
    expect(informer.cache.byIndex('name', 'b')).toEqual([]);
    expect([...(informer.hidden?.list() ?? [])].map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
    events.length = 0;

    const tell = informer.show('globex');
    expect(informer.cache.size).toBe(4);
    expect(informer.cache.byIndex('name', 'b')).toMatchObject([{ spec: { size: 2 } }]);
    expect(seen(events)).toEqual([]);
    tell();
    expect(seen(events)).toEqual(['added b', 'added c']);
    expect(events.every((event) => event.type === 'added' && event.initial)).toBe(true);
    put(server, 'c', 'globex', { spec: { size: 3 } });
    await expect.poll(() => seen(events)).toEqual(['added b', 'added c', 'updated c']);
    expect(events[2]).toMatchObject({ old: events[1]?.object });
    informer.show('globex')();
    events.length = 0;

    informer.hide('globex')();
    expect(seen(events)).toEqual(['deleted b', 'deleted c']);
    expect(versions(informer.cache.list())).toEqual(
      versions(server.objects().filter(({ metadata }) => metadata.namespace === 'acme')),
    );
    put(server, 'b', 'globex', { spec: { size: 4 } });
    put(server, 'f', 'acme');
    await expect.poll(() => seen(events)).toEqual(['deleted b', 'deleted c', 'added f']);
  });

  it('finds what is gone when it must read anew, shown or set aside', async () => {
    const server = await startServer();
    for (const name of ['a', 'b']) for (const namespace of ['acme', 'globex']) put(server, name, namespace);
    const { informer, events } = startInformer(server, { shown: ['acme'] });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    events.length = 0;
    await server.stop();
    for (const namespace of ['acme', 'globex']) server.remove(widgetPath(namespace, 'a'));
    server.compact();
    await server.start();
    await expect.poll(() => seen(events), { timeout: 4_000 }).toEqual(['deleted a']);
    informer.show('globex')();
    expect(seen(events)).toEqual(['deleted a', 'added b']);
  });

  it('isolates a handler and an indexer that throw', async () => {
    const server = await startServer();
    put(server, 'a');
    const { informer, events, logger } = startInformer(server, {
      indexes: {
        bad: () => {
          throw new Error('bad indexer');
        },
      },
    });
    informer.onEvent(() => {
      throw new Error('bad handler');
    });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    put(server, 'b');
    await expect.poll(() => seen(events)).toEqual(['added a', 'added b']);
    expect(informer.cache.byIndex('bad', 'a')).toEqual([]);
    expect(new Set(logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message))).toEqual(
      new Set(['a handler threw', 'an indexer threw']),
    );
  });

  it('tells a late handler what is there, and a removed one nothing', async () => {
    const server = await startServer();
    put(server, 'a');
    const { informer, events } = startInformer(server);
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    const late: string[] = [];
    const remove = informer.onEvent(({ type, object }) => late.push(`${type} ${object.metadata.name}`));
    expect(late).toEqual(['added a']);
    remove();
    put(server, 'b');
    await expect.poll(() => seen(events)).toEqual(['added a', 'added b']);
    expect(late).toEqual(['added a']);
  });

  it('reads no more often than its backoff allows when every watch fails', async () => {
    const server = await startServer();
    put(server, 'a');
    const { informer } = startInformer(server, {
      timings: { ...timings, backoff: { baseMs: HOUR_MS, maxMs: HOUR_MS } },
    });
    await informer.whenSynced();
    await expect.poll(() => server.watches).toBe(1);
    server.breakWatches('gone');
    await expect.poll(() => informer.states[0]?.phase).toBe('retrying');
    expect(server.requests.length).toBe(1);
  });

  it('is synced at once when there is nothing to watch, and gives up waiting when told', async () => {
    const server = await startServer();
    await startInformer(server, { namespaces: [] }).informer.whenSynced();
    server.fault = () => ({ kind: 'refuse', code: 500 });
    const { informer } = startInformer(server);
    const abort = new AbortController();
    const waiting = informer.whenSynced(abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
