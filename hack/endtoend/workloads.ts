/** What is in the cluster beside Roster: a directory and a PostgreSQL, each in a pod. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate } from '../openldap/certificates.ts';
import { serviceAccount, slapdConfig } from '../openldap/config.ts';
import { contentRecord } from '../openldap/ldif.ts';
import { generateDirectory } from '../openldap/people.ts';

export const suffix = 'dc=example,dc=com';
export const password = 'correct-horse';
export const people = 200;

const metadata = (name: string) => ({ name, namespace: 'outside', labels: { app: name } });

function service(name: string, port: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(name),
    spec: { selector: { app: name }, ports: [{ port }] },
  };
}

function deployment(name: string, container: object, volumes: readonly object[] = []): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(name),
    spec: {
      selector: { matchLabels: { app: name } },
      strategy: { type: 'Recreate' },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name, image: `localhost/roster-${name}:test`, imagePullPolicy: 'Never', ...container }],
          volumes,
        },
      },
    },
  };
}

/** An OpenLDAP with people, and what a tenant's namespace holds to read it: one file, in any order. */
export async function openLDAP(): Promise<{ readonly objects: readonly object[]; readonly tenant: readonly object[] }> {
  const host = 'openldap.outside.svc.cluster.local';
  const folder = await mkdtemp(join(tmpdir(), 'roster-e2e-'));
  const authority = await createAuthority(folder, 'Roster end to end');
  const server = await issueCertificate(folder, [host]);
  await rm(folder, { recursive: true });
  const paths = { data: '/slapd/data', run: '/slapd', tls: '/slapd' };
  const directory = generateDirectory({ suffix, people, groups: 10, memberships: 3, specialCases: false });
  const files = {
    'config.ldif': slapdConfig({ suffix, adminPassword: password, sizeLimit: -1, paths }),
    'data.ldif': Array.from(directory.entries(password), contentRecord).join(''),
    'ca.crt': authority.certificate,
    'server.crt': server.certificate,
    'server.key': server.key,
  };
  const url = `ldaps://${host}:636`;
  return {
    objects: [
      { apiVersion: 'v1', kind: 'Secret', metadata: metadata('openldap'), stringData: files },
      service('openldap', 636),
      deployment(
        'openldap',
        {
          command: ['sh', '-c', 'cp -L /fixture/* /slapd && exec entry.sh'],
          readinessProbe: { tcpSocket: { port: 636 }, periodSeconds: 1 },
          volumeMounts: [
            { name: 'fixture', mountPath: '/fixture' },
            { name: 'slapd', mountPath: '/slapd' },
          ],
        },
        [
          { name: 'fixture', secret: { secretName: 'openldap' } },
          { name: 'slapd', emptyDir: {} },
        ],
      ),
    ],
    tenant: [
      {
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'Tenant',
        metadata: { name: 'tenant' },
        spec: { displayName: 'Acme' },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'corporate-directory', annotations: { 'roster.dev/hosts': url } },
        stringData: { username: serviceAccount(suffix), password },
      },
      {
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'UserDirectory',
        metadata: { name: 'corporate', annotations: { 'roster.dev/requestedAt': '1' } },
        spec: {
          organization: 'main',
          defaultRole: 'users',
          ldap: {
            urls: [url],
            caBundle: authority.certificate,
            credentials: { secretRef: { name: 'corporate-directory' } },
            users: { baseDN: `ou=People,${suffix}` },
            groups: { baseDN: `ou=Groups,${suffix}` },
          },
        },
      },
    ],
  };
}

export const postgresUrl = (host: string) => `postgres://admin:${password}@${host}:5432/postgres`;

export function postgres(): readonly object[] {
  return [
    service('postgres', 5432),
    deployment('postgres', { readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 } }),
  ];
}
