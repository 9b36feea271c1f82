/** The file that makes a namespace a tenant, in any order of what is in it. */
import { readFile } from 'node:fs/promises';
import { DirectorySync, type KubernetesObject, User, UserDirectory } from '@roster/crds';
import { beforeAll, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { Branch, startDirectoryServer } from './directory.ts';
import type { OpenLDAP } from './openldap.ts';
import { createNamespace, openRoster, type Roster } from './roster.ts';
import { states, statusesHold } from './status.ts';

let server: OpenLDAP;
let roster: Roster;
let namespaces: string[];

beforeAll(async () => {
  server = await startDirectoryServer();
  const branch = await Branch.grow(server, 'example');
  await branch.addPerson('jane');
  await branch[Symbol.asyncDispose]();
  namespaces = await Promise.all(Array.from({ length: 8 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await server[Symbol.asyncDispose]();
  };
});

const kinds = ['Tenant', 'Secret', 'UserDirectory'] as const;
type Kind = (typeof kinds)[number];

/** The objects of the file, for the directory of this test instead of the one that is imagined there. */
async function example(): Promise<Record<Kind, object>> {
  const text = await readFile(new URL('../../docs/examples/tenant.yaml', import.meta.url), 'utf8');
  const here = text
    .replaceAll('ldaps://ldap.example.com', server.urls.ldaps)
    .replace('cn=roster,ou=Services,dc=example,dc=com', server.username)
    .replace(/preset: OpenLDAP\n/, (preset) => `${preset}    caBundle: ${JSON.stringify(server.caBundle)}\n`);
  const objects = parseAllDocuments(here).map((document) => document.toJS() as KubernetesObject);
  expect(objects.map(({ kind }) => kind)).toEqual(kinds);
  return Object.fromEntries(objects.map((object) => [object.kind, object])) as Record<Kind, object>;
}

const orders: readonly (readonly [Kind, Kind, Kind])[] = [
  ['Tenant', 'Secret', 'UserDirectory'],
  ['Tenant', 'UserDirectory', 'Secret'],
  ['Secret', 'Tenant', 'UserDirectory'],
  ['Secret', 'UserDirectory', 'Tenant'],
  ['UserDirectory', 'Tenant', 'Secret'],
  ['UserDirectory', 'Secret', 'Tenant'],
];

it.concurrent.each(orders)('becomes people, applied at once: %s, %s, %s', async (...order) => {
  const acme = roster.within(namespaces.pop() ?? '');
  const objects = await example();
  await acme.kubectl(['apply', '-f', '-'], order.map((kind) => stringify(objects[kind])).join('---\n'));
  await acme.kubectl(['wait', 'userdirectory/corporate', '--for=condition=Synced', '--timeout=30s']);
  expect((await acme.list(User)).map(({ status }) => status?.email)).toEqual(['jane@example.com']);
  await statusesHold(acme);
});

it.concurrent.each([
  ['Secret', 'False SecretNotFound'],
  ['Tenant', 'False TenantNotFound'],
] as const)('becomes people when the %s comes long after the others', async (late, state) => {
  const acme = roster.within(namespaces.pop() ?? '');
  const { [late]: missing, ...others } = await example();
  await acme.kubectl(
    ['apply', '-f', '-'],
    Object.values(others)
      .map((object) => stringify(object))
      .join('---\n'),
  );
  const waiting = await acme.eventually(UserDirectory, 'corporate', (directory) =>
    expect(states(directory).Ready).toBe(state),
  );
  expect(waiting.status).not.toHaveProperty('lastHandledRequestAt');
  expect(await acme.list(DirectorySync)).toEqual([]);
  await acme.kubectl(['apply', '-f', '-'], stringify(missing));
  await acme.kubectl(['wait', 'userdirectory/corporate', '--for=condition=Synced', '--timeout=30s']);
});
