import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { serveWebAdmin } from './server.ts';

const stop = new AbortController();
const logged: string[] = [];
let ended: Promise<void>;

const url = new Promise<string>((resolve) => {
  const log = { info: (_: object, message: string) => logged.push(message) };
  ended = serveWebAdmin({ host: '127.0.0.1', port: 0 }, log, stop.signal, ({ port }) =>
    resolve(`http://127.0.0.1:${port}`),
  );
});

afterEach(() => expect(logged[0]).toBe('serving the web admin'));

it('serves a page that tells what it is, and lets nothing else in', async () => {
  const response = await fetch(await url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; /);
  const body = await response.text();
  expect(body).toContain('<html lang="en">');
  expect(body).not.toMatch(/<script|<img|<link/);
});

it.each(['/healthz', '/readyz'])('says at %s that it works', async (path) => {
  const response = await fetch((await url) + path);
  expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
});

it('has nothing else, and takes nothing', async () => {
  expect((await fetch(`${await url}/users`)).status).toBe(404);
  expect((await fetch(await url, { method: 'POST' })).status).toBe(405);
});

it('rejects when the port is taken', async () => {
  const port = Number(new URL(await url).port);
  const other = serveWebAdmin({ host: '127.0.0.1', port }, { info: () => {} }, new AbortController().signal);
  await expect(other).rejects.toThrow('EADDRINUSE');
});

it('ends when it is told to, also while a browser keeps its connection', async () => {
  const port = Number(new URL(await url).port);
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  stop.abort();
  await expect(ended).resolves.toBeUndefined();
  socket.destroy();
});
