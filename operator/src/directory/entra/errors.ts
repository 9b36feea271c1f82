import { DirectoryError, type directoryErrors } from '../../errors.ts';
import { type ConnectionPhase, codeOf, networkError } from '../networkerror.ts';
import { truncate } from '../text.ts';

type DirectoryReason = keyof typeof directoryErrors;

/** What is needed of whoever signs in, for the sentence. */
interface Who {
  readonly tenantID: string;
  readonly clientID: string;
  readonly endpoints: { readonly login: string };
}

/** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const reasonsOfSignIn: Readonly<Record<string, DirectoryReason>> = {
  AADSTS7000215: 'InvalidCredentials', // invalid client secret
  AADSTS7000216: 'InvalidCredentials', // client_assertion or client_secret required
  AADSTS700027: 'InvalidCredentials', // the assertion is signed with a key that is not registered
  AADSTS700021: 'InvalidCredentials', // federated identity: the application has none
  AADSTS70021: 'InvalidCredentials', // federated identity: none matches
  AADSTS700211: 'InvalidCredentials', // federated identity: no issuer matches
  AADSTS700212: 'InvalidCredentials', // federated identity: no audience matches
  AADSTS700213: 'InvalidCredentials', // federated identity: no subject matches
  AADSTS7000222: 'SecretExpired',
  AADSTS700016: 'ApplicationNotFound',
  AADSTS7000112: 'ApplicationNotFound', // disabled
  AADSTS90002: 'EntraTenantNotFound',
  AADSTS900023: 'EntraTenantNotFound', // neither a domain nor a GUID
  AADSTS53003: 'InsufficientAccess', // Conditional Access
  AADSTS90013: 'ServerBusy', // external processing error
  AADSTS90033: 'ServerBusy', // transient
};

/** What was wrong with a request for a token: an error, or an answer. */
export interface SignInTrouble {
  readonly error?: unknown;
  readonly status?: number;
  readonly body?: string;
}

const codeIn = (text: string) => /\bAADSTS\d+/.exec(text)?.[0];

/**
 * Says what a failure to get a token means; `trouble` is what was wrong with the last request. The error of the
 * library is not kept, as it may hold the request with the secret. Of what Entra says only the code is shown: its sentences name accounts,
 * hosts and times, and go on for paragraphs.
 */
export function signInError(
  error: unknown,
  trouble: SignInTrouble | undefined,
  { tenantID, clientID, endpoints: { login } }: Who,
): DirectoryError {
  const causes = [...causesOf(error)];
  const known = causes.find((cause) => cause instanceof DirectoryError);
  if (known !== undefined) return known;
  const { status = 0, body = '', error: broken } = trouble ?? {};
  if (status === 429) return new DirectoryError('Throttled', `${login} wants fewer requests (status 429).`);
  const code = [body, ...causes.map(({ message }) => message)].map(codeIn).find((found) => found !== undefined);
  if (code !== undefined) {
    const reason = reasonsOfSignIn[code] ?? (status >= 500 ? 'ServerBusy' : 'InvalidCredentials');
    const what = sentenceOfSignIn(reason, tenantID, clientID);
    return new DirectoryError(reason, `${login} ${what} (${code}).`);
  }
  if (broken !== undefined) return exchangeError(broken, login);
  if (status >= 500) return new DirectoryError('ServerBusy', `${login} cannot issue a token now (status ${status}).`);
  return new DirectoryError('ProtocolError', `${login} answers the request for a token with something else.`);
}

function sentenceOfSignIn(reason: DirectoryReason, tenantID: string, clientID: string): string {
  switch (reason) {
    case 'SecretExpired':
      return `says that the client secret of the application ${clientID} has ended`;
    case 'ApplicationNotFound':
      return `finds no application ${clientID} in the tenant ${tenantID} that may sign in`;
    case 'EntraTenantNotFound':
      return `finds no tenant ${tenantID}`;
    case 'InsufficientAccess':
      return `keeps the application ${clientID} from signing in by Conditional Access`;
    case 'ServerBusy':
      return 'cannot issue a token now';
    default:
      return `refuses the credentials of the application ${clientID}`;
  }
}

