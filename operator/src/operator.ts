import { KubeConfig } from '@kubernetes/client-node';
import {
  AppRole,
  DirectorySync,
  Group,
  type KubernetesObject,
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
import type { Config } from './config.ts';
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
import { lead } from './leadership.ts';
import { createMetrics, type RosterMetrics } from './metrics.ts';
import { type Database, Mirror, migrate, openDatabase } from './mirror/index.ts';
import { ApiClient, EventRecorder, HealthServer, type Logger, Manager, RuntimeMetrics } from './runtime/index.ts';

const userAgent = `roster-operator/${packageJson.version}`;
/** Owner of all fields that the operator writes. */
const fieldManager = 'roster-operator';

/** The cluster named by a kubeconfig file, or the one whose pod this is. KUBECONFIG is never read. */
export function loadCluster(file: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (file === undefined) kubeConfig.loadFromCluster();
  else kubeConfig.loadFromFile(file);
  return kubeConfig;
}

/** Who this installation is, for the database: the cluster's own id and the name of the installation. */
export async function installationIdentity(client: ApiClient, installation: string): Promise<string> {
  const namespaces: ResourceType = {
    group: '',
    version: 'v1',
    plural: 'namespaces',
    kind: 'Namespace',
    namespaced: false,
  };
  // https://github.com/kubernetes/kubernetes/issues/77487: the uid of kube-system stands for the cluster.
  const { metadata } = await client.get<KubernetesObject>(namespaces, { namespace: '', name: 'kube-system' });
  return `${metadata.uid}/${installation}`;
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
  try {
    // Nobody else can have made its tables.
    if (database.type === 'PGlite') await migrate(database);
    const mirror = await Mirror.open(database, {
      identity: await installationIdentity(client, config.installation),
      logger: log,
      observer: {
        batch(table, rows, written) {
          metrics.mirrorBatch.observe(rows);
          metrics.mirrorRows.inc({ table }, written);
        },
        drift: (rows) => metrics.drift.inc(rows),
      },
    });
    const manager = assemble({ config, log, client, mirror, metrics, registry, runtimeMetrics });
    signal.addEventListener('abort', () => manager.stop());
    if (signal.aborted) manager.stop();
    await manager.run();
  } finally {
    await client.close();
  }
}

interface Parts {
  readonly config: Config;
  readonly log: Logger;
  readonly client: ApiClient;
  readonly mirror: Mirror;
  readonly metrics: RosterMetrics;
  readonly registry: Registry;
  readonly runtimeMetrics: RuntimeMetrics;
}

/** Puts the parts together. Nothing runs yet. */
function assemble({ config, log, client, mirror, metrics, registry, runtimeMetrics }: Parts): Manager {
  const manager = new Manager({
    client,
    logger: log,
    metrics: runtimeMetrics,
    namespaces: config.namespaces,
    leaderElection: { namespace: config.leaseNamespace, name: config.installation },
    onLeading: (leading) => leadership.takeOver(leading),
  });
  const informers = addInformers(manager);
  const events = new EventRecorder(client, { component: 'roster', instance: config.installation }, log);
  const context: Context = {
    client,
    informers,
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
  manager.add({ name: 'events', needsLeader: false, start: (stop) => events.run(stop) });
  manager.add({
    name: 'health server',
    needsLeader: false,
    start: (stop) => serve(manager, config, registry, log, stop),
  });
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

async function serve(
  manager: Manager,
  { metricsAddress: { host, port } }: Config,
  registry: Registry,
  log: Logger,
  stop: AbortSignal,
) {
  const server = new HealthServer({
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    registry,
    healthChecks: manager.healthChecks,
    readyChecks: manager.readyChecks,
  });
  await server.run(stop, (address) =>
    log.info({ address: address.address, port: address.port }, 'serving metrics and health'),
  );
}
