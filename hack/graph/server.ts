import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Application } from './application.ts';
import { type BatchedRequest, type BatchedResponse, parseBatch } from './batch.ts';
import { DeltaQueries } from './delta.ts';
import { EntraDirectory } from './directory.ts';
import { badRequest, errorBody, GraphError, type Trace } from './error.ts';
import { type Arrival, codeOf, type Fault } from './fault.ts';
import { type Caller, Login, LoginError, loginErrorBody } from './login.ts';
import { costOf, Quota, quotaOf } from './quota.ts';
import { Graph } from './routes.ts';

export interface GraphServerOptions {
  readonly tenantID: string;
  readonly applications: readonly Application[];
  /** PEM. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** A free one unless told. */
  readonly port?: number;
  /** Resource units an application has in ten seconds; as many as the real one gives unless told. */
  readonly quota?: () => number;
  /** Milliseconds since 1970, for tokens and quotas. */
  readonly now?: () => number;
}

/** What was answered to a request. */
export interface Answered extends Arrival {
  /** 0 for a fault without an answer. */
  readonly status: number;
}

/** Microsoft Entra ID and Microsoft Graph of one tenant, on loopback. */
export interface GraphServer extends AsyncDisposable {
  /** Of Graph, and of the authority without the tenant. */
  readonly url: string;
  readonly tenantID: string;
  readonly directory: EntraDirectory;
  readonly delta: DeltaQueries;
  readonly login: Login;
  /** By client id. */
  readonly applications: ReadonlyMap<string, Application>;
  /** Asked for each request, before anything else looks at it. */
  fault: (arrival: Arrival) => Fault | undefined;
  /** Told of each answer. */
  observe: (answered: Answered) => void;
}

export async function startGraphServer(options: GraphServerOptions): Promise<GraphServer> {
  const { tenantID, tls, port = 0, now = Date.now } = options;
  const server = createServer(tls);
  const url = await listen(server, port);
  const directory = new EntraDirectory(now);
  const delta = new DeltaQueries(directory, now);
  const applications = new Map(options.applications.map((application) => [application.clientID, application]));
  const login = new Login({ url, tenantID, applications, now });
  const graph = new Graph({ url, tenantID, directory, applications, delta });
  const quota = new Quota(options.quota ?? (() => quotaOf(directory.users.size)), now);
  const started: GraphServer = {
    ...{ url, tenantID, directory, delta, login, applications },
    fault: () => undefined,
    observe: () => {},
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  const service = new Service({ url, tenantID, login, graph, quota, now });
  let arrivals = 0;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    arrivals += 1;
    const arrival = { number: arrivals, method: request.method ?? '', path: request.url ?? '' };
    const fault = started.fault(arrival);
    const observe = (status: number) => started.observe({ ...arrival, status });
    serve(service, request, fault).then(
      (answer) => {
        observe(answer?.status ?? 0);
        send(response, answer, fault);
      },
      // The client went while it was sending.
      () => response.destroy(),
    );
  });
  return started;
}

interface ServiceOptions {
  readonly url: string;
  readonly tenantID: string;
  readonly login: Login;
  readonly graph: Graph;
  readonly quota: Quota;
  readonly now: () => number;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string;
}

interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

const authorityPath = /^\/([^/]+)\/(v2\.0\/\.well-known\/openid-configuration|oauth2\/v2\.0\/token)$/;

/** Answers requests; knows nothing of connections. */
class Service {
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
    if (endpoint !== undefined) return this.#authority(request, decodeURIComponent(tenant), endpoint);
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

async function serve(
  service: Service,
  incoming: IncomingMessage,
  fault: Fault | undefined,
): Promise<Answer | undefined> {
  const url = new URL(incoming.url ?? '/', service.url);
  const headers = flat(incoming.headers);
  const request = { method: incoming.method ?? '', url, headers, body: await text(incoming) };
  if (fault?.kind === 'cut' || fault?.kind === 'stall') return undefined;
  if (fault?.kind === 'status') return service.refusal(request, fault);
  if (fault?.kind === 'garbage') return { status: 200, headers: {}, body: '<html>\u0000\ufffd{"value":[' };
  return service.answer(request);
}

function send(response: ServerResponse, answer: Answer | undefined, fault: Fault | undefined): void {
  if (fault?.kind === 'stall') return;
  if (!answer) {
    response.destroy();
    return;
  }
  const isText = typeof answer.body === 'string';
  const body = Buffer.from(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  response.writeHead(answer.status, {
    'content-type':
      isText && fault === undefined ? 'text/plain' : 'application/json;odata.metadata=minimal;charset=utf-8',
    'content-length': body.length,
    ...answer.headers,
  });
  if (fault?.kind === 'cutBody') {
    response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.destroy());
    return;
  }
  response.end(body);
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const flat = (headers: IncomingHttpHeaders): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
