/** The benchmark behind `hack/bench sync`. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { apiVersion, DirectorySync, Group, Organization, Tenant, User, UserDirectory } from '@roster/crds';
import { parseAllowedHosts } from '../operator/src/credentials.ts';
import { ldapReader } from '../operator/src/directory/ldap/index.ts';
import { planDirectory } from '../operator/src/directory/plan/index.ts';
import { readAll } from '../operator/src/directory/reader.ts';
import { type ApiClient, Informer, silentLogger } from '../operator/src/runtime/index.ts';
import { install } from './install.ts';
import { serviceAccount } from './openldap/config.ts';
import { generateDirectory } from './openldap/people.ts';
import { type Slapd, startSlapd } from './openldap/slapd.ts';
import { apiClient, freePort, kubectl, type OperatorOptions, type Part, startCluster, startOperator } from './stack.ts';

const suffix = 'dc=example,dc=com';
const namespace = 'acme';
const bareNamespace = 'bare';
const directoryName = 'corporate';
const concurrency = 64;

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    people: { type: 'string', default: '20000' },
    groups: { type: 'string', default: '1000' },
    memberships: { type: 'string', default: '6' },
    database: { type: 'string' },
  },
});
const size = { people: Number(values.people), groups: Number(values.groups), memberships: Number(values.memberships) };

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
  say('Starting the control plane, the directory and the database');
  const cluster = await startCluster(join(state, 'cluster'));
  parts.push(cluster);
  const password = randomBytes(16).toString('hex');
  const directory = generateDirectory({ suffix, ...size, specialCases: false });
  const slapd = await startSlapd({
    directory: join(state, 'openldap'),
    suffix,
    adminPassword: password,
    entries: () => directory.entries(password),
    ports: { ldap: await freePort(), ldaps: await freePort() },
  });
  parts.push(slapd);
  const database = values.database ?? (await startPostgres());
  await install(cluster.kubeconfig);
  await setUp(cluster.kubeconfig, slapd, password);

  say(`Writing ${size.people} people and ${size.groups} groups with a bare load generator`);
  const bare = await bareLoad(apiClient(cluster.operatorKubeconfig, 'roster-bare'), slapd, password);

  const metricsPort = await freePort();
  const options: OperatorOptions = {
    kubeconfig: cluster.operatorKubeconfig,
    database,
    metricsPort,
    log: join(state, 'operator.log'),
    namespaces: [namespace],
  };
  let operator = await startOperator(options);
  parts.push({ stop: () => operator.stop() });
  await untilReady(metricsPort, operator);

  say('First synchronisation');
  const first = await measured(cluster.kubeconfig, metricsPort, operator, size.people);
  // Members of groups are counted when they have been left alone for a while.
  await setTimeout(15_000);
  say('Unchanged synchronisation');
  const unchanged = await measured(cluster.kubeconfig, metricsPort, operator, size.people);
  say('Synchronisation with 1 % changed');
  await slapd.modify(directory.marriages(100, 1));
  const changed = await measured(cluster.kubeconfig, metricsPort, operator, size.people);
  const peak = await memory(operator, 'VmHWM');
  say('Restart of the operator');
  await operator.stop();
  const before = await serverWrites(cluster.kubeconfig);
  const restart = performance.now();
  operator = await startOperator(options);
  await untilReady(metricsPort, operator);
  await untilPeople(metricsPort, size.people, operator);
  const restartSeconds = (performance.now() - restart) / 1000;
  // Whatever a restart leaves behind is to show up in the writes and in the memory.
  await setTimeout(15_000);
  const restartWrites = difference(await serverWrites(cluster.kubeconfig), before);
  const rowsAfterRestart = await metric(metricsPort, 'roster_mirror_rows_written_total');

  const objects = size.people + size.groups;
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} x ${cpus()[0]?.model}`,
    database: database.split(':')[0],
    ...size,
    bare: { seconds: round(bare), objectsPerSecond: round(objects / bare) },
    first: { ...first, objectsPerSecond: round(objects / first.seconds) },
    ratio: round(bare / first.seconds),
    unchanged,
    changed,
    restart: { seconds: round(restartSeconds), writes: restartWrites, rowsWritten: rowsAfterRestart },
    memory: { peakMB: peak, steadyMB: await memory(operator, 'VmRSS') },
  };
}

async function startPostgres(): Promise<string> {
  const { startPostgres } = await import('../operator/test/postgres.ts');
  const postgres = await startPostgres();
  parts.push(postgres);
  return postgres.url;
}

async function setUp(kubeconfig: string, slapd: Slapd, password: string): Promise<void> {
  const metadata = (name: string, more: object = {}) => ({ name, namespace, ...more });
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: bareNamespace } },
    { apiVersion, kind: Tenant.kind, metadata: metadata('tenant'), spec: {} },
    { apiVersion, kind: Organization.kind, metadata: metadata('main'), spec: {} },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('corporate', { annotations: { 'roster.dev/hosts': slapd.urls.ldaps } }),
      stringData: { username: serviceAccount(suffix), password },
    },
    {
      apiVersion,
      kind: UserDirectory.kind,
      metadata: metadata(directoryName),
      spec: {
        ldap: {
          urls: [slapd.urls.ldaps],
          caBundle: slapd.caBundle,
          credentials: { secretRef: { name: 'corporate' } },
          users: { baseDN: `ou=People,${suffix}` },
          groups: { baseDN: `ou=Groups,${suffix}` },
        },
        organization: 'main',
        defaultRole: 'users',
      },
    },
  ];
  await kubectl(
    kubeconfig,
    ['apply', '--server-side', '-f', '-'],
    objects.map((object) => JSON.stringify(object)).join('\n---\n'),
  );
}

/** Creates the objects that the operator would create, and writes the status that each would get; seconds. */
async function bareLoad(client: ApiClient, slapd: Slapd, password: string): Promise<number> {
  const reader = ldapReader({
    urls: [slapd.urls.ldaps],
    startTLS: false,
    caBundle: slapd.caBundle,
    credentials: { username: serviceAccount(suffix), password, hosts: parseAllowedHosts(slapd.urls.ldaps) },
    pageSize: 500,
    timeoutMs: 60_000,
    preset: 'OpenLDAP',
    users: { baseDN: `ou=People,${suffix}` },
    groups: { baseDN: `ou=Groups,${suffix}` },
    membership: 'Nested',
    attributes: {},
  });
  using opened = await reader.open(AbortSignal.timeout(600_000));
  const contents = await readAll(opened);
  const plan = planDirectory({
    directory: {
      name: directoryName,
      authority: contents.evidence.authority,
      organization: 'main',
      importAs: 'Users',
      defaultRole: 'users',
      membership: 'Nested',
      linking: 'ByEmail',
      precedence: 'Directory',
      passwordSetup: 'None',
    },
    contents,
    existing: { users: [], recipients: [], groups: [], roles: new Map(), tombstones: [] },
    now: new Date(),
  });
  const now = new Date().toISOString().slice(0, 19);
  const condition = (type: string, reason: string, message: string) => ({
    ...{ type, status: 'True', reason, message },
    ...{ observedGeneration: 1, lastTransitionTime: `${now}Z` },
  });
  const conditions = [
    condition('Active', 'Enabled', 'Enabled.'),
    condition('Ready', 'Mirrored', 'In force and in the database.'),
  ];
  const writes = [...plan.groups, ...plan.people].map((action) => async () => {
    if (action.action !== 'Create') throw new Error('nothing exists yet');
    const type = action.kind === 'Group' ? Group : User;
    const object = {
      apiVersion,
      kind: action.kind,
      metadata: { name: action.name, namespace: bareNamespace },
      spec: action.spec,
    };
    const created = await client.create(type as typeof User, object as User);
    const name = 'firstName' in action.record ? `${action.record.firstName} ${action.record.lastName}` : action.name;
    const email = 'email' in action.record ? { email: action.record.email } : {};
    const status = { observedGeneration: 1, conditions, displayName: name, ...email };
    await client.replace(type as typeof User, { ...created, status } as User, { subresource: 'status' });
  });
  const start = performance.now();
  const pending = writes.values();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const write of pending) await write();
    }),
  );
  await client.close();
  return (performance.now() - start) / 1000;
}

