import { Kysely, PGliteDialect, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { DatabaseError } from '../errors.ts';
import { openEmbedded } from './embedded.ts';
import { toDatabaseError } from './failure.ts';
import type { Tables } from './schema.ts';

/** What the mirror asks of a logger: a part of pino's. */
export interface MirrorLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface DatabaseOptions {
  readonly logger: MirrorLogger;
  /** A statement that takes longer is ended by the server, and a connection in use for half as long again is cut. */
  readonly statementTimeoutMs?: number;
}

export type Session = Kysely<Tables>;
export type Writing = Transaction<Tables>;

/** A database that was opened; `close` it at the end. */
export interface Database {
  readonly type: 'PostgreSQL' | 'PGlite';
  /** Where it is, for logs and messages: host, port and database name, or the directory. */
  readonly location: string;
  /** One connection, so that transactions come one after another. Leave it to `Writer`. */
  readonly writer: Session;
  /** A few connections. */
  readonly reader: Session;
  /** A connection without time limits, for migrations. */
  administer<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Called when a connection broke that nobody was using. */
  onLost(listener: () => void): void;
  close(): Promise<void>;
}

/**
 * Opens `postgres://user:password@host:port/database`, `pglite:DIRECTORY` or `pglite:memory`.
 * A PostgreSQL server is first asked by the first query, and asked again by each one after a failure.
 * Rejects with DatabaseError DatabaseURLInvalid or DatabaseInUse.
 */
export async function openDatabase(url: string, options: DatabaseOptions): Promise<Database> {
  if (url.startsWith('pglite:')) return openPGlite(url.slice('pglite:'.length), options);
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url, options);
  throw new DatabaseError(
    'DatabaseURLInvalid',
    'The database URL begins with neither postgres:// nor pglite:, so it cannot be used.',
  );
}

/** Runs a query of its own and turns its failure into a DatabaseError. */
export async function query<T>(database: Database, work: (session: Session) => Promise<T>): Promise<T> {
  try {
    return await work(database.reader);
  } catch (error) {
    throw toDatabaseError(error, database.location);
  }
}

async function openPGlite(directory: string, { logger }: DatabaseOptions): Promise<Database> {
  const embedded = await openEmbedded(directory);
  const session = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: embedded.engine }) });
  const location = directory === 'memory' ? 'memory' : `the directory ${directory}`;
  logger.info({ database: location }, 'opened the embedded database: for a trial, without protection from power loss');
  return {
    type: 'PGlite',
    location,
    writer: session,
    reader: session,
    administer: (work) => work(session),
    onLost: () => undefined,
    async close() {
      await session.destroy();
      await embedded.close();
    },
  };
}

const readers = 3;
const connectTimeoutMs = 5_000;

function openPostgres(url: string, { logger, statementTimeoutMs = 30_000 }: DatabaseOptions): Database {
  const listeners: (() => void)[] = [];
  const location = locationOf(url);
  const pool = (max: number, limits: Partial<pg.PoolConfig>): pg.Pool => {
    const connections = new pg.Pool({
      connectionString: url,
      application_name: 'roster',
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      max,
      ...limits,
    });
    connections.on('error', (error) => {
      // Never the error itself: it carries the client, which knows the password.
      const err = new DatabaseError('DatabaseUnavailable', error.message);
      logger.warn({ database: location, err }, 'lost a connection to the database');
      for (const listener of listeners) listener();
    });
    // pg tells of a lost connection by an event even while it is in use, and an event without a listener ends Node.
    connections.on('connect', (client) => void client.on('error', () => undefined));
    return connections;
  };
  const limits = {
    statement_timeout: statementTimeoutMs,
    // A leader that hangs in a transaction must not keep the next one from minting an epoch.
    idle_in_transaction_session_timeout: Math.min(statementTimeoutMs, 10_000),
  };
  const session = (connections: pg.Pool) =>
    new Kysely<Tables>({ dialect: new PostgresDialect({ pool: cutOffHung(connections, statementTimeoutMs * 1.5) }) });
  const writer = session(pool(1, limits));
  const reader = session(pool(readers, limits));
  return {
    type: 'PostgreSQL',
    location,
    writer,
    reader,
    async administer(work) {
      const administrator = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool(1, {}) }) });
      try {
        return await work(administrator);
      } finally {
        await administrator.destroy();
      }
    },
    onLost: (listener) => void listeners.push(listener),
    async close() {
      await Promise.all([writer.destroy(), reader.destroy()]);
    },
  };
}

/**
 * Ends connections that are in use for so long that the server cannot be alive: its own time limit is no help when
 * the machine is frozen or the network swallows everything. `end` destroys the socket while a query is under way.
 */
function cutOffHung(pool: pg.Pool, milliseconds: number): pg.Pool {
  const timers = new Map<pg.PoolClient, NodeJS.Timeout>();
  pool.on('acquire', (client) => {
    timers.set(
      client,
      setTimeout(() => void (client as pg.PoolClient & pg.Client).end(), milliseconds),
    );
  });
  pool.on('release', (_error, client) => {
    clearTimeout(timers.get(client));
    timers.delete(client);
  });
  return pool;
}

/** Host, port and database name: what a message may show of the URL. */
function locationOf(text: string): string {
  // The error of the constructor would hold the URL with its password.
  if (!URL.canParse(text)) {
    throw new DatabaseError(
      'DatabaseURLInvalid',
      'The database URL cannot be read. Characters such as @, / and # in the password must be percent-encoded.',
    );
  }
  const { hostname, port, pathname, searchParams } = new URL(text);
  return `${hostname || searchParams.get('host') || 'localhost'}:${port || '5432'}${pathname}`;
}
