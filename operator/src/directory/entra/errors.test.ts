import { describe, expect, it } from 'vitest';
import { exchangeError, type GraphFailure, graphError, signInError, wantsResync } from './errors.ts';

const server = 'https://graph.example.com';
const attempt = { server, what: 'users', permission: 'User.Read.All', filtered: false };
const failure = (status: number, code: string, message = ''): GraphFailure => ({ status, code, message });

describe('an answer of Graph', () => {
  it.each([
    [failure(401, 'InvalidAuthenticationToken'), 'TokenRefused', `${server} refuses the token (status 401, `],
    [
      failure(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
      'PermissionMissing',
      'The application may not read users: grant it User.Read.All (status 403, Authorization_RequestDenied).',
    ],
    [failure(429, 'TooManyRequests'), 'Throttled', `${server} wants fewer requests, still after waiting (status 429`],
    [failure(503, 'ServiceUnavailable'), 'ServerBusy', `${server} cannot answer for users now (status 503`],
    [
      failure(400, 'BadRequest', "Could not find a property named 'eMail' on type 'microsoft.graph.user'."),
      'UnknownAttribute',
      "(status 400, BadRequest): \"Could not find a property named 'eMail' on type 'microsoft.graph.user'.\".",
    ],
    [failure(400, 'BadRequest', 'No.'), 'ProtocolError', 'answers the query for users with an error (status 400'],
    [failure(404, 'UnknownPath'), 'ProtocolError', 'answers the query for users with an error (status 404'],
    [failure(418, ''), 'ProtocolError', `${server} answers the query for users with an error (status 418).`],
  ])('%j means %s', (answer, reason, sentence) => {
    const error = graphError(answer, attempt);
    expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(sentence)]);
  });

  it('blames the filter where a person wrote one', () => {
    const error = graphError(failure(400, 'BadRequest', 'Invalid filter clause.'), { ...attempt, filtered: true });
    expect(error.reason).toBe('InvalidFilter');
    expect(error.message).toContain('Invalid filter clause.');
  });

  it('is told with the id of the request, and cut where it goes on for long', () => {
    const error = graphError({ ...failure(400, 'BadRequest', 'x'.repeat(5_000)), requestId: 'abc' }, attempt);
    expect(error.message).toContain('request abc');
    expect(error.message.length).toBeLessThan(512);
  });

  it.each([
    [failure(410, 'anything'), true],
    [failure(400, 'syncStateNotFound'), true],
    [failure(400, 'SyncStateInvalid'), true],
    [failure(400, 'resyncRequired'), true],
    [failure(400, 'Directory_ExpiredPageToken'), true],
    [failure(400, 'BadRequest'), false],
    [failure(404, 'Request_ResourceNotFound'), false],
  ])('%j wants everything anew: %s', (answer, expected) => {
    expect(wantsResync(answer)).toBe(expected);
  });
});

describe('no answer', () => {
  const caused = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });

  it.each([
    [caused('ECONNREFUSED'), 'ServerUnreachable'],
    [caused('ENOTFOUND'), 'ServerUnreachable'],
    [caused('EAI_AGAIN'), 'ServerUnreachable'],
    [caused('UND_ERR_CONNECT_TIMEOUT'), 'ServerUnreachable'],
    [caused('ECONNRESET'), 'ConnectionLost'],
    [caused('UND_ERR_SOCKET'), 'ConnectionLost'],
    [caused('EPROTO'), 'TLSFailed'],
    [caused('ERR_SSL_WRONG_VERSION_NUMBER'), 'TLSFailed'],
    [caused('DEPTH_ZERO_SELF_SIGNED_CERT'), 'CertificateNotTrusted'],
    [caused('CERT_HAS_EXPIRED'), 'CertificateNotTrusted'],
    [caused('ERR_TLS_CERT_ALTNAME_INVALID'), 'HostNameMismatch'],
    [new TypeError('terminated'), 'ConnectionLost'],
    [new DOMException('late', 'TimeoutError'), 'ServerTimeout'],
  ])('%s means %s', (error, reason) => {
    const { reason: found, message } = exchangeError(error, server);
    expect([found, message]).toEqual([reason, expect.stringContaining(server)]);
  });
});

describe('a code of Entra ID', () => {
  const who = { tenantID: 'tenant', clientID: 'client', endpoints: { login: 'https://login.example.com' } };
  const refused = (code: string, status: number) => {
    const { reason, message } = signInError(new Error('failed'), { status, body: `{"error":"${code}: prose"}` }, who);
    return [reason, message];
  };

  it.each([
    ['AADSTS7000215', 401, 'InvalidCredentials', 'refuses the credentials of the application client'],
    ['AADSTS700027', 401, 'InvalidCredentials', 'refuses the credentials of the application client'],
    ['AADSTS70021', 400, 'InvalidCredentials', 'refuses the credentials of the application client'],
    ['AADSTS7000222', 401, 'SecretExpired', 'says that the client secret of the application client has ended'],
    ['AADSTS700016', 400, 'ApplicationNotFound', 'finds no application client in the tenant tenant'],
    ['AADSTS7000112', 400, 'ApplicationNotFound', 'finds no application client in the tenant tenant'],
    ['AADSTS90002', 400, 'EntraTenantNotFound', 'finds no tenant tenant'],
    ['AADSTS53003', 400, 'InsufficientAccess', 'from signing in by Conditional Access'],
    ['AADSTS90033', 503, 'ServerBusy', 'cannot issue a token now'],
    ['AADSTS99999', 503, 'ServerBusy', 'cannot issue a token now'],
    ['AADSTS99999', 400, 'InvalidCredentials', 'refuses the credentials of the application client'],
  ])('%s with status %i means %s', (code, status, reason, sentence) => {
    const [found, message] = refused(code, status);
    expect([found, message]).toEqual([reason, expect.stringContaining(sentence)]);
    expect(message).toMatch(new RegExp(`^https://login.example.com .* \\(${code}\\)\\.$`));
    expect(message).not.toContain('prose');
  });
});
