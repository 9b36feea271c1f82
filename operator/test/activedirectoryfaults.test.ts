import { afterAll, expect, test } from 'vitest';
import { parseAllowedHosts } from '../src/credentials.ts';
import { activeDirectoryReader } from '../src/directory/activedirectory/index.ts';
import { startActiveDirectoryFront } from './adfront.ts';
import type { Unit } from './faultproxy.ts';
import { byteFaults, everyPlace, type Faulty, messageFaults, outcomes, readThrough, someBytes } from './readfaults.ts';
import { domain, password, startSamba } from './samba.ts';

const names = Array.from({ length: 6 }, (_, index) => `p${index}`);
const staff = `OU=Staff,${domain}`;
const server = await startSamba({
  entries: [
    { dn: staff, attributes: { objectClass: ['organizationalUnit'] } },
    ...names.map((name) => ({
      dn: `CN=${name},${staff}`,
      attributes: { objectClass: ['user'], sAMAccountName: [name], userAccountControl: ['544'] },
    })),
    {
      dn: `CN=All,${staff}`,
      attributes: {
        objectClass: ['group'],
        sAMAccountName: ['All'],
        member: names.map((name) => `CN=${name},${staff}`),
      },
    },
  ],
});
// Pages and ranges of three make more places at which something can happen.
const front = await startActiveDirectoryFront(
  { url: server.urls.ldaps, caBundle: server.caBundle },
  { maxPageSize: 3, maxValRange: 3, whoAmI: 'u:EXAMPLEAD\\roster' },
);
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** LDAP in the clear before the front where messages count, LDAPS before Samba where bytes do. */
const faulty = (unit: Unit): Faulty => {
  const scheme = unit === 'message' ? 'ldap' : 'ldaps';
  return {
    target: unit === 'message' ? front.port : Number(new URL(server.urls.ldaps).port),
    unit,
    reader(port, timeoutMs) {
      const url = `${scheme}://127.0.0.1:${port}`;
      return activeDirectoryReader({
        urls: [url],
        startTLS: false,
        caBundle: server.caBundle,
        credentials: { username: server.username, password, hosts: parseAllowedHosts(`${url} allowPlaintext`) },
        pageSize: 500,
        timeoutMs,
        baseDNs: [staff],
        includeServiceAccounts: false,
        membership: 'Nested',
      });
    },
  };
};

test('undisturbed, the proxies change nothing', async () => {
  for (const unit of ['message', 'byte'] as const) {
    const { people, evidence, whereabouts } = await readThrough(faulty(unit));
    expect(people.map(({ groups }) => groups.length)).toEqual(names.map(() => 1));
    expect([evidence.complete, whereabouts]).toEqual([true, 'Deleted']);
  }
});

test.each(messageFaults)(
  '%s at each message of a read ends it, and nothing is taken for whole',
  async (fault, expected) => {
    const { units } = await readThrough(faulty('message'));
    // Results of bind, "Who am I?" and root DSE, domains, groups in pages, another range, people in pages, and the
    // search by id.
    expect(units).toBeGreaterThan(20);
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
