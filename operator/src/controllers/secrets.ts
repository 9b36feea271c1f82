import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { KubernetesObject, ResourceType } from '@roster/crds';
import { DirectoryError } from '../errors.ts';
import { type ApiClient, isAlreadyExists, isForbidden, isNotFound } from '../runtime/index.ts';

export interface Secret extends KubernetesObject {
  /** Base64, as the API has it. */
  readonly data?: Readonly<Record<string, string>>;
}

export const Secret: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

interface RoleBinding extends KubernetesObject {
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects: readonly object[];
}

const rbac = 'rbac.authorization.k8s.io';
const RoleBinding: ResourceType<RoleBinding> = {
  group: rbac,
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

/** Static ClusterRole that comes with the CRDs; the operator may bind it and nothing stronger. */
const readerRole = 'roster-secrets-reader';
/** The API server's authorizer learns of a new binding a moment after it was created; waits in milliseconds. */
const authorizerDelays = [50, 100, 200, 400, 800, 1_600];

/**
 * Reads Secrets in tenant namespaces and nowhere else: the operator binds itself there to a role that it may only bind.
 * It never writes a Role, so it cannot raise its own rights. Nothing is kept of a Secret.
 */
export class Secrets {
  readonly #client: ApiClient;
  readonly #bound = new Set<string>();
  #username: Promise<string> | undefined;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** @throws DirectoryError SecretNotFound, SecretForbidden */
  async read(namespace: string, name: string, signal: AbortSignal): Promise<Secret> {
    await this.#bind(namespace);
    for (const delay of [...authorizerDelays, undefined]) {
      try {
        return await this.#client.get(Secret, { namespace, name }, { signal });
      } catch (error) {
        if (isNotFound(error)) {
          throw new DirectoryError('SecretNotFound', `There is no Secret ${name} in the namespace ${namespace}.`);
        }
        if (!isForbidden(error)) throw error;
        if (delay === undefined) break;
        await setTimeout(delay, undefined, { signal });
      }
    }
    this.#bound.delete(namespace);
    throw new DirectoryError(
      'SecretForbidden',
      `The operator may not read the Secret ${name} in the namespace ${namespace}.`,
    );
  }

  async #bind(namespace: string): Promise<void> {
    if (this.#bound.has(namespace)) return;
    const username = await this.#whoAmI();
    const binding: RoleBinding = {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: bindingName(username), namespace },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: readerRole },
      subjects: [subject(username)],
    };
    await this.#client.create(RoleBinding, binding).catch((error: unknown) => {
      // Where the binding is refused, another one may have been made by hand: reading tells.
      if (!isAlreadyExists(error) && !isForbidden(error)) throw error;
    });
    this.#bound.add(namespace);
  }

  #whoAmI(): Promise<string> {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: { name: '' } };
    this.#username ??= this.#client
      .create(SelfSubjectReview, review)
      .then(({ status }) => status?.userInfo.username ?? '');
    this.#username.catch(() => {
      this.#username = undefined;
    });
    return this.#username;
  }
}

/** One a subject: a namespace can change hands, and a binding says for good whom it is for. */
function bindingName(username: string): string {
  return `${readerRole}-${createHash('sha256').update(username).digest('hex').slice(0, 8)}`;
}

function subject(username: string): object {
  const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username);
  return serviceAccount === null
    ? { kind: 'User', apiGroup: rbac, name: username }
    : { kind: 'ServiceAccount', namespace: serviceAccount[1], name: serviceAccount[2] };
}
