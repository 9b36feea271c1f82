import { randomBytes } from 'node:crypto';
import { group, type KubernetesObject, kinds, type ResourceType, version } from '@roster/crds';
import { afterAll, inject, onTestFinished, vi } from 'vitest';
import { apiClient, freePort, kubectl } from '../../hack/stack.ts';
import { Secret } from '../src/controllers/secrets.ts';
import { installationLabel } from '../src/installation.ts';
import { type Database, openDatabase } from '../src/mirror/index.ts';
import { operate } from '../src/operator.ts';
import { type ApiClient, isNotFound, type Logger, NAMESPACE, silentLogger } from '../src/runtime/index.ts';

/** Where the tests' cluster is: kubeconfigs of an administrator, and of the operator with its own rights only. */
export interface TestCluster {
  readonly kubeconfig: string;
  readonly operatorKubeconfig: string;
}

export interface RosterOptions {
  /** Those of the tests' shared control plane when absent. */
  readonly cluster?: TestCluster;
  /** One that the test opened, for example for a second operator; one of its own in memory when absent. */
  readonly database?: Database;
  /** A namespace of the test's own when absent, and with `all` the one that the test begins in. */
  readonly namespaces?: readonly string[] | 'all';
  /** Milliseconds; an hour when absent, so that only tests of it meet it. */
  readonly compareInterval?: number;
  readonly installation?: string;
  readonly log?: Logger;
}

/** What a test does as an administrator of one namespace. */
export interface Administrator {
  readonly namespace: string;
  readonly client: ApiClient;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Applies manifests, one after another, as `kubectl apply --server-side` does. */
  apply(...objects: readonly KubernetesObject[]): Promise<void>;
  get<T extends KubernetesObject>(type: ResourceType<T>, name: string): Promise<T>;
  list<T extends KubernetesObject>(type: ResourceType<T>): Promise<T[]>;
  delete(type: ResourceType, name: string): Promise<void>;
  /** Waits until the object is as expected, and returns it. */
  eventually<T extends KubernetesObject>(
    type: ResourceType<T>,
    name: string,
    expectation: (object: T) => void | Promise<void>,
  ): Promise<T>;
}

/** An operator in this process, confined to its namespaces; its methods act in the first of them. */
export interface Roster extends Administrator {
  readonly cluster: TestCluster;
  readonly database: Database;
  readonly metricsUrl: string;
  /** Acts in another namespace of it. */
  within(namespace: string): Administrator;
  /** Stops it in good order, as SIGTERM does; rejects when it has ended with an error. */
  stop(): Promise<void>;
  /** Stops it and closes what it was started with. */
  close(): Promise<void>;
}

const rbac = 'rbac.authorization.k8s.io';
const Role = { group: rbac, version: 'v1', plural: 'roles', kind: 'Role', namespaced: true };
const RoleBinding = { group: rbac, version: 'v1', plural: 'rolebindings', kind: 'RoleBinding', namespaced: true };

/**
 * Makes a namespace of a test's own, with the rights that an operator needs there for its Lease. It belongs to the
 * installation of the same name.
 */
export async function createNamespace(cluster: TestCluster = sharedCluster()): Promise<string> {
  const namespace = `test-${randomBytes(5).toString('hex')}`;
  const metadata = { name: 'lease', namespace };
  const role = {
    metadata,
    rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update', 'patch'] }],
  };
  const binding = {
    metadata,
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'lease' },
    subjects: [{ kind: 'ServiceAccount', name: 'roster-operator', namespace: 'roster-system' }],
  };
  const client = apiClient(cluster.kubeconfig, 'roster-test');
  await client.create(NAMESPACE, { metadata: { name: namespace, labels: { [installationLabel]: namespace } } });
  await client.create(Role, role);
  await client.create(RoleBinding, binding);
  await client.close();
  return namespace;
}

/** Labels a namespace as that of an installation. */
export async function giveTo(installation: string, namespace: string, client: ApiClient): Promise<void> {
  const labels = { [installationLabel]: installation };
  await client.mergePatch(NAMESPACE, { namespace: '', name: namespace }, { metadata: { labels } });
}

