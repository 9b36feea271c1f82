import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM texts. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes a certificate authority of its own, valid for ten years, in files of `directory`. */
export async function createAuthority(directory: string, name: string): Promise<Certificate> {
  const [key, certificate] = [join(directory, 'ca.key'), join(directory, 'ca.crt')];
  const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '3650', '-subj', `/CN=${name}`, ...extensions],
    ...['-keyout', key, '-out', certificate],
  ]);
  return read(certificate, key);
}

/**
 * Has the authority in `directory` sign a server's certificate for these DNS names and IP addresses. One for less
 * than no days has expired.
 */
export async function issueCertificate(directory: string, hosts: readonly string[], days = 3650): Promise<Certificate> {
  const file = (suffix: string) => join(directory, `server.${suffix}`);
  const names = hosts.map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`).join(',');
  await writeFile(file('ext'), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
  await run('openssl', [
    ...['req', ...newKey, '-subj', `/CN=${hosts[0] ?? 'localhost'}`],
    ...['-keyout', file('key'), '-out', file('csr')],
  ]);
  await run('openssl', [
    ...['x509', '-req', '-in', file('csr'), '-days', `${days}`, '-extfile', file('ext')],
    ...['-CA', join(directory, 'ca.crt'), '-CAkey', join(directory, 'ca.key'), '-CAcreateserial'],
    ...['-out', file('crt')],
  ]);
  return read(file('crt'), file('key'));
}

async function read(certificate: string, key: string): Promise<Certificate> {
  return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
}
