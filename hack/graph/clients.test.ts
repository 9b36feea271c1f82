import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity';
import { Client, GraphError, PageIterator } from '@microsoft/microsoft-graph-client';
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js';
import { describe, expect, test, vi } from 'vitest';
import { type GraphFixture, startGraph } from '../../operator/test/graph.ts';
import { createClientCertificate } from './clientcertificate.ts';

// Keys are made, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Where the libraries find the authority; they are otherwise as they come. */
const authority = ({ url }: GraphFixture) => ({
  authorityHost: url,
  disableInstanceDiscovery: true,
  retryOptions: { maxRetries: 0 },
});

const bySecret = (graph: GraphFixture, secret = graph.clientSecret): TokenCredential =>
  new ClientSecretCredential(graph.tenantID, graph.application.clientID, secret, authority(graph));

function clientOf(graph: GraphFixture, credential: TokenCredential = bySecret(graph)): Client {
  return Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: [`${graph.url}/.default`] }),
    baseUrl: graph.url,
    customHosts: new Set(['127.0.0.1']),
  });
}

function addUsers(graph: GraphFixture, count: number): void {
  for (let number = 0; number < count; number++) {
    graph.directory.createUser({ userPrincipalName: `user${number}@example.com`, displayName: `User ${number}` });
  }
}

const getToken = (graph: GraphFixture, credential: TokenCredential) => credential.getToken(`${graph.url}/.default`);

describe('@azure/identity gets a token', () => {
  test('with a client secret', async () => {
    await using graph = await startGraph();
    const token = await getToken(graph, bySecret(graph));
    expect(token?.expiresOnTimestamp).toBeGreaterThan(Date.now());
  });

  test('with a certificate and its key in one PEM', async () => {
    await using graph = await startGraph();
    const { certificate, key } = await createClientCertificate();
    graph.application.certificates = [certificate];
    const { clientID } = graph.application;
    const pem = { certificate: `${certificate}${key}` };
    const credential = new ClientCertificateCredential(graph.tenantID, clientID, pem, authority(graph));
    expect(await getToken(graph, credential)).toMatchObject({ token: expect.any(String) });
  });

  test('with the federated token of a workload', async () => {
    await using graph = await startGraph();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const names = { issuer: 'https://issuer.example', subject: 'system:serviceaccount:roster:roster' };
    const audience = 'api://AzureADTokenExchange';
    graph.application.federatedCredentials = [{ ...names, audience, key: publicKey }];
    const claims = { iss: names.issuer, sub: names.subject, aud: audience, exp: Date.now() / 1000 + 600 };
    const text = [{ alg: 'RS256' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const federated = `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    const { clientID } = graph.application;
    const directory = await mkdtemp(join(tmpdir(), 'roster-token-'));
    try {
      const tokenFilePath = join(directory, 'token');
      await writeFile(tokenFilePath, federated);
      const workload = { tenantId: graph.tenantID, clientId: clientID, tokenFilePath, ...authority(graph) };
      expect(await getToken(graph, new WorkloadIdentityCredential(workload))).toMatchObject({
        token: expect.any(String),
      });
    } finally {
      await rm(directory, { recursive: true });
    }
    const given = async () => federated;
    const assertion = new ClientAssertionCredential(graph.tenantID, clientID, given, authority(graph));
    expect(await getToken(graph, assertion)).toMatchObject({ token: expect.any(String) });
  });

  test('but not with a wrong secret, and says why', async () => {
    await using graph = await startGraph();
    await expect(getToken(graph, bySecret(graph, 'guess'))).rejects.toThrow('AADSTS7000215');
    graph.application.secrets = [{ value: graph.clientSecret, expiresAt: 0 }];
    await expect(getToken(graph, bySecret(graph))).rejects.toThrow('AADSTS7000222');
  });

  test('but not for another tenant or application', async () => {
    await using graph = await startGraph();
    const { tenantID, clientSecret, application } = graph;
    const other = '00000000-1111-2222-3333-444444444444';
    const ofTenant = new ClientSecretCredential(other, application.clientID, clientSecret, authority(graph));
    await expect(getToken(graph, ofTenant)).rejects.toThrow();
    const ofApplication = new ClientSecretCredential(tenantID, other, clientSecret, authority(graph));
    await expect(getToken(graph, ofApplication)).rejects.toThrow('AADSTS700016');
  });

  test('but not from a server that nobody vouches for', async () => {
    await using graph = await startGraph({ trusted: false });
    await expect(getToken(graph, bySecret(graph))).rejects.toThrow();
    expect(graph.answered).toEqual([]);
  });
});

describe('@microsoft/microsoft-graph-client', () => {
  test('follows the pages of a list', async () => {
    await using graph = await startGraph();
    addUsers(graph, 25);
    const client = clientOf(graph);
    const first = await client.api('/users').select(['id']).top(10).get();
    const ids = new Set<string>();
    await new PageIterator(client, first, ({ id }: { id: string }) => ids.add(id) !== undefined).iterate();
    expect(ids).toEqual(new Set(graph.directory.users.keys()));
  });

  test('follows the links of changes, round after round', async () => {
    await using graph = await startGraph();
    addUsers(graph, 25);
    const client = clientOf(graph);
    const read = async (link: string) => {
      const page = await client.api(link).header('Prefer', 'odata.maxpagesize=10').get();
      const found: string[] = [];
      const iterator = new PageIterator(client, page, ({ id }: { id: string }) => found.push(id) > 0);
      await iterator.iterate();
      return { found, deltaLink: iterator.getDeltaLink() ?? '' };
    };
    const { found, deltaLink } = await read('/users/delta?$select=displayName');
    expect(found).toHaveLength(25);
    const [id = ''] = found;
    graph.directory.update(id, { displayName: 'Ada' });
    expect((await read(deltaLink)).found).toEqual([id]);
  });

  test('waits as Retry-After tells it, and tries again', async () => {
    await using graph = await startGraph();
    addUsers(graph, 1);
    const client = clientOf(graph);
    await client.api('/users').get();
    for (const status of [429, 503, 504]) {
      graph.answered.length = 0;
      graph.fault = () => (graph.answered.length === 0 ? { kind: 'status', status, retryAfter: 0 } : undefined);
      expect((await client.api('/users').get()).value).toHaveLength(1);
      expect(graph.answered.map((one) => one.status)).toEqual([status, 200]);
    }
  });

  test('gives errors as Graph words them', async () => {
    await using graph = await startGraph({ permissions: [] });
    const refused = await clientOf(graph)
      .api('/users')
      .get()
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(GraphError);
    expect(refused).toMatchObject({
      ...{ statusCode: 403, code: 'Authorization_RequestDenied' },
      message: 'Insufficient privileges to complete the operation.',
    });
  });

  test('sends batches', async () => {
    await using graph = await startGraph();
    addUsers(graph, 2);
    const requests = [...graph.directory.users.keys()].map((id, at) => ({
      id: `${at}`,
      method: 'GET',
      url: `/users/${id}`,
    }));
    const { responses } = await clientOf(graph).api('/$batch').post({ requests });
    expect(responses).toMatchObject([{ status: 200 }, { status: 200 }]);
  });
});
