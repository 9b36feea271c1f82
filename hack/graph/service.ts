import { randomUUID } from 'node:crypto';
import { type BatchedRequest, type BatchedResponse, parseBatch } from './batch.ts';
import { badRequest, errorBody, GraphError, type Trace } from './error.ts';
import { codeOf, type Fault } from './fault.ts';
import { type Caller, type Login, LoginError, loginErrorBody } from './login.ts';
import { costOf, type Quota } from './quota.ts';
import type { Graph } from './routes.ts';

export interface ServiceOptions {
  readonly url: string;
  readonly tenantID: string;
  readonly login: Login;
  readonly graph: Graph;
  readonly quota: Quota;
  readonly now: () => number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string;
}

/** With header names in lower case. */
export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

const authorityPath = /^\/([^/]+)\/(v2\.0\/\.well-known\/openid-configuration|oauth2\/v2\.0\/token)$/;

/** Answers requests; knows nothing of connections. */
export class Service {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  answer(request: Request): Answer {
    const { pathname } = request.url;
    const [, tenant = '', endpoint] = authorityPath.exec(pathname) ?? [];
    if (endpoint !== undefined) return this.#authority(request, tenant, endpoint);
    return this.#guarded(request.headers, () => {
      const caller = this.#options.login.caller(request.headers.authorization);
      if (pathname === '/v1.0/$batch') return this.#batch(request, caller);
      return this.#resource(request, caller);
    });
  }

  /** The answer to a request that nobody looked at. */
  refusal(
    { url, headers }: Request,
    { status, code = codeOf(status), retryAfter }: Fault & { kind: 'status' },
  ): Answer {
    const after = { ...(retryAfter !== undefined && { 'retry-after': `${retryAfter}` }) };
    if (authorityPath.test(url.pathname)) {
      const error = new LoginError(status, 'temporarily_unavailable', 90033, 'A transient error has occurred.');
      return { status, headers: after, body: loginErrorBody(error, this.#options.now(), randomUUID()) };
    }
    return this.#guarded(headers, () => {
      throw new GraphError(status, code, `The service answers ${status}.`, after);
    });
  }

  #authority({ method, headers, body }: Request, tenant: string, endpoint: string): Answer {
    const { login, now } = this.#options;
    try {
      const isToken = endpoint.endsWith('token');
      if (method !== (isToken ? 'POST' : 'GET')) {
        throw new LoginError(400, 'invalid_request', 900561, `The endpoint does not accept ${method} requests.`);
      }
      const answer = isToken ? login.token(tenant, new URLSearchParams(body)) : login.configuration(tenant);
      return { status: 200, headers: { 'cache-control': 'no-store' }, body: answer };
    } catch (error) {
      if (!(error instanceof LoginError)) throw error;
      const correlationID = headers['client-request-id'] ?? randomUUID();
      return { status: error.status, headers: {}, body: loginErrorBody(error, now(), correlationID) };
    }
  }

  #resource({ method, url, headers }: Request, caller: Caller): Answer {
    const { quota, graph, tenantID } = this.#options;
    const [, path] = /^\/v1\.0(\/.*)$/.exec(url.pathname) ?? [];
    if (path === undefined) throw badRequest(`Invalid version: ${url.pathname.split('/')[1]}.`);
    if (method !== 'GET') throw new GraphError(405, 'MethodNotAllowed', `${method} is not served here.`);
    const search = url.searchParams;
    const top = search.get('$top');
    const cost = costOf({ path, select: search.has('$select'), top: top === null ? undefined : Number(top) });
    const charged = quota.charge({ clientID: caller.clientID, tenantID }, cost);
    const { body, headers: more } = graph.get({ path, search, headers, caller });
    return { status: 200, headers: { ...charged, ...more }, body };
  }

  /** https://learn.microsoft.com/graph/json-batching: each request is charged, and may fail, on its own. */
  #batch({ method, body, headers }: Request, caller: Caller): Answer {
    if (method !== 'POST') throw new GraphError(405, 'MethodNotAllowed', '$batch takes POST requests.');
    const responses = parseBatch(body).map((batched) => this.#batched(batched, headers, caller));
    return { status: 200, headers: {}, body: { responses } };
  }

  #batched({ id, method, url, headers }: BatchedRequest, outer: Request['headers'], caller: Caller): BatchedResponse {
    const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const answer = this.#guarded(outer, () => {
      const target = new URL(`${this.url}/v1.0/${url.replace(/^\//, '')}`);
      return this.#resource({ method, url: target, headers: own, body: '' }, caller);
    });
    return { id, ...answer };
  }

  #guarded(headers: Request['headers'], answer: () => Answer): Answer {
    const requestID = randomUUID();
    const clientRequestID = headers['client-request-id'] ?? requestID;
    const ids = { 'request-id': requestID, 'client-request-id': clientRequestID };
    try {
      const answered = answer();
      return { ...answered, headers: { ...ids, ...answered.headers } };
    } catch (error) {
      const refused =
        error instanceof GraphError
          ? error
          : new GraphError(500, codeOf(500), error instanceof Error ? error.message : '');
      const trace: Trace = { date: this.#options.now(), requestID, clientRequestID };
      const { location } = refused.headers;
      const body = errorBody(refused, trace);
      return {
        status: refused.status,
        headers: { ...ids, ...refused.headers, ...(location !== undefined && { location: `${this.url}${location}` }) },
        body,
      };
    }
  }
}
