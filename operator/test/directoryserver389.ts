import { GenericContainer, Wait } from 'testcontainers';
import { contentRecord, type Entry } from '../../hack/openldap/ldif.ts';
import { image } from './image.ts';
import { type CertificateOptions, serverCertificate } from './servercertificate.ts';

export interface DirectoryServer389Options extends CertificateOptions {
  /** Begin with the suffix itself. An `nsUniqueId` among the attributes is kept. */
  readonly entries: Iterable<Entry>;
}

/** A 389 Directory Server in a container. */
export interface DirectoryServer389 extends AsyncDisposable {
  readonly urls: { readonly ldap: string; readonly ldaps: string };
  readonly caBundle: string;
  /** Applies LDIF, contents or configuration, as the Directory Manager, whom no rule binds. */
  apply(ldif: string): Promise<void>;
}

export const suffix = 'dc=example,dc=com';
/** Of the Directory Manager: the server is gone after the test. */
export const password = 'correct-horse';
export const directoryManager = 'cn=Directory Manager';

/** Starts a 389 Directory Server with these entries. */
export async function startDirectoryServer389(options: DirectoryServer389Options): Promise<DirectoryServer389> {
  const tls = await serverCertificate(options);
  const file = (target: string, content: string) => ({ target: `/ds/${target}`, content });
  const container = await new GenericContainer(await image('389ds', 'docker/389ds'))
    .withCopyContentToContainer([
      file('data.ldif', Array.from(options.entries, contentRecord).join('')),
      file('password', password),
      file('tls/ca.crt', tls.authority),
      file('tls/server.crt', tls.certificate),
      file('tls/server.key', tls.key),
    ])
    .withExposedPorts(389, 636)
    .withWaitStrategy(Wait.forSuccessfulCommand('LDAPTLS_REQCERT=never ldapwhoami -x -H ldaps://localhost'))
    .start();
  return {
    urls: {
      ldap: `ldap://127.0.0.1:${container.getMappedPort(389)}`,
      ldaps: `ldaps://127.0.0.1:${container.getMappedPort(636)}`,
    },
    caBundle: tls.authority,
    async apply(ldif) {
      const target = '/ds/changes.ldif';
      await container.copyContentToContainer([{ target, content: ldif }]);
      const bind = ['-x', '-H', 'ldap://localhost', '-D', directoryManager, '-y', '/ds/password'];
      const { exitCode, output } = await container.exec(['ldapmodify', '-a', ...bind, '-f', target]);
      if (exitCode !== 0) throw new Error(`ldapmodify failed: ${output}`);
    },
    [Symbol.asyncDispose]: async () => void (await container.stop({ timeout: 0 })),
  };
}
