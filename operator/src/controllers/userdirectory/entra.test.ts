import { UserDirectory } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import type { SnapshotStore } from '../../directory/entra/index.ts';
import type { Secret } from '../secrets.ts';
import { entraOptions } from './entra.ts';

const id = '00000000-0000-4000-8000-00000000000A';
const snapshots = {} as SnapshotStore;

function secret(keys: Readonly<Record<string, string>>): Secret {
  const data = Object.fromEntries(
    Object.entries(keys).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  const metadata = { name: 'corporate', annotations: { 'roster.dev/hosts': 'https://login.microsoftonline.com' } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data };
}

function options(entraID: object, of: Secret | undefined, environment: Readonly<Record<string, string>> = {}) {
  const spec = UserDirectory.spec.parse({
    organization: 'main',
    entraID: { clientID: id, tenantID: id, credentials: { secretRef: { name: 'corporate' } }, ...entraID },
  });
  if (spec.entraID === undefined) throw new Error('there is no block');
  return entraOptions({ ...spec, entraID: spec.entraID }, of, snapshots, environment);
}

const hosts = [{ scheme: 'https', host: 'login.microsoftonline.com', port: 443, allowPlaintext: false }];

describe('credentials', () => {
  it('are a client secret', () => {
    expect(options({}, secret({ clientSecret: ' word\n' })).credentials).toEqual({
      type: 'ClientSecret',
      clientSecret: 'word',
      hosts,
    });
  });

  it('are a certificate before a secret', () => {
    const keys = { 'tls.crt': 'certificate', 'tls.key': 'key', clientSecret: 'word' };
    expect(options({}, secret(keys)).credentials).toEqual({
      type: 'Certificate',
      certificate: 'certificate',
      privateKey: 'key',
      hosts,
    });
  });

  const wanting: Record<string, string>[] = [{}, { clientSecret: ' ' }, { 'tls.crt': 'PEM' }, { password: 'word' }];
  it.each(wanting)('are not %j', (keys) => {
    expect(() => options({}, secret(keys))).toThrowError(expect.objectContaining({ reason: 'SecretIncomplete' }));
  });

  it('are the token of the pod without a Secret', () => {
    const environment = { AZURE_FEDERATED_TOKEN_FILE: '/token', AZURE_AUTHORITY_HOST: 'https://login.example.com/' };
    expect(options({ credentials: { workloadIdentity: true } }, undefined, environment).credentials).toEqual({
      type: 'WorkloadIdentity',
      tokenFile: '/token',
      authorityHost: 'https://login.example.com/',
    });
  });
});

it('tells ids in one spelling, since people are recognised by that of the tenant', () => {
  expect(options({}, secret({ clientSecret: 'word' }))).toMatchObject({
    clientID: id.toLowerCase(),
    tenantID: id.toLowerCase(),
  });
});

it.each([
  [{}, 'https://login.microsoftonline.com', 'https://graph.microsoft.com'],
  [{ cloud: 'USGovernment' }, 'https://login.microsoftonline.us', 'https://graph.microsoft.us'],
  [{ cloud: 'China' }, 'https://login.chinacloudapi.cn', 'https://microsoftgraph.chinacloudapi.cn'],
  [
    { endpoints: { login: 'https://login.example.com/', graph: 'https://graph.example.com/api//' } },
    'https://login.example.com',
    'https://graph.example.com/api',
  ],
])('goes to the hosts of %j', (entraID, login, graph) => {
  expect(options(entraID, secret({ clientSecret: 'word' })).endpoints).toEqual({ login, graph });
});
