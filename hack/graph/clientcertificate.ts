import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** PEM texts. */
export interface ClientCertificate {
  readonly certificate: string;
  /** PKCS #8. */
  readonly key: string;
}

/**
 * A self-signed certificate as one uploads it to an app registration, which takes RSA keys:
 * https://learn.microsoft.com/entra/identity-platform/certificate-credentials. One for less than no days has expired.
 */
export async function createClientCertificate(days = 365): Promise<ClientCertificate> {
  const directory = await mkdtemp(join(tmpdir(), 'roster-client-'));
  try {
    const [certificate, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', `${days}`, '-subj', '/CN=roster'],
      ...['-keyout', key, '-out', certificate],
    ]);
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
  } finally {
    await rm(directory, { recursive: true });
  }
}
