import { constants, createHash, generateKeyPairSync, randomUUID, sign, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type GraphFixture, startGraph } from '../../operator/test/graph.ts';
import { type ClientCertificate, createClientCertificate } from './clientcertificate.ts';
import { Reader, type Reply, requestToken } from './testing/client.ts';

// Keys are made, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let valid: ClientCertificate;
let expired: ClientCertificate;

beforeAll(async () => {
  valid = await createClientCertificate();
  expired = await createClientCertificate(-1);
});

const refusal = ({ status, body }: Reply) => ({ status, error: body.error, code: body.error_codes?.[0] });
const minutes = (number: number) => Math.floor(Date.now() / 1000) + number * 60;

function signed(header: object, claims: object, key: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode(header)}.${encode(claims)}`;
  const isPSS = 'alg' in header && header.alg === 'PS256';
  const padding = isPSS ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  return `${text}.${sign('sha256', Buffer.from(text), { key, padding, saltLength: 32 }).toString('base64url')}`;
}

/** Proves the application by an assertion instead of its secret. */
const byAssertion = (graph: GraphFixture, assertion: string) =>
  requestToken(graph, {
    client_secret: undefined,
    client_assertion: assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  });

test('issues a token for the secret, with which Graph answers', async () => {
  await using graph = await startGraph();
  const { status, body } = await requestToken(graph);
  expect(status).toBe(200);
  expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3599 });
  expect((await new Reader(graph).get('/users')).status).toBe(200);
});

test.each<[string, Record<string, string | undefined>, object]>([
  ['a wrong secret', { client_secret: 'guess' }, { status: 401, error: 'invalid_client', code: 7000215 }],
  ['no secret', { client_secret: undefined }, { status: 401, error: 'invalid_client', code: 7000218 }],
  ['an unknown application', { client_id: randomUUID() }, { status: 400, error: 'unauthorized_client', code: 700016 }],
  ['no application', { client_id: undefined }, { status: 400, error: 'invalid_request', code: 900144 }],
  ['another grant', { grant_type: 'password' }, { status: 400, error: 'unsupported_grant_type', code: 70003 }],
  ['a single permission', { scope: 'User.Read.All' }, { status: 400, error: 'invalid_scope', code: 1002012 }],
  [
    'another resource',
    { scope: 'https://other.example/.default' },
    { status: 400, error: 'invalid_resource', code: 500011 },
  ],
])('refuses %s', async (_, fields, expected) => {
  await using graph = await startGraph();
  const reply = await requestToken(graph, fields);
  expect(refusal(reply)).toEqual(expected);
  expect(reply.body).toMatchObject({
    error_description: expect.stringMatching(/^AADSTS\d+: .+ Trace ID: .+ Correlation ID: .+ Timestamp: \S+ \S+Z$/),
    ...{ timestamp: expect.any(String), trace_id: expect.any(String), correlation_id: expect.any(String) },
    error_uri: expect.stringContaining('code='),
  });
});

test('refuses an expired secret, and never tells a secret', async () => {
  await using graph = await startGraph();
  graph.application.secrets = [{ value: graph.clientSecret, expiresAt: Date.now() - 1 }];
  const reply = await requestToken(graph);
  expect(refusal(reply)).toEqual({ status: 401, error: 'invalid_client', code: 7000222 });
  expect(JSON.stringify(reply.body)).not.toContain(graph.clientSecret);
});

test('knows its own tenant only', async () => {
  await using graph = await startGraph();
  const other = randomUUID();
  expect(refusal(await requestToken(graph, {}, other))).toEqual({ status: 400, error: 'invalid_request', code: 90002 });
  const document = (tenant: string) => fetch(`${graph.url}/${tenant}/v2.0/.well-known/openid-configuration`);
  expect((await document(other)).status).toBe(400);
  expect(await (await document(graph.tenantID)).json()).toMatchObject({
    issuer: `${graph.url}/${graph.tenantID}/v2.0`,
    token_endpoint: `${graph.url}/${graph.tenantID}/oauth2/v2.0/token`,
  });
});

describe('an assertion signed with a certificate', () => {
  async function prove(
    change: { header?: object; claims?: object; registered?: boolean; expired?: boolean; otherKey?: boolean } = {},
  ): Promise<Reply> {
    await using graph = await startGraph();
    const { certificate, key } = change.expired ? expired : valid;
    const { clientID } = graph.application;
    if (change.registered ?? true) graph.application.certificates = [certificate];
    const thumbprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url');
    const audience = `${graph.url}/${graph.tenantID}/oauth2/v2.0/token`;
    const claims = {
      aud: audience,
      iss: clientID,
      sub: clientID,
      jti: randomUUID(),
      nbf: minutes(-1),
      exp: minutes(9),
    };
    const header = { alg: 'PS256', 'x5t#S256': thumbprint };
    const signingKey = change.otherKey ? expired.key : key;
    return await byAssertion(
      graph,
      signed({ ...header, ...change.header }, { ...claims, ...change.claims }, signingKey),
    );
  }

  test('proves the application, by PS256 and by RS256', async () => {
    expect((await prove()).status).toBe(200);
    expect((await prove({ header: { alg: 'RS256' } })).status).toBe(200);
  });

  test('may name the certificate by its SHA-1 thumbprint', async () => {
    await using graph = await startGraph();
    const { certificate, key } = valid;
    graph.application.certificates = [certificate];
    const { clientID } = graph.application;
    const x5t = createHash('sha1').update(new X509Certificate(certificate).raw).digest('base64url');
    const aud = `${graph.url}/${graph.tenantID}/v2.0`;
    const claims = { aud, iss: clientID, sub: clientID, jti: randomUUID(), exp: minutes(9) };
    expect((await byAssertion(graph, signed({ alg: 'RS256', x5t }, claims, key))).status).toBe(200);
  });

  test.each<[string, Parameters<typeof prove>[0], number]>([
    ['a certificate that is not registered', { registered: false }, 700027],
    ['a certificate that has expired', { expired: true }, 700027],
    ['a signature of another key', { otherKey: true }, 700027],
    ['another algorithm', { header: { alg: 'none' } }, 700027],
    ['another audience', { claims: { aud: 'https://other.example' } }, 700023],
    ['another issuer', { claims: { iss: randomUUID() } }, 700021],
    ['another subject', { claims: { sub: randomUUID() } }, 700021],
    ['an assertion that has ended', { claims: { exp: minutes(-6) } }, 700024],
    ['an assertion that begins later', { claims: { nbf: minutes(6) } }, 700024],
    ['an assertion without an end', { claims: { exp: undefined } }, 700024],
  ])('is refused with %s', async (_, change, code) => {
    expect(refusal(await prove(change))).toEqual({ status: 401, error: 'invalid_client', code });
  });

  test('is refused without an id, or when it is no JWT', async () => {
    const malformed = { status: 400, error: 'invalid_request', code: 50027 };
    expect(refusal(await prove({ claims: { jti: undefined } }))).toEqual(malformed);
    await using graph = await startGraph();
    for (const text of ['nonsense', 'a.b.c', 'e30.e30']) {
      expect(refusal(await byAssertion(graph, text))).toEqual(malformed);
    }
  });
});

describe('a federated token', () => {
  const issuer = 'https://issuer.example';
  const subject = 'system:serviceaccount:roster:roster';
  const audience = 'api://AzureADTokenExchange';
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  async function prove(claims: object = {}, signingKey = key): Promise<Reply> {
    await using graph = await startGraph();
    graph.application.federatedCredentials = [{ issuer, subject, audience, key: publicKey }];
    const usual = { iss: issuer, sub: subject, aud: [audience], exp: minutes(9) };
    return await byAssertion(graph, signed({ alg: 'RS256', kid: '1' }, { ...usual, ...claims }, signingKey));
  }

  test('proves the application', async () => {
    expect((await prove()).status).toBe(200);
  });

  test.each<[string, object, number]>([
    ['another issuer', { iss: 'https://other.example' }, 700211],
    ['another audience', { aud: 'sts.amazonaws.com' }, 700212],
    ['another subject', { sub: 'system:serviceaccount:default:default' }, 700213],
    ['an end in the past', { exp: minutes(-6) }, 700024],
  ])('is refused with %s', async (_, claims, code) => {
    expect(refusal(await prove(claims))).toEqual({ status: 401, error: 'invalid_client', code });
  });

  test('is refused with the signature of another key', async () => {
    expect(refusal(await prove({}, valid.key))).toEqual({ status: 401, error: 'invalid_client', code: 50013 });
  });
});

describe('Graph', () => {
  const unauthenticated = { status: 401, code: 'InvalidAuthenticationToken' };
  const get = async (graph: GraphFixture, authorization?: string) => {
    const response = await fetch(`${graph.url}/v1.0/users`, { headers: { ...(authorization && { authorization }) } });
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    return { status: response.status, code: error.code, challenge: response.headers.get('www-authenticate') };
  };

  test('takes no request without a token, nor with one it did not issue', async () => {
    await using graph = await startGraph();
    await using other = await startGraph();
    const { access_token: foreign } = (await requestToken(other)).body;
    for (const authorization of [undefined, 'Bearer ', 'Bearer nonsense', `Bearer ${foreign}`, 'Basic YTpi']) {
      expect(await get(graph, authorization)).toMatchObject({ ...unauthenticated, challenge: expect.any(String) });
    }
  });

  test('takes a token as long as it lives, and no longer', async () => {
    let now = Date.now();
    await using graph = await startGraph({ now: () => now });
    graph.login.tokenLifetime = 60;
    const reader = new Reader(graph);
    expect((await reader.get('/users')).status).toBe(200);
    now += 61_000;
    const { status, body } = await reader.get('/users');
    expect(status).toBe(401);
    expect(body.error).toMatchObject({
      code: 'InvalidAuthenticationToken',
      message: expect.stringContaining('expired'),
    });
  });

  test('grants what was consented to when the token was issued', async () => {
    await using graph = await startGraph({ permissions: [] });
    const before = new Reader(graph);
    expect((await before.get('/users')).status).toBe(403);
    graph.application.permissions = ['User.Read.All'];
    expect((await before.get('/users')).status).toBe(403);
    expect((await new Reader(graph).get('/users')).status).toBe(200);
  });
});
