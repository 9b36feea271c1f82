/**
 * `metav1.Status`, the body of every refusal:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly StatusCause[];
}

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/**
 * The API server answered with a refusal. The message is the server's own sentence and nothing of the request:
 * no header, no token, no body.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status. */
  readonly code: number;
  /** CamelCase word of `metav1.StatusReason`, `Unknown` when the answer was no Status. */
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** How long the server asks to be left alone, in seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: number, status: Status = {}, retryAfterSeconds?: number) {
    super(status.message || `The API server answered ${code}.`);
    this.code = code;
    this.reason = status.reason || 'Unknown';
    this.details = status.details;
    this.retryAfterSeconds = retryAfterSeconds ?? status.details?.retryAfterSeconds;
  }
}

/** No complete answer came: refused, reset, timed out, cut. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** The error code of Node or undici, `UND_ERR_SOCKET` or `ECONNREFUSED` for example. */
  readonly code: string;
  /** The server may have carried the request out. Look again before deciding anything. */
  readonly ambiguous: boolean;

  constructor(request: string, code: string, ambiguous: boolean, cause?: unknown) {
    super(`${request}: no answer from the API server (${code}).`, { cause });
    this.code = code;
    this.ambiguous = ambiguous;
  }
}

export function isNotFound(error: unknown): boolean {
  return hasCode(error, 404);
}

/** The object changed since it was read, or a precondition does not hold. Not: it already exists. */
export function isConflict(error: unknown): boolean {
  return hasCode(error, 409) && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): boolean {
  return hasCode(error, 409) && error.reason === 'AlreadyExists';
}

/** The resource version or continue token is too old: list again. Reason is `Gone` or `Expired`. */
export function isGone(error: unknown): boolean {
  return hasCode(error, 410);
}

export function isForbidden(error: unknown): boolean {
  return hasCode(error, 403);
}

/** Schema, CEL rule or admission policy refused the content. */
export function isInvalid(error: unknown): boolean {
  return hasCode(error, 422);
}

/** A write that may or may not have happened. */
export function isAmbiguous(error: unknown): error is TransportError {
  return error instanceof TransportError && error.ambiguous;
}

function hasCode(error: unknown, code: number): error is ApiError {
  return error instanceof ApiError && error.code === code;
}
