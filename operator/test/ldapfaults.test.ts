import { afterAll, expect, test } from 'vitest';
import { generateDirectory } from '../../hack/openldap/people.ts';
import { parseAllowedHosts } from '../src/credentials.ts';
import { ldapReader } from '../src/directory/ldap/index.ts';
import { readAll } from '../src/directory/reader.ts';
import { DirectoryError } from '../src/errors.ts';
import { type Fault, startFaultProxy, type Unit } from './faultproxy.ts';
import { password, startOpenLDAP, suffix } from './openldap.ts';

const directory = generateDirectory({ suffix, people: 25, groups: 10, memberships: 2 });
const server = await startOpenLDAP({ entries: directory.entries(password) });
afterAll(() => server[Symbol.asyncDispose]());

const schemes = { message: 'ldap', byte: 'ldaps' } as const;

/** Reads through a proxy: LDAP in the clear where messages count, LDAPS where bytes do. */
async function read(unit: Unit, timeoutMs: number, at = 0, fault?: Fault) {
  const scheme = schemes[unit];
  await using proxy = await startFaultProxy(Number(new URL(server.urls[scheme]).port), unit, at, fault);
  const url = `${scheme}://127.0.0.1:${proxy.port}`;
  const hosts = parseAllowedHosts(`${url} allowPlaintext`);
  const reader = ldapReader({
    urls: [url],
    startTLS: false,
    caBundle: server.caBundle,
    credentials: { username: server.username, password: server.password, hosts },
    pageSize: 10,
    timeoutMs,
    preset: 'OpenLDAP',
    users: { baseDN: `ou=People,${suffix}` },
    groups: { baseDN: `ou=Groups,${suffix}` },
    membership: 'Nested',
  });
  using opened = await reader.open(new AbortController().signal);
  const contents = await readAll(opened);
  return { ...contents, units: proxy.units };
}

/** How a read ended that something was done to. */
async function outcome(unit: Unit, at: number, fault: Fault): Promise<string> {
  // Silence is waited for, also behind a length that was damaged; everything else ends by itself.
  const timeoutMs = /silence|garbage/.test(fault) ? 250 : 10_000;
  try {
    const { evidence } = await read(unit, timeoutMs, at, fault);
    return evidence.complete ? 'complete' : 'incomplete';
  } catch (error) {
    return error instanceof DirectoryError ? error.reason : String(error);
  }
}

/** The outcomes at each place, several at a time, since most of the time is waiting. */
async function outcomes(unit: Unit, places: readonly number[], fault: Fault): Promise<Set<string>> {
  const remaining = [...places];
  const found = new Set<string>();
  const worker = async () => {
    for (let at = remaining.pop(); at !== undefined; at = remaining.pop()) found.add(await outcome(unit, at, fault));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return found;
}

test('undisturbed, the proxy changes nothing', async () => {
  const { people, evidence } = await read('message', 10_000);
  expect(people).toHaveLength(directory.made.people);
  expect(evidence.complete).toBe(true);
});

test.each<[Fault, readonly string[]]>([
  ['reset', ['ConnectionLost', 'ProtocolError']],
  ['end', ['ConnectionLost', 'ProtocolError']],
  ['end inside', ['ConnectionLost', 'ProtocolError']],
  ['silence', ['ServerTimeout', 'ServerUnreachable']],
  ['silence inside', ['ServerTimeout', 'ServerUnreachable']],
  ['garbage', ['ProtocolError', 'ServerTimeout', 'ServerUnreachable']],
  ['garbage inside', ['ProtocolError', 'ServerTimeout', 'ServerUnreachable']],
  ['error result', ['ProtocolError']],
])('%s at each message of a read ends it, and nothing is taken for whole', async (fault, expected) => {
  const { units } = await read('message', 10_000);
  // Results of bind, "Who am I?" and root DSE, 35 entries, and a result for each page.
  expect(units).toBeGreaterThan(40);
  const places = Array.from({ length: units }, (_, at) => at);
  for (const found of await outcomes('message', places, fault)) expect(expected).toContain(found);
});

test.each<[Fault, readonly string[]]>([
  ['end', ['TLSFailed', 'ConnectionLost', 'ProtocolError']],
  ['reset', ['TLSFailed', 'ConnectionLost', 'ProtocolError']],
  ['silence', ['ServerTimeout', 'ServerUnreachable']],
  [
    'garbage',
    ['TLSFailed', 'ConnectionLost', 'ProtocolError', 'ServerTimeout', 'ServerUnreachable', 'CertificateNotTrusted'],
  ],
])('%s at bytes of TLS, from the handshake on, ends it, and nothing is taken for whole', async (fault, expected) => {
  const { units } = await read('byte', 10_000);
  const handshake = Array.from({ length: 40 }, (_, index) => index * 37);
  const rest = Array.from({ length: 60 }, (_, index) => Math.floor((index * (units - 200)) / 60));
  for (const found of await outcomes('byte', [...handshake, ...rest], fault)) expect(expected).toContain(found);
});