export function sharedCluster(): TestCluster {
  return { kubeconfig: inject('kubeconfig'), operatorKubeconfig: inject('operatorKubeconfig') };
}

/** Starts an operator that ends with the test. */
export async function startRoster(options: RosterOptions = {}): Promise<Roster> {
  const roster = await openRoster(options);
  onTestFinished(() => roster.close());
  return roster;
}

/** Of the tests' own administrators, who outlive operators; by kubeconfig. */
const clients = new Map<string, ApiClient>();

afterAll(async () => {
  for (const client of clients.values()) await client.close();
});

function clientOf({ kubeconfig }: TestCluster): ApiClient {
  const client = clients.get(kubeconfig) ?? apiClient(kubeconfig, 'roster-test');
  clients.set(kubeconfig, client);
  return client;
}

/** Starts an operator; whoever starts it closes it. */
export async function openRoster(options: RosterOptions = {}): Promise<Roster> {
  const { cluster = sharedCluster(), compareInterval = 3_600_000, log = silentLogger } = options;
  const everywhere = options.namespaces === 'all';
  const given = options.namespaces === 'all' ? undefined : options.namespaces;
  const namespaces = given ?? [await createNamespace(cluster)];
  const [namespace = ''] = namespaces;
  const installation = options.installation ?? namespace;
  const client = clientOf(cluster);
  for (const name of namespaces) await giveTo(installation, name, client);
  const database = options.database ?? (await openDatabase('pglite:memory', { logger: log }));
  const port = await freePort();
  const stop = new AbortController();
  const config = {
    kubeconfig: cluster.operatorKubeconfig,
    database: '',
    namespaces: everywhere ? ('all' as const) : namespaces,
    installation,
    leaseNamespace: namespace,
    metricsAddress: { host: '127.0.0.1', port },
    compareInterval,
    logFormat: 'json',
    logLevel: 'info',
    adopt: false,
  } as const;
  const ended = operate(config, database, log, stop.signal);
  ended.catch(() => {}); // A test that waits for something fails by itself.
  return {
    ...administrator(cluster, client, namespace),
    cluster,
    database,
    metricsUrl: `http://127.0.0.1:${port}/metrics`,
    within: (other) => administrator(cluster, client, other),
    stop() {
      stop.abort();
      return ended;
    },
    async close() {
      stop.abort();
      await ended.catch(() => {});
      if (options.database === undefined) await database.close();
    },
  };
}

export function administrator(cluster: TestCluster, client: ApiClient, namespace: string): Administrator {
  const read = async <T extends KubernetesObject>(type: ResourceType<T>, name: string): Promise<T> =>
    await client.get(type, { namespace, name }).catch((error: unknown) => {
      if (isNotFound(error)) throw new Error(`there is no ${type.kind} ${name}`);
      throw error;
    });
  return {
    namespace,
    client,
    kubectl: (args, input) => kubectl(cluster.kubeconfig, ['--namespace', namespace, ...args], input),
    async apply(...objects) {
      for (const object of objects) {
        const metadata = { namespace, ...object.metadata };
        await client.apply(typeOf(object), { ...object, metadata }, { force: true });
      }
    },
    get: read,
    async list(type) {
      const objects = [];
      for await (const { items } of client.listAll(type, { namespace })) objects.push(...items);
      return objects;
    },
    delete: (type, name) => client.delete(type, { namespace, name }),
    eventually: (type, name, expectation) =>
      eventually(async () => {
        const object = await read(type, name);
        await expectation(object);
        return object;
      }),
  };
}

/** Tries until it does not throw, 30 s at most; then the last error is the test's. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  return await vi.waitFor(attempt, { timeout: 30_000, interval: 100 });
}

/** Where the API server serves Roster's kinds. */
export const types: readonly ResourceType[] = kinds.map(({ kind, plural }) => ({
  group,
  version,
  kind,
  plural,
  namespaced: true,
}));

function typeOf({ kind }: KubernetesObject): ResourceType {
  const type = [...types, Secret].find((candidate) => candidate.kind === kind);
  if (type === undefined) throw new Error(`no test applies a ${kind}`);
  return type;
}
