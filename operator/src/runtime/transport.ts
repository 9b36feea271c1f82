import type { Dispatcher } from 'undici';
import { ApiError, type Status, TransportError } from './apierror.ts';
import { jittered } from './backoff.ts';
import type { KubeConfigCredentials } from './credentials.ts';
import { Semaphore } from './semaphore.ts';
import { sleep } from './sleep.ts';

/** Retries of one request; after that the caller's own backoff takes over. */
const MAX_RETRIES = 5;
/** A server that asks for a longer pause than this gets it from the caller, who can do something else meanwhile. */
const MAX_RETRY_AFTER_SECONDS = 30;
/** Pause before a read is repeated after its connection broke, doubled each time, in milliseconds. */
const RECONNECT_DELAY_MS = 100;

export interface TransportOptions {
  /** Scheme, host, port and path prefix of the API server. */
  readonly server: URL;
  readonly credentials: KubeConfigCredentials;
  readonly userAgent: string;
  /** Time for an answer to begin, and again for each pause within it, in milliseconds. */
  readonly timeoutMs: number;
  /** Writes in flight at a time; more waits in line. */
  readonly maxWritesInFlight: number;
  /** Told of every answer. The code is the HTTP status, or `<error>` when there was none, as client-go counts it. */
  readonly onAnswer?: ((answer: { code: string; method: string; host: string }) => void) | undefined;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Response = Dispatcher.ResponseData;

/**
 * Requests to one API server over shared connections. What can be repeated without harm is repeated here: everything
 * the server turned away with a Retry-After, and reads whose connection broke. A write whose answer got lost is not.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #writes: Semaphore;
  readonly #basePath: string;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#writes = new Semaphore(options.maxWritesInFlight);
    this.#basePath = options.server.pathname.replace(/\/$/, '');
  }

  /** Sends and parses the answer. Throws ApiError, TransportError, or the signal's reason. */
  send(request: TransportRequest): Promise<unknown> {
    if (request.method === 'GET') {
      return this.#withRetries(request);
    }
    return this.#writes.run(() => this.#withRetries(request), request.signal);
  }

  /** Opens a streamed answer, once: its reader has its own idea of retrying. No byte for `idleMs` breaks it. */
  async stream(request: TransportRequest, idleMs: number): Promise<Response['body']> {
    const response = await this.#exchange(request, idleMs);
    if (response.statusCode >= 300) {
      throw await this.#refusal(request, response);
    }
    return response.body;
  }

  /** Drops all connections. */
  close(): Promise<void> {
    return this.#options.credentials.close();
  }

  async #withRetries(request: TransportRequest): Promise<unknown> {
    for (let retries = 0; ; retries++) {
      try {
        return await this.#once(request);
      } catch (error) {
        const delay = retries < MAX_RETRIES ? retryDelay(request, error, retries) : undefined;
        if (delay === undefined) {
          throw error;
        }
        await sleep(delay, request.signal);
        request.signal?.throwIfAborted();
      }
    }
  }

  async #once(request: TransportRequest): Promise<unknown> {
    const response = await this.#exchange(request, request.timeoutMs ?? this.#options.timeoutMs);
    if (response.statusCode >= 300) {
      throw await this.#refusal(request, response);
    }
    const text = await this.#text(request, response);
    try {
      return JSON.parse(text);
    } catch {
      // The text may hold anything, a Secret for example: it is not quoted.
      throw new TransportError(describe(request), 'ERR_MALFORMED_JSON', request.method !== 'GET');
    }
  }

  async #exchange(request: TransportRequest, bodyTimeout: number): Promise<Response> {
    request.signal?.throwIfAborted();
    const { server, credentials, userAgent, timeoutMs, onAnswer } = this.#options;
    const { headers, dispatcher } = await credentials.get();
    const { method } = request;
    try {
      const response = await dispatcher.request({
        origin: server.origin,
        path: this.#basePath + request.path + queryString(request.query),
        method,
        headers: {
          ...headers,
          accept: request.accept ?? 'application/json',
          'user-agent': userAgent,
          ...(request.contentType && { 'content-type': request.contentType }),
        },
        body: request.body ?? null,
        headersTimeout: request.timeoutMs ?? timeoutMs,
        bodyTimeout,
        signal: request.signal ?? null,
      });
      onAnswer?.({ code: String(response.statusCode), method, host: server.host });
      if (response.statusCode === 401) {
        credentials.expire();
      }
      return response;
    } catch (error) {
      request.signal?.throwIfAborted();
      onAnswer?.({ code: '<error>', method, host: server.host });
      credentials.expire();
      throw transportError(request, error);
    }
  }

  async #refusal(request: TransportRequest, response: Response): Promise<ApiError> {
    const text = await this.#text(request, response);
    return new ApiError(response.statusCode, parseStatus(text), retryAfter(response.headers['retry-after']));
  }

  async #text(request: TransportRequest, response: Response): Promise<string> {
    try {
      return await response.body.text();
    } catch (error) {
      request.signal?.throwIfAborted();
      throw transportError(request, error);
    }
  }
}

/** Milliseconds until the request may be repeated; undefined when it may not. */
function retryDelay(request: TransportRequest, error: unknown, retries: number): number | undefined {
  if (error instanceof ApiError) {
    // With Retry-After the server says that it has not begun: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    const turnedAway = error.code === 429 || error.code === 503;
    const seconds = error.retryAfterSeconds;
    return turnedAway && seconds !== undefined && seconds <= MAX_RETRY_AFTER_SECONDS
      ? jittered(seconds * 1_000)
      : undefined;
  }
  const timedOut = error instanceof TransportError && error.code.endsWith('TIMEOUT');
  if (error instanceof TransportError && request.method === 'GET' && !timedOut) {
    return jittered(RECONNECT_DELAY_MS * 2 ** retries);
  }
  return undefined;
}

function transportError(request: TransportRequest, error: unknown): TransportError {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const neverSent =
    syscall === 'connect' || syscall === 'getaddrinfo' || code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT';
  const ambiguous = request.method !== 'GET' && !neverSent;
  return new TransportError(describe(request), code ?? 'ERR_UNKNOWN', ambiguous, error);
}

/** Method and path without the query, which may hold a continue token. */
function describe(request: TransportRequest): string {
  return `${request.method} ${request.path}`;
}

function queryString(query: TransportRequest['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) {
      parameters.set(name, value);
    }
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function parseStatus(text: string): Status {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null && (body as Status).kind === 'Status' ? body : {};
  } catch {
    return {};
  }
}

/** Seconds; the API server never sends the header's other form, a date. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : undefined;
}
