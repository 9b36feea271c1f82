/** Who may do what: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import { group } from '../kind.ts';
import { kinds } from '../kinds/all.ts';
import { labels, type Manifest } from './manifest.ts';

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Role extends Manifest {
  readonly rules: readonly PolicyRule[];
}

const plurals = kinds.map((kind) => kind.plural);
const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete'];

function clusterRole(name: string, rules: readonly PolicyRule[], aggregateTo: readonly string[] = []): Role {
  const aggregation = aggregateTo.map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, labels: { ...labels, ...Object.fromEntries(aggregation) } },
    rules,
  };
}

/**
 * What the operator needs in the namespaces that it works in, but for Secrets: bind it cluster-wide, or in each
 * namespace that the operator is confined to. It has no verb that the operator does not use.
 */
export const operatorClusterRole = clusterRole('roster-operator', [
  { apiGroups: [group], resources: plurals, verbs: read },
  // Runs create people and groups; the rest is what every tenant has from the beginning, and the runs themselves.
  {
    apiGroups: [group],
    resources: ['users', 'recipients', 'groups', 'organizations', 'approles', 'directorysyncs'],
    verbs: ['create'],
  },
  { apiGroups: [group], resources: ['users', 'recipients', 'groups'], verbs: ['patch'] },
  { apiGroups: [group], resources: ['users', 'recipients', 'directorysyncs'], verbs: ['delete'] },
  { apiGroups: [group], resources: plurals.map((plural) => `${plural}/status`), verbs: ['update', 'patch'] },
  { apiGroups: [group], resources: ['users', 'recipients', 'groups'], verbs: ['link'] },
  { apiGroups: [group], resources: ['approles', 'groups'], verbs: ['bootstrap'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  // In each tenant namespace the operator binds itself to the one role that reads Secrets. It writes no role, and
  // can bind no other: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#restrictions-on-role-binding-creation-or-update
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: ['create'] },
  {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles'],
    resourceNames: ['roster-secrets-reader'],
    verbs: ['bind'],
  },
]);

/**
 * What the operator needs of the cluster as a whole: to which installation each namespace belongs, and the uid of
 * kube-system, which tells this cluster from others.
 */
export const operatorClusterScopedRole = clusterRole('roster-operator-cluster', [
  { apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
]);

/** For a RoleBinding in each namespace that is a tenant: credentials elsewhere stay unreadable. */
export const secretsReaderClusterRole = clusterRole('roster-secrets-reader', [
  { apiGroups: [''], resources: ['secrets'], verbs: read },
]);

/** In the operator's own namespace. */
export const leaderElectionRole: Role = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'roster-leader-election', labels },
  rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] }],
};

/** For people who look. Whoever may view a namespace may view its people. */
export const viewerClusterRole = clusterRole(
  'roster-viewer',
  [{ apiGroups: [group], resources: plurals, verbs: read }],
  ['view', 'edit', 'admin'],
);

/** For people who administer a tenant. What belongs to the operator is kept from them by the policies. */
export const editorClusterRole = clusterRole(
  'roster-editor',
  [{ apiGroups: [group], resources: plurals, verbs: [...read, ...write] }],
  ['edit', 'admin'],
);

/**
 * For people who decide about what a run holds. Neither the operator nor an editor does: who prepares a change in Git is
 * not asked, and whoever administers the namespace is.
 */
export const approverClusterRole = clusterRole(
  'roster-approver',
  [{ apiGroups: [group], resources: ['directorysyncs'], verbs: [...read, 'update', 'patch', 'approve'] }],
  ['admin'],
);
