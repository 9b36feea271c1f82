import type { KubernetesObject, ResourceType } from '@roster/crds';
import { type Cache, type Indexer, Store } from './cache.ts';
import type { ApiClient } from './client.ts';
import type { Logger } from './logger.ts';
import { Partition } from './partition.ts';
import { Reflector, type ReflectorState, type ReflectorTimings } from './reflector.ts';
import { resourceName } from './requestpath.ts';

/** A change of the cache; the cache already holds it. */
export type InformerEvent<T extends KubernetesObject> =
  | {
      readonly type: 'added';
      readonly object: T;
      /** Read at the start, or with all that its namespace holds when that came into scope. */
      readonly initial: boolean;
    }
  | { readonly type: 'updated'; readonly object: T; readonly old: T; readonly initial: boolean }
  | {
      /** Or its namespace went out of scope. */
      readonly type: 'deleted';
      /** Its last known state. */
      readonly object: T;
      /** Nobody saw the deletion happen: the object was missing when everything was read anew. */
      readonly missedDelete: boolean;
    };

export type InformerHandler<T extends KubernetesObject> = (event: InformerEvent<T>) => void;

export interface InformerOptions<T extends KubernetesObject> {
  /** Namespaces to watch; one that does not exist is simply empty. Ignored for cluster-scoped kinds. */
  readonly namespaces?: readonly string[] | 'all';
  /**
   * What is in other namespaces is read and set aside, see `show` and `hide`; all are shown when absent. Ignored for
   * cluster-scoped kinds.
   */
  readonly shown?: Iterable<string>;
  /** Pure functions by name, for `cache.byIndex`. */
  readonly indexes?: Readonly<Record<string, Indexer<T>>>;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * Makes of each object what the cache keeps and handlers see; the rest is not held. Pure. The metadata must stay,
   * but for what nobody here reads.
   */
  readonly transform?: (object: T) => T;
  readonly timings?: Partial<ReflectorTimings>;
}

/** What one informer reads, and how that goes. */
export interface InformerState extends ReflectorState {
  /** Undefined: all. */
  readonly namespace: string | undefined;
}

/**
 * Keeps a cache of one kind equal to the server, and tells handlers what changed. It never ends by itself: whatever
 * the server does, it keeps the cache and tries again, slower and slower.
 */
export class Informer<T extends KubernetesObject> {
  readonly type: ResourceType<T>;
  readonly #store: Store<T>;
  readonly #partition: Partition<T> | undefined;
  readonly #logger: Logger;
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #reflectors: readonly Reflector<T>[];
  readonly #synced = Promise.withResolvers<void>();

  constructor(client: ApiClient, type: ResourceType<T>, logger: Logger, options: InformerOptions<T> = {}) {
    const { namespaces = 'all', shown, indexes, ...rest } = options;
    this.type = type;
    this.#logger = logger.child({ type: resourceName(type) });
    this.#store = new Store(indexes, (index, err) => this.#logger.error({ index, err }, 'an indexer threw'));
    this.#partition = shown === undefined || !type.namespaced ? undefined : new Partition(this.#store, shown);
    const scopes = namespaces === 'all' || !type.namespaced ? [undefined] : [...new Set(namespaces)];
    this.#reflectors = scopes.map(
      (namespace) =>
        new Reflector({
          ...rest,
          client,
          type,
          namespace,
          store: this.#partition ?? this.#store,
          emit: (event) => this.#emitShown(event),
          onSynced: () => this.#checkSynced(),
          logger: this.#logger,
        }),
    );
    this.#checkSynced();
  }

  get cache(): Cache<T> {
    return this.#store;
  }

  /** What was read of namespaces that are not shown; undefined where all are. */
  get hidden(): Cache<T> | undefined {
    return this.#partition?.hidden;
  }

  get states(): InformerState[] {
    return this.#reflectors.map((reflector) => ({ namespace: reflector.namespace, ...reflector.state }));
  }

  /**
   * Shows what a namespace holds, all at once. The cache has it when this returns; the function that it returns tells
   * the handlers, so that several informers can go ahead before any of them does.
   */
  show(namespace: string): () => void {
    const objects = this.#partition?.show(namespace) ?? [];
    return () => {
      for (const object of objects) this.#emit({ type: 'added', object, initial: true });
    };
  }

  /** The opposite: to those who listen all of it is gone. */
  hide(namespace: string): () => void {
    const objects = this.#partition?.hide(namespace) ?? [];
    return () => {
      for (const object of objects) this.#emit({ type: 'deleted', object, missedDelete: false });
    };
  }

  /** Calls the handler for every change from now on, first for what the cache holds. Returns how to end it. */
  onEvent(handler: InformerHandler<T>): () => void {
    for (const object of this.#store.list()) {
      this.#call(handler, { type: 'added', object, initial: true });
    }
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Resolves when everything was read once; rejects with the signal's reason when it aborts before. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Reads and watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  #checkSynced(): void {
    if (this.#reflectors.every((reflector) => reflector.synced)) {
      this.#store.synced = true;
      this.#synced.resolve();
    }
  }

  #emitShown(event: InformerEvent<T>): void {
    if (this.#partition?.shows(event.object.metadata.namespace ?? '') ?? true) this.#emit(event);
  }

  #emit(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) {
      this.#call(handler, event);
    }
  }

  #call(handler: InformerHandler<T>, event: InformerEvent<T>): void {
    try {
      handler(event);
    } catch (err) {
      this.#logger.error({ event: event.type, namespace: event.object.metadata.namespace, err }, 'a handler threw');
    }
  }
}
