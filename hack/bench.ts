/** The benchmark behind `hack/bench sync`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { apiVersion, DirectorySync, Organization, Tenant } from '@roster/crds';
import { type ApiClient, Informer, silentLogger } from '../operator/src/runtime/index.ts';
import { bareLoad } from './benchmark/bareload.ts';
import { OperatorMetrics } from './benchmark/metrics.ts';
import { compareReads, type ReadingComparison } from './benchmark/reading.ts';
import { kindNamed } from './directory/kinds.ts';
import { type DirectoryServer, directoryManifests } from './directory/server.ts';
import { install } from './install.ts';
import { generatePopulation } from './people/population.ts';
import { apiClient, freePort, kubectl, type OperatorOptions, type Part, startCluster, startOperator } from './stack.ts';

const namespace = 'acme';
const bareNamespace = 'bare';
const directoryName = 'corporate';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    directory: { type: 'string', default: 'ldap' },
    people: { type: 'string', default: '20000' },
    groups: { type: 'string', default: '1000' },
    memberships: { type: 'string', default: '6' },
    database: { type: 'string' },
  },
});
const kind = kindNamed(values.directory);
const size = {
  people: Number(values.people),
  groups: Number(values.groups),
  memberships: Number(values.memberships),
};
const withoutSpecialCases = { ...size, specialCases: false };

let runNumber = 0;
const started = performance.now();
const say = (sentence: string) =>
  console.error(`${String(Math.round((performance.now() - started) / 1000)).padStart(4)} s  ${sentence}`);
const parts: { stop(): Promise<unknown> }[] = [];
const state = await mkdtemp(join(tmpdir(), 'roster-bench-'));
try {
  console.log(JSON.stringify(await bench(), null, 2));
} finally {
  for (const part of parts.reverse()) await part.stop();
  await rm(state, { recursive: true, force: true });
}

async function bench(): Promise<object> {
  say(`Starting the control plane, the database and ${kind.product}${kind.patience}`);
  const cluster = await startCluster(join(state, 'cluster'));
  parts.push(cluster);
  const directory = await kind.start({ folder: join(state, 'directory'), size: withoutSpecialCases, temporary: true });
  parts.push(directory);
  const database = values.database ?? (await startPostgres());
  await install(cluster.kubeconfig);
  await setUp(cluster.kubeconfig, directory);

  const client = apiClient(cluster.operatorKubeconfig, 'roster-bench');
  const reading = await compared(client, directory);
  say(`Writing ${size.people} people and ${size.groups} groups with a bare load generator`);
  const bare = await bareLoad(client, generatePopulation(withoutSpecialCases), bareNamespace);
  await client.close();

  const metricsPort = await freePort();
  const options: OperatorOptions = {
    kubeconfig: cluster.operatorKubeconfig,
    database,
    metricsPort,
    log: join(state, 'operator.log'),
    namespaces: [namespace],
    ...(directory.authorities && { authorities: directory.authorities }),
  };
  let operator = await startOperator(options);
  parts.push({ stop: () => operator.stop() });
  const metrics = new OperatorMetrics(metricsPort);
  await untilReady(metricsPort, operator);

  say('First synchronisation');
  const first = await measured(cluster.kubeconfig, metrics, operator);
  // Members of groups are counted when they have been left alone for a while.
  await setTimeout(15_000);
  say('Unchanged synchronisation');
  const unchanged = await measured(cluster.kubeconfig, metrics, operator);
  say('Synchronisation with 1 % changed');
  await directory.marry(100, 1);
  const changed = await measured(cluster.kubeconfig, metrics, operator);
  const peak = await memory(operator, 'VmHWM');
  say('Restart of the operator');
  await operator.stop();
  const before = await serverWrites(cluster.kubeconfig);
  const restart = performance.now();
  operator = await startOperator(options);
  await untilReady(metricsPort, operator);
  await untilPeople(metrics, operator);
  const restartSeconds = (performance.now() - restart) / 1000;
  // Whatever a restart leaves behind is to show up in the writes and in the memory.
  await setTimeout(15_000);
  const restartWrites = difference(await serverWrites(cluster.kubeconfig), before);
  const rowsAfterRestart = await metrics.sum('roster_mirror_rows_written_total');

  const objects = size.people + size.groups;
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} x ${cpus()[0]?.model}`,
    database: database.split(':')[0],
    directory: kind.product,
    ...size,
    bare: { seconds: round(bare), objectsPerSecond: round(objects / bare) },
    first: { ...first, objectsPerSecond: round(objects / first.seconds) },
    ratio: round(bare / first.seconds),
    ...(reading && { reading }),
    unchanged,
    changed,
    restart: { seconds: round(restartSeconds), writes: restartWrites, rowsWritten: rowsAfterRestart },
    memory: { peakMB: peak, steadyMB: await memory(operator, 'VmRSS') },
  };
}

async function compared(client: ApiClient, { search }: DirectoryServer): Promise<ReadingComparison | undefined> {
  if (search === undefined) return undefined;
  say('Reading the directory, and the same with ldapsearch');
  return await compareReads(client, { namespace, name: directoryName }, search);
}

async function startPostgres(): Promise<string> {
  const { startPostgres } = await import('../operator/test/postgres.ts');
  const postgres = await startPostgres();
  parts.push(postgres);
  return postgres.url;
}

async function setUp(kubeconfig: string, directory: DirectoryServer): Promise<void> {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: bareNamespace } },
    { apiVersion, kind: Tenant.kind, metadata: { name: 'tenant', namespace }, spec: {} },
    { apiVersion, kind: Organization.kind, metadata: { name: 'main', namespace }, spec: {} },
    ...directoryManifests(directory, { namespace, name: directoryName }),
  ];
  await kubectl(
    kubeconfig,
    ['apply', '--server-side', '-f', '-'],
    objects.map((object) => JSON.stringify(object)).join('\n---\n'),
  );
}

interface Measurement {
  readonly seconds: number;
  readonly stages: Record<string, number>;
  readonly message: string | undefined;
  /** Answers that the directory gave. */
  readonly pages: number | undefined;
  /** Writes that the API server answered, by resource. */
  readonly writes: Record<string, number>;
  readonly rowsWritten: number;
  /** How long the operator's event loop stood still at most during the run, milliseconds. */
  readonly longestBlockMs: number;
}

