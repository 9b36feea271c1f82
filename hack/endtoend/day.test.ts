/** A platform engineer's day with Roster on a real cluster. Each step goes on from the one before. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { operatorClusterRole, operatorClusterScopedRole, secretsReaderClusterRole } from '@roster/crds/manifests';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFailed, vi } from 'vitest';
import { parseAudit, refusals, unusedGrants } from '../audit.ts';
import { apply, charts, helm, kubectl, processOf, report, run } from './cluster.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { openLDAP, people, postgres, postgresUrl } from './workloads.ts';

const image = ['--set', 'image.repository=localhost/roster,image.tag=dev,image.pullPolicy=Never'];
/** The trial beside the real one, each confined to a tenant of its own. */
const trial = { release: 'trial', namespace: 'roster-trial', tenant: 'globex', deployment: 'trial-roster' };
const real = { release: 'roster', namespace: 'roster-system', tenant: 'acme', deployment: 'roster' };
const installReal = [
  'roster',
  '-n',
  real.namespace,
  ...image,
  '--set',
  `namespaces={${real.tenant}},database.urlSecret.name=database`,
];

let folder: string;
let directory: Awaited<ReturnType<typeof openLDAP>>;
let prometheus: Prometheus;

const eventually = <T>(attempt: () => Promise<T>, seconds = 60) =>
  vi.waitFor(attempt, { timeout: seconds * 1000, interval: 100 });
const rollout = (name: string, namespace: string) =>
  kubectl('rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=90s');
const names = async (kind: string, namespace: string) =>
  (await kubectl('get', kind, '-n', namespace, '-o', 'name')).split('\n').filter(Boolean);
/** What would show that somebody was written again. */
const versions = (namespace: string) =>
  kubectl(
    'get',
    'users.roster.dev,groups.roster.dev',
    '-n',
    namespace,
    '-o',
    'jsonpath={range .items[*]}{.metadata.uid} {.metadata.generation}{"\\n"}{end}',
  );
const leader = async () => {
  const holder = await kubectl('get', 'lease', 'roster', '-n', real.namespace, '-o', 'jsonpath={.spec.holderIdentity}');
  return holder.split('_')[0] ?? '';
};
const applyIn = (namespace: string, objects: readonly object[]) =>
  apply(
    ...objects.map((object) => ({ ...object, metadata: { ...(object as { metadata: object }).metadata, namespace } })),
  );
const sync = async (namespace: string, at: string) => {
  await kubectl(
    'annotate',
    'userdirectory',
    'corporate',
    '-n',
    namespace,
    `roster.dev/requestedAt=${at}`,
    '--overwrite',
  );
  await eventually(async () => {
    const handled = await kubectl(
      'get',
      'userdirectory',
      'corporate',
      '-n',
      namespace,
      '-o',
      'jsonpath={.status.lastHandledRequestAt}',
    );
    expect(handled).toBe(at);
  });
};
/** Grants that this day does not come to, and when the operator needs them. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [/^list /, 'an API server that does not stream lists'],
  [/^get roster.dev\//, 'a write whose answer was lost, a conflict'],
  [/^patch roster.dev\/\w+\/status$/, 'a status of which the cache knew an older version'],
  [/^patch \/events$/, 'an event that repeats itself'],
  [/^\w+ roster.dev\/recipients/, 'a directory of recipients'],
  [/^delete roster.dev\/users$/, 'whenMissing: Delete'],
  [/^delete roster.dev\/directorysyncs$/, 'more runs than are kept'],
  [/^patch roster.dev\/(users|groups)$/, 'a change in the directory'],
];
const expectedRefusals = [
  // The authorizer learns of the binding that gives a Secret a moment after it was made; reading is tried again.
  /^(get|list|watch) .*\/secrets/,
  // The rights go before the pods when a release is uninstalled, and the Lease with them.
  /^update .*\/leases\/trial$/,
];

/** Figures for whoever reads the log; nothing depends on them. */
const measured: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-e2e-'));
  directory = await openLDAP();
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const namespace = (name: string, labels: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  });
  await apply(
    ...[namespace('outside'), namespace(real.tenant)],
    namespace(trial.tenant, { 'roster.dev/installation': trial.release }),
    ...[namespace(real.namespace, restricted), namespace(trial.namespace, restricted)],
    ...[...directory.objects, ...postgres()],
  );
  await Promise.all(['openldap', 'postgres'].map((name) => rollout(name, 'outside')));
});

afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  for (const line of measured) console.log(line);
});

