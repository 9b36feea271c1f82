/** The parts that a try-out on this machine is made of: each starts as a child process and ends with this one. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiClient } from '../operator/src/runtime/index.ts';

const root = dirname(import.meta.dirname);

/** Ctrl-C is for this process alone, which then stops its parts in good order. */
const detached = true;

/** A part that runs until it is stopped. */
export interface Part {
  readonly name: string;
  readonly pid: number;
  /** Rejects when the part ends without having been asked to. */
  readonly failed: Promise<never>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface Cluster extends Part {
  /** For an administrator. */
  readonly kubeconfig: string;
  /** For the operator: no more rights than its role gives. */
  readonly operatorKubeconfig: string;
}

/** Starts the local control plane of `hack/cluster`; it keeps its state in the directory. */
export async function startCluster(directory: string): Promise<Cluster> {
  await mkdir(directory, { recursive: true });
  const child = spawn(join(root, 'hack/cluster'), ['run', directory, '--fsync=false', '--exit-with-parent'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  const part = supervise('the control plane', child, join(directory, 'cluster.log'));
  await Promise.race([lineMatching(child.stdout, /^ready /), part.failed]);
  return {
    ...part,
    kubeconfig: join(directory, 'kubeconfig'),
    operatorKubeconfig: join(directory, 'operator.kubeconfig'),
  };
}

export interface Operator extends Part {
  /** Resolves when it leads and serves requests. */
  readonly leading: Promise<void>;
}

export interface OperatorOptions {
  readonly kubeconfig: string;
  readonly database: string;
  readonly metricsPort: number;
  readonly log: string;
  /** All when absent. */
  readonly namespaces?: readonly string[];
  /** The one without a name of its own when absent. */
  readonly installation?: string;
  /** File in PEM with authorities that the process trusts besides the usual ones. */
  readonly authorities?: string;
}

/** Starts the operator from this checkout; it is ready when its /readyz says so. */
export async function startOperator({
  kubeconfig,
  database,
  metricsPort,
  log,
  namespaces,
  installation,
  authorities,
}: OperatorOptions): Promise<Operator> {
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', '--', join(root, 'hack/roster'), 'all'],
      ...['--kubeconfig', kubeconfig, '--metrics-address', `127.0.0.1:${metricsPort}`, '--log-format', 'json'],
      ...(namespaces === undefined ? [] : ['--namespaces', namespaces.join(',')]),
      ...(installation === undefined ? [] : ['--installation', installation]),
      ...['--lease-namespace', 'roster-system'],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached,
      env: {
        ...process.env,
        // The URL may hold a password, so it goes where other users cannot read it.
        ROSTER_DATABASE: database,
        ...(authorities && { NODE_EXTRA_CA_CERTS: authorities }),
      },
    },
  );
  return { ...supervise('the operator', child, log), leading: lineMatching(child.stderr, /"msg":"leading"/) };
}

let programs: Promise<string> | undefined;

/** The folder with kubectl, which the commands in this folder name, and which is built where nobody did. */
function programFolder(): Promise<string> {
  const { ROSTER_KUBE_BIN: folder } = process.env;
  if (folder !== undefined) return Promise.resolve(folder);
  programs ??= promisify(execFile)(join(root, 'hack/cluster'), ['build']).then(({ stdout }) => stdout.trim());
  return programs;
}

/** Runs kubectl; resolves to its output, rejects with what it said. */
export async function kubectl(kubeconfig: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(join(await programFolder(), 'kubectl'), ['--kubeconfig', kubeconfig, ...args]);
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`kubectl ${args.slice(0, 3).join(' ')} failed: ${complaint.trim()}`);
  return output;
}

export function apiClient(kubeconfig: string, name: string): ApiClient {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return ApiClient.fromKubeConfig(config, { userAgent: name, fieldManager: name });
}

/** A port of 127.0.0.1 that nobody uses right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Writes what the child says to a log file and tells when it ends on its own. */
function supervise(name: string, child: ChildProcess, logFile: string): Part {
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  let asked = false;
  const closed = once(child, 'close');
  const failed = closed.then(([code, signal]) => {
    if (asked) return new Promise<never>(() => {});
    throw new Error(`${name} ended (${signal ?? `exit code ${code}`}); its log is ${logFile}`);
  });
  failed.catch(() => {}); // Whoever waits for it hears of it.
  return {
    name,
    pid: child.pid ?? 0,
    failed,
    async stop(signal = 'SIGTERM') {
      asked = true;
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await closed;
      log.end();
    },
  };
}

/** Resolves when a child has written such a line; what it writes goes on to its log all the same. */
function lineMatching(output: Readable, pattern: RegExp): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let said = '';
  const look = (text: Buffer) => {
    said += text.toString();
    if (!said.split('\n').some((line) => pattern.test(line))) return;
    output.off('data', look);
    resolve();
  };
  output.on('data', look);
  return promise;
}