interface Measurement {
  readonly seconds: number;
  readonly stages: Record<string, number>;
  readonly message: string | undefined;
  /** Writes that the API server answered, by resource. */
  readonly writes: Record<string, number>;
  readonly rowsWritten: number;
}

/** Creates a run, and measures until it has ended and everybody is ready and mirrored. */
async function measured(kubeconfig: string, metricsPort: number, operator: Part, people: number): Promise<Measurement> {
  const [writes, rows] = [
    await serverWrites(kubeconfig),
    await metric(metricsPort, 'roster_mirror_rows_written_total'),
  ];
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
  await untilPeople(metricsPort, people, operator);
  const seconds = (performance.now() - start) / 1000;
  await client.close();
  await setTimeout(2_000); // Writes that follow late are to be counted, too.
  return {
    seconds: round(seconds),
    stages: Object.fromEntries((run.status.stages ?? []).map(({ name, seconds }) => [name, seconds])),
    message: run.status.message,
    writes: difference(await serverWrites(kubeconfig), writes),
    rowsWritten: (await metric(metricsPort, 'roster_mirror_rows_written_total')) - rows,
  };
}

/** The operator counts its people as it reconciles them; asking it twice a second costs nothing. */
async function untilPeople(metricsPort: number, people: number, operator: Part): Promise<void> {
  while ((await Promise.race([metric(metricsPort, 'roster_people', 'active'), operator.failed])) < people)
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

/** Sum of a metric over its series whose text contains `part`. */
async function metric(port: number, name: string, part = ''): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return sum(text, (line) => line.startsWith(`${name}{`) && line.includes(part));
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

function sum(text: string, wanted: (line: string) => boolean): number {
  return text
    .split('\n')
    .filter(wanted)
    .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
}

/** VmHWM is the peak, VmRSS is now: proc(5). */
async function memory({ pid }: Part, field: 'VmHWM' | 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
