import { afterEach, describe, expect, test } from 'vitest';
import { bindResponse, extendedResponse, message, searchDone, searchEntry } from '../../../test/ldapwire.ts';
import { type Action, type Script, type ScriptedServer, startScriptedServer } from '../../../test/scriptedldap.ts';
import { parseFilter } from './filter.ts';
import { extendedOperations, Session } from './session.ts';
import { parseServer } from './url.ts';

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

const search = { baseDN: 'dc=example', filter: parseFilter('(cn=*)') };
const fails = (reason: string) => expect.objectContaining({ reason });

async function open(
  script: Script,
  { timeoutMs = 5000, signal = new AbortController().signal } = {},
): Promise<Session> {
  server = await startScriptedServer(script);
  return await Session.open(parseServer(server.url), timeoutMs, signal);
}

const answering =
  (...actions: Action[]): Script =>
  () =>
    actions;

describe('Session', () => {
  test('collects entries and references until the result', async () => {
    using session = await open(answering(searchEntry('cn=a', { cn: 'a' }), searchEntry('cn=b', {}), searchDone()));
    const { entries, result } = await session.search(search);
    expect(entries.map(({ dn }) => dn)).toEqual(['cn=a', 'cn=b']);
    expect(result.code).toBe(0);
  });

  test('asks without a time limit of its own unless told', async () => {
    using session = await open(answering(searchDone()));
    await session.search({ ...search, timeLimit: 0 });
    expect(server?.requests).toMatchObject([{ kind: 'Search', timeLimit: 0, sizeLimit: 0 }]);
  });

  test.each<[string, Action[], string]>([
    ['hangs up before it ever spoke', ['hang up'], 'ProtocolError'],
    ['speaks HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'ProtocolError'],
    ['answers another operation', [bindResponse()], 'ProtocolError'],
    ['answers another request', [message(99, searchDone())], 'ProtocolError'],
    [
      'hangs up in a message',
      [message(1, searchEntry('cn=a', {})), Buffer.from([0x30, 0x20, 0x02]), 'hang up'],
      'ConnectionLost',
    ],
    ['hangs up before the result', [searchEntry('cn=a', {}), 'hang up'], 'ConnectionLost'],
    ['says that it goes down', [message(0, extendedResponse({ code: 52, diagnostic: 'shutting down' }))], 'ServerBusy'],
  ])('ends when the server %s', async (_, actions, reason) => {
    using session = await open(answering(...actions));
    await expect(session.search(search)).rejects.toThrow(fails(reason));
    // The same again, without a new connection.
    await expect(async () => session.search(search)).rejects.toThrow(fails(reason));
    expect(server?.connections).toBe(1);
  });

  test('ends when the server is silent', async () => {
    using session = await open(() => undefined, { timeoutMs: 30 });
    await expect(session.search(search)).rejects.toThrow(fails('ServerTimeout'));
    await expect(session.search(search).catch((error) => error)).resolves.toEqual(fails('ServerTimeout'));
  });

  test('ends when the server is silent in the middle', async () => {
    using session = await open(answering(searchEntry('cn=a', {}), Buffer.from([0x30])), { timeoutMs: 30 });
    await expect(session.search(search)).rejects.toThrow(fails('ServerTimeout'));
  });

  test('ends when it is aborted, with the reason', async () => {
    const controller = new AbortController();
    const abort = () => {
      controller.abort(new Error('the run is over'));
      return undefined;
    };
    using session = await open(abort, controller);
    await expect(session.search(search)).rejects.toThrow('the run is over');
  });

  test('is not opened when it is aborted already', async () => {
    await expect(open(() => [], { signal: AbortSignal.abort(new Error('over')) })).rejects.toThrow('over');
  });

  test('ends when it is closed, also for what is under way', async () => {
    const session = await open(() => undefined);
    const pending = session.search(search);
    session[Symbol.dispose]();
    await expect(pending).rejects.toThrow(fails('ConnectionLost'));
  });

  test('cannot reach a port where nobody listens', async () => {
    server = await startScriptedServer(() => []);
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const opening = Session.open(parseServer(url), 5000, new AbortController().signal);
    await expect(opening).rejects.toThrow(fails('ServerUnreachable'));
    await expect(opening).rejects.toThrow('ECONNREFUSED');
  });

  test('cannot reach a host that has no address', async () => {
    const opening = Session.open(parseServer('ldap://ldap.invalid'), 5000, new AbortController().signal);
    await expect(opening).rejects.toThrow(fails('ServerUnreachable'));
  });

  test('shows what the server says in one line, not for ever, and never with the password', async () => {
    using session = await open(() => [
      bindResponse({ code: 49, diagnostic: `no\n hunter2 is wrong${'.'.repeat(500)}` }),
    ]);
    const { diagnostic } = await session.bind('cn=roster', 'hunter2');
    expect(diagnostic).toMatch(/^no \*\*\* is wrong\.+$/);
    expect(diagnostic.length).toBeLessThan(210);
  });

  test('does not read on in the clear after the consent to StartTLS', async () => {
    const consent = message(1, extendedResponse());
    using session = await open(answering(Buffer.concat([consent, Buffer.from([0x30])])));
    await expect(session.startTLS([])).rejects.toThrow(fails('ProtocolError'));
  });

  test.each([
    [2, 'TLSFailed'],
    [52, 'ServerBusy'],
  ])('StartTLS refused with %s', async (code, reason) => {
    using session = await open(answering(extendedResponse({ code })));
    await expect(session.startTLS([])).rejects.toThrow(fails(reason));
  });

  test('StartTLS with a server that then speaks no TLS', async () => {
    using session = await open(answering(extendedResponse()));
    const upgrade = session.startTLS([]);
    await expect(upgrade).rejects.toThrow(fails('TLSFailed'));
    // Whatever is tried afterwards, nothing goes out in the clear.
    await expect(async () => session.bind('cn=roster', 'hunter2')).rejects.toThrow(fails('TLSFailed'));
    expect(server?.requests).toEqual([{ kind: 'Extended', oid: extendedOperations.startTLS }]);
  });

  test('has one request at a time', async () => {
    using session = await open(() => undefined);
    session.search(search).catch(() => {});
    await expect(async () => session.search(search)).rejects.toThrow('one request at a time');
  });
});
