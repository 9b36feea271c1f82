import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiError, isAmbiguous, isConflict, isNotFound, TransportError } from './apierror.ts';
import { ApiClient, type ObjectList } from './client.ts';
import { selfSignedCertificate } from './testing/certificate.ts';
import { FreezableProxy } from './testing/freezableproxy.ts';
import { WIDGET, type Widget, widgetPath } from './testing/widget.ts';
import { type Fault, WireServer, type WireServerOptions } from './testing/wireserver.ts';

const options = { userAgent: 'runtime-test', fieldManager: 'tester', timeoutMs: 5_000 };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function setUp(serverOptions: WireServerOptions = {}, clientOptions: object = {}) {
  const server = new WireServer(serverOptions);
  await server.start();
  const client = ApiClient.fromKubeConfig(server.kubeConfig(), { ...options, ...clientOptions });
  closers.push(
    () => client.close(),
    () => server.stop(),
  );
  return { server, client };
}

/** The first requests meet these faults, the others none. */
function faults(server: WireServer, ...list: Fault[]): void {
  server.fault = () => list.shift();
}

const key = { namespace: 'acme', name: 'a' };
const path = widgetPath('acme', 'a');

describe('ApiClient', () => {
  it('keeps its connections for thousands of sequential requests', async () => {
    const { server, client } = await setUp();
    server.put(path);
    for (let count = 0; count < 3_000; count++) {
      await client.get(WIDGET, key);
    }
    expect(server.requests.length).toBe(3_000);
    // The one may not be free yet when the next request comes.
    expect(server.connections).toBeLessThanOrEqual(2);
  }, 60_000);

  it('reads and writes objects', async () => {
    const { server, client } = await setUp();
    await client.create(WIDGET, { metadata: { ...key }, spec: { size: 1 } });
    await client.mergePatch(WIDGET, key, { spec: { size: 2 } });
    expect(await client.get<Widget>(WIDGET, key)).toMatchObject({ metadata: key, spec: { size: 2 } });
    await client.delete(WIDGET, key, { preconditions: { uid: 'u' } });
    expect(server.objects()).toEqual([]);
    await expect(client.get(WIDGET, key)).rejects.toSatisfy(isNotFound);
    expect(
      server.requests.map(({ method, query, headers }) => [method, query.toString(), headers['content-type']]),
    ).toEqual([
      ['POST', 'fieldManager=tester&fieldValidation=Strict', 'application/json'],
      ['PATCH', 'fieldManager=tester&fieldValidation=Strict', 'application/merge-patch+json'],
      ['GET', '', undefined],
      ['DELETE', '', 'application/json'],
      ['GET', '', undefined],
    ]);
    const bodies = server.requests.map(({ body }) => (body === '' ? undefined : JSON.parse(body)));
    expect(bodies[0]).toMatchObject({ apiVersion: 'test.roster.dev/v1', kind: 'Widget', spec: { size: 1 } });
    expect(bodies[3]).toMatchObject({ kind: 'DeleteOptions', preconditions: { uid: 'u' } });
  });

  it('surfaces a write whose answer got lost, once, as ambiguous', async () => {
    const { server, client } = await setUp();
    faults(server, { kind: 'reset', after: true });
    await expect(client.create(WIDGET, { metadata: key, spec: {} })).rejects.toSatisfy(isAmbiguous);
    expect(server.requests.length).toBe(1);
    expect(server.object(path)).toBeDefined();
  });

  it('repeats a read whose connection broke', async () => {
    const { server, client } = await setUp();
    server.put(path);
    faults(server, { kind: 'reset' }, { kind: 'garble' });
    await expect(client.get(WIDGET, key)).resolves.toMatchObject({ metadata: key });
    expect(server.requests.length).toBe(3);
  });

  it('leaves a connection on which nobody answers any more', async () => {
    const { server } = await setUp();
    server.put(path);
    const proxy = new FreezableProxy(server.port);
    const config = server.kubeConfig('token', await proxy.start());
    const client = ApiClient.fromKubeConfig(config, { ...options, timeoutMs: 200 });
    closers.push(
      () => client.close(),
      () => proxy.stop(),
    );
    await client.get(WIDGET, key);
    // The connection is free in the next turn.
    await setImmediate();
    proxy.freeze();
    await expect(client.get(WIDGET, key)).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
    await expect
      .poll(() => client.get(WIDGET, key).catch(() => undefined), { timeout: 10_000 })
      .toMatchObject({ metadata: key });
    expect(server.connections).toBe(2);
  }, 20_000);

  it('gives up on a server that does not answer, and recovers', async () => {
    const { server, client } = await setUp();
    server.put(path);
    faults(server, { kind: 'hang' });
    const timeout = client.get(WIDGET, key, { timeoutMs: 50 });
    await expect(timeout).rejects.toMatchObject({ name: 'TransportError', code: 'UND_ERR_HEADERS_TIMEOUT' });
    await expect(client.get(WIDGET, key)).resolves.toMatchObject({ metadata: key });
  });

  it('waits as long as a busy server asks, for reads and writes', async () => {
    const { server, client } = await setUp();
    faults(server, { kind: 'refuse', code: 429, retryAfter: 0 }, { kind: 'refuse', code: 503, retryAfter: 0 });
    await client.create(WIDGET, { metadata: key, spec: {} });
    expect(server.requests.length).toBe(3);
  });

  it('leaves a longer wait, and a refusal without one, to the caller', async () => {
    const { server, client } = await setUp();
    faults(server, { kind: 'refuse', code: 429, retryAfter: 3_600 }, { kind: 'refuse', code: 500 });
    await expect(client.get(WIDGET, key)).rejects.toMatchObject({ code: 429, retryAfterSeconds: 3_600 });
    await expect(client.get(WIDGET, key)).rejects.toMatchObject({ code: 500 });
    expect(server.requests.length).toBe(2);
  });

  it('does not repeat a busy server for ever', async () => {
    const { server, client } = await setUp();
    server.fault = () => ({ kind: 'refuse', code: 429, retryAfter: 0 });
    await expect(client.get(WIDGET, key)).rejects.toMatchObject({ code: 429 });
    expect(server.requests.length).toBe(6);
  });

  it('tells a server that could not be reached from one that did not answer', async () => {
    const { server, client } = await setUp();
    await server.stop();
    const error = await client.create(WIDGET, { metadata: key, spec: {} }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransportError);
    expect(isAmbiguous(error)).toBe(false);
  });

  it('lists in pages of one consistent version', async () => {
    const { server, client } = await setUp();
    for (let count = 0; count < 1_250; count++) {
      server.put(widgetPath('acme', `w${count}`));
    }
    server.put(widgetPath('other', 'x'));
    const pages: ObjectList<Widget>[] = [];
    for await (const page of client.listAll(WIDGET, { namespace: 'acme' })) {
      pages.push(page);
    }
    expect(pages.map(({ items }) => items.length)).toEqual([500, 500, 250]);
    expect(new Set(pages.map(({ metadata }) => metadata.resourceVersion)).size).toBe(1);
  });

  it('bounds writes in flight, not reads', async () => {
    const { server, client } = await setUp({}, { maxWritesInFlight: 2 });
    server.put(path);
    server.fault = ({ method }) => (method === 'POST' ? { kind: 'hang' } : undefined);
    const abort = new AbortController();
    const writes = ['b', 'c', 'd'].map((name) =>
      client.create(WIDGET, { metadata: { ...key, name }, spec: {} }, { signal: abort.signal }),
    );
    const results = Promise.allSettled(writes);
    await expect.poll(() => server.requests.length).toBe(2);
    await client.get(WIDGET, key);
    const other = client.dedicated();
    closers.push(() => other.close());
    await other.mergePatch(WIDGET, key, { spec: {} });
    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET', 'PATCH']);
    abort.abort(new Error('enough'));
    expect((await results).map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(server.requests.length).toBe(4);
  });

  it('throws the reason of the signal', async () => {
    const { server, client } = await setUp();
    faults(server, { kind: 'hang' });
    const abort = new AbortController();
    const call = client.get(WIDGET, key, { signal: abort.signal });
    await expect.poll(() => server.requests.length).toBe(1);
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });

  it('counts answers by code, method and host', async () => {
    const answers: object[] = [];
    const { server, client } = await setUp({}, { onAnswer: (answer: object) => answers.push(answer) });
    faults(server, { kind: 'refuse', code: 403 }, { kind: 'reset' });
    await client.get(WIDGET, key).catch(() => undefined);
    await client.create(WIDGET, { metadata: key, spec: {} }).catch(() => undefined);
    const { host } = new URL(server.url);
    expect(answers).toEqual([
      { code: '403', method: 'GET', host },
      { code: '<error>', method: 'POST', host },
    ]);
  });

  it('says in an error what the server said, and nothing of the request', async () => {
    const { server, client } = await setUp();
    faults(server, { kind: 'refuse', code: 409, reason: 'Conflict' }, { kind: 'reset' }, { kind: 'garble' });
    const secret: Widget = { metadata: key, spec: { note: 'hunter2' } };
    const errors = await Promise.all(
      [1, 2, 3].map(() => client.create(WIDGET, secret).catch((error: unknown) => error)),
    );
    expect(errors.filter((error) => error instanceof ApiError && isConflict(error)).length).toBe(1);
    for (const error of errors as Error[]) {
      expect(`${error.message} ${String(error.cause)} ${JSON.stringify(error)}`).not.toMatch(/hunter2|test-token|Sec/);
    }
  });

  it('opens no connection once it is closed, not even for a call that was about to start', async () => {
    const { server, client } = await setUp();
    const call = client.get(WIDGET, key);
    await client.close();
    await expect(call).rejects.toThrow('The client is closed.');
    await expect(client.get(WIDGET, key)).rejects.toThrow('The client is closed.');
    expect(server.connections).toBe(0);
  });

  it('follows a rotated CA and token', async () => {
    const { server } = await setUp();
    const config = server.kubeConfig('first');
    const client = ApiClient.fromKubeConfig(config, options);
    closers.push(() => client.close());
    server.put(path);
    await client.get(WIDGET, key);

    await server.stop();
    server.certificate = selfSignedCertificate();
    await server.start();
    await expect(client.create(WIDGET, { metadata: key, spec: {} })).rejects.toBeInstanceOf(TransportError);
    Object.assign(config.getCurrentCluster() ?? {}, server.kubeConfig().getCurrentCluster());
    Object.assign(config.getCurrentUser() ?? {}, { token: 'second' });
    await client.get(WIDGET, key);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
  });
});
