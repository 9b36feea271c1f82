import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { administrator, serviceAccount, slapdConfig } from '../../hack/openldap/config.ts';
import { changeRecord, contentRecord, type Entry, type Replacement } from '../../hack/openldap/ldif.ts';
import { image } from './image.ts';
import { type CertificateOptions, serverCertificate } from './servercertificate.ts';

export interface OpenLDAPOptions extends CertificateOptions {
  readonly entries: Iterable<Entry>;
  /** See SlapdConfig; none unless told. */
  readonly sizeLimit?: number;
  readonly anonymousRead?: boolean;
  /** See SlapdConfig. */
  readonly hidden?: readonly string[];
  /** See SlapdConfig. */
  readonly access?: readonly string[];
}

/** An OpenLDAP in a container. */
export interface OpenLDAP extends AsyncDisposable {
  readonly urls: { readonly ldap: string; readonly ldaps: string };
  readonly caBundle: string;
  readonly username: string;
  readonly password: string;
  modify(changes: Iterable<Replacement>): Promise<void>;
  /** Applies LDIF, as the administrator of the contents, or as root on the server, who may change its configuration. */
  apply(ldif: string, as: 'administrator' | 'root'): Promise<void>;
  /** Kills the server without a word to its clients. */
  kill(): Promise<void>;
}

export const suffix = 'dc=example,dc=com';
/** Of the service account, and of the administrator: the server is gone after the test. */
export const password = 'correct-horse';

/** Starts an OpenLDAP with these entries, which begin with the suffix itself. */
export async function startOpenLDAP(options: OpenLDAPOptions): Promise<OpenLDAP> {
  const { entries, sizeLimit = -1, anonymousRead = false, hidden = [], access } = options;
  const paths = { data: '/slapd/data', run: '/slapd', tls: '/slapd/tls' };
  const tls = await serverCertificate(options);
  const config = slapdConfig({
    ...{ suffix, adminPassword: password, sizeLimit, anonymousRead, hidden, paths },
    ...(access && { access }),
  });
  const data = Array.from(entries, contentRecord).join('');
  const file = (target: string, content: string) => ({ target: `/slapd/${target}`, content });
  const container = await new GenericContainer(await image('openldap', 'openldap'))
    .withCopyContentToContainer([
      file('config.ldif', config),
      file('data.ldif', data),
      file('admin-password', password),
      file('tls/ca.crt', tls.authority),
      file('tls/server.crt', tls.certificate),
      file('tls/server.key', tls.key),
    ])
    .withExposedPorts(389, 636)
    // Its log says that it starts before it listens.
    .withWaitStrategy(Wait.forSuccessfulCommand('LDAPTLS_REQCERT=never ldapwhoami -x -H ldaps://localhost'))
    .start();
  return {
    urls: {
      ldap: `ldap://127.0.0.1:${container.getMappedPort(389)}`,
      ldaps: `ldaps://127.0.0.1:${container.getMappedPort(636)}`,
    },
    caBundle: tls.authority,
    username: serviceAccount(suffix),
    password,
    modify: (changes) => apply(container, Array.from(changes, changeRecord).join(''), 'administrator'),
    apply: (ldif, as) => apply(container, ldif, as),
    kill: async () => void (await container.stop({ timeout: 0 })),
    [Symbol.asyncDispose]: async () => void (await container.stop({ timeout: 0 })),
  };
}

async function apply(container: StartedTestContainer, ldif: string, as: 'administrator' | 'root'): Promise<void> {
  const file = '/slapd/changes.ldif';
  await container.copyContentToContainer([{ target: file, content: ldif }]);
  const bind = {
    administrator: ['-x', '-H', 'ldap://localhost', '-D', administrator(suffix), '-y', '/slapd/admin-password'],
    root: ['-Y', 'EXTERNAL', '-H', 'ldapi://%2Fslapd%2Fldapi'],
  }[as];
  const { exitCode, output } = await container.exec(['ldapmodify', '-a', ...bind, '-f', file]);
  if (exitCode !== 0) throw new Error(`ldapmodify failed: ${output}`);
}
