/** The demo behind `hack/demo`: a directory becomes Kubernetes users, and the database follows. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { apiVersion, type Condition, DirectorySync, Group, Tenant, User, UserDirectory } from '@roster/crds';
import { stringify } from 'yaml';
import { type ApiClient, Informer, silentLogger } from '../operator/src/runtime/index.ts';
import { kindNamed } from './directory/kinds.ts';
import { type DirectoryServer, directoryManifests, remembered } from './directory/server.ts';
import { install } from './install.ts';
import { apiClient, freePort, kubectl, type Part, startCluster, startOperator } from './stack.ts';

const root = dirname(import.meta.dirname);
const directoryName = 'corporate';

const { values: options } = parseArgs({
  options: {
    directory: { type: 'string', default: 'ldap' },
    once: { type: 'boolean' },
    clean: { type: 'boolean' },
    kubeconfig: { type: 'string' },
  },
});
const kind = kindNamed(options.directory);
// Each kind of directory has a demo of its own, which goes on where it ended.
const stateName = join('.roster/demo', options.directory);
const state = join(root, stateName);
const namespace = options.directory === 'ldap' ? 'acme' : `acme-${options.directory}`;
const command = options.directory === 'ldap' ? './hack/demo' : `./hack/demo --directory ${options.directory}`;

/** When the command began, setting up included; in milliseconds since 1970. */
const started = process.env.ROSTER_STARTED ? Number(process.env.ROSTER_STARTED) * 1000 : Date.now();
const say = (sentence: string) =>
  console.error(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${sentence}`);

/** Stopped in reverse. */
const parts: (Pick<Part, 'name' | 'stop'> & Partial<Part>)[] = [];
let stopping = false;
const stop = new AbortController();
let askedToStop = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // One Ctrl-C may arrive twice: timeout(1), for one, sends to the process and to its group.
    const again = Date.now() - askedToStop < 1_000;
    if (again) return;
    askedToStop = Date.now();
    if (stop.signal.aborted) {
      say('Ending without waiting for what still stops');
      process.exit(130);
    }
    say(`Stopping; ${command} goes on from here. Ctrl-C again ends at once`);
    stop.abort();
  });
}

try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(`\nhack/demo: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
} finally {
  stopping = true;
  // The operator gives its lease back while the control plane still runs.
  for (const part of parts.reverse()) await part.stop();
}
process.exit(); // Watches that were under way when Ctrl-C came would keep it alive.

async function main(): Promise<void> {
  if (options.clean) await rm(state, { recursive: true, force: true });
  await mkdir(state, { recursive: true, mode: 0o700 });
  const goesOn = existsSync(join(state, 'settings.json'));
  const { metricsPort } = await remembered(join(state, 'settings.json'), async () => ({
    metricsPort: await freePort(),
  }));
  say(goesOn ? `Going on from what the last demo left in ${stateName}` : `Starting a new demo in ${stateName}`);

  const cluster = await useCluster();
  stop.signal.throwIfAborted();
  const directory = await startDirectory();
  stop.signal.throwIfAborted();
  await setUp(cluster.admin, directory);
  stop.signal.throwIfAborted();

  say('Starting the operator with its embedded database (usually 5 seconds)');
  const operator = await startOperator({
    kubeconfig: cluster.operator,
    database: `pglite:${join(state, 'database')}`,
    metricsPort,
    log: join(state, 'operator.log'),
    ...(directory.authorities && { authorities: directory.authorities }),
  });
  parts.push(operator);
  void directory.ended.then(() => {
    if (!stopping)
      say('The directory ended. Look what Roster says about it; the next start of the demo brings it back');
  });
  const gone = Promise.race([...parts.flatMap(({ failed }) => failed ?? []), aborted(stop.signal)]);

  await Promise.race([operator.leading, gone]);
  say('The operator is ready');
  const client = apiClient(cluster.admin, 'roster-demo');
  const run = await Promise.race([synchronise(client), gone]);
  const people = await Promise.race([everybodySettled(client), gone]);
  const summary = await summarize(client, run, people);
  tell(run, summary, cluster.admin, metricsPort);
  if (options.once) {
    console.log(JSON.stringify(summary));
    process.exitCode = summary.ready ? 0 : 1;
    return;
  }
  console.error('\nThe demo runs until Ctrl-C.');
  await gone;
}

