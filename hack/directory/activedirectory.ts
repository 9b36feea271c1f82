import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createAuthority, issueCertificate } from '../openldap/certificates.ts';
import { changeRecord, contentRecord, type Replacement } from '../openldap/ldif.ts';
import { generateDomain } from '../samba/people.ts';
import { freePort } from '../stack.ts';
import { type DirectoryServer, type DirectoryServerOptions, remembered, secretRef } from './server.ts';

const run = promisify(execFile);
const image = 'localhost/roster-samba:test';
const imageFolder = join(dirname(import.meta.dirname), 'docker/samba');

/** As the image has it. */
const domain = 'DC=ad,DC=example,DC=test';
const serviceAccount = { username: 'EXAMPLEAD\\roster', password: 'correct-horse' };
const administrator = { username: 'administrator@ad.example.test', password: 'Correct-Horse-1' };

/**
 * A Samba AD DC in a container, which keeps the domain while it is stopped: ids are given by the server, so people of
 * a new one would be other people.
 */
export async function startActiveDirectory(options: DirectoryServerOptions): Promise<DirectoryServer> {
  const { folder, size, temporary = false } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { port } = await remembered(join(folder, 'settings.json'), async () => ({ port: await freePort() }));
  const container = new Container(`roster-ad-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`);
  const contents = generateDomain(size, domain);
  const [complete, fixture] = [join(folder, 'complete'), join(folder, 'fixture')];
  if (!existsSync(complete)) {
    await container.remove();
    await mkdir(fixture, { recursive: true });
    await createAuthority(fixture, 'Roster demo directory');
    await issueCertificate(fixture, ['localhost', '127.0.0.1']);
    await writeFile(join(fixture, 'entries.ldif'), Array.from(contents.entries(), contentRecord).join(''));
    await writeFile(join(fixture, 'administrator'), administrator.password);
    await container.create(port, fixture);
  }
  await container.start();
  if (!existsSync(complete)) {
    await container.modify(contents.laterMembers());
    await writeFile(complete, '');
  }
  const url = `ldaps://127.0.0.1:${port}`;
  const caBundle = await readFile(join(fixture, 'ca.crt'), 'utf8');
  return {
    secret: { hosts: url, data: serviceAccount },
    block: {
      activeDirectory: {
        ...{ urls: [url], startTLS: false, caBundle, credentials: { secretRef }, baseDNs: [contents.base] },
        ...{ pageSize: 500, timeoutSeconds: 60, includeServiceAccounts: false },
      },
    },
    search: {
      ...{ url, ...serviceAccount, caBundle },
      // Members by id, as the reader asks for them: MS-ADTS section 3.1.1.3.4.1.5.
      options: ['-E', '!1.2.840.113556.1.4.529=::MAMCAQE='],
      searches: [
        {
          base: contents.base,
          filter: '(&(objectCategory=group)(!(groupType:1.2.840.113556.1.4.803:=1)))',
          attributes: ['objectGUID', 'objectSid', 'cn', 'description', 'member'],
        },
        {
          base: contents.base,
          filter: '(sAMAccountType=805306368)',
          attributes: [
            ...['objectGUID', 'objectSid', 'primaryGroupID', 'givenName', 'sn', 'mail', 'sAMAccountName'],
            ...['preferredLanguage', 'userAccountControl', 'accountExpires'],
          ],
        },
      ],
    },
    ended: container.ended(),
    marry: (every, round) => container.modify(contents.marriages(every, round)),
    stop: () => (temporary ? container.remove() : container.stop()),
  };
}

/** A container of this folder's domain, by its name. */
class Container {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Makes it with these files, to be served at the port of 127.0.0.1. */
  async create(port: number, fixture: string): Promise<void> {
    await run('docker', ['build', '--quiet', '--tag', image, imageFolder]);
    await run('docker', ['create', '--name', this.#name, '--publish', `127.0.0.1:${port}:636`, image]);
    await run('docker', ['cp', join(fixture, '.'), `${this.#name}:/fixture`]);
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    await run('docker', ['start', this.#name]);
    for (;;) {
      const question = ['ldapsearch', '-x', '-H', 'ldaps://localhost', '-s', 'base', '-b', '', 'dn'];
      const answer = run('docker', ['exec', '--env', 'LDAPTLS_REQCERT=never', this.#name, ...question]);
      if (await answer.then(Boolean, () => false)) return;
      const { stdout } = await run('docker', ['inspect', '--format', '{{.State.Running}}', this.#name]);
      if (stdout.trim() !== 'true') {
        const { stderr } = await run('docker', ['logs', '--tail', '5', this.#name]);
        throw new Error(`Samba ended: ${stderr.trim()}`);
      }
      await setTimeout(200);
    }
  }

  /** Applies changes as the domain's administrator. */
  async modify(changes: Iterable<Replacement>): Promise<void> {
    const bind = ['-D', administrator.username, '-y', '/fixture/administrator'];
    const child = spawn(
      'docker',
      [
        ...['exec', '--interactive', '--env', 'LDAPTLS_REQCERT=never', this.#name],
        ...['ldapmodify', '-x', '-H', 'ldaps://localhost', ...bind],
      ],
      { stdio: ['pipe', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.stdin.end(Array.from(changes, changeRecord).join(''));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`ldapmodify failed: ${said.trim()}`);
  }

  /** Resolves when it has ended, whoever ended it. */
  async ended(): Promise<void> {
    await run('docker', ['wait', this.#name]).catch(() => {});
  }

  async stop(): Promise<void> {
    await run('docker', ['stop', '--time', '5', this.#name]);
  }

  /** Forgets the domain. */
  async remove(): Promise<void> {
    await run('docker', ['rm', '--force', '--volumes', this.#name]).catch(() => {});
  }
}
