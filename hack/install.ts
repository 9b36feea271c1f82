/** Installs Roster's definitions, policies and rights into a cluster for a try-out on this machine. */
import { leaderElectionRole, manifests } from '@roster/crds/manifests';
import { stringify } from 'yaml';
import { kubectl } from './stack.ts';

const operatorNamespace = 'roster-system';

/** Applies everything and waits until the definitions are served; returns what was applied. */
export async function install(kubeconfig: string): Promise<string> {
  const yaml = [...manifests(), ...permissions()].map((object) => stringify(object)).join('---\n');
  await kubectl(kubeconfig, ['apply', '--server-side', '-f', '-'], yaml);
  const definitions = ['crd', '-l', 'app.kubernetes.io/part-of=roster'];
  await kubectl(kubeconfig, ['wait', '--for=condition=Established', ...definitions, '--timeout=60s']);
  return yaml;
}

/** The operator runs with exactly the rights that its roles give. */
function permissions(): object[] {
  const subjects = [{ kind: 'ServiceAccount', name: 'roster-operator', namespace: operatorNamespace }];
  const binding = (kind: string, name: string, roleKind: string, namespace?: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name, ...(namespace && { namespace }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: roleKind, name },
    subjects,
  });
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: operatorNamespace } },
    { ...leaderElectionRole, metadata: { ...leaderElectionRole.metadata, namespace: operatorNamespace } },
    binding('ClusterRoleBinding', 'roster-operator', 'ClusterRole'),
    binding('ClusterRoleBinding', 'roster-operator-cluster', 'ClusterRole'),
    binding('RoleBinding', 'roster-leader-election', 'Role', operatorNamespace),
  ];
}
