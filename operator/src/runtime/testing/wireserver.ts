import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesObject } from '@roster/crds';
import { type Certificate, selfSignedCertificate } from './certificate.ts';

/** What the server shall do to one request instead of, or while, answering it. */
export type Fault =
  /** Answers a refusal. */
  | { readonly kind: 'refuse'; readonly code: number; readonly reason?: string; readonly retryAfter?: number }
  /** Cuts the connection; with `after`, only once the request was carried out. */
  | { readonly kind: 'reset'; readonly after?: boolean }
  /** Accepts a watch and ends it with an ERROR event. */
  | { readonly kind: 'errorEvent'; readonly code: number }
  /** Answers something that is no JSON. */
  | { readonly kind: 'garble' }
  /** Never answers. */
  | { readonly kind: 'hang' };

/** What the server shall do to one watch, from its next event on. */
export type WatchFault = 'drop' | 'duplicate' | 'swap' | 'garble' | 'truncate' | 'reset' | 'silence' | 'gone' | 'end';

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WireServerOptions {
  /** Answer `sendInitialEvents` as a server without the feature does. */
  readonly noWatchList?: boolean;
}

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubernetesObject;
  readonly old: KubernetesObject | undefined;
  readonly resourceVersion: number;
}

interface Watch {
  readonly response: ServerResponse;
  readonly prefix: string;
  readonly namespace: string | undefined;
  fault: WatchFault | undefined;
  /** Kept back by `swap`. */
  held: string | undefined;
}

/**
 * A little API server over real TLS connections, for tests of what happens when the wire or the server misbehaves.
 * It knows just what the runtime asks of one: objects with versions, lists in pages, watches, and faults.
 */
export class WireServer {
  readonly requests: WireRequest[] = [];
  /** TLS connections accepted so far. */
  connections = 0;
  /** Asked for each request. */
  fault: (request: WireRequest) => Fault | undefined = () => undefined;
  /** Paths below these prefixes are not served: 404. */
  readonly absent = new Set<string>();
  /** Takes effect at the next start. */
  certificate: Certificate = selfSignedCertificate();
  readonly #options: WireServerOptions;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<Watch>();
  readonly #sockets = new Set<Socket>();
  #resourceVersion = 100;
  #compactedTo = 0;
  #server: Server | undefined;
  #port = 0;

  constructor(options: WireServerOptions = {}) {
    this.#options = options;
  }

  get url(): string {
    return `https://localhost:${this.#port}`;
  }

