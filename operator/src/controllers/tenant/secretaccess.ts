import type { KubernetesObject, ResourceType } from '@roster/crds';
import { type ApiClient, isAlreadyExists } from '../../runtime/index.ts';

interface RoleBinding extends KubernetesObject {
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects: readonly object[];
}

const RoleBinding: ResourceType<RoleBinding> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'rolebindings',
  kind: 'RoleBinding',
  namespaced: true,
};

interface SelfSubjectReview extends KubernetesObject {
  readonly status?: { readonly userInfo: { readonly username: string } };
}

const SelfSubjectReview: ResourceType<SelfSubjectReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
};

/** Static ClusterRole that the manifests bring; the operator may bind it and nothing stronger. */
const clusterRole = 'roster-secrets-reader';

/**
 * Lets the operator read Secrets in tenant namespaces and nowhere else: a RoleBinding in each, to a role that it may
 * only bind. It never writes a Role, so it cannot raise its own rights.
 */
export class SecretAccess {
  readonly #client: ApiClient;
  readonly #granted = new Set<string>();
  #self: Promise<string> | undefined;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async grant(namespace: string): Promise<void> {
    if (this.#granted.has(namespace)) return;
    await this.#client
      .create(RoleBinding, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: clusterRole, namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterRole },
        subjects: [subject(await this.#whoAmI())],
      })
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
    this.#granted.add(namespace);
  }

  #whoAmI(): Promise<string> {
    this.#self ??= this.#client
      .create(SelfSubjectReview, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
        metadata: { name: '' },
      })
      .then(({ status }) => status?.userInfo.username ?? '');
    return this.#self;
  }
}

function subject(username: string): object {
  const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username);
  return serviceAccount === null
    ? { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: username }
    : { kind: 'ServiceAccount', namespace: serviceAccount[1], name: serviceAccount[2] };
}
