/** What the mirror asks of a logger: a part of pino's. */
export interface MirrorLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface DatabaseOptions {
  readonly logger: MirrorLogger;
  /** A statement that takes longer is ended by the server. */
  readonly statementTimeoutMs?: number;
}

/** A database that was opened; `close` it at the end. */
export interface Database {
  readonly type: 'PostgreSQL' | 'PGlite';
  /** Where it is, for logs: host, port and database name, or the directory. */
  readonly location: string;
  close(): Promise<void>;
}

/**
 * Opens `postgres://user:password@host:port/database`, `pglite:DIRECTORY` or `pglite:memory`.
 * A PostgreSQL server is first asked by the first query, and asked again by each one after a failure.
 */
export async function openDatabase(_url: string, _options: DatabaseOptions): Promise<Database> {
  throw new Error('not built yet');
}