  /** TLS connections open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get port(): number {
    return this.#port;
  }

  /** Through another port when one is given, that of a proxy. */
  kubeConfig(token = 'test-token', port = this.#port): KubeConfig {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      {
        name: 'wire',
        server: `https://localhost:${port}`,
        caData: Buffer.from(this.certificate.cert).toString('base64'),
        skipTLSVerify: false,
      },
      { name: 'tester', token },
    );
    return config;
  }

  /** Starts, or starts again on the same port with the same objects. */
  async start(): Promise<void> {
    const { cert, key } = this.certificate;
    // As every API server it offers HTTP/2 first, and a client that takes it is not understood here.
    const server = createServer({ cert, key, ALPNProtocols: ['h2', 'http/1.1'] });
    server.on('request', (request, response) => void this.#serve(request, response));
    server.on('secureConnection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(this.#port, 'localhost', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts every connection and stops listening. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    this.cutConnections();
    await closed;
  }

  cutConnections(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    this.#watches.clear();
  }

  /** Forgets all history: older versions are gone. */
  compact(): void {
    this.#history.length = 0;
    this.#compactedTo = ++this.#resourceVersion;
  }

  /** Creates or replaces the object of this path, which is that of its URL. */
  put(path: string, object: object = {}): KubernetesObject {
    const old = this.#objects.get(path);
    const resourceVersion = ++this.#resourceVersion;
    const { metadata, ...rest } = object as KubernetesObject;
    const stored: KubernetesObject = {
      ...rest,
      metadata: {
        ...metadata,
        ...identityOf(path),
        uid: old?.metadata.uid ?? `uid-${resourceVersion}`,
        resourceVersion: String(resourceVersion),
      },
    };
    this.#objects.set(path, stored);
    this.#record({ type: old ? 'MODIFIED' : 'ADDED', object: stored, old, resourceVersion }, path);
    return stored;
  }

  remove(path: string): void {
    const old = this.#objects.get(path);
    if (old !== undefined) {
      this.#objects.delete(path);
      const resourceVersion = ++this.#resourceVersion;
      const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(resourceVersion) } };
      this.#record({ type: 'DELETED', object, old, resourceVersion }, path);
    }
  }

  object(path: string): KubernetesObject | undefined {
    return this.#objects.get(path);
  }

  objects(): KubernetesObject[] {
    return [...this.#objects.values()];
  }

  /** Applies the fault to every open watch at its next event; `end`, `reset`, `silence` and `gone` at once. */
  breakWatches(fault: WatchFault): void {
    for (const watch of this.#watches) {
      watch.fault = fault;
      if (fault === 'end') {
        this.#watches.delete(watch);
        watch.response.end();
      } else if (fault === 'reset') {
        this.#watches.delete(watch);
        watch.response.socket?.destroy();
      } else if (fault === 'gone') {
        this.#watches.delete(watch);
        watch.response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`);
      }
    }
  }

  /** Sends every open watch a bookmark. */
  bookmark(): void {
    for (const watch of this.#watches) {
      this.#send(watch, bookmarkLine(this.#resourceVersion));
    }
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(message.url ?? '', this.url);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of message) {
        chunks.push(chunk as Buffer);
      }
    } catch {
      return;
    }
    const request: WireRequest = {
      method: message.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: message.headers as Record<string, string>,
      body: Buffer.concat(chunks).toString(),
    };
    this.requests.push(request);
    const fault = this.fault(request);
    switch (fault?.kind) {
      case 'hang':
        return;
      case 'reset':
        if (fault.after) {
          this.#handle(request);
        }
        message.socket.destroy();
        return;
      case 'garble':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"kind":"Sec');
        return;
      case 'errorEvent':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify({ type: 'ERROR', object: status(fault.code, 'InternalError') })}\n`);
        return;
      case 'refuse':
        if (fault.retryAfter !== undefined) {
          response.setHeader('retry-after', String(fault.retryAfter));
        }
        answer(response, fault.code, status(fault.code, fault.reason ?? 'Unknown'));
        return;
      default:
    }
    if (request.query.get('watch') === 'true') {
      this.#openWatch(request, response);
      return;
    }
    const { code, body } = this.#handle(request);
    answer(response, code, body);
  }

  #handle(request: WireRequest): { code: number; body: object } {
    const { method, path } = request;
    if ([...this.absent].some((prefix) => path.startsWith(prefix))) {
      return { code: 404, body: status(404, 'NotFound') };
    }
    if (path === '/version') {
      return { code: 200, body: { major: '1', minor: '36', gitVersion: 'v1.36.3' } };
    }
    const target = path.replace(/\/status$/, '');
    const existing = this.#objects.get(target);
    if (method === 'POST') {
      const object = JSON.parse(request.body) as KubernetesObject;
      const created = `${path}/${object.metadata.name}`;
      return this.#objects.has(created)
        ? { code: 409, body: status(409, 'AlreadyExists') }
        : { code: 201, body: this.put(created, object) };
    }
    if (method === 'GET' && existing === undefined && isCollection(path)) {
      return this.#list(request);
    }
    if (existing === undefined) {
      return { code: 404, body: status(404, 'NotFound') };
    }
    switch (method) {
      case 'DELETE':
        this.remove(target);
        return { code: 200, body: { kind: 'Status', status: 'Success' } };
      case 'PUT': {
        const object = JSON.parse(request.body) as KubernetesObject;
        const { uid, resourceVersion } = object.metadata;
        const conflict =
          (uid !== undefined && uid !== existing.metadata.uid) ||
          (resourceVersion !== undefined && resourceVersion !== existing.metadata.resourceVersion);
        const { status: given } = object as { status?: object };
        return conflict
          ? { code: 409, body: status(409, 'Conflict') }
          : { code: 200, body: this.put(target, target === path ? object : { ...existing, status: given }) };
      }
      case 'PATCH': {
        const patch: unknown = JSON.parse(request.body);
        const next = Array.isArray(patch) ? patched(existing, patch) : (merged(existing, patch) as object);
        return next === undefined
          ? { code: 422, body: status(422, 'Invalid') }
          : { code: 200, body: this.put(target, next) };
      }
      default:
        return { code: 200, body: existing };
    }
  }

  #list({ path, query }: WireRequest): { code: number; body: object } {
    const [offset = 0, version = this.#resourceVersion] = (query.get('continue') ?? '')
      .split('@')
      .filter(Boolean)
      .map(Number);
    if (version < this.#compactedTo) {
      return { code: 410, body: status(410, 'Expired') };
    }
    const all = this.#below(path);
    const limit = Number(query.get('limit') ?? all.length);
    const end = offset + limit;
    const more = end < all.length ? { continue: `${end}@${version}`, remainingItemCount: all.length - end } : {};
    return {
      code: 200,
      body: { kind: 'List', metadata: { resourceVersion: String(version), ...more }, items: all.slice(offset, end) },
    };
  }

  #below(path: string): KubernetesObject[] {
    const { prefix, namespace } = scopeOf(path);
    return [...this.#objects].filter(([key]) => isWithin(key, prefix, namespace)).map(([, object]) => object);
  }

  #openWatch(request: WireRequest, response: ServerResponse): void {
    const { path, query } = request;
    if ([...this.absent].some((prefix) => path.startsWith(prefix))) {
      answer(response, 404, status(404, 'NotFound'));
      return;
    }
    const initial = query.get('sendInitialEvents') === 'true';
    if (initial && this.#options.noWatchList) {
      answer(response, 422, status(422, 'Invalid'));
      return;
    }
    const from = Number(query.get('resourceVersion') ?? 0);
    if (!initial && from < this.#compactedTo) {
      answer(response, 410, status(410, 'Expired'));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    // Headers alone must reach the client: the first event may come much later.
    response.flushHeaders();
    const watch: Watch = { response, ...scopeOf(path), fault: undefined, held: undefined };
    const past = initial
      ? this.#below(path).map((object) => JSON.stringify({ type: 'ADDED', object }))
      : this.#history
          .filter(
            ({ object, resourceVersion }) =>
              resourceVersion > from && isWithin(pathOf(path, object), watch.prefix, watch.namespace),
          )
          .map(({ type, object }) => JSON.stringify({ type, object }));
    for (const line of past) {
      response.write(`${line}\n`);
    }
    if (initial) {
      response.write(`${bookmarkLine(this.#resourceVersion, true)}\n`);
    }
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }

  #record(change: Change, path: string): void {
    this.#history.push(change);
    const line = JSON.stringify({ type: change.type, object: change.object });
    for (const watch of this.#watches) {
      if (isWithin(path, watch.prefix, watch.namespace)) {
        this.#send(watch, line);
      }
    }
  }

  #send(watch: Watch, line: string): void {
    const { response } = watch;
    const fault = watch.fault;
    if (fault !== 'silence' && !(fault === 'swap' && watch.held === undefined)) {
      watch.fault = undefined;
    }
    switch (fault) {
      case 'drop':
      case 'silence':
        return;
      case 'duplicate':
        response.write(`${line}\n${line}\n`);
        return;
      case 'swap':
        if (watch.held === undefined) {
          watch.held = line;
        } else {
          response.write(`${line}\n${watch.held}\n`);
          watch.held = undefined;
        }
        return;
      case 'garble':
        response.write(`${line.slice(0, 20)}\n`);
        return;
      case 'truncate':
        this.#watches.delete(watch);
        response.end(line.slice(0, 20));
        return;
      default:
        response.write(`${line}\n`);
    }
  }
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function status(code: number, reason: string): object {
  return { kind: 'Status', status: 'Failure', code, reason, message: `refused: ${reason}` };
}

