import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy whose connections can be frozen: both ends stay open and hear nothing more, as when a machine loses
 * power or a firewall forgets a connection.
 */
export class FreezableProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** Forwards to a port of this machine. */
  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, 'localhost');
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => this.#sockets.delete(socket));
      }
    });
  }

  /** Resolves to the port it listens on. */
  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, 'localhost', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Freezes the connections there are; new ones work. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.removeAllListeners('data');
      socket.resume();
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }
}
