import { afterAll, expect, test } from 'vitest';
import { generateDirectory } from '../../hack/openldap/people.ts';
import { parseAllowedHosts } from '../src/credentials.ts';
import { ldapReader } from '../src/directory/ldap/index.ts';
import type { Unit } from './faultproxy.ts';
import { password, startOpenLDAP, suffix } from './openldap.ts';
import { byteFaults, everyPlace, type Faulty, messageFaults, outcomes, readThrough, someBytes } from './readfaults.ts';

const directory = generateDirectory({ suffix, people: 25, groups: 10, memberships: 2 });
const server = await startOpenLDAP({ entries: directory.entries(password) });
afterAll(() => server[Symbol.asyncDispose]());

/** LDAP in the clear where messages count, LDAPS where bytes do. */
const faulty = (unit: Unit): Faulty => {
  const scheme = unit === 'message' ? 'ldap' : 'ldaps';
  return {
    target: Number(new URL(server.urls[scheme]).port),
    unit,
    reader(port, timeoutMs) {
      const url = `${scheme}://127.0.0.1:${port}`;
      return ldapReader({
        urls: [url],
        startTLS: false,
        caBundle: server.caBundle,
        credentials: {
          username: server.username,
          password: server.password,
          hosts: parseAllowedHosts(`${url} allowPlaintext`),
        },
        pageSize: 10,
        timeoutMs,
        preset: 'OpenLDAP',
        users: { baseDN: `ou=People,${suffix}` },
        groups: { baseDN: `ou=Groups,${suffix}` },
        membership: 'Nested',
      });
    },
  };
};

test('undisturbed, the proxy changes nothing', async () => {
  const { people, evidence, whereabouts } = await readThrough(faulty('message'));
  expect(people).toHaveLength(directory.made.people);
  expect([evidence.complete, whereabouts]).toEqual([true, 'Deleted']);
});

test.each(messageFaults)(
  '%s at each message of a read ends it, and nothing is taken for whole',
  async (fault, expected) => {
    const { units } = await readThrough(faulty('message'));
    // Results of bind, "Who am I?" and root DSE, 35 entries, a result for each page, and those of the search by id.
    expect(units).toBeGreaterThan(40);
    for (const found of await outcomes(faulty('message'), everyPlace(units), fault)) expect(expected).toContain(found);
  },
);

test.each(byteFaults)(
  '%s at bytes of TLS, from the handshake on, ends it, and nothing is taken for whole',
  async (fault, expected) => {
    const { units } = await readThrough(faulty('byte'));
    for (const found of await outcomes(faulty('byte'), someBytes(units), fault)) expect(expected).toContain(found);
  },
);
