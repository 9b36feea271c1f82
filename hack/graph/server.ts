import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Application } from './application.ts';
import { DeltaQueries } from './delta.ts';
import { EntraDirectory } from './directory.ts';
import type { Arrival, Fault } from './fault.ts';
import { Login } from './login.ts';
import { Quota, quotaOf } from './quota.ts';
import { Graph } from './routes.ts';
import { type Answer, Service } from './service.ts';

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
  /** Ids of those whom the index of advanced queries lacks, as it may for a while; nobody unless told. */
  readonly unindexed: Set<string>;
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
  const unindexed = new Set<string>();
  const login = new Login({ url, tenantID, applications, now });
  const graph = new Graph({ url, tenantID, directory, applications, delta, unindexed });
  const quota = new Quota(options.quota ?? (() => quotaOf(directory.users.size)), now);
  const started: GraphServer = {
    ...{ url, tenantID, directory, delta, login, applications, unindexed },
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
