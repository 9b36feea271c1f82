import type { AddressInfo } from 'node:net';
import { Gauge, Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { type Check, HealthServer } from './healthserver.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function start(readyChecks: Record<string, Check>, address = '127.0.0.1:0') {
  const registry = new Registry();
  new Gauge({ name: 'test_gauge', help: 'Test.', registers: [registry] }).set(1);
  const server = new HealthServer({
    address,
    registry,
    healthChecks: new Map(),
    readyChecks: new Map(Object.entries(readyChecks)),
  });
  const stop = new AbortController();
  const listening = Promise.withResolvers<AddressInfo>();
  const running = server.run(stop.signal, listening.resolve);
  running.catch(listening.reject);
  const { port } = await listening.promise;
  stops.push(async () => {
    stop.abort();
    await running;
  });
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  return { port, get };
}

describe('HealthServer', () => {
  it('serves metrics', async () => {
    const { get } = await start({});
    const { status, type, text } = await get('/metrics');
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('test_gauge 1');
  });

  it('says what is not ready, and why', async () => {
    let problem: string | undefined = 'users.roster.dev absent';
    const { get } = await start({
      informers: () => problem,
      database: async () => undefined,
      broken: () => {
        if (problem !== undefined) {
          throw new Error('no idea');
        }
        return undefined;
      },
    });
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '[-]informers: users.roster.dev absent\n[+]database ok\n[-]broken: no idea\nnot ok\n',
    });
    problem = undefined;
    expect(await get('/readyz?verbose')).toMatchObject({ status: 200 });
    expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
  });

  it('answers nothing else', async () => {
    const { get } = await start({});
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics', 'POST')).status).toBe(405);
  });

  it('says so when it cannot listen', async () => {
    const { port } = await start({});
    await expect(start({}, `127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(start({}, 'localhost')).rejects.toThrow('host:port');
  });
});
