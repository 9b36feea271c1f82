import { describe, expect, test } from 'vitest';
import { startGraph } from '../../operator/test/graph.ts';
import { Reader, requestToken } from './testing/client.ts';

test('throttles an application that uses up its quota, and tells when it may go on', async () => {
  let now = Date.now();
  await using graph = await startGraph({ quota: () => 10, now: () => now });
  const reader = new Reader(graph);
  const first = await reader.get('/users?$select=id');
  expect(first.headers.get('x-ms-resource-unit')).toBe('1');
  expect(first.headers.get('x-ms-throttle-limit-percentage')).toBeNull();
  for (let request = 0; request < 4; request++) expect((await reader.get('/users')).status).toBe(200);
  const refused = await reader.get('/users');
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'TooManyRequests' } } });
  const seconds = Number(refused.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  now += seconds * 1000;
  const served = await reader.get('/users');
  expect(served.status).toBe(200);
  expect(Number(served.headers.get('x-ms-throttle-limit-percentage'))).toBeGreaterThan(0.8);
});

test('ties every answer to its request', async () => {
  await using graph = await startGraph();
  const reader = new Reader(graph);
  const { headers, body } = await reader.get('/users/nobody', { 'client-request-id': 'mine' });
  expect(headers.get('client-request-id')).toBe('mine');
  expect(body.error.innerError).toEqual({
    date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
    'request-id': headers.get('request-id'),
    'client-request-id': 'mine',
  });
});

test('serves reads of v1.0 only', async () => {
  await using graph = await startGraph();
  const authorization = `Bearer ${(await requestToken(graph)).body.access_token}`;
  const request = async (method: string, path: string) =>
    (await fetch(`${graph.url}${path}`, { method, headers: { authorization } })).status;
  expect(await request('POST', '/v1.0/users')).toBe(405);
  expect(await request('GET', '/v1.0/$batch')).toBe(405);
  expect(await request('GET', '/beta/users')).toBe(400);
  expect(await request('GET', '/v1.0/devices')).toBe(400);
  expect(await request('GET', '/v1.0/users/%zz')).toBe(400);
  expect(await request('GET', `/${graph.tenantID}/oauth2/v2.0/token`)).toBe(400);
});

describe('a batch', () => {
  test('answers each request on its own', async () => {
    await using graph = await startGraph({ permissions: ['User.Read.All'] });
    const id = graph.directory.createUser({ userPrincipalName: 'ada@example.com', displayName: 'Ada' });
    const eventual = { ConsistencyLevel: 'eventual' };
    const { status, body } = await new Reader(graph).batch([
      { id: 'a', method: 'GET', url: `/users/${id}?$select=displayName` },
      { id: 'b', method: 'GET', url: 'groups' },
      { id: 'c', method: 'GET', url: '/users/$count', headers: eventual },
      { id: 'd', method: 'DELETE', url: `/users/${id}` },
    ]);
    expect(status).toBe(200);
    expect(body.responses).toMatchObject([
      { id: 'a', status: 200, body: { displayName: 'Ada' } },
      { id: 'b', status: 403, body: { error: { code: 'Authorization_RequestDenied' } } },
      { id: 'c', status: 200, body: '1' },
      { id: 'd', status: 405 },
    ]);
  });

  test('is charged by the request', async () => {
    await using graph = await startGraph({ quota: () => 4 });
    const requests = ['1', '2', '3'].map((id) => ({ id, method: 'GET', url: '/users' }));
    const { body } = await new Reader(graph).batch(requests);
    expect(body.responses.map((response: { status: number }) => response.status)).toEqual([200, 200, 429]);
    expect(body.responses[2].headers['retry-after']).toBeDefined();
  });

  test('has from 1 to 20 requests with ids of their own', async () => {
    await using graph = await startGraph();
    const reader = new Reader(graph);
    const requests = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ id: `${at}`, method: 'GET', url: '/users' }));
    expect((await reader.batch(requests(20))).status).toBe(200);
    const same = { id: '1', method: 'GET', url: '/users' };
    for (const wrong of [[], requests(21), [same, same], [{ id: '1' }]]) {
      expect((await reader.batch(wrong)).status).toBe(400);
    }
  });
});

describe('a fault', () => {
  test('of the service comes as the service words it, once or as long as it lasts', async () => {
    await using graph = await startGraph();
    const reader = new Reader(graph);
    await reader.get('/users');
    graph.fault = ({ number }) => (number === 3 ? { kind: 'status', status: 503, retryAfter: 7 } : undefined);
    const { status, headers, body } = await reader.get('/users');
    expect([status, headers.get('retry-after'), body.error.code]).toEqual([503, '7', 'ServiceUnavailable']);
    expect((await reader.get('/users')).status).toBe(200);
    expect(graph.answered.map((one) => one.status)).toEqual([200, 200, 503, 200]);
  });

  test('of the authority comes as the authority words it', async () => {
    await using graph = await startGraph();
    graph.fault = () => ({ kind: 'status', status: 503 });
    expect(await requestToken(graph)).toMatchObject({
      ...{ status: 503, body: { error: 'temporarily_unavailable', error_codes: [90033] } },
    });
  });

  test('cuts the connection before or amid the answer', async () => {
    await using graph = await startGraph();
    const reader = new Reader(graph);
    await reader.get('/users');
    for (const kind of ['cut', 'cutBody'] as const) {
      graph.fault = () => ({ kind });
      await expect(reader.get('/users')).rejects.toThrow();
    }
  });

  test('answers what is no JSON', async () => {
    await using graph = await startGraph();
    const reader = new Reader(graph);
    await reader.get('/users');
    graph.fault = () => ({ kind: 'garbage' });
    expect((await reader.get('/users')).body).toMatch(/^<html>/);
  });

  test('stalls until the client or the server gives up', async () => {
    await using graph = await startGraph();
    await using patient = await startGraph();
    graph.fault = () => ({ kind: 'stall' });
    patient.fault = () => ({ kind: 'stall' });
    const giveUp = new AbortController();
    const url = `${graph.url}/v1.0/users`;
    const request = fetch(url, { signal: giveUp.signal });
    await expect.poll(() => graph.answered.length).toBe(1);
    giveUp.abort();
    await expect(request).rejects.toThrow('aborted');
    const waiting = expect(fetch(`${patient.url}/v1.0/users`)).rejects.toThrow();
    await expect.poll(() => patient.answered.length).toBe(1);
    await patient[Symbol.asyncDispose]();
    await waiting;
  });
});
