import type { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesObject, ResourceType } from '@roster/crds';
import { KubeConfigCredentials } from './credentials.ts';
import { collectionPath, keyOf, type ObjectKey, objectPath } from './requestpath.ts';
import { Transport, type TransportOptions, type TransportRequest } from './transport.ts';
import { readWatchEvents, type WatchEvent } from './watchstream.ts';

export interface ApiClientOptions {
  /** Sent as User-Agent, shown in the audit log: `roster-operator/0.1.0`. */
  readonly userAgent: string;
  /** Owner of the fields written, in `metadata.managedFields`. */
  readonly fieldManager: string;
  /** Time for an answer to begin, and again for each pause within it, in milliseconds; 30 s unless given. */
  readonly timeoutMs?: number;
  /** Writes in flight at a time, 32 unless given: more brought no throughput where it was measured. */
  readonly maxWritesInFlight?: number;
  /** Told of every answer: see `RuntimeMetrics.onAnswer`. */
  readonly onAnswer?: TransportOptions['onAnswer'];
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's own, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects in a page. */
  readonly limit?: number;
  /** Token of the page before. */
  readonly continue?: string;
}

/** One page: https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks */
export interface ObjectList<T> {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: T[];
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Continue after this version; absent together with `initialEvents`. */
  readonly resourceVersion?: string;
  /** First everything there is, consistently read, ended by a bookmark (KEP-3157, "watch list"). */
  readonly initialEvents?: boolean;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  /** A watch without a single byte for this long, in milliseconds, is taken for dead. */
  readonly idleTimeoutMs: number;
  readonly signal?: AbortSignal;
  /** Called when the server accepted the watch, which may be long before the first event. */
  readonly onOpen?: () => void;
}

export interface WriteOptions extends CallOptions {
  readonly subresource?: string;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes fields over from other managers. */
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** The deletion is refused, as a conflict, when the object is another one by now. */
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined };
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

/** RFC 6902. */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_WRITES_IN_FLIGHT = 32;
const PAGE_SIZE = 500;

const JSON_TYPE = 'application/json';
const MERGE_PATCH = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
/** The server reads JSON as the YAML it is. */
const APPLY_PATCH = 'application/apply-patch+yaml';

/**
 * Generic calls to the Kubernetes API. Every method throws ApiError for a refusal, TransportError when no answer came
 * (`isAmbiguous` tells whether a write may have happened), or the signal's reason.
 */
export class ApiClient {
  readonly #kubeConfig: KubeConfig;
  readonly #options: ApiClientOptions;
  readonly #transport: Transport;