/** A step, which tells on failure what a person would look at. */
const step = (name: string, work: () => Promise<void>) =>
  it(name, async () => {
    onTestFailed(async () => console.error(await report()));
    const start = performance.now();
    await work();
    measured.push(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  });

describe('a trial', () => {
  step('is installed by two charts', async () => {
    await helm('install', 'roster-crds', 'roster-crds', '--wait');
    // There is no provisioner of volumes in this cluster.
    await apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'trial' },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path: join(folder, 'trial'), type: 'DirectoryOrCreate' },
      },
    });
    const values = ['--set', `namespaces={${trial.tenant}},database.trial.storageClassName=`];
    const notes = await helm('install', trial.release, 'roster', '-n', trial.namespace, ...image, ...values);
    expect(notes).toContain('THIS IS A TRIAL');
    await eventually(() => run('chown', ['65532:65532', join(folder, 'trial')]));
    await rollout(trial.deployment, trial.namespace);
  });

  step('synchronises a directory after one apply of one file', async () => {
    await applyIn(trial.tenant, directory.tenant);
    await kubectl('wait', 'userdirectory/corporate', '-n', trial.tenant, '--for=condition=Synced', '--timeout=90s');
    expect(await names('users.roster.dev', trial.tenant)).toHaveLength(people);
    expect(await names('organizations.roster.dev', trial.tenant)).toEqual(['organization.roster.dev/main']);
  });

  step('keeps everything when its pod is killed', async () => {
    await kubectl('wait', 'users.roster.dev', '--all', '-n', trial.tenant, '--for=condition=Ready', '--timeout=60s');
    const before = await versions(trial.tenant);
    await kubectl('delete', 'pod', '-n', trial.namespace, '-l', 'app.kubernetes.io/name=roster', '--wait=false');
    await rollout(trial.deployment, trial.namespace);
    await sync(trial.tenant, 'after-the-pod');
    expect(await versions(trial.tenant)).toBe(before);
  });

  step('is uninstalled, and leaves people and the volume', async () => {
    await helm('uninstall', trial.release, '-n', trial.namespace, '--wait');
    expect(await names('users.roster.dev', trial.tenant)).toHaveLength(people);
    expect(await names('persistentvolumeclaims', trial.namespace)).toEqual([
      'persistentvolumeclaim/trial-roster-database',
    ]);
    await kubectl('wait', 'pods', '--all', '-n', trial.namespace, '--for=delete', '--timeout=60s');
  });
});

