import type { KubernetesObject } from '@roster/crds';
import { type ApiClient, NAMESPACE } from './runtime/index.ts';

/** On a Namespace: the name of the installation that it belongs to. */
export const installationLabel = 'roster.dev/installation';
/** Namespaces without the label belong to it. */
export const defaultInstallation = 'roster';

/** Whose a Namespace is: one installation's, so that no two ever work in it. */
export function installationOf({ metadata }: KubernetesObject): string {
  return metadata.labels?.[installationLabel] || defaultInstallation;
}

/** Who an installation is, for the database: the cluster's own id and the name of the installation. */
export async function installationIdentity(client: ApiClient, installation: string): Promise<string> {
  // https://github.com/kubernetes/kubernetes/issues/77487: the uid of kube-system stands for the cluster.
  const { metadata } = await client.get(NAMESPACE, { namespace: '', name: 'kube-system' });
  return `${metadata.uid}/${installation}`;
}
