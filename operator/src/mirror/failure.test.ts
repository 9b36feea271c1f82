import { describe, expect, it } from 'vitest';
import { DatabaseError } from '../errors.ts';
import { isRetryable, isRowRefused, rowRejected, toDatabaseError } from './failure.ts';

const failure = (code: string | undefined, message: string, more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });

const told = (error: unknown) => {
  const result = toDatabaseError(error, 'db.example.com:5432/roster');
  return result instanceof DatabaseError ? `${result.reason}: ${result.message}` : result;
};

describe('toDatabaseError', () => {
  it.each([
    ['28P01', 'password authentication failed for user "roster"', 'DatabaseLoginRefused'],
    ['28000', 'no pg_hba.conf entry for host "10.0.0.1"', 'DatabaseLoginRefused'],
    ['3D000', 'database "roster" does not exist', 'DatabaseNotFound'],
    ['42501', 'permission denied for database roster', 'DatabaseNotAuthorized'],
    ['42P01', 'relation "roster.people" does not exist', 'DatabaseNotMigrated'],
    ['57P01', 'terminating connection due to administrator command', 'DatabaseUnavailable'],
    ['57P03', 'the database system is starting up', 'DatabaseUnavailable'],
    ['53100', 'could not extend file: No space left on device', 'DatabaseUnavailable'],
    ['53300', 'sorry, too many clients already', 'DatabaseUnavailable'],
    ['25006', 'cannot execute INSERT in a read-only transaction', 'DatabaseUnavailable'],
    ['57014', 'canceling statement due to statement timeout', 'DatabaseUnavailable'],
    ['40001', 'could not serialize access', 'DatabaseUnavailable'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:5432', 'DatabaseUnavailable'],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND db.example.com', 'DatabaseUnavailable'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'DatabaseUnavailable'],
    [undefined, 'Connection terminated unexpectedly', 'DatabaseUnavailable'],
    [undefined, 'timeout exceeded when trying to connect', 'DatabaseUnavailable'],
    [undefined, 'Client has encountered a connection error and is not queryable', 'DatabaseUnavailable'],
  ])('calls %s (%s) %s', (code, message, reason) => {
    expect(told(failure(code, message))).toMatch(
      new RegExp(`^${reason}: The(re is no)? database at db.example.com:5432/roster`),
    );
  });

  it('says it when no password was given, which pg tells without a code', () => {
    const error = failure(undefined, 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
    expect(told(error)).toBe(
      'DatabaseLoginRefused: The database at db.example.com:5432/roster refuses the login: no password was given.',
    );
  });

  it('names the file that the URL names and that cannot be read', () => {
    const error = failure('ENOENT', 'ENOENT: no such file', { syscall: 'open', path: '/tls/ca.pem' });
    expect(told(error)).toBe('DatabaseURLInvalid: The file /tls/ca.pem that the database URL names cannot be read.');
  });

  it('leaves errors alone that nobody foresaw', () => {
    const error = new TypeError('x is not a function');
    expect(toDatabaseError(error, 'anywhere')).toBe(error);
  });
});

describe('rowRejected', () => {
  it('names the column and never repeats what the row holds', () => {
    const error = failure('22P02', 'invalid input syntax for type timestamp with time zone: "jane@example.com"', {
      detail: 'Failing row contains (jane@example.com)',
    });
    expect(rowRejected(error, 'User acme/jane', 'expires_at').message).toBe(
      'The database refuses User acme/jane: invalid input syntax for type timestamp with time zone (expires_at).',
    );
  });

  it('believes the database when it names a column', () => {
    const error = failure('23502', 'null value in column "language" violates not-null constraint', {
      column: 'language',
    });
    expect(rowRejected(error, 'User acme/jane', undefined)).toMatchObject({
      reason: 'RowRejected',
      message:
        'The database refuses User acme/jane: null value in column "language" violates not-null constraint (language).',
    });
  });
});

it('tells rows that are refused and transactions that may be tried again from all else', () => {
  expect(['22021', '22P05', '23514', '54000'].every((code) => isRowRefused(failure(code, '')))).toBe(true);
  expect(['40001', '40P01', '57P01', 'ECONNRESET'].some((code) => isRowRefused(failure(code, '')))).toBe(false);
  expect(['40001', '40P01'].every((code) => isRetryable(failure(code, '')))).toBe(true);
  expect(['23505', '57P01', 'EPIPE'].some((code) => isRetryable(failure(code, '')))).toBe(false);
});
