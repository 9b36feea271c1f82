import { DirectoryError } from '../errors.ts';

/** How far a connection got before it failed. */
export type ConnectionPhase = 'Connect' | 'TLS' | 'Open';

const codesOfUntrusted: ReadonlySet<string> = new Set([
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_CHAIN_TOO_LONG', 'PATH_LENGTH_EXCEEDED'],
  ...['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED', 'CERT_REVOKED', 'CERT_REJECTED', 'CERT_UNTRUSTED'],
  ...['CERT_SIGNATURE_FAILURE', 'INVALID_CA', 'INVALID_PURPOSE'],
]);

/**
 * Says what an error of a connection means. Codes: https://nodejs.org/docs/latest-v24.x/api/errors.html and
 * https://nodejs.org/docs/latest-v24.x/api/tls.html#x509-certificate-error-codes
 */
export function networkError(error: unknown, server: string, phase: ConnectionPhase): DirectoryError {
  if (error instanceof DirectoryError) return error;
  const options = { cause: error };
  const code = codeOf(error);
  const because = code === undefined ? '' : ` (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new DirectoryError('HostNameMismatch', `The certificate of ${server} is for other names.`, options);
  }
  if (code !== undefined && codesOfUntrusted.has(code)) {
    return new DirectoryError(
      'CertificateNotTrusted',
      `The certificate of ${server} is not trusted${because}.`,
      options,
    );
  }
  switch (phase) {
    case 'Connect':
      return new DirectoryError('ServerUnreachable', `${server} cannot be reached${because}.`, options);
    case 'TLS':
      return new DirectoryError('TLSFailed', `${server} agrees to no TLS connection${because}.`, options);
    case 'Open':
      return new DirectoryError('ConnectionLost', `The connection to ${server} broke${because}.`, options);
  }
}

/** Errors of several addresses of one host come together; the first one speaks for them. */
export function codeOf(error: unknown): string | undefined {
  const [first] = error instanceof AggregateError ? error.errors : [error];
  return first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : undefined;
}
