import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate } from '../../hack/openldap/certificates.ts';

export interface CertificateOptions {
  /** Names and addresses in the server's certificate; those of loopback unless told. */
  readonly certificateFor?: readonly string[];
  readonly certificateExpired?: boolean;
}

/** A certificate for a server of a test, with that of the authority that signed it. PEM texts. */
export async function serverCertificate({
  certificateFor = ['localhost', '127.0.0.1'],
  certificateExpired = false,
}: CertificateOptions = {}): Promise<{ authority: string; certificate: string; key: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'roster-tls-'));
  try {
    const authority = await createAuthority(directory, 'Roster tests');
    const server = await issueCertificate(directory, certificateFor, certificateExpired ? -1 : 1);
    return { authority: authority.certificate, ...server };
  } finally {
    await rm(directory, { recursive: true });
  }
}
