import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { install } from '../../hack/install.ts';
import { startCluster } from '../../hack/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of an administrator of the control plane that the integration tests share. */
    kubeconfig: string;
    /** Of the operator's service account there. */
    operatorKubeconfig: string;
  }
}

/** Starts one control plane for all integration tests, with Roster's definitions; tests make namespaces of their own. */
export default async function controlPlane(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'roster-test-'));
  const cluster = await startCluster(directory);
  await install(cluster.kubeconfig);
  project.provide('kubeconfig', cluster.kubeconfig);
  project.provide('operatorKubeconfig', cluster.operatorKubeconfig);
  return async () => {
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
