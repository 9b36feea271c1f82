import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { contentRecord, type Entry } from '../../hack/openldap/ldif.ts';
import { image } from './image.ts';
import { type CertificateOptions, serverCertificate } from './servercertificate.ts';

export interface SambaOptions extends CertificateOptions {
  /** In an order in which each finds its parent and its members. */
  readonly entries: Iterable<Entry>;
}

/** A Samba AD DC in a container: the domain ad.example.test, alone in its forest. */
export interface Samba extends AsyncDisposable {
  readonly urls: { readonly ldap: string; readonly ldaps: string };
  readonly caBundle: string;
  /** An account without any right of its own, as `DOMAIN\name`. */
  readonly username: string;
  readonly password: string;
  /** Applies change records of LDIF as the administrator. */
  apply(ldif: string): Promise<void>;
  /** Runs a command in the container, and gives what it says. */
  run(command: readonly string[]): Promise<string>;
}

/** The naming context of the domain. */
export const domain = 'DC=ad,DC=example,DC=test';
/** The NetBIOS name of the domain. */
export const netBIOSName = 'EXAMPLEAD';
/** Of the service account, and of every person who has one: the server is gone after the test. */
export const password = 'correct-horse';
/** A wrong password so many times locks the account. */
export const lockoutThreshold = 3;

/** A password, as the local database of Samba takes it: in UTF-16. */
export const clearTextPassword = [Buffer.from(password, 'utf16le').toString('utf8')];

/** Starts a domain controller with these entries beside those of every domain. */
export async function startSamba(options: SambaOptions): Promise<Samba> {
  const tls = await serverCertificate(options);
  const file = (target: string, content: string) => ({ target: `/fixture/${target}`, content });
  const container = await new GenericContainer(await image('samba', 'docker/samba'))
    .withCopyContentToContainer([
      file('entries.ldif', Array.from(options.entries, contentRecord).join('')),
      file('ca.crt', tls.authority),
      file('server.crt', tls.certificate),
      file('server.key', tls.key),
    ])
    .withExposedPorts(389, 636)
    .withStartupTimeout(180_000)
    .withWaitStrategy(
      Wait.forSuccessfulCommand("LDAPTLS_REQCERT=never ldapsearch -x -H ldaps://localhost -s base -b '' dn"),
    )
    .start();
  return {
    urls: {
      ldap: `ldap://127.0.0.1:${container.getMappedPort(389)}`,
      ldaps: `ldaps://127.0.0.1:${container.getMappedPort(636)}`,
    },
    caBundle: tls.authority,
    username: `${netBIOSName}\\roster`,
    password,
    apply: (ldif) => apply(container, ldif),
    run: (command) => run(container, command),
    [Symbol.asyncDispose]: async () => void (await container.stop({ timeout: 0 })),
  };
}

async function apply(container: StartedTestContainer, ldif: string): Promise<void> {
  await container.copyContentToContainer([{ target: '/fixture/changes', content: ldif }]);
  const connection = ['-x', '-H', 'ldaps://localhost', '-D', `administrator@ad.example.test`, '-w', 'Correct-Horse-1'];
  await run(container, ['env', 'LDAPTLS_REQCERT=never', 'ldapmodify', ...connection, '-f', '/fixture/changes']);
}

async function run(container: StartedTestContainer, command: readonly string[]): Promise<string> {
  const { exitCode, output } = await container.exec([...command]);
  if (exitCode !== 0) throw new Error(`${command.join(' ')} failed: ${output}`);
  return output;
}
