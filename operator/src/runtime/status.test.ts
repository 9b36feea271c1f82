import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient } from './client.ts';
import { jsonEqual } from './jsonequal.ts';
import { patchStatus } from './status.ts';
import { WIDGET, type Widget, type WidgetStatus, widget, widgetPath } from './testing/widget.ts';
import { WireServer } from './testing/wireserver.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function setUp(status?: WidgetStatus) {
  const server = new WireServer();
  await server.start();
  const client = ApiClient.fromKubeConfig(server.kubeConfig(), { userAgent: 'test', fieldManager: 'test' });
  closers.push(
    () => client.close(),
    () => server.stop(),
  );
  const object = server.put(widgetPath('acme', 'a'), { spec: {}, ...(status && { status }) }) as Widget;
  const current = () => (server.object(widgetPath('acme', 'a')) as Widget | undefined)?.status;
  return { server, client, object, current };
}

describe('patchStatus', () => {
  it('writes nothing when nothing changed', async () => {
    const { server, client, object } = await setUp({ note: 'a', conditions: [] });
    expect(await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, { conditions: [], note: 'a' })).toBe(false);
    expect(server.requests).toEqual([]);
  });

  it('writes what changed and removes what is no longer there, and nothing else', async () => {
    const { server, client, object, current } = await setUp({ note: 'old', observedGeneration: 1, conditions: [] });
    const desired: WidgetStatus = { conditions: [], observedGeneration: 2 };
    expect(await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, desired)).toBe(true);
    expect(current()).toEqual(desired);
    const { method, path, body } = server.requests[0] ?? {};
    expect([method, path]).toEqual(['PUT', `${widgetPath('acme', 'a')}/status`]);
    const { name, namespace, uid, resourceVersion } = object.metadata;
    expect(JSON.parse(body ?? '')).toEqual({
      apiVersion: 'test.roster.dev/v1',
      kind: 'Widget',
      metadata: { name, namespace, uid, resourceVersion },
      status: desired,
    });
  });

  it('writes although the cache lags behind, and leaves the spec that came meanwhile', async () => {
    const { server, client, object, current } = await setUp({ note: 'old' });
    server.put(widgetPath('acme', 'a'), { spec: { size: 2 }, status: { note: 'newer', observedGeneration: 2 } });
    expect(await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, { note: 'mine' })).toBe(true);
    expect(current()).toEqual({ note: 'mine' });
    expect(server.object(widgetPath('acme', 'a'))).toMatchObject({ spec: { size: 2 } });
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'PATCH']);
  });

  it('writes the first status', async () => {
    const { client, object, current } = await setUp();
    expect(await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, { note: 'first' })).toBe(true);
    expect(current()).toEqual({ note: 'first' });
  });

  it('leaves another object of the same name alone', async () => {
    const { server, client, object, current } = await setUp();
    server.remove(widgetPath('acme', 'a'));
    expect(await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, { note: 'mine' })).toBe(false);
    server.put(widgetPath('acme', 'a'), widget('acme', 'a', { status: { note: 'other' } }));
    expect(await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, { note: 'mine' })).toBe(false);
    expect(current()).toEqual({ note: 'other' });
  });

  it('throws when the status itself is refused', async () => {
    const { server, client, object } = await setUp();
    server.fault = ({ method }) => (method === 'GET' ? undefined : { kind: 'refuse', code: 422 });
    const write = () => patchStatus<WidgetStatus, Widget>(client, WIDGET, object, { note: 'bad' });
    await expect(write()).rejects.toMatchObject({ code: 422 });
    server.put(widgetPath('acme', 'a'), { spec: {} });
    server.fault = ({ method }) => (method === 'PATCH' ? { kind: 'refuse', code: 422 } : undefined);
    await expect(write()).rejects.toMatchObject({ code: 422 });
  });

  it('ends with the desired status whatever there was', async () => {
    const status = fc.record(
      {
        observedGeneration: fc.integer({ min: 1, max: 2 }),
        note: fc.constantFrom('a', 'b'),
      },
      { requiredKeys: [] },
    );
    const { server, client, current } = await setUp();
    await fc.assert(
      fc.asyncProperty(status, status, async (before, desired) => {
        const object = server.put(widgetPath('acme', 'a'), { spec: {}, status: before }) as Widget;
        const wrote = await patchStatus<WidgetStatus, Widget>(client, WIDGET, object, desired);
        expect(current()).toEqual(desired);
        expect(wrote).toBe(!jsonEqual(before, desired));
      }),
    );
  });
});

describe('jsonEqual', () => {
  it('agrees with the text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (a, b) => {
        expect(jsonEqual(a, structuredClone(a))).toBe(true);
        expect(jsonEqual(a, b)).toBe(canonical(a) === canonical(b));
      }),
    );
  });

  it.each([
    [{ a: undefined }, {}, true],
    [{ a: null }, {}, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [{ a: { b: 1 } }, { a: { b: 1, c: undefined } }, true],
  ])('%j and %j: %s', (a, b, equal) => {
    expect(jsonEqual(a, b)).toBe(equal);
    expect(jsonEqual(b, a)).toBe(equal);
  });
});

/** The JSON text with sorted fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
