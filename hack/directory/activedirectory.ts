import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createAuthority, issueCertificate } from '../openldap/certificates.ts';
import { changeRecord, contentRecord } from '../openldap/ldif.ts';
import { type DomainContents, generateDomain } from '../samba/people.ts';
import { freePort } from '../stack.ts';
import { type DirectoryServer, type DirectoryServerOptions, remembered, secretRef } from './server.ts';

const run = promisify(execFile);
const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
const image = 'localhost/roster-samba:test';
const filledImage = 'localhost/roster-samba-filled';
const imageFolder = join(dirname(import.meta.dirname), 'docker/samba');

/** As the image has it. */
const domain = 'DC=ad,DC=example,DC=test';
const serviceAccount = { username: 'EXAMPLEAD\\roster', password: 'correct-horse' };
const administrator = { username: 'administrator@ad.example.test', password: 'Correct-Horse-1' };
/** Entries that are added in one transaction. */
const entriesAtOnce = 1000;

/**
 * A Samba AD DC in a container, which keeps the domain while it is stopped: ids are given by the server, so people of
 * a new one would be other people.
 */
export async function startActiveDirectory(options: DirectoryServerOptions): Promise<DirectoryServer> {
  const { folder, size, temporary = false } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { port } = await remembered(join(folder, 'settings.json'), async () => ({ port: await freePort() }));
  const container = new Container(`roster-ad-${hash(folder)}`);
  const contents = generateDomain(size, domain);
  const [complete, fixture] = [join(folder, 'complete'), join(folder, 'fixture')];
  if (!existsSync(complete)) {
    await container.remove();
    await mkdir(fixture, { recursive: true });
    await createAuthority(fixture, 'Roster demo directory');
    await issueCertificate(fixture, ['localhost', '127.0.0.1']);
    await writeFile(join(fixture, 'administrator'), administrator.password);
    await fill(container, contents, fixture, port);
    await writeFile(complete, '');
  }
  await container.start();
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
    marry: (every, round) => container.modify(Array.from(contents.marriages(every, round), changeRecord).join('')),
    stop: () => (temporary ? container.remove() : container.stop()),
  };
}

/**
 * Makes the container with the domain in it. Adding twenty thousand people takes Samba a quarter of an hour, as each one
 * takes the longer the more there are: so what was filled once is kept as an image.
 */
async function fill(container: Container, contents: DomainContents, fixture: string, port: number): Promise<void> {
  // The ids of images tell also by which program they were built.
  const recipe = await Promise.all(
    (await readdir(imageFolder)).sort().map((name) => readFile(join(imageFolder, name), 'utf8')),
  );
  const entries = Array.from(contents.entries(), contentRecord);
  const later = Array.from(contents.laterMembers(), changeRecord).join('');
  const filled = `${filledImage}:${hash([...recipe, ...entries, later].join(''))}`;
  if (await exists(filled)) {
    await container.create(filled, port, fixture);
    return;
  }
  for (let at = 0; at < entries.length; at += entriesAtOnce) {
    const name = `${String(at).padStart(7, '0')}.ldif`;
    await writeFile(join(fixture, name), entries.slice(at, at + entriesAtOnce).join(''));
  }
  await run('docker', ['build', '--quiet', '--tag', image, imageFolder]);
  await container.create(image, port, fixture);
  await container.start();
  await container.modify(later);
  await container.keep(filled);
}

async function exists(tag: string): Promise<boolean> {
  return run('docker', ['image', 'inspect', tag]).then(
    () => true,
    () => false,
  );
}

/** A container of this folder's domain, by its name. */
class Container {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Makes it of an image with these files, to be served at the port of 127.0.0.1. */
  async create(tag: string, port: number, fixture: string): Promise<void> {
    await run('docker', ['create', '--name', this.#name, '--publish', `127.0.0.1:${port}:636`, tag]);
    await run('docker', ['cp', `${fixture}/.`, `${this.#name}:/fixture`]);
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

  /** Stops it and makes an image of what it holds. */
  async keep(tag: string): Promise<void> {
    await this.stop();
    await run('docker', ['commit', this.#name, tag]);
  }

  /** Applies change records of LDIF as the domain's administrator. */
  async modify(changes: string): Promise<void> {
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
    child.stdin.end(changes);
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
