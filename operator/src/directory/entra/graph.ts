import {
  AuthenticationHandler,
  Client,
  type Context,
  GraphClientError,
  GraphError,
  type Middleware,
  ResponseType,
  RetryHandler,
  RetryHandlerOptions,
} from '@microsoft/microsoft-graph-client';
import { DirectoryError } from '../../errors.ts';
import type { TokenSource } from './credentials.ts';
import { exchangeError, type GraphAttempt, graphError, wantsResync } from './errors.ts';

export interface GraphOptions {
  /** Address of Microsoft Graph, without the version. */
  readonly endpoint: string;
  readonly token: TokenSource;
  /** How long one answer may take, from the request to its last byte. */
  readonly timeoutMs: number;
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
}

/** A question to Microsoft Graph. */
export interface GraphQuery extends Pick<GraphAttempt, 'what' | 'permission'> {
  /** Below the version, or the URL of a next page. */
  readonly path: string;
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the query holds a filter that a person wrote. */
  readonly filtered?: boolean;
}

/** One page of an answer. */
export interface GraphPage {
  readonly value: readonly unknown[];
  readonly count?: number | undefined;
  readonly nextLink?: string | undefined;
  readonly deltaLink?: string | undefined;
}

/** The server no longer knows where a delta query stood. */
export class SyncStateLost extends DirectoryError {
  constructor(server: string, code: string) {
    super('ResyncRequired', `${server} no longer knows where the reader stood (${code}).`);
  }
}

/**
 * Asks Microsoft Graph by Microsoft's client, which waits as long as the server wants when it is throttled. Everything
 * throws `DirectoryError`.
 */
export class Graph {
  readonly #options: GraphOptions;
  readonly #client: Client;
  #answers = 0;

  constructor(options: GraphOptions) {
    const { endpoint, signal, token } = options;
    this.#options = options;
    const getAccessToken = async () => {
      try {
        return await token(signal);
      } catch (error) {
        throw carrying(error);
      }
    };
    this.#client = Client.initWithMiddleware({
      middleware: [
        new AuthenticationHandler({ getAccessToken }),
        new RetryHandler(new RetryHandlerOptions(retryDelaySeconds, retries)),
        new Transport(options),
      ],
      baseUrl: `${endpoint}/`,
      // Without it the client sends no token to hosts other than Microsoft's.
      customHosts: new Set([new URL(endpoint).hostname]),
    });
  }

  /** How many questions were answered. */
  get answers(): number {
    return this.#answers;
  }

  /** One page, or an object; undefined when there is none (404). Throws SyncStateLost where a delta query has to begin anew. */
  async get(query: GraphQuery): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { endpoint, signal } = this.#options;
    const { path, parameters = {}, headers = {} } = query;
    this.#assertOurs(path);
    const request = this.#client.api(path).headers(headers).responseType(ResponseType.JSON);
    for (const [name, value] of Object.entries(parameters)) {
      request.query({ [name]: encodeURIComponent(value) });
    }
    try {
      const answer: unknown = await abortable(request.get(), signal);
      if (typeof answer !== 'object' || answer === null) throw this.#malformed(query);
      this.#answers++;
      return answer as Readonly<Record<string, unknown>>;
    } catch (error) {
      signal.throwIfAborted();
      const failure = carried(error);
      if (failure !== undefined) throw failure;
      if (!(error instanceof GraphError)) throw error;
      // The client knows no more of an answer that is not JSON than how it fails to be.
      if (error.code === null || error.statusCode < 400) throw this.#malformed(query);
      const answer = { status: error.statusCode, code: error.code, message: error.message };
      if (answer.status === 404 && error.code === noSuchObject) return undefined;
      if (wantsResync(answer)) throw new SyncStateLost(endpoint, error.code);
      const { what, permission, filtered = false } = query;
      throw graphError(
        { ...answer, requestId: error.requestId ?? undefined },
        { server: endpoint, what, permission, filtered },
      );
    }
  }

  /** One page of a list. */
  async page(query: GraphQuery): Promise<GraphPage> {
    const answer = await this.get(query);
    if (answer === undefined) {
      throw new DirectoryError('ProtocolError', `${this.#options.endpoint} does not find ${query.what}.`);
    }
    const { value, '@odata.count': count } = answer;
    if (!Array.isArray(value)) throw this.#malformed(query);
    const link = (name: string) => (typeof answer[name] === 'string' ? answer[name] : undefined);
    return {
      value,
      count: typeof count === 'number' ? count : undefined,
      nextLink: link('@odata.nextLink'),
      deltaLink: link('@odata.deltaLink'),
    };
  }

  /** All pages of a list, one after another; the last one has no next link. */
  async *pages(query: GraphQuery): AsyncGenerator<GraphPage> {
    const { parameters: _, ...following } = query;
    for (let next = query; ; ) {
      const page = await this.page(next);
      yield page;
      if (page.nextLink === undefined) return;
      if (page.nextLink === next.path) throw this.#malformed(query);
      next = { ...following, path: page.nextLink };
    }
  }

  /** A link to another host would take the token there. */
  #assertOurs(path: string): void {
    if (path.startsWith('/') || path.startsWith(`${this.#options.endpoint}/`)) return;
    throw new DirectoryError('ProtocolError', `${this.#options.endpoint} sends the reader on to another host.`);
  }

  #malformed({ what }: GraphQuery): DirectoryError {
    return new DirectoryError(
      'ProtocolError',
      `${this.#options.endpoint} answers the query for ${what} with something that is not Microsoft Graph.`,
    );
  }
}

const retries = 5;
/** Where the server does not say how long to wait. */
const retryDelaySeconds = 3;

/** A 404 about the object that was asked for, and not about a path that the server does not know. */
const noSuchObject = 'Request_ResourceNotFound';

/**
 * The last link of the client's chain: sends one request and takes its whole answer within the time limit, so that an
 * answer that breaks off in the middle is known as such. It follows no redirection, which no answer of Graph's has.
 */
class Transport implements Middleware {
  readonly #options: GraphOptions;

  constructor(options: GraphOptions) {
    this.#options = options;
  }

  async execute(context: Context): Promise<void> {
    const { signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        context.response = await this.#exchange(context);
        return;
      } catch (error) {
        const failure = exchangeError(error, this.#options.endpoint);
        const isLost = failure.reason === 'ConnectionLost' && !signal.aborted;
        if (!isLost || attempt === exchanges) throw carrying(failure);
      }
    }
  }

  async #exchange({ request, options }: Context): Promise<Response> {
    const { signal, timeoutMs } = this.#options;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await fetch(request, { ...options, redirect: 'error', signal: limited } as RequestInit);
    const body = await response.text();
    const { status, headers } = response;
    return new Response(body === '' ? null : body, { status, headers });
  }
}

/** A connection may break once: nothing is asked that may not be asked twice, and a tenant has hundreds of pages. */
const exchanges = 2;

/** The one kind of error that the client passes on as it is. */
function carrying(error: unknown): GraphClientError {
  const carrier = new GraphClientError('carries the error of the exchange');
  carrier.customError = error;
  return carrier;
}

function carried(error: unknown): unknown {
  return error instanceof GraphClientError ? (error.customError ?? error) : undefined;
}

/** The client does not stop to wait when it is told to stop. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stop = Promise.withResolvers<never>();
  const onAbort = () => stop.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, stop.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => {});
  }
}