/** Creates a run, and measures until it has ended and everybody is ready and mirrored. */
async function measured(kubeconfig: string, metrics: OperatorMetrics, operator: Part): Promise<Measurement> {
  const [writes, rows] = [await serverWrites(kubeconfig), await metrics.sum('roster_mirror_rows_written_total')];
  const client = apiClient(kubeconfig, 'roster-bench');
  const name = `bench-${++runNumber}`;
  const runs = new Informer(client, DirectorySync, silentLogger, { namespaces: [namespace] });
  const watching = new AbortController();
  void runs.run(watching.signal);
  await runs.whenSynced();
  const ended = Promise.withResolvers<DirectorySync>();
  runs.onEvent(({ type, object }) => {
    const finished = object.status?.finishedAt !== undefined;
    if (type !== 'deleted' && object.metadata.name === name && finished) ended.resolve(object);
  });
  const start = performance.now();
  await client.create(DirectorySync, {
    apiVersion,
    kind: DirectorySync.kind,
    metadata: { name, namespace },
    spec: { directory: directoryName, dryRun: false },
  });
  const run = await Promise.race([ended.promise, operator.failed]);
  watching.abort();
  if (run.status?.phase !== 'Succeeded') throw new Error(`the run ${run.status?.phase}: ${run.status?.message}`);
  const blocked = await metrics.sum('roster_directory_run_blocked_seconds');
  await untilPeople(metrics, operator);
  const seconds = (performance.now() - start) / 1000;
  await client.close();
  await setTimeout(2_000); // Writes that follow late are to be counted, too.
  return {
    seconds: round(seconds),
    stages: Object.fromEntries((run.status.stages ?? []).map(({ name, seconds }) => [name, seconds])),
    message: run.status.message,
    pages: run.status.evidence?.pages,
    writes: difference(await serverWrites(kubeconfig), writes),
    rowsWritten: (await metrics.sum('roster_mirror_rows_written_total')) - rows,
    longestBlockMs: Math.round(blocked * 1000),
  };
}

/** The operator counts its people as it reconciles them; asking it twice a second costs nothing. */
async function untilPeople(metrics: OperatorMetrics, operator: Part): Promise<void> {
  while ((await Promise.race([metrics.sum('roster_people', 'active'), operator.failed])) < size.people)
    await setTimeout(500);
}

async function untilReady(metricsPort: number, operator: Part): Promise<void> {
  for (;;) {
    const answer = await Promise.race([
      fetch(`http://127.0.0.1:${metricsPort}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
      operator.failed,
    ]);
    if (answer) return;
    await setTimeout(100);
  }
}

/** Writes to Roster's resources that the API server answered so far, by resource and verb. */
async function serverWrites(kubeconfig: string): Promise<Record<string, number>> {
  const text = await kubectl(kubeconfig, ['get', '--raw', '/metrics']);
  const writes: Record<string, number> = {};
  for (const line of text.split('\n')) {
    if (!line.startsWith('apiserver_request_total{') || !line.includes('group="roster.dev"')) continue;
    const label = (name: string) => new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1] ?? '';
    if (['GET', 'LIST', 'WATCH'].includes(label('verb'))) continue;
    const key = [label('verb'), label('resource'), label('subresource')].filter((word) => word !== '').join(' ');
    writes[key] = (writes[key] ?? 0) + Number(line.split(' ').at(-1));
  }
  return writes;
}

function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  const entries = Object.entries(after).map(([key, count]): [string, number] => [key, count - (before[key] ?? 0)]);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

/** VmHWM is the peak, VmRSS is now: proc(5). */
async function memory({ pid }: Part, field: 'VmHWM' | 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
