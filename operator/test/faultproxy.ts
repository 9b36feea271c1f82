import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { BerReader, Framer, tags } from '../src/directory/ldap/ber.ts';
import { message, searchDone } from './ldapwire.ts';

/** What happens to the server's words from some place on. */
export type Fault =
  | 'reset'
  | 'end'
  | 'end inside'
  | 'silence'
  | 'silence inside'
  | 'garbage'
  | 'garbage inside'
  | 'error result';

/** Whether places are messages of LDAP or single bytes, of which the inside is the second half. */
export type Unit = 'message' | 'byte';

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Units that the server has said, on all connections together. */
  readonly units: number;
}

/** A proxy on loopback before a server, which lets `at` units of the server's words pass and then does its worst. */
export async function startFaultProxy(target: number, unit: Unit, at: number, fault?: Fault): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let units = 0;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => upstream.write(chunk));
    client.on('close', () => upstream.destroy());
    const framer = new Framer();
    let done = false;
    upstream.on('data', (chunk: Buffer) => {
      for (const piece of unit === 'message' ? framer.messages(chunk) : bytesOf(chunk)) {
        units += 1;
        if (done) continue;
        if (fault === undefined || units - 1 !== at) {
          client.write(piece);
          continue;
        }
        inflict(fault, client, piece);
        // Damage does not stop the flow; after everything else nothing more is heard.
        done = !fault.startsWith('garbage');
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get units() {
      return units;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function inflict(fault: Fault, client: Socket, piece: Buffer): void {
  const half = piece.subarray(0, Math.ceil(piece.length / 2));
  switch (fault) {
    case 'reset':
      client.resetAndDestroy();
      return;
    case 'end':
      client.end();
      return;
    case 'end inside':
      client.end(half);
      return;
    case 'silence':
      return;
    case 'silence inside':
      client.write(half);
      return;
    case 'garbage':
      client.write(piece.map((byte) => byte ^ 0xa5));
      return;
    case 'garbage inside':
      // The first bytes say how long the message is; they stay.
      client.write(piece.map((byte, index) => (index < 6 ? byte : byte ^ 0xa5)));
      return;
    case 'error result': {
      const id = new BerReader(piece).enter(tags.sequence).number(tags.integer);
      client.write(message(id, searchDone({ code: 80, diagnostic: 'internal error' })));
      return;
    }
  }
}

function* bytesOf(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at++) yield chunk.subarray(at, at + 1);
}