async function useCluster(): Promise<{ admin: string; operator: string }> {
  if (options.kubeconfig !== undefined) {
    say(`Using the cluster of ${options.kubeconfig}`);
    return { admin: options.kubeconfig, operator: options.kubeconfig };
  }
  say('Starting the control plane: etcd and kube-apiserver (usually 5 seconds)');
  const cluster = await startCluster(join(state, 'cluster'));
  parts.push(cluster);
  return { admin: cluster.kubeconfig, operator: cluster.operatorKubeconfig };
}

async function startDirectory(): Promise<DirectoryServer> {
  say(`Starting ${kind.product} with 1,000 people in 60 groups${kind.patience}`);
  const size = { people: 1_000, groups: 60, memberships: 3 };
  const server = await kind.start({ folder: join(state, 'directory'), size });
  parts.push({ name: kind.product, stop: () => server.stop() });
  return server;
}

/** Applies what a platform team would keep in Git; the same files lie beside the demo's state to look at. */
async function setUp(kubeconfig: string, directory: DirectoryServer): Promise<void> {
  say('Applying the CRDs, the policies, and the sample Tenant, Organization and UserDirectory');
  await writeFile(join(state, 'install.yaml'), await install(kubeconfig));
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion, kind: Tenant.kind, metadata: { name: 'tenant', namespace }, spec: { displayName: 'Acme Reporting' } },
    { apiVersion, kind: 'Organization', metadata: { name: 'sales', namespace }, spec: { displayName: 'Sales' } },
    ...directoryManifests(directory, { namespace, name: directoryName }),
  ];
  const tenant = objects.map((object) => stringify(object)).join('---\n');
  await writeFile(join(state, 'tenant.yaml'), tenant, { mode: 0o600 });
  await kubectl(kubeconfig, ['apply', '--server-side', '-f', '-'], tenant);
  // The kubeconfig of the demo's own cluster is the demo's.
  if (options.kubeconfig === undefined) {
    await kubectl(kubeconfig, ['config', 'set-context', '--current', '--namespace', namespace]);
  }
}

/** Asks for a run and shows how it goes; resolves with the run when it has ended. */
async function synchronise(client: ApiClient): Promise<DirectorySync> {
  say(`Asking for a synchronisation: kubectl annotate userdirectory ${directoryName} roster.dev/requestedAt=...`);
  const runs = new Informer(client, DirectorySync, silentLogger, { namespaces: [namespace] });
  const watching = new AbortController();
  void runs.run(watching.signal);
  await runs.whenSynced(stop.signal);
  const known = new Set([...runs.cache.list(namespace)].map((run) => run.metadata.uid));
  const { promise, resolve } = Promise.withResolvers<DirectorySync>();
  let shown = '';
  runs.onEvent((event) => {
    const { status } = event.object;
    if (event.type === 'deleted' || known.has(event.object.metadata.uid) || status?.phase === undefined) return;
    const line = `  ${status.phase}: ${status.message ?? ''}`;
    if (line !== shown) say(line);
    shown = line;
    if (['Succeeded', 'Failed', 'Held', 'Aborted'].includes(status.phase)) resolve(event.object);
  });
  await client.mergePatch(
    UserDirectory,
    { namespace, name: directoryName },
    { metadata: { annotations: { 'roster.dev/requestedAt': new Date().toISOString() } } },
  );
  const run = await promise;
  watching.abort();
  return run;
}

interface People {
  /** That came from the directory. */
  readonly found: number;
  /** Of them, those in force and in the database. */
  readonly ready: number;
}

