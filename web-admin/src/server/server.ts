import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { page, styleHash } from './page.ts';

/** Where to listen; port 0 takes a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** As pino has it. */
export interface Logger {
  info(facts: object, message: string): void;
}

/** Connections that a browser keeps open are ended after so long, in milliseconds. */
const graceMs = 2_000;

/**
 * Serves the web admin until the signal aborts, and then ends what is under way. It has no rights in the cluster and
 * keeps nothing. Rejects when it cannot listen.
 */
export async function serveWebAdmin(
  { host, port }: Address,
  log: Logger,
  signal: AbortSignal,
  listening: (address: AddressInfo) => void = () => {},
): Promise<void> {
  const server = createServer(answer);
  server.listen({ host, port });
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  log.info({ address: address.address, port: address.port }, 'serving the web admin');
  listening(address);
  if (!signal.aborted) await once(signal, 'abort');
  const closed = once(server, 'close');
  server.close();
  const impatience = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(impatience);
  log.info({}, 'stopped');
}

function answer({ method = '', url = '' }: IncomingMessage, response: ServerResponse): void {
  const [path] = url.split('?');
  if (!['GET', 'HEAD'].includes(method)) send(response, 405, 'text/plain', 'Only GET is allowed.\n');
  else if (path === '/') send(response, 200, 'text/html', page);
  else if (path === '/healthz' || path === '/readyz') send(response, 200, 'text/plain', 'ok\n');
  else send(response, 404, 'text/plain', 'There is nothing here.\n');
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    // https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
    'content-security-policy': `default-src 'none'; style-src '${styleHash}'; frame-ancestors 'none'; base-uri 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  response.end(body);
}
