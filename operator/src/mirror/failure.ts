/**
 * What failed queries mean, told by PostgreSQL's SQLSTATE or the code of Node's network error. Only what the
 * drivers themselves throw has neither, and is told by its text.
 */
import { DatabaseError } from '../errors.ts';

/** The parts of an error of pg and PGlite that are used: https://www.postgresql.org/docs/current/protocol-error-fields.html */
interface QueryError {
  readonly code?: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** The database refuses what a row holds; others may go on. Class 21: cardinality, 22: data, 23: integrity, 54: too long. */
export function isRowRefused(error: unknown): boolean {
  return /^(21|22|23|54)/.test(sqlState(error));
}

/** Two transactions got in each other's way: the same again may succeed. */
export function isRetryable(error: unknown): boolean {
  return ['40001', '40P01'].includes(sqlState(error));
}

/**
 * The sentence for people, without passwords or people's data: a server's detail and context, which quote rows,
 * are left out. Errors that nobody foresaw come back as they are.
 */
export function toDatabaseError(error: unknown, location: string): unknown {
  const state = sqlState(error);
  const said = isPasswordMissing(error) ? 'no password was given' : error instanceof Error ? plainMessage(error) : '';
  const unavailable = (sentence: string) => new DatabaseError('DatabaseUnavailable', sentence);

  if (error instanceof DatabaseError) return error;
  const file = unreadableFile(error);
  if (file !== undefined) {
    return new DatabaseError('DatabaseURLInvalid', `The file ${file} that the database URL names cannot be read.`);
  }
  if (state === '28P01' || state === '28000' || isPasswordMissing(error)) {
    return new DatabaseError('DatabaseLoginRefused', `The database at ${location} refuses the login: ${said}.`);
  }
  if (state === '3D000') return new DatabaseError('DatabaseNotFound', `There is no database at ${location}: ${said}.`);
  if (state === '42501') {
    return new DatabaseError('DatabaseNotAuthorized', `The database at ${location} does not allow it: ${said}.`);
  }
  if (state === '42P01' || state === '3F000' || state === '42703') {
    return new DatabaseError('DatabaseNotMigrated', `The database at ${location} lacks a table or column: ${said}.`);
  }
  if (state === '25006') return unavailable(`The database at ${location} is read-only, as a standby is.`);
  if (state === '57014') return unavailable(`The database at ${location} took too long for a statement.`);
  if (isRetryable(error)) return unavailable(`The database at ${location} could not finish a transaction: ${said}.`);
  // 08: connection, 25P03: idle in a transaction, 53: resources, 55P03: lock, 57P: shut down, 58: its own disk.
  if (/^(08|25P03|53|55P03|57P|58)/.test(state)) {
    return unavailable(`The database at ${location} cannot serve: ${said}.`);
  }
  const network = networkSentence(error);
  return network === undefined ? error : unavailable(`The database at ${location} cannot be reached: ${network}.`);
}

/** Why the database refuses one row, naming the column where that is known. */
export function rowRejected(error: unknown, row: string, column: string | undefined): DatabaseError {
  const { column: told, constraint } = error as QueryError;
  const where = told ?? column ?? constraint;
  const said = plainMessage(error as Error);
  return new DatabaseError(
    'RowRejected',
    `The database refuses ${row}: ${said}${where === undefined ? '' : ` (${where})`}.`,
  );
}

/** PostgreSQL's main message without the value that it may quote after a colon, and without a full stop. */
function plainMessage(error: Error): string {
  return error.message.replace(/: ".*$/s, '').replace(/\.$/, '');
}

function sqlState(error: unknown): string {
  const code = error instanceof Error ? (error as Error & QueryError).code : undefined;
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code) ? code : '';
}

const networkCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'no network leads there',
  ENETUNREACH: 'no network leads there',
  ENOTFOUND: 'its host name is not known',
  EAI_AGAIN: 'its host name cannot be looked up',
  ENOENT: 'its socket does not exist',
};

/** What pg says about connections without a code. */
const clientMessages: readonly (readonly [RegExp, string])[] = [
  [/timeout|timed out/i, 'it does not answer in time'],
  [/not queryable|Connection terminated|has been discarded|ended/i, 'the connection broke'],
  [/does not support SSL/, 'it does not speak TLS'],
  [/PGlite is closed|driver has already been destroyed|pool after calling end/, 'it was closed'],
];

function networkSentence(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as Error & QueryError).code;
  if (code !== undefined) {
    if (code in networkCodes) return networkCodes[code];
    if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) return `TLS: ${error.message}`;
    if (/^E[A-Z_]+$/.test(code)) return code;
  }
  return clientMessages.find(([pattern]) => pattern.test(error.message))?.[1];
}

/** `sslrootcert` and the like name files. */
function unreadableFile(error: unknown): string | undefined {
  const { syscall, path } = error as NodeJS.ErrnoException;
  return error instanceof Error && syscall === 'open' ? path : undefined;
}

/** https://github.com/brianc/node-postgres/blob/master/packages/pg/lib/crypto/sasl.js: thrown without a code. */
function isPasswordMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('SASL: ');
}
