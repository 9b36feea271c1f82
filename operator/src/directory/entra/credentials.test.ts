import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClientCertificate } from '../../../../hack/graph/clientcertificate.ts';
import { type GraphFixture, startGraph } from '../../../test/graph.ts';
import { parseAllowedHosts } from '../../credentials.ts';
import { clouds } from './clouds.ts';
import { type EntraCredentials, type SignIn, tokenSource } from './credentials.ts';

const { signal } = new AbortController();

function signIn(graph: GraphFixture, change: Partial<SignIn> = {}): SignIn {
  return {
    tenantID: graph.tenantID,
    clientID: graph.application.clientID,
    endpoints: { login: graph.url, graph: graph.url },
    credentials: secret(graph),
    timeoutMs: 10_000,
    ...change,
  };
}

function secret({ url, clientSecret }: GraphFixture, change: Partial<EntraCredentials> = {}): EntraCredentials {
  return { type: 'ClientSecret', clientSecret, hosts: parseAllowedHosts(url), ...change } as EntraCredentials;
}

/** What signing in ends with: the error, or a token that Graph takes. */
async function attempt(graph: GraphFixture, change: Partial<SignIn> = {}): Promise<unknown> {
  try {
    const token = await tokenSource(signIn(graph, change))(signal);
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${graph.url}/v1.0/users?$top=1`, { headers })).status;
  } catch (error) {
    return error;
  }
}

const tokenRequests = (graph: GraphFixture) => graph.answered.filter(({ path }) => path.includes('/token')).length;

describe('a client secret', () => {
  it('signs in', async () => {
    await using graph = await startGraph();
    expect(await attempt(graph)).toBe(200);
  });

  it.each([
    {
      fault: 'it is wrong',
      change: (graph: GraphFixture) => ({ credentials: secret(graph, { clientSecret: 'swordfish' }) }),
      error: {
        reason: 'InvalidCredentials',
        message: /refuses the credentials of the application .* \(AADSTS7000215\)/,
      },
    },
    {
      fault: 'the application does not exist',
      change: () => ({ clientID: '99999999-9999-4999-8999-999999999999' }),
      error: { reason: 'ApplicationNotFound', message: /finds no application 9999.* in the tenant .*AADSTS700016/ },
    },
    {
      fault: 'the tenant does not exist',
      change: () => ({ tenantID: '99999999-9999-4999-8999-999999999999' }),
      error: { reason: 'EntraTenantNotFound', message: /finds no tenant 9999.*AADSTS90002/ },
    },
  ])('is told when $fault, with neither secret nor prose of Entra', async ({ change, error }) => {
    await using graph = await startGraph();
    const { message, ...rest } = error;
    const failure = await attempt(graph, change(graph));
    expect(failure).toMatchObject({ ...rest, message: expect.stringMatching(message) });
    const said = (failure as Error).message;
    expect(said).not.toMatch(/swordfish|Trace ID|Correlation|Timestamp/);
    expect(said).not.toContain(graph.clientSecret);
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(
      new RegExp(`swordfish|${graph.clientSecret}`),
    );
  });

  it('is told to have ended', async () => {
    await using graph = await startGraph();
    graph.application.secrets = [{ value: graph.clientSecret, expiresAt: Date.now() - 1_000 }];
    expect(await attempt(graph)).toMatchObject({
      reason: 'SecretExpired',
      message: expect.stringMatching(/AADSTS7000222/),
    });
  });

  it('is tried once when it is refused, so that nothing gets locked', async () => {
    await using graph = await startGraph();
    await attempt(graph, { credentials: secret(graph, { clientSecret: 'swordfish' }) });
    expect(tokenRequests(graph)).toBe(1);
  });

  it.each([
    ['lists another host', 'https://login.microsoftonline.com'],
    ['lists another port', 'https://127.0.0.1:1'],
    ['lists nothing', ''],
  ])('is not sent where the Secret %s', async (_, hosts) => {
    await using graph = await startGraph();
    const failure = await attempt(graph, { credentials: secret(graph, { hosts: parseAllowedHosts(hosts) }) });
    expect(failure).toMatchObject({ reason: 'HostNotAllowed', message: expect.stringContaining(graph.url) });
    expect(graph.answered).toEqual([]);
  });
});

describe('a certificate', () => {
  const withCertificate = async (graph: GraphFixture, days = 1): Promise<EntraCredentials> => {
    const { certificate, key } = await createClientCertificate(days);
    graph.application.certificates = [certificate];
    return { type: 'Certificate', certificate, privateKey: key, hosts: parseAllowedHosts(graph.url) };
  };

  it('signs in without being sent', async () => {
    await using graph = await startGraph();
    expect(await attempt(graph, { credentials: await withCertificate(graph) })).toBe(200);
  });

  it('is told when the application does not know it', async () => {
    await using graph = await startGraph();
    const credentials = await withCertificate(graph);
    graph.application.certificates = [];
    expect(await attempt(graph, { credentials })).toMatchObject({ reason: 'InvalidCredentials' });
  });

  it('is not tried when it has ended', async () => {
    await using graph = await startGraph();
    const credentials = await withCertificate(graph, -1);
    expect(await attempt(graph, { credentials })).toMatchObject({ reason: 'SecretExpired' });
    expect(graph.answered).toEqual([]);
  });

  it.each([
    ['tls.crt', { certificate: 'swordfish' }],
    ['tls.key', { privateKey: 'swordfish' }],
  ])('is told when %s is none, without showing it', async (key, change) => {
    await using graph = await startGraph();
    const credentials = { ...(await withCertificate(graph)), ...change } as EntraCredentials;
    const failure = await attempt(graph, { credentials });
    expect(failure).toMatchObject({ reason: 'SecretIncomplete', message: expect.stringContaining(key) });
    expect((failure as Error).message).not.toContain('swordfish');
  });
});

describe('workload identity', () => {
  const federated = async (graph: GraphFixture, authorityHost = graph.url): Promise<EntraCredentials> => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const [issuer, subject] = ['https://cluster.example', 'system:serviceaccount:roster-system:roster-operator'];
    const audience = 'api://AzureADTokenExchange';
    graph.application.federatedCredentials = [{ issuer, subject, audience, key: publicKey }];
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, sub: subject, aud: audience, iat: now, nbf: now, exp: now + 600 };
    const directory = await mkdtemp(join(tmpdir(), 'roster-token-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, `${serviceAccountToken(claims, privateKey)}\n`);
    return { type: 'WorkloadIdentity', tokenFile, authorityHost };
  };

  it('signs in with the token of the service account', async () => {
    await using graph = await startGraph();
    expect(await attempt(graph, { credentials: await federated(graph) })).toBe(200);
  });

  it('is told when the application trusts nobody like it', async () => {
    await using graph = await startGraph();
    const credentials = await federated(graph);
    graph.application.federatedCredentials = [];
    expect(await attempt(graph, { credentials })).toMatchObject({ reason: 'InvalidCredentials' });
  });

  it.each([
    ['is not set', undefined, /AZURE_FEDERATED_TOKEN_FILE is not set/],
    ['names no file', '/does/not/exist', /The file \/does\/not\/exist cannot be read/],
  ])('is told when the environment %s', async (_, tokenFile, message) => {
    await using graph = await startGraph();
    const credentials = { type: 'WorkloadIdentity', tokenFile, authorityHost: graph.url } as const;
    expect(await attempt(graph, { credentials })).toMatchObject({
      reason: 'FederatedTokenMissing',
      message: expect.stringMatching(message),
    });
  });

  it("sends the operator's token to no host that only the directory names", async () => {
    await using graph = await startGraph();
    const credentials = await federated(graph, clouds.Global.login);
    expect(await attempt(graph, { credentials })).toMatchObject({ reason: 'HostNotAllowed' });
    expect(graph.answered).toEqual([]);
  });
});

it.each([
  [{ login: 'https://[login', graph: 'https://graph.example.com' }, 'https://[login'],
  [{ login: 'https://login.example.com', graph: 'https://graph:port' }, 'https://graph:port'],
])('endpoints %j are not all URLs', (endpoints, wrong) => {
  const credentials = { type: 'WorkloadIdentity' } as const;
  expect(() => tokenSource({ tenantID: 't', clientID: 'c', endpoints, credentials, timeoutMs: 1 })).toThrowError(
    expect.objectContaining({ reason: 'InvalidURL', message: expect.stringContaining(wrong) }),
  );
});

describe('an authority in trouble', () => {
  it.each([
    [{ kind: 'status', status: 500 }, 'ServerBusy'],
    [{ kind: 'status', status: 429, retryAfter: 0 }, 'Throttled'],
    [{ kind: 'cut' }, 'ConnectionLost'],
    [{ kind: 'cutBody' }, 'ConnectionLost'],
    [{ kind: 'garbage' }, 'ProtocolError'],
  ] as const)('%j: %s', { timeout: 60_000 }, async (fault, reason) => {
    await using graph = await startGraph();
    graph.fault = () => fault;
    const failure = await attempt(graph);
    expect(failure).toMatchObject({ reason });
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(graph.clientSecret);
  });

  it('is told to be unreachable', async () => {
    await using graph = await startGraph();
    const closed = signIn(graph, { endpoints: { login: 'https://127.0.0.1:1', graph: graph.url } });
    const credentials = secret(graph, { hosts: parseAllowedHosts('https://127.0.0.1:1') });
    await expect(tokenSource({ ...closed, credentials })(signal)).rejects.toMatchObject({
      reason: 'ServerUnreachable',
    });
  });

  it('is told not to be trusted', async () => {
    await using graph = await startGraph({ trusted: false });
    setDefaultCACertificates([]);
    expect(await attempt(graph)).toMatchObject({ reason: 'CertificateNotTrusted' });
  });

  it('ends when it is told to', async () => {
    await using graph = await startGraph();
    graph.fault = () => ({ kind: 'stall' });
    const stop = new AbortController();
    const token = tokenSource(signIn(graph))(stop.signal);
    stop.abort(new Error('enough'));
    await expect(token).rejects.toThrow('enough');
  });
});

/** RFC 7519, as the API server signs it. */
function serviceAccountToken(claims: object, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${unsigned}.${sign('sha256', Buffer.from(unsigned), key).toString('base64url')}`;
}
