import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Undefined when all is well, else a sentence saying what is not. A throw counts as one. */
export type Check = () => string | undefined | Promise<string | undefined>;

export type Checks = ReadonlyMap<string, Check>;

export interface HealthServerOptions {
  /** `host:port`; `:port` listens on every address, port 0 takes a free one. */
  readonly address: string;
  readonly registry: Registry;
  /** Behind /healthz: the process should be restarted. */
  readonly healthChecks: Checks;
  /** Behind /readyz: the process should get no work yet. */
  readonly readyChecks: Checks;
}

/** Serves /metrics, /healthz and /readyz over plain HTTP. */
export class HealthServer {
  readonly #options: HealthServerOptions;

  constructor(options: HealthServerOptions) {
    this.#options = options;
  }

  /** Serves until the signal aborts. Rejects when it cannot listen. `onListening` is told where it does. */
  async run(signal: AbortSignal, onListening?: (address: AddressInfo) => void): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
      });
    });
    await listen(server, this.#options.address);
    onListening?.(server.address() as AddressInfo);
    await new Promise<void>((resolve) => {
      const close = () => {
        server.close(() => resolve());
        server.closeAllConnections();
      };
      signal.addEventListener('abort', close, { once: true });
      if (signal.aborted) {
        close();
      }
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, 405, 'Only GET is allowed.\n');
      return;
    }
    const { registry, healthChecks, readyChecks } = this.#options;
    switch (request.url?.split('?')[0]) {
      case '/metrics':
        send(response, 200, await registry.metrics(), registry.contentType);
        return;
      case '/healthz':
        await sendChecks(response, healthChecks);
        return;
      case '/readyz':
        await sendChecks(response, readyChecks);
        return;
      default:
        send(response, 404, 'Try /metrics, /healthz or /readyz.\n');
    }
  }
}

/** In the form of the API server's own /readyz?verbose. */
async function sendChecks(response: ServerResponse, checks: Checks): Promise<void> {
  const results = await Promise.all([...checks].map(async ([name, check]) => ({ name, problem: await ask(check) })));
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name}: ${problem}`,
  );
  const healthy = results.every(({ problem }) => problem === undefined);
  send(response, healthy ? 200 : 503, `${[...lines, healthy ? 'ok' : 'not ok'].join('\n')}\n`);
}

async function ask(check: Check): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}

async function listen(server: Server, address: string): Promise<void> {
  const { hostname, port } = parseAddress(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function parseAddress(address: string): { hostname: string | undefined; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (port === '') {
    throw new Error(`The address "${address}" is not of the form host:port.`);
  }
  return { hostname: host.replace(/^\[|\]$/g, '') || undefined, port: Number(port) };
}
