import { createHash, randomBytes, randomUUID, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Application, Permission } from './application.ts';
import { denied, GraphError } from './error.ts';
import { isIssuedWith, isSignedBy, issueToken, parseToken, type Token } from './jwt.ts';

/** A refusal of the token endpoint: https://learn.microsoft.com/entra/identity-platform/reference-error-codes. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
  readonly status: number;
  /** RFC 6749, section 5.2. */
  readonly error: string;
  /** The number after AADSTS. */
  readonly code: number;

  constructor(status: number, error: string, code: number, message: string) {
    super(message);
    this.status = status;
    this.error = error;
    this.code = code;
  }
}

/** As https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response shows it. */
export function loginErrorBody({ error, code, message }: LoginError, now: number, correlationID: string): object {
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const traceID = randomUUID();
  const trace = `Trace ID: ${traceID} Correlation ID: ${correlationID} Timestamp: ${timestamp}`;
  return {
    error,
    error_description: `AADSTS${code}: ${message} ${trace}`,
    error_codes: [code],
    timestamp,
    trace_id: traceID,
    correlation_id: correlationID,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  };
}

/** Whom a request comes from, by its access token. */
export interface Caller {
  readonly clientID: string;
  readonly permissions: ReadonlySet<Permission>;
}

export interface LoginOptions {
  /** Of the server, without a slash at its end; both Graph and the authority. */
  readonly url: string;
  readonly tenantID: string;
  /** By client id. */
  readonly applications: ReadonlyMap<string, Application>;
  readonly now: () => number;
}

/** The authority that issues access tokens for Graph, and Graph's belief in them. */
export class Login {
  /** Seconds that tokens live from now on; the real ones live 60 to 90 minutes. */
  tokenLifetime = 3599;
  readonly #options: LoginOptions;
  readonly #key = randomBytes(32);

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#find-your-apps-openid-configuration-document-uri */
  configuration(tenant: string): object {
    this.#checkTenant(tenant, 'invalid_tenant');
    const base = `${this.#options.url}/${this.#options.tenantID}`;
    return {
      token_endpoint: `${base}/oauth2/v2.0/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      jwks_uri: `${base}/discovery/v2.0/keys`,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      tenant_region_scope: 'EU',
    };
  }

  /**
   * Issues a token to an application that proves itself:
   * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
   */
  token(tenant: string, form: URLSearchParams): object {
    this.#checkTenant(tenant, 'invalid_request');
    const { url, tenantID, now } = this.#options;
    if (required(form, 'grant_type') !== 'client_credentials') {
      throw new LoginError(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
    }
    const clientID = required(form, 'client_id');
    const scope = required(form, 'scope');
    const application = this.#options.applications.get(clientID);
    if (!application) {
      throw new LoginError(
        ...([400, 'unauthorized_client', 700016] as const),
        `Application with identifier '${clientID}' was not found in the directory '${tenantID}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
      );
    }
    this.#authenticate(application, form);
    this.#checkScope(scope);
    const issuedAt = Math.floor(now() / 1000);
    const expiresAt = issuedAt + this.tokenLifetime;
    const claims = {
      ...{ aud: url, iss: `${url}/${tenantID}/v2.0`, tid: tenantID, appid: clientID, roles: application.permissions },
      ...{ iat: issuedAt, nbf: issuedAt, exp: expiresAt, oid: application.servicePrincipalID, ver: '1.0' },
    };
    const lifetime = { expires_in: this.tokenLifetime, ext_expires_in: this.tokenLifetime };
    return { token_type: 'Bearer', ...lifetime, access_token: issueToken(claims, this.#key) };
  }

  /** Whom a request with this Authorization header comes from; throws GraphError 401 for nobody. */
  caller(authorization: string | undefined): Caller {
    const [, text = ''] = /^Bearer (.*)$/i.exec(authorization ?? '') ?? [];
    if (text === '') throw unauthenticated('Access token is empty.');
    const token = parseToken(text);
    if (!token) throw unauthenticated('IDX14100: JWT is not well formed, there are no dots (.).');
    if (!isIssuedWith(token, this.#key)) {
      throw unauthenticated('Access token validation failure. Signature validation failed.');
    }
    if (Number(token.claims.exp) * 1000 <= this.#options.now()) {
      throw unauthenticated('Lifetime validation failed, the token is expired.');
    }
    const clientID = String(token.claims.appid);
    if (!this.#options.applications.has(clientID)) throw denied();
    return { clientID, permissions: new Set(token.claims.roles as Permission[]) };
  }

  #checkTenant(tenant: string, error: string): void {
    if (tenant.toLowerCase() === this.#options.tenantID.toLowerCase()) return;
    throw new LoginError(
      ...([400, error, 90002] as const),
      `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
    );
  }

  #checkScope(scope: string): void {
    const [, resource] = /^(.*)\/\.default$/.exec(scope) ?? [];
    if (resource === undefined) {
      throw new LoginError(
        ...([400, 'invalid_scope', 1002012] as const),
        `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
      );
    }
    if (resource.replace(/\/$/, '') !== this.#options.url) {
      throw new LoginError(
        ...([400, 'invalid_resource', 500011] as const),
        `The resource principal named ${resource} was not found in the tenant named ${this.#options.tenantID}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`,
      );
    }
  }

  #authenticate(application: Application, form: URLSearchParams): void {
    const secret = form.get('client_secret');
    const assertion = form.get('client_assertion');
    if (assertion !== null) {
      if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') {
        throw missing('client_assertion_type');
      }
      this.#checkAssertion(application, assertion);
    } else if (secret !== null) {
      this.#checkSecret(application, secret);
    } else {
      throw invalidClient(
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
      );
    }
  }

