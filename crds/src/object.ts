/**
 * The shape every Kubernetes object shares. Only what Roster reads or writes of it:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
 */

/** Metadata as the API server's JSON carries it: timestamps are RFC 3339 strings. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Any object of the API. Objects are never modified in place: they may be shared with a cache. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** An object of one of Roster's kinds. */
export interface Resource<Spec, Status> extends KubernetesObject {
  readonly spec: Spec;
  readonly status?: Status;
}

/** Where the API server serves a kind: `/apis/<group>/<version>/[namespaces/<namespace>/]<plural>`; group '' is core. */
export interface ResourceType<T extends KubernetesObject = KubernetesObject> {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Only carries T for the compiler; never set. */
  readonly object?: T;
}

/**
 * One observation of an object's state, as `metav1.Condition` defines it:
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
 */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase word for programs. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339, moves only when `status` changes. */
  readonly lastTransitionTime: string;
}
