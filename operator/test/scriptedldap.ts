import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { BerReader, Framer, tags } from '../src/directory/ldap/ber.ts';
import { pagedResultsControl } from '../src/directory/ldap/message.ts';
import { bindResponse, extendedResponse, message, type Reply, searchDone, searchEntry } from './ldapwire.ts';

/** A request as the server sees it. */
export type Request =
  | { readonly kind: 'Bind'; readonly dn: string; readonly password: string }
  | { readonly kind: 'Extended'; readonly oid: string }
  | {
      readonly kind: 'Search';
      readonly base: string;
      readonly scope: 'base' | 'one' | 'sub';
      readonly sizeLimit: number;
      readonly timeLimit: number;
      readonly attributes: readonly string[];
      /** Of the paged results control. */
      readonly page?: { readonly size: number; readonly cookie: string };
    };

/** A reply, bytes as they are, or the end of the connection. */
export type Action = Reply | Buffer | 'hang up';

/** What the server does about a request; nothing when undefined, which is the silence of a server that hangs. */
export type Script = (request: Request, index: number) => readonly Action[] | undefined;

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly Request[];
  /** Connections that there were. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
}

/** An LDAP server on loopback that answers as the test tells it. */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: Request[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    const framer = new Framer();
    const answer = (bytes: Buffer) => {
      const decoded = decodeRequest(bytes);
      if (decoded === undefined) return;
      requests.push(decoded.request);
      for (const action of script(decoded.request, requests.length - 1) ?? []) {
        if (action === 'hang up') socket.end();
        else socket.write(Buffer.isBuffer(action) ? action : message(decoded.id, action));
      }
    };
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const bytes of framer.messages(chunk)) answer(bytes);
      } catch {
        socket.destroy(); // It is not LDAP that the client speaks.
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Parts of a directory; whatever is not told is as in an OpenLDAP with one naming context and nobody in it. */
export interface Behaviour {
  readonly bind?: (request: Extract<Request, { kind: 'Bind' }>) => readonly Action[] | undefined;
  /** The authzId that "Who am I?" gives; the DN of the bind when absent. */
  readonly whoAmI?: string;
  readonly extended?: (request: Extract<Request, { kind: 'Extended' }>) => readonly Action[] | undefined;
  readonly rootDSE?: Readonly<Record<string, string | readonly string[]>>;
  readonly search?: (request: Extract<Request, { kind: 'Search' }>) => readonly Action[] | undefined;
}

/** A script that behaves like a directory. */
export function directory(behaviour: Behaviour = {}): Script {
  let bound = '';
  return (request) => {
    if (request.kind === 'Bind') {
      bound = request.dn;
      return behaviour.bind ? behaviour.bind(request) : [bindResponse()];
    }
    if (request.kind === 'Extended') {
      if (behaviour.extended) return behaviour.extended(request);
      return [extendedResponse({ value: behaviour.whoAmI ?? `dn:${bound}` })];
    }
    if (request.base === '' && request.scope === 'base') {
      const supportedControl = '1.2.840.113556.1.4.319';
      const root = { namingContexts: 'dc=example', supportedControl, ...behaviour.rootDSE };
      return [searchEntry('', root), searchDone()];
    }
    if (behaviour.search) return behaviour.search(request);
    return [request.page ? searchDone({ cookie: '' }) : searchDone()];
  };
}

function decodeRequest(bytes: Buffer): { readonly id: number; readonly request: Request } | undefined {
  const envelope = new BerReader(bytes).enter(tags.sequence);
  const id = envelope.number(tags.integer);
  const tag = envelope.tag;
  const body = envelope.enter(tag ?? 0);
  switch (tag) {
    case 0x60: {
      body.skip(); // The version.
      return { id, request: { kind: 'Bind', dn: body.text(), password: body.text(0x80) } };
    }
    case 0x77:
      return { id, request: { kind: 'Extended', oid: body.text(0x80) } };
    case 0x63:
      return { id, request: decodeSearch(body, envelope) };
    default:
      return undefined;
  }
}

function decodeSearch(body: BerReader, envelope: BerReader): Request {
  const base = body.text();
  const scope = (['base', 'one', 'sub'] as const)[body.number(tags.enumerated)] ?? 'sub';
  body.skip(); // How aliases are treated.
  const sizeLimit = body.number(tags.integer);
  const timeLimit = body.number(tags.integer);
  body.skip(); // Whether only the types are wanted.
  body.skip(); // The filter.
  const list = body.enter(tags.sequence);
  const attributes: string[] = [];
  while (!list.atEnd) attributes.push(list.text());
  const search = { kind: 'Search', base, scope, sizeLimit, timeLimit, attributes } as const;
  if (envelope.atEnd) return search;
  const controls = envelope.enter(0xa0);
  while (!controls.atEnd) {
    const control = controls.enter(tags.sequence);
    const oid = control.text();
    control.skip(); // Its criticality.
    if (oid !== pagedResultsControl) continue;
    const value = new BerReader(control.octets()).enter(tags.sequence);
    return { ...search, page: { size: value.number(tags.integer), cookie: value.text() } };
  }
  return search;
}