function bookmarkLine(resourceVersion: number, initialEnd = false): string {
  const annotations = initialEnd ? { 'k8s.io/initial-events-end': 'true' } : undefined;
  return JSON.stringify({
    type: 'BOOKMARK',
    object: { metadata: { resourceVersion: String(resourceVersion), annotations } },
  });
}

/** `/apis/<group>/<version>` or `/api/<version>`, then `[namespaces/<namespace>/]<plural>[/<name>]`. */
function parse(path: string): {
  root: string;
  namespace: string | undefined;
  plural: string;
  name: string | undefined;
} {
  const match = /^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/.exec(path);
  const [, root = '', namespace, plural = '', name] = match ?? [];
  return { root, namespace, plural, name };
}

function isCollection(path: string): boolean {
  const { plural, name } = parse(path);
  return plural !== '' && name === undefined;
}

function identityOf(path: string): { name: string; namespace?: string } {
  const { namespace, name = '' } = parse(path);
  return namespace === undefined ? { name } : { name, namespace };
}

function scopeOf(path: string): { prefix: string; namespace: string | undefined } {
  const { root, namespace, plural } = parse(path);
  return { prefix: `${root} ${plural}`, namespace };
}

function isWithin(path: string, prefix: string, namespace: string | undefined): boolean {
  const at = parse(path);
  return `${at.root} ${at.plural}` === prefix && (namespace === undefined || namespace === at.namespace);
}

function pathOf(collection: string, { metadata }: KubernetesObject): string {
  const { root, plural } = parse(collection);
  return `${root}${metadata.namespace ? `/namespaces/${metadata.namespace}` : ''}/${plural}/${metadata.name}`;
}

function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    return patch;
  }
  const result: Record<string, unknown> = { ...(target as object) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) {
      delete result[name];
    } else {
      result[name] = merged(result[name], value);
    }
  }
  return result;
}

/** As much of RFC 6902 as is used: undefined when a test fails or there is nothing to remove. */
function patched(target: object, operations: { op: string; path: string; value?: unknown }[]): object | undefined {
  const result = structuredClone(target) as Record<string, unknown>;
  for (const { op, path, value } of operations) {
    const names = path.slice(1).split('/');
    const last = names.pop() ?? '';
    const parent = names.reduce<Record<string, unknown>>(
      (object, name) => (object[name] ?? {}) as Record<string, unknown>,
      result,
    );
    if ((op === 'test' && parent[last] !== value) || (op === 'remove' && !(last in parent))) {
      return undefined;
    }
    if (op === 'add') {
      parent[last] = value;
    } else if (op === 'remove') {
      delete parent[last];
    }
  }
  return result;
}