/** Resolves when every person that came from the directory is in force and mirrored, or waits for somebody's help. */
async function everybodySettled(client: ApiClient): Promise<People> {
  const users = new Informer(client, User, silentLogger, { namespaces: [namespace] });
  const watching = new AbortController();
  void users.run(watching.signal);
  await users.whenSynced(stop.signal);
  const fromDirectory = () => [...users.cache.list()].filter(({ spec }) => spec.source?.directory === directoryName);
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsettled = new Set<string>();
  users.onEvent(({ type, object: { metadata, spec, status } }) => {
    const concerned = type !== 'deleted' && spec.source?.directory === directoryName;
    const settled = is('Ready', status?.conditions) || is('Stalled', status?.conditions);
    if (concerned && !settled) unsettled.add(metadata.name);
    else unsettled.delete(metadata.name);
    if (unsettled.size === 0) setImmediate(() => unsettled.size === 0 && resolve());
  });
  if (unsettled.size === 0) resolve();
  await promise;
  watching.abort();
  const people = fromDirectory();
  return { found: people.length, ready: people.filter(({ status }) => is('Ready', status?.conditions)).length };
}

function is(wanted: string, conditions: readonly Condition[] | undefined): boolean {
  return conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false;
}

interface Summary {
  readonly users: number;
  readonly groups: number;
  readonly memberships: number;
  readonly rejected: readonly { readonly dn: string; readonly reason: string }[];
  readonly syncSeconds: number;
  readonly mirrored: number;
  readonly ready: boolean;
}

async function summarize(client: ApiClient, { status }: DirectorySync, people: People): Promise<Summary> {
  let groups = 0;
  for await (const page of client.listAll(Group, { namespace })) {
    groups += page.items.filter(({ spec }) => spec.source?.directory === directoryName).length;
  }
  const rejected = (status?.samples ?? []).filter(({ action }) => action === 'Reject');
  return {
    users: people.found,
    groups,
    memberships: status?.memberships ?? 0,
    rejected: rejected.map(({ record, reason }) => ({ dn: record, reason: reason ?? '' })),
    syncSeconds: Number((status?.stages ?? []).reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3)),
    mirrored: people.ready,
    ready: status?.phase === 'Succeeded' && people.ready === people.found,
  };
}

function tell({ metadata, status }: DirectorySync, summary: Summary, kubeconfig: string, metricsPort: number): void {
  const bin = process.env.ROSTER_KUBE_BIN ?? '';
  const skipped = status?.groups?.skipped ?? 0;
  const stages = (status?.stages ?? [])
    .map(({ name, seconds }) => `${name.toLowerCase()} ${seconds.toFixed(1)} s`)
    .join(', ');
  const lines = [
    '',
    `The run ${metadata.name} ${status?.phase?.toLowerCase()}: ${status?.message ?? ''}`,
    `  ${summary.users} users and ${summary.groups} groups with ${summary.memberships} memberships; ${summary.mirrored} users are in the database.`,
    ...(skipped === 0 ? [] : [`  ${skipped} of the ${status?.groups?.found} groups ${notCreated(skipped)}.`]),
    `  ${stages}.`,
    ...(summary.rejected.length === 0 ? [] : ['  Rejected:']),
    ...(status?.samples ?? [])
      .filter(({ action }) => action === 'Reject')
      .map(({ record, reason, message }) => `    ${record}\n      ${reason}: ${message}`),
  ];
  if (options.once) {
    console.error(lines.join('\n'));
    return;
  }
  lines.push(
    '',
    'Try it:',
    `  export KUBECONFIG=${resolve(kubeconfig)} PATH=${bin}:$PATH`,
    ...(options.kubeconfig === undefined ? [] : [`  kubectl config set-context --current --namespace ${namespace}`]),
    '  kubectl get userdirectories,directorysyncs',
    `  kubectl describe directorysync ${metadata.name}`,
    '  kubectl get users.roster.dev | head',
    `  kubectl annotate userdirectory ${directoryName} roster.dev/requestedAt="$(date -Is)" --overwrite`,
    `  curl -s http://127.0.0.1:${metricsPort}/metrics | grep ^roster_`,
  );
  console.error(lines.join('\n'));
}

/** Of groups in which none of the people who were taken over are. */
function notCreated(groups: number): string {
  return groups === 1 ? 'has nobody in it and is not created' : 'have nobody in them and are not created';
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
}
