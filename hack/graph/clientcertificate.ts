import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

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
    const file = (suffix: string) => join(directory, `tls.${suffix}`);
    const [certificate, key, request] = [file('crt'), file('key'), file('csr')];
    const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key];
    await run('openssl', ['req', '-new', ...newKey, '-subj', '/CN=roster', '-out', request]);
    await run('openssl', [
      ...['x509', '-req', '-in', request, '-signkey', key, '-days', `${days}`, '-out', certificate],
    ]);
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
  } finally {
    await rm(directory, { recursive: true });
  }
}
