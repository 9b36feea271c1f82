import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  type ClientSecretCredentialOptions,
  type TokenCredential,
} from '@azure/identity';
import { type AllowedHost, endpointOf, hostsAnnotation, mayReceive } from '../../credentials.ts';
import { DirectoryError } from '../../errors.ts';
import { type CloudEndpoints, clouds } from './clouds.ts';
import { type SignInTrouble, signInError } from './errors.ts';

type PipelinePolicy = NonNullable<ClientSecretCredentialOptions['additionalPolicies']>[number]['policy'];
type PipelineRequest = Parameters<PipelinePolicy['sendRequest']>[0];
type SendRequest = Parameters<PipelinePolicy['sendRequest']>[1];
type PipelineResponse = Awaited<ReturnType<SendRequest>>;

/** How the operator proves that it is the application. */
export type EntraCredentials =
  | { readonly type: 'ClientSecret'; readonly clientSecret: string; readonly hosts: readonly AllowedHost[] }
  | {
      readonly type: 'Certificate';
      /** PEM. */
      readonly certificate: string;
      readonly privateKey: string;
      readonly hosts: readonly AllowedHost[];
    }
  | {
      readonly type: 'WorkloadIdentity';
      /** Of the projected token of the service account: AZURE_FEDERATED_TOKEN_FILE. */
      readonly tokenFile?: string | undefined;
      /** Where the operator's environment says the token may go, besides the clouds: AZURE_AUTHORITY_HOST. */
      readonly authorityHost?: string | undefined;
    };

/** Who signs in where. */
export interface SignIn {
  readonly tenantID: string;
  readonly clientID: string;
  readonly endpoints: CloudEndpoints;
  readonly credentials: EntraCredentials;
  /** How long one answer may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Gives an access token for Microsoft Graph, a new one when the last is about to end. Throws `DirectoryError`. */
export type TokenSource = (signal: AbortSignal) => Promise<string>;

/**
 * Prepares signing in; nothing is sent before the first token is asked for.
 * @throws DirectoryError InvalidURL, HostNotAllowed, SecretExpired, SecretIncomplete
 */
export function tokenSource(signIn: SignIn): TokenSource {
  for (const url of [signIn.endpoints.login, signIn.endpoints.graph]) {
    if (!URL.canParse(url)) throw new DirectoryError('InvalidURL', `${url} in endpoints is not a URL.`);
  }
  assertAllowed(signIn);
  const witness = new Witness(signIn.timeoutMs);
  const credential = credentialOf(signIn, witness);
  // The token is good for this host only, so that nothing is lost when it is not Microsoft's.
  const scope = `${new URL(signIn.endpoints.graph).origin}/.default`;
  return async (signal) => {
    try {
      const answer = await credential.getToken(scope, { abortSignal: signal });
      if (answer === null) throw new Error('there was no token in the answer');
      return answer.token;
    } catch (error) {
      signal.throwIfAborted();
      throw signInError(error, witness.trouble, signIn);
    }
  };
}

/** When the certificate ends; undefined when it is none. */
function certificateExpiry(pem: string): Date | undefined {
  try {
    return new X509Certificate(pem).validToDate;
  } catch {
    return undefined;
  }
}

/** The Secret says where it may be sent. The operator's own token goes to Microsoft, or where the environment says. */
function assertAllowed({ endpoints: { login }, credentials }: SignIn): void {
  const endpoint = endpointOf(new URL(login).origin);
  if (credentials.type === 'WorkloadIdentity') {
    const known = [...Object.values(clouds).map((cloud) => cloud.login), credentials.authorityHost ?? ''];
    if (known.some((url) => URL.canParse(url) && new URL(url).origin === new URL(login).origin)) return;
    throw new DirectoryError(
      'HostNotAllowed',
      `The federated token of the operator is not sent to ${login}, which is neither a cloud of Microsoft nor AZURE_AUTHORITY_HOST.`,
    );
  }
  if (endpoint === undefined || mayReceive(credentials.hosts, endpoint, true) !== 'Allowed') {
    throw new DirectoryError(
      'HostNotAllowed',
      `The annotation ${hostsAnnotation} of the Secret does not list ${login}.`,
    );
  }
}

/**
 * Sees how requests for tokens end: what the library throws when it cannot look the token endpoint up does not tell why.
 * Limits them in time, too, which the library does not.
 */
class Witness implements PipelinePolicy {
  readonly name = 'witness';
  /** What was wrong with the last request. */
  trouble: SignInTrouble | undefined;
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  async sendRequest(request: PipelineRequest, next: SendRequest): Promise<PipelineResponse> {
    request.timeout = this.#timeoutMs;
    try {
      const response = await next(request);
      const { status, bodyAsText } = response;
      this.trouble = status < 400 ? undefined : { status, body: bodyAsText ?? '' };
      return response;
    } catch (error) {
      // The error itself holds the request, and that the secret.
      const { name, message, code } = error as Error & { readonly code?: string };
      this.trouble = { error: Object.assign(new Error(message), { name, code }) };
      throw error;
    }
  }
}

function credentialOf({ tenantID, clientID, endpoints, credentials }: SignIn, witness: Witness): TokenCredential {
  const options = {
    authorityHost: endpoints.login,
    additionalPolicies: [{ policy: witness, position: 'perRetry' as const }],
    // Otherwise a host of Microsoft's is asked whether the authority is one; it was named on purpose.
    disableInstanceDiscovery: true,
    retryOptions: { maxRetries: 2, maxRetryDelayInMs: 5_000 },
  };
  switch (credentials.type) {
    case 'ClientSecret':
      return new ClientSecretCredential(tenantID, clientID, credentials.clientSecret, options);
    case 'Certificate': {
      const { certificate, privateKey } = credentials;
      assertValid(certificate, privateKey);
      return new ClientCertificateCredential(
        tenantID,
        clientID,
        { certificate: `${privateKey.trim()}\n${certificate.trim()}\n` },
        options,
      );
    }
    case 'WorkloadIdentity': {
      const { tokenFile } = credentials;
      // Read anew each time, since the kubelet renews it.
      return new ClientAssertionCredential(tenantID, clientID, () => federatedToken(tokenFile), options);
    }
  }
}

function assertValid(certificate: string, privateKey: string): void {
  const expiry = certificateExpiry(certificate);
  if (expiry === undefined) {
    throw new DirectoryError('SecretIncomplete', 'The key tls.crt of the Secret holds no certificate in PEM.');
  }
  if (!/-----BEGIN (RSA )?PRIVATE KEY-----/.test(privateKey)) {
    throw new DirectoryError('SecretIncomplete', 'The key tls.key of the Secret holds no RSA private key in PEM.');
  }
  if (expiry.getTime() < Date.now()) {
    throw new DirectoryError('SecretExpired', `The certificate in the Secret ended on ${expiry.toISOString()}.`);
  }
}

async function federatedToken(file: string | undefined): Promise<string> {
  if (file === undefined) {
    throw new DirectoryError(
      'FederatedTokenMissing',
      'The environment variable AZURE_FEDERATED_TOKEN_FILE is not set.',
    );
  }
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new DirectoryError('FederatedTokenMissing', `The file ${file} cannot be read.`, { cause: error });
  }
}