/** What was asked of Microsoft Graph. */
export interface GraphAttempt {
  /** Address of Microsoft Graph. */
  readonly server: string;
  /** In the plural, for sentences: users, groups. */
  readonly what: string;
  /** The application permission that it takes. */
  readonly permission: string;
  /** Whether the query holds a filter that a person wrote. */
  readonly filtered: boolean;
}

/** An answer that is no success. */
export interface GraphFailure {
  readonly status: number;
  /** As the body has it: https://learn.microsoft.com/graph/errors */
  readonly code: string;
  readonly message: string;
  readonly requestId?: string | undefined;
}

/** The server has forgotten where a delta query stood: https://learn.microsoft.com/graph/delta-query-overview */
export function wantsResync({ status, code }: GraphFailure): boolean {
  return status === 410 || /^(syncState(NotFound|Invalid)|resync.*|Directory_ExpiredPageToken)$/i.test(code);
}

/** Says what an answer other than success means. */
export function graphError(failure: GraphFailure, attempt: GraphAttempt): DirectoryError {
  const { server, what, permission } = attempt;
  const { status, code, message, requestId } = failure;
  const told = [`status ${status}`, code, requestId === undefined ? '' : `request ${requestId}`].filter(Boolean);
  const details = `(${told.join(', ')})`;
  const reason = reasonOfFailure(failure, attempt);
  switch (reason) {
    case 'PermissionMissing':
      return new DirectoryError(reason, `The application may not read ${what}: grant it ${permission} ${details}.`);
    case 'TokenRefused':
      return new DirectoryError(reason, `${server} refuses the token ${details}.`);
    case 'Throttled':
      return new DirectoryError(reason, `${server} wants fewer requests, still after waiting ${details}.`);
    case 'ServerBusy':
      return new DirectoryError(reason, `${server} cannot answer for ${what} now ${details}.`);
    default: {
      const said = message === '' ? '' : `: "${truncate(message, 300)}"`;
      return new DirectoryError(reason, `${server} answers the query for ${what} with an error ${details}${said}.`);
    }
  }
}

function reasonOfFailure({ status, message }: GraphFailure, { filtered }: GraphAttempt): DirectoryReason {
  if (status === 401) return 'TokenRefused';
  if (status === 403) return 'PermissionMissing';
  if (status === 429) return 'Throttled';
  if (status >= 500) return 'ServerBusy';
  if (status === 400 && filtered) return 'InvalidFilter';
  if (status === 400 && /could not find a property named/i.test(message)) return 'UnknownAttribute';
  return 'ProtocolError';
}

/** Says what it means that there was no answer. */
export function exchangeError(error: unknown, server: string): DirectoryError {
  if (error instanceof Error && /^(TimeoutError|AbortError)$/.test(error.name)) {
    return new DirectoryError('ServerTimeout', `${server} stopped answering.`, { cause: error });
  }
  const cause = [...causesOf(error)].find((found) => codeOf(found) !== undefined) ?? error;
  return networkError(cause, server, phaseOf(cause));
}

/** Clients of HTTP do not tell how far they got; the code does. */
function phaseOf(error: unknown): ConnectionPhase {
  const code = codeOf(error) ?? '';
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EADDR|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)/.test(code)) {
    return 'Connect';
  }
  return /^(EPROTO|ERR_SSL|ERR_TLS)/.test(code) ? 'TLS' : 'Open';
}

/** The error, what caused it, and so on: libraries wrap what happened several times. */
function* causesOf(error: unknown): Generator<Error> {
  for (let next = error; next instanceof Error; next = next.cause) {
    yield next;
    if (next instanceof AggregateError) for (const inner of next.errors) yield* causesOf(inner);
  }
}