describe('an installation with PostgreSQL', () => {
  let database: pg.Client;
  const rows = async (sql: string) => (await database.query(sql)).rows;

  afterAll(() => database?.end());

  step('has two operators in a restricted namespace, of which one leads', async () => {
    const url = postgresUrl('postgres.outside.svc.cluster.local');
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'database', namespace: real.namespace },
      stringData: { url },
    });
    await helm('install', real.release, ...installReal);
    await rollout(real.deployment, real.namespace);
    expect(await names('pods', real.namespace)).toHaveLength(2);
    await eventually(async () => expect(await leader()).toMatch(/^roster-/));
  });

  step('fills the database from the directory', async () => {
    await applyIn(real.tenant, directory.tenant);
    await kubectl('wait', 'userdirectory/corporate', '-n', real.tenant, '--for=condition=Synced', '--timeout=90s');
    await kubectl('wait', 'users.roster.dev', '--all', '-n', real.tenant, '--for=condition=Ready', '--timeout=60s');
    // Only pods reach the addresses of Services.
    const address = await kubectl(
      'get',
      'pods',
      '-n',
      'outside',
      '-l',
      'app=postgres',
      '-o',
      'jsonpath={.items[0].status.podIP}',
    );
    database = new pg.Client({ connectionString: postgresUrl(address) });
    await database.connect();
    expect(await rows('select count(*)::int as count from roster_api.users')).toEqual([{ count: people }]);
  });

  step('is scraped, and no alert fires', async () => {
    prometheus = await startPrometheus(join(folder, 'prometheus'));
    await eventually(async () => {
      expect([...(await prometheus.query('sum(roster_people{kind="User",state="active"})')).values()]).toEqual([
        people,
      ]);
      expect([...(await prometheus.query('sum(leader_election_master_status)')).values()]).toEqual([1]);
    });
    // Before the first scrape there was no leader to be seen.
    await eventually(async () => expect(await prometheus.firing()).toEqual([]));
  });

  step('answers each query of the dashboard', async () => {
    const dashboard = await readFile(join(charts, 'roster/files/dashboard.json'), 'utf8');
    const { panels } = JSON.parse(dashboard) as { panels: { title: string; targets?: { expr: string }[] }[] };
    // A rate is there with the second scrape.
    await eventually(async () => {
      const silent: string[] = [];
      for (const { title, targets = [] } of panels) {
        for (const { expr } of targets) {
          const asked = expr.replaceAll(/\$(job|namespace|directory)/g, '.*');
          if ((await prometheus.query(asked)).size === 0) silent.push(title);
        }
      }
      // These credentials have no end, and nothing is rejected.
      expect(silent.sort()).toEqual(['Credentials end in', 'Rejected records']);
    });
  });

  step('fires an alert when the directory dies, and stops when it is back', async () => {
    await kubectl('scale', 'deployment/openldap', '-n', 'outside', '--replicas=0');
    await kubectl('wait', 'pods', '-n', 'outside', '-l', 'app=openldap', '--for=delete', '--timeout=60s');
    await sync(real.tenant, 'without-directory');
    await eventually(async () => expect(await prometheus.firing()).toEqual(['RosterSyncFailed']));
    expect(await names('users.roster.dev', real.tenant)).toHaveLength(people);
    await kubectl('scale', 'deployment/openldap', '-n', 'outside', '--replicas=1');
    await rollout('openldap', 'outside');
    await sync(real.tenant, 'with-directory');
    await eventually(async () => expect(await prometheus.firing()).toEqual([]));
  });

  step('is taken over when the leader is killed', async () => {
    const before = await leader();
    process.kill(await processOf(before), 'SIGKILL');
    const killed = performance.now();
    await eventually(async () => {
      const now = await leader();
      expect(now).toMatch(/^roster-/);
      expect([...(await prometheus.query('sum(leader_election_master_status) by (pod) == 1')).keys()]).not.toEqual([
        `{"pod":"${before}"}`,
      ]);
      expect(now).not.toBe(before);
    });
    measured.push(
      `        the other one led ${((performance.now() - killed) / 1000).toFixed(1)} s after the leader was killed`,
    );
    await rollout(real.deployment, real.namespace);
  });

  step('is taken over at once when the leader is terminated', async () => {
    const before = await leader();
    await kubectl('delete', 'pod', before, '-n', real.namespace, '--wait=false');
    const deleted = performance.now();
    await eventually(async () => {
      const now = await leader();
      expect(now).toMatch(/^roster-/);
      expect(now).not.toBe(before);
    });
    measured.push(
      `        the other one led ${((performance.now() - deleted) / 1000).toFixed(1)} s after the leader was told to end`,
    );
    await rollout(real.deployment, real.namespace);
  });

  step('is upgraded and rolled back, and nobody is written', async () => {
    await sync(real.tenant, 'before-the-upgrade');
    const before = await versions(real.tenant);
    await helm('upgrade', 'roster-crds', 'roster-crds');
    await helm(
      'upgrade',
      real.release,
      ...installReal,
      '--set',
      'image.tag=next,logLevel=warn',
      '--wait',
      '--timeout',
      '90s',
    );
    await eventually(async () => {
      const path = 'jsonpath={.items[*].spec.containers[0].image}';
      const images = await kubectl('get', 'pods', '-n', real.namespace, '-o', path);
      expect(images).toBe('localhost/roster:next localhost/roster:next');
    });
    await sync(real.tenant, 'after-the-upgrade');
    expect(await versions(real.tenant)).toBe(before);
    await helm('rollback', real.release, '1', '-n', real.namespace, '--wait', '--timeout', '90s');
    await sync(real.tenant, 'after-the-rollback');
    expect(await versions(real.tenant)).toBe(before);
  });

  step('brings back who was deleted by hand', async () => {
    const user = (await names('users.roster.dev', real.tenant))[0] ?? '';
    await kubectl('delete', user, '-n', real.tenant);
    await sync(real.tenant, 'recreates');
    expect(await names('users.roster.dev', real.tenant)).toHaveLength(people);
  });

  step('used every verb that it is granted, and was refused none', async () => {
    const events = parseAudit(await readFile(process.env.ROSTER_AUDIT_LOG ?? '', 'utf8'));
    const ofOperators = events.filter(({ user }) =>
      /^system:serviceaccount:roster-(system|trial):/.test(user.username),
    );
    expect(ofOperators.length).toBeGreaterThan(0);
    const refused = refusals(ofOperators).filter((line) => !expectedRefusals.some((pattern) => pattern.test(line)));
    expect(refused).toEqual([]);
    const rules = [operatorClusterRole, operatorClusterScopedRole, secretsReaderClusterRole].flatMap(
      (role) => role.rules,
    );
    const unused = unusedGrants(rules, ofOperators).filter(
      (grant) => !elsewhere.some(([pattern]) => pattern.test(grant)),
    );
    expect(unused).toEqual([]);
  });

  step('is uninstalled, and leaves people and database', async () => {
    await helm('uninstall', real.release, '-n', real.namespace, '--wait');
    await helm('uninstall', 'roster-crds', '--wait');
    expect(await names('users.roster.dev', real.tenant)).toHaveLength(people);
    expect(await rows('select count(*)::int as count from roster_api.users')).toEqual([{ count: people }]);
  });
});