  private constructor(kubeConfig: KubeConfig, options: ApiClientOptions) {
    const cluster = kubeConfig.getCurrentCluster();
    if (cluster === null) {
      throw new Error('The kubeconfig has no current context with a cluster.');
    }
    this.#kubeConfig = kubeConfig;
    this.#options = options;
    this.#transport = new Transport({
      server: new URL(cluster.server),
      credentials: new KubeConfigCredentials(kubeConfig),
      userAgent: options.userAgent,
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxWritesInFlight: options.maxWritesInFlight ?? DEFAULT_WRITES_IN_FLIGHT,
      onAnswer: options.onAnswer,
    });
  }

  static fromKubeConfig(kubeConfig: KubeConfig, options: ApiClientOptions): ApiClient {
    return new ApiClient(kubeConfig, options);
  }

  /** The same identity over a connection and write places of its own, for what must not wait behind other calls. */
  dedicated(options: Partial<ApiClientOptions> = {}): ApiClient {
    return new ApiClient(this.#kubeConfig, { ...this.#options, ...options });
  }

  /** Drops all connections; calls in flight fail. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  get<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey, options: CallOptions = {}): Promise<T> {
    return this.#send<T>({ method: 'GET', path: objectPath(type, key), ...options });
  }

  /** One page. */
  list<T extends KubernetesObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { namespace, labelSelector, fieldSelector, limit, continue: token, ...call } = options;
    return this.#send<ObjectList<T>>({
      method: 'GET',
      path: collectionPath(type, namespace),
      query: { labelSelector, fieldSelector, limit: limit?.toString(), continue: token },
      ...call,
    });
  }

  /**
   * All pages of one consistent list. Throws a Gone error when reading takes so long that the server forgot the
   * version: start again.
   */
  async *listAll<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: Omit<ListOptions, 'continue'> = {},
  ): AsyncGenerator<ObjectList<T>, void, undefined> {
    let page = await this.list(type, { limit: PAGE_SIZE, ...options });
    yield page;
    while (page.metadata.continue) {
      page = await this.list(type, { limit: PAGE_SIZE, ...options, continue: page.metadata.continue });
      yield page;
    }
  }

  /**
   * Events until the server ends the watch, which is normal. Throws MalformedWatchError for a line that is no event.
   * Ending the iteration ends the watch.
   */
  async *watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const path = collectionPath(type, options.namespace);
    const body = await this.#transport.stream(
      {
        method: 'GET',
        path,
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          resourceVersion: options.resourceVersion,
          timeoutSeconds: String(options.timeoutSeconds),
          ...(options.initialEvents && { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }),
        },
        signal: options.signal,
      },
      options.idleTimeoutMs,
    );
    options.onOpen?.();
    yield* readWatchEvents<T>(body);
  }

  create<T extends KubernetesObject>(type: ResourceType<T>, object: T, options: CallOptions = {}): Promise<T> {
    const path = collectionPath(type, object.metadata.namespace);
    return this.#write<T>('POST', path, JSON_TYPE, withType(type, object), {}, options);
  }

  /** Replaces the object, or its subresource. Refused as a conflict unless `metadata.resourceVersion` is the last. */
  replace<T extends KubernetesObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(type, keyOf(object), options.subresource);
    return this.#write<T>('PUT', path, JSON_TYPE, withType(type, object), {}, options);
  }

  /** RFC 7396: null removes a field, a list is replaced whole. */
  mergePatch<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: object,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#write<T>('PATCH', objectPath(type, key, options.subresource), MERGE_PATCH, patch, {}, options);
  }

  /** RFC 6902: a failed `test` is refused as Invalid. */
  jsonPatch<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#write<T>('PATCH', objectPath(type, key, options.subresource), JSON_PATCH, patch, {}, options);
  }

  /** Server-side apply: creates or updates the fields given and drops those applied before and not given now. */
  apply<T extends KubernetesObject>(type: ResourceType<T>, object: T, options: ApplyOptions = {}): Promise<T> {
    const path = objectPath(type, keyOf(object), options.subresource);
    const force = options.force?.toString();
    return this.#write<T>('PATCH', path, APPLY_PATCH, withType(type, object), { force }, options);
  }

  /** Throws NotFound when it is gone already. With finalizers or foreground propagation it is gone only later. */
  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const { preconditions, propagationPolicy, ...call } = options;
    await this.#send({
      method: 'DELETE',
      path: objectPath(type, key),
      contentType: JSON_TYPE,
      body: JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions, propagationPolicy }),
      ...call,
    });
  }

  /** The answer of `/version`. */
  serverVersion(options: CallOptions = {}): Promise<{ major: string; minor: string; gitVersion: string }> {
    return this.#send({ method: 'GET', path: '/version', ...options });
  }

  #write<T>(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    contentType: string,
    body: unknown,
    query: Record<string, string | undefined>,
    { signal, timeoutMs }: CallOptions,
  ): Promise<T> {
    return this.#send<T>({
      method,
      path,
      // Strict: an unknown field is an error of ours, which a silent drop would hide.
      query: { fieldManager: this.#options.fieldManager, fieldValidation: 'Strict', ...query },
      contentType,
      body: JSON.stringify(body),
      signal,
      timeoutMs,
    });
  }

  #send<T>(request: TransportRequest): Promise<T> {
    return this.#transport.send(request) as Promise<T>;
  }
}

/** Objects from a list lack their type, and who makes one need not repeat it. */
function withType<T extends KubernetesObject>(type: ResourceType<T>, object: T): T {
  return { apiVersion: apiVersionOf(type), kind: type.kind, ...object };
}

/** `roster.dev/v1alpha1`, or `v1` in the core group. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}
