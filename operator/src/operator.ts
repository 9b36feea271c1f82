import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import {
  AppRole,
  DirectorySync,
  Group,
  Organization,
  type Person,
  Recipient,
  type ResourceType,
  Tenant,
  User,
  UserDirectory,
} from '@roster/crds';
import { Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import { type Config, UsageError } from './config.ts';
import { addAppRoleController } from './controllers/approle/controller.ts';
import type { Context, Informers } from './controllers/context.ts';
import { addDirectorySyncController } from './controllers/directorysync/controller.ts';
import { addGroupController } from './controllers/group/controller.ts';
import { addOrganizationController } from './controllers/organization/controller.ts';
import { addPersonController, personIndexes } from './controllers/person/controller.ts';
import { PeopleTally } from './controllers/person/tally.ts';
import { Secrets } from './controllers/secrets.ts';
import { addTenantController } from './controllers/tenant/controller.ts';
import { addUserDirectoryController } from './controllers/userdirectory/controller.ts';
import { DatabaseError } from './errors.ts';
import { installationIdentity, installationOf } from './installation.ts';
import { lead } from './leadership.ts';
import { createMetrics, type RosterMetrics } from './metrics.ts';
import { type Database, Mirror, type MirrorObserver, migrate, openDatabase, tableNames } from './mirror/index.ts';
import { tellOfNamespaces } from './namespaces.ts';
import {
  ApiClient,
  type Check,
  type Checks,
  EventRecorder,
  HealthServer,
  type Logger,
  Manager,
  RuntimeMetrics,
} from './runtime/index.ts';

const userAgent = `roster-operator/${packageJson.version}`;
/** Owner of all fields that the operator writes. */
const fieldManager = 'roster-operator';

/**
 * The cluster named by a kubeconfig file, or the one whose pod this is. KUBECONFIG is never read.
 * @throws UsageError when there is neither.
 */
export function loadCluster(file: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (file === undefined) {
    if (process.env.KUBERNETES_SERVICE_HOST === undefined) {
      throw new UsageError(
        'This is no pod of a cluster: name a cluster with --kubeconfig FILE (or ROSTER_KUBECONFIG).',
      );
    }
    kubeConfig.loadFromCluster();
  } else {
    if (!existsSync(file)) throw new UsageError(`--kubeconfig ${file}: there is no such file.`);
    kubeConfig.loadFromFile(file);
  }
  return kubeConfig;
}

export function connect(config: Pick<Config, 'kubeconfig'>, metrics?: RuntimeMetrics): ApiClient {
  return ApiClient.fromKubeConfig(loadCluster(config.kubeconfig), {
    userAgent,
    fieldManager,
    ...(metrics && { onAnswer: metrics.onAnswer }),
  });
}

/** Runs the operator until the signal aborts, which stops it in good order; it rejects when it cannot go on. */
export async function runOperator(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  loadCluster(config.kubeconfig); // A mistake on the command line is told before anything is opened.
  const database = await openDatabase(config.database, { logger: log });
  try {
    await operate(config, database, log, signal);
  } finally {
    await database.close();
  }
}

/** The same on a database that the caller opened and will close. */
export async function operate(config: Config, database: Database, log: Logger, signal: AbortSignal): Promise<void> {
  const registry = new Registry();
  const runtimeMetrics = new RuntimeMetrics(registry);
  const metrics = createMetrics(registry, packageJson);
  const client = connect(config, runtimeMetrics);
  const checks = { health: new Map<string, Check>(), ready: new Map<string, Check>() };
  const end = new AbortController();
  const served = serve(config, registry, checks, log, end.signal);
  try {
    checks.ready.set('database', () => 'The database was not reached yet.');
    const mirror = await Promise.race([openMirror(config, database, client, metrics, log, signal), served.then(never)]);
    if (mirror === undefined) return;
    checks.ready.delete('database');
    const manager = assemble({ config, log, client, mirror, metrics, runtimeMetrics });
    for (const [name, check] of manager.healthChecks) checks.health.set(name, check);
    for (const [name, check] of manager.readyChecks) checks.ready.set(name, check);
    manager.add({ name: 'health server', needsLeader: false, start: (stop) => Promise.race([served, aborted(stop)]) });
    signal.addEventListener('abort', () => manager.stop());
    if (signal.aborted) manager.stop();
    await manager.run();
  } finally {
    end.abort();
    await served.catch(() => undefined); // Why it failed is told already.
    await client.close();
  }
}

/** A database that is down is waited for, so often in milliseconds. */
const databaseRetryMs = 3_000;

/** Waits for the database while it is down; undefined when the signal aborts before it is there. */
async function openMirror(
  config: Config,
  database: Database,
  client: ApiClient,
  metrics: RosterMetrics,
  log: Logger,
  signal: AbortSignal,
): Promise<Mirror | undefined> {
  // Nobody else can have made its tables.
  if (database.type === 'PGlite') await migrate(database);
  const identity = await installationIdentity(client, config.installation);
  // Prometheus sees no increase in a series that begins with the first rows.
  for (const table of tableNames) metrics.mirrorRows.inc({ table }, 0);
  const observer: MirrorObserver = {
    batch(table, rows, written) {
      metrics.mirrorBatch.observe(rows);
      metrics.mirrorRows.inc({ table }, written);
    },
    drift: (rows) => metrics.drift.inc(rows),
  };
  while (!signal.aborted) {
    try {
      const mirror = await Mirror.open(database, { identity, logger: log, observer });
      metrics.databaseUp.set(1);
      return mirror;
    } catch (err) {
      if (!(err instanceof DatabaseError) || err.reason !== 'DatabaseUnavailable') throw err;
      log.warn({ err }, 'waiting for the database');
      await setTimeout(databaseRetryMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

function never(): never {
  throw new Error('The health server ended.');
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

interface Parts {
  readonly config: Config;
  readonly log: Logger;
  readonly client: ApiClient;
  readonly mirror: Mirror;
  readonly metrics: RosterMetrics;
  readonly runtimeMetrics: RuntimeMetrics;
}

/** Puts the parts together. Nothing runs yet. */
function assemble({ config, log, client, mirror, metrics, runtimeMetrics }: Parts): Manager {
  const manager = new Manager({
    client,
    logger: log,
    metrics: runtimeMetrics,
    namespaces: config.namespaces,
    leaderElection: { namespace: config.leaseNamespace, name: config.installation },
    onLeading: (leading) => leadership.takeOver(leading),
  });
  const scope = manager.confine((namespace) => installationOf(namespace) === config.installation);
  const informers = addInformers(manager);
  const events = new EventRecorder(client, { component: 'roster', instance: config.installation }, log);
  const context: Context = {
    client,
    informers,
    scope,
    mirror,
    events,
    secrets: new Secrets(client),
    metrics,
    log,
    now: () => new Date(),
  };

  const { controller: tenant, vanishings } = addTenantController(manager, context);
  const controllers = {
    Tenant: tenant,
    Organization: addOrganizationController(manager, context, vanishings),
    AppRole: addAppRoleController(manager, context, vanishings),
    Group: addGroupController(manager, context, vanishings),
    ...addPersonController(manager, context, vanishings, new PeopleTally(metrics)),
  };
  addUserDirectoryController(manager, context);
  addDirectorySyncController(manager, context);

  const leadership = lead(manager, context, controllers, vanishings, config.compareInterval);
  tellOfNamespaces(manager, context, config.installation);
  manager.add({ name: 'events', needsLeader: false, start: (stop) => events.run(stop) });
  return manager;
}

function addInformers(manager: Manager): Informers {
  const indexes = personIndexes;
  return {
    tenants: manager.informer(Tenant),
    organizations: manager.informer(Organization),
    roles: manager.informer(AppRole),
    users: manager.informer(User as ResourceType<Person>, { indexes }) as unknown as Informers['users'],
    recipients: manager.informer(Recipient as ResourceType<Person>, { indexes }) as unknown as Informers['recipients'],
    groups: manager.informer(Group, {
      indexes: { organization: ({ metadata, spec }) => [`${metadata.namespace}/${spec.organization}`] },
    }),
    directories: manager.informer(UserDirectory),
    runs: manager.informer(DirectorySync, {
      indexes: { directory: ({ metadata, spec }) => [`${metadata.namespace}/${spec.directory}`] },
    }),
  };
}

/** Serves from the very start, so that whoever asks learns what is waited for. */
async function serve(
  { metricsAddress: { host, port } }: Config,
  registry: Registry,
  { health, ready }: { readonly health: Checks; readonly ready: Checks },
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  const server = new HealthServer({
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    registry,
    healthChecks: health,
    readyChecks: ready,
  });
  await server.run(stop, (address) =>
    log.info({ address: address.address, port: address.port }, 'serving metrics and health'),
  );
}
