import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be closed for a while: nothing is lost, it only waits. */
export interface Gate extends AsyncDisposable {
  readonly port: number;
  /** Lets nothing of what the server says pass. */
  close(): void;
  open(): void;
}

/** On loopback, to a port of loopback. */
export async function startGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let closed = false;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    upstreams.add(upstream);
    client.pipe(upstream).pipe(client);
    if (closed) upstream.pause();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        upstreams.delete(upstream);
        client.destroy();
        upstream.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      closed = true;
      for (const upstream of upstreams) upstream.pause();
    },
    open() {
      closed = false;
      for (const upstream of upstreams) upstream.resume();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