  #checkSecret({ clientID, secrets }: Application, value: string): void {
    const found = secrets.find((secret) => isSame(secret.value, value));
    if (!found) {
      throw invalidClient(
        7000215,
        `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientID}'.`,
      );
    }
    if (found.expiresAt <= this.#options.now()) {
      throw invalidClient(
        7000222,
        `The provided client secret keys for app '${clientID}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`,
      );
    }
  }

  #checkAssertion(application: Application, text: string): void {
    const assertion = parseToken(text);
    if (!assertion) throw new LoginError(400, 'invalid_request', 50027, 'JWT token is invalid or malformed.');
    if ('x5t' in assertion.header || 'x5t#S256' in assertion.header) this.#checkCertificate(application, assertion);
    else this.#checkFederation(application, assertion);
    this.#checkTimes(assertion);
  }

  /** https://learn.microsoft.com/entra/identity-platform/certificate-credentials */
  #checkCertificate({ clientID, certificates }: Application, assertion: Token): void {
    const { header, claims } = assertion;
    const certificate = certificates
      .map((pem) => new X509Certificate(pem))
      .find(({ raw }) =>
        'x5t#S256' in header
          ? header['x5t#S256'] === createHash('sha256').update(raw).digest('base64url')
          : header.x5t === createHash('sha1').update(raw).digest('base64url'),
      );
    const unproven = (reason: string) =>
      invalidClient(700027, `The certificate used to sign the client assertion is not valid. [Reason - ${reason}]`);
    if (!certificate) throw unproven('The key was not found.');
    if (!isSignedBy(assertion, certificate.publicKey)) throw unproven('Signature validation failed.');
    const now = this.#options.now();
    if (now > Date.parse(certificate.validTo)) throw unproven('The key used is expired.');
    if (now < Date.parse(certificate.validFrom)) throw unproven('The key used is not valid yet.');
    if (claims.iss !== clientID || claims.sub !== clientID) {
      throw invalidClient(700021, "Client assertion application identifier doesn't match 'client_id' parameter.");
    }
    const { url, tenantID } = this.#options;
    const audiences: unknown[] = [`${url}/${tenantID}/v2.0`, `${url}/${tenantID}/oauth2/v2.0/token`];
    if (!audiences.includes(claims.aud)) {
      throw invalidClient(700023, 'Client assertion audience claim does not match Realm issuer.');
    }
    if (typeof claims.jti !== 'string') {
      throw new LoginError(400, 'invalid_request', 50027, 'JWT token is invalid or malformed: it has no jti claim.');
    }
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential */
  #checkFederation({ federatedCredentials }: Application, assertion: Token): void {
    const { iss, sub, aud } = assertion.claims;
    const mismatch = (code: number, part: string, value: unknown) =>
      invalidClient(
        code,
        `No matching federated identity record found for presented assertion ${part} '${String(value)}'.`,
      );
    const ofIssuer = federatedCredentials.filter(({ issuer }) => issuer === iss);
    if (ofIssuer.length === 0) throw mismatch(700211, 'issuer', iss);
    const ofSubject = ofIssuer.filter(({ subject }) => subject === sub);
    if (ofSubject.length === 0) throw mismatch(700213, 'subject', sub);
    const audiences = Array.isArray(aud) ? aud : [aud];
    const credential = ofSubject.find(({ audience }) => audiences.includes(audience));
    if (!credential) throw mismatch(700212, 'audience', aud);
    if (!isSignedBy(assertion, credential.key)) {
      throw invalidClient(50013, 'Assertion failed signature validation.');
    }
  }

  #checkTimes({ claims: { nbf, exp } }: Token): void {
    const now = this.#options.now() / 1000;
    // Clocks may differ by five minutes.
    if (typeof exp === 'number' && now < exp + 300 && (typeof nbf !== 'number' || now > nbf - 300)) return;
    throw invalidClient(700024, 'Client assertion is not within its valid time range.');
  }
}

const invalidClient = (code: number, message: string) => new LoginError(401, 'invalid_client', code, message);

const missing = (parameter: string) =>
  new LoginError(
    ...([400, 'invalid_request', 900144] as const),
    `The request body must contain the following parameter: '${parameter}'.`,
  );

function required(form: URLSearchParams, parameter: string): string {
  const value = form.get(parameter);
  if (!value) throw missing(parameter);
  return value;
}

const unauthenticated = (message: string) =>
  new GraphError(401, 'InvalidAuthenticationToken', message, {
    'www-authenticate': 'Bearer realm="", error="invalid_token"',
  });

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}
