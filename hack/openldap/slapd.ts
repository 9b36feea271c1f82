import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { createAuthority, issueCertificate } from './certificates.ts';
import { administrator, slapdConfig } from './config.ts';
import { changeRecord, contentRecord, type Entry, type Replacement } from './ldif.ts';

export interface SlapdOptions {
  /** Everything that slapd keeps; continued from when it holds a directory already. */
  readonly directory: string;
  readonly suffix: string;
  readonly adminPassword: string;
  /** The first contents. */
  readonly entries: () => Iterable<Entry>;
  /** On 127.0.0.1. */
  readonly ports: { readonly ldap: number; readonly ldaps: number };
  /** See SlapdConfig; none unless told. */
  readonly sizeLimit?: number;
}

/** A running slapd. */
export interface Slapd {
  readonly pid: number;
  readonly urls: { readonly ldap: string; readonly ldaps: string };
  /** PEM of the authority that signed the server's certificate. */
  readonly caBundle: string;
  /** Resolves when it has ended, asked for or not; what it said last is in `slapd.log`. */
  readonly ended: Promise<void>;
  modify(changes: Iterable<Replacement>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts Debian's slapd on loopback ports, with a configuration of its own, and waits until it listens.
 * The first start in a directory makes certificates and loads the entries. It ends when this process ends.
 */
export async function startSlapd(options: SlapdOptions): Promise<Slapd> {
  const { directory } = options;
  const file = (name: string) => join(directory, name);
  if (!existsSync(file('complete'))) {
    await rm(directory, { recursive: true, force: true });
    await initialize(options);
    await writeFile(file('complete'), '');
  }
  const { ldap, ldaps } = options.ports;
  const urls = { ldap: `ldap://127.0.0.1:${ldap}`, ldaps: `ldaps://127.0.0.1:${ldaps}` };
  // With -d it stays in the foreground, so the kernel's signal at our death reaches it; `none` logs the least.
  const server = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', '--', 'slapd', '-d', 'none', '-F', file('config')],
      ...['-h', `${urls.ldap} ${urls.ldaps}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(server, 'close').then(() => undefined);
  await listening(server, [ldap, ldaps], file('slapd.log'));
  return {
    pid: server.pid ?? 0,
    urls,
    caBundle: await readFile(file('tls/ca.crt'), 'utf8'),
    ended,
    modify: (changes) => modify(options, urls.ldap, changes),
    async stop() {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

async function initialize(options: SlapdOptions): Promise<void> {
  const { directory, suffix, adminPassword, sizeLimit = -1 } = options;
  const paths = { data: join(directory, 'data'), run: directory, tls: join(directory, 'tls') };
  const config = join(directory, 'config');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const path of [paths.data, paths.tls, config]) await mkdir(path);
  await createAuthority(paths.tls, 'Roster demo directory');
  await issueCertificate(paths.tls, ['localhost', '127.0.0.1']);
  await slapadd(config, 0, [slapdConfig({ suffix, adminPassword, sizeLimit, paths })]);
  await slapadd(config, 1, texts(options.entries()));
}

function* texts(entries: Iterable<Entry>): Generator<string> {
  for (const entry of entries) yield contentRecord(entry);
}

/** Loads LDIF into database `number` while slapd is down; `-q` because the LDIF is known to be sound. */
async function slapadd(config: string, number: number, ldif: Iterable<string>): Promise<void> {
  await feed('slapadd', ['-q', '-F', config, '-n', `${number}`], ldif);
}

async function modify({ directory, suffix, adminPassword }: SlapdOptions, url: string, changes: Iterable<Replacement>) {
  // In a file, because arguments can be read by everybody on the machine.
  const passwordFile = join(directory, 'admin-password');
  await writeFile(passwordFile, adminPassword, { mode: 0o600 });
  try {
    const records = Iterator.from(changes).map(changeRecord);
    await feed('ldapmodify', ['-x', '-H', url, '-D', administrator(suffix), '-y', passwordFile], records);
  } finally {
    await rm(passwordFile);
  }
}

/** Runs a command with this text on its standard input; rejects with what it said when it fails. */
async function feed(command: string, args: readonly string[], input: Iterable<string>): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const closed = once(child, 'close');
  // A command that fails closes its input early; its own words say more than the broken pipe.
  const fed = pipeline(Readable.from(batches(input)), child.stdin).catch(() => undefined);
  const [code] = await closed;
  await fed;
  if (code !== 0) throw new Error(`${command} failed: ${said.trim()}`);
}

/** Joins small texts, since each one would be a system call. */
function* batches(input: Iterable<string>): Generator<string> {
  let batch = '';
  for (const text of input) {
    batch += text;
    if (batch.length >= 65_536) {
      yield batch;
      batch = '';
    }
  }
  yield batch;
}

/**
 * Resolves when the ports accept connections; rejects with what slapd said when it ends before. When it says that it
 * starts, the ports are its own, but it does not listen yet.
 */
async function listening(server: ChildProcess, ports: readonly number[], logFile: string): Promise<void> {
  const { promise: bound, resolve, reject } = Promise.withResolvers<void>();
  const log = createWriteStream(logFile, { flags: 'a' });
  const said: string[] = [];
  createInterface({ input: server.stderr as Readable }).on('line', (line) => {
    log.write(`${line}\n`);
    if (said.length < 20) said.push(line);
    if (line.endsWith('slapd starting')) resolve();
  });
  server.on('error', reject);
  server.on('close', () => {
    log.end();
    reject(new Error(`slapd ended: ${said.join(' ')}`));
  });
  await bound;
  for (const port of ports) {
    while (server.exitCode === null && !(await accepts(port))) await setTimeout(20);
  }
  if (server.exitCode !== null) throw new Error(`slapd ended: ${said.join(' ')}`);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
