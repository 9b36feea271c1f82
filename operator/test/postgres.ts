import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { freePort } from '../../hack/stack.ts';
import { image } from './image.ts';

/** A PostgreSQL in a container, with administrator `admin`. It keeps its port while it is stopped. */
export interface Postgres extends AsyncDisposable {
  /** Of a database of its own, with all rights. */
  readonly url: string;
  /** A further database; its URL. */
  createDatabase(): Promise<string>;
  /** Freezes the server: connections stay open and nobody answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Kills the server without a word to its clients. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and all that it holds. */
  stop(): Promise<void>;
}

/** Of the administrator: the server is gone after the test. */
export const password = 'correct-horse';

export async function startPostgres(): Promise<Postgres> {
  const port = await freePort();
  const started = await new GenericContainer(await image('postgres', 'docker/postgres'))
    .withExposedPorts({ container: 5432, host: port })
    .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections'))
    .start();
  const container = (await getContainerRuntimeClient()).container.getById(started.getId());
  const urlOf = (database: string) => `postgres://admin:${password}@127.0.0.1:${port}/${database}`;
  let databases = 0;
  const createDatabase = async () => {
    const name = `roster_${++databases}`;
    await administer(urlOf('postgres'), `create database ${name}`);
    return urlOf(name);
  };
  const stop = async () => void (await started.stop({ timeout: 0 }));
  return {
    url: await createDatabase(),
    createDatabase,
    pause: () => container.pause(),
    resume: () => container.unpause(),
    kill: () => container.kill(),
    start: () => container.start(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Runs statements on a connection of their own; the rows of the last one. */
export async function administer(url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** A wire to a server that loses what it is told to lose. */
export interface Wire extends AsyncDisposable {
  /** Leads through the wire. */
  readonly url: string;
  /** Cuts the connection instead of handing over the answer to the next COMMIT, which the server has carried out. */
  loseNextCommitAnswer(): void;
  /** Cuts all connections now. */
  cut(): void;
  /** Hands nothing over any more, not even that a side has gone: the client looks frozen to the server. */
  freeze(): void;
}

export async function startWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let losing = false;
  let frozen = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let committing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        if (frozen) return;
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (frozen) return;
      committing = losing && data.includes('commit');
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (frozen) return;
      if (!committing) {
        client.write(data);
        return;
      }
      losing = false;
      client.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    loseNextCommitAnswer() {
      losing = true;
    },
    cut,
    freeze() {
      frozen = true;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
