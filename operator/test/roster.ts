import { randomBytes } from 'node:crypto';
import type { KubernetesObject, ResourceType } from '@roster/crds';
import { expect, inject, onTestFinished } from 'vitest';
import { install } from '../../hack/install.ts';
import { apiClient, freePort, kubectl } from '../../hack/stack.ts';
import { runOperator } from '../src/operator.ts';
import { type ApiClient, isNotFound, silentLogger } from '../src/runtime/index.ts';

/** Where the tests' cluster is: kubeconfigs of an administrator, and of the operator with its own rights only. */
export interface TestCluster {
  readonly kubeconfig: string;
  readonly operatorKubeconfig: string;
}

export interface RosterOptions {
  /** Those of the tests' shared control plane when absent. */
  readonly cluster?: TestCluster;
  /** `pglite:memory` when absent. */
  readonly database?: string;
  /** A namespace of the test's own when absent. */
  readonly namespaces?: readonly string[];
  /** Milliseconds; an hour when absent, so that only tests of it meet it. */
  readonly compareInterval?: number;
  readonly installation?: string;
}

/** An operator in this process, confined to its namespaces, and what a test wants to do with it. */
export interface Roster {
  readonly namespace: string;
  readonly client: ApiClient;
  readonly cluster: TestCluster;
  readonly metricsUrl: string;
  /** Stops it in good order, as SIGTERM does. */
  stop(): Promise<void>;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Applies manifests in the namespace. */
  apply(...objects: readonly object[]): Promise<void>;
  /** Waits until the object is as expected, and returns it. */
  eventually<T extends KubernetesObject>(
    type: ResourceType<T>,
    name: string,
    expectation: (object: T) => void,
    namespace?: string,
  ): Promise<T>;
}

let installed: Promise<string> | undefined;

/** Makes a namespace of a test's own, with the rights that an operator needs there for its Lease. */
export async function createNamespace(cluster: TestCluster): Promise<string> {
  installed ??= install(cluster.kubeconfig);
  await installed;
  const namespace = `test-${randomBytes(5).toString('hex')}`;
  const subjects = [{ kind: 'ServiceAccount', name: 'roster-operator', namespace: 'roster-system' }];
  const metadata = { name: 'lease', namespace };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const rules = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update', 'patch'] }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'lease' };
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion, kind: 'Role', metadata, rules },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects },
  ];
  await kubectl(cluster.kubeconfig, ['apply', '-f', '-'], documents(objects));
  return namespace;
}

export function sharedCluster(): TestCluster {
  return { kubeconfig: inject('kubeconfig'), operatorKubeconfig: inject('operatorKubeconfig') };
}

/** Starts an operator; it ends with the test. */
export async function startRoster(options: RosterOptions = {}): Promise<Roster> {
  const { cluster = sharedCluster(), database = 'pglite:memory', compareInterval = 3_600_000 } = options;
  const namespaces = options.namespaces ?? [await createNamespace(cluster)];
  const namespace = namespaces[0] ?? '';
  const client = apiClient(cluster.kubeconfig, 'roster-test');
  const port = await freePort();
  const stop = new AbortController();
  const ended = runOperator(
    {
      kubeconfig: cluster.operatorKubeconfig,
      database,
      namespaces,
      installation: options.installation ?? namespace,
      leaseNamespace: namespace,
      metricsAddress: { host: '127.0.0.1', port },
      compareInterval,
      logFormat: 'json',
      logLevel: 'info',
      adopt: false,
    },
    silentLogger,
    stop.signal,
  );
  ended.catch(() => {}); // A test that waits for something fails by itself.
  let stopped: Promise<void> | undefined;
  const roster: Roster = {
    namespace,
    client,
    cluster,
    metricsUrl: `http://127.0.0.1:${port}/metrics`,
    stop() {
      stop.abort();
      stopped ??= ended;
      return stopped;
    },
    kubectl: (args, input) => kubectl(cluster.kubeconfig, ['--namespace', namespace, ...args], input),
    async apply(...objects) {
      await roster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], documents(objects));
    },
    async eventually(type, name, expectation, inNamespace = namespace) {
      return await eventually(async () => {
        const object = await client.get(type, { namespace: inNamespace, name }).catch((error: unknown) => {
          if (isNotFound(error)) throw new Error(`there is no ${type.kind} ${name}`);
          throw error;
        });
        expectation(object);
        return object;
      });
    },
  };
  onTestFinished(async () => {
    await roster.stop().catch(() => {});
    await client.close();
  });
  return roster;
}

/** Tries until it does not throw, 30 s at most; then the last error is the test's. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  await expect
    .poll(
      async () => {
        result = await attempt();
        return true;
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBe(true);
  return result as T;
}

const documents = (objects: readonly object[]): string => objects.map((object) => JSON.stringify(object)).join('\n---\n');
