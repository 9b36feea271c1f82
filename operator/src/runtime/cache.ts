import type { KubernetesObject } from '@roster/crds';

/** The values an object is found under. Pure. */
export type Indexer<T> = (object: T) => readonly string[];

export type IndexerErrorHandler = (index: string, error: unknown) => void;

/** What an informer knows of the server's objects. They are shared: never modify one. */
export interface Cache<T extends KubernetesObject> {
  /** Everything was read at least once. Before, absence means nothing. */
  readonly synced: boolean;
  readonly size: number;
  /** The namespace of a cluster-scoped object is ''. */
  get(namespace: string, name: string): T | undefined;
  /** In no particular order; all namespaces unless one is given. */
  list(namespace?: string): Iterable<T>;
  /** How many objects there are in a namespace. */
  count(namespace: string): number;
  /** In no particular order. Throws for an index that was not declared. */
  byIndex(index: string, value: string): readonly T[];
  /** How many objects `byIndex` would give, without listing them. */
  countByIndex(index: string, value: string): number;
}

/** A Cache with its write side, for informers, and for tests that fill one by hand. */
export class Store<T extends KubernetesObject> implements Cache<T> {
  synced = false;
  /** By namespace, then by name: no string is kept per object beyond its own name. */
  readonly #objects = new Map<string, Map<string, T>>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;
  #size = 0;

  /** An object an indexer throws for is found under no value of that index; `onIndexerError` is told. */
  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}, onIndexerError: IndexerErrorHandler = () => {}) {
    this.#indexes = new Map(
      Object.entries(indexers).map(([name, indexer]) => [
        name,
        new Index(indexer, (error) => onIndexerError(name, error)),
      ]),
    );
  }

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(namespace)?.get(name);
  }

  list(namespace?: string): Iterable<T> {
    if (namespace !== undefined) {
      return this.#objects.get(namespace)?.values() ?? [];
    }
    return this.#all();
  }

  count(namespace: string): number {
    return this.#objects.get(namespace)?.size ?? 0;
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#index(index).get(value);
  }

  countByIndex(index: string, value: string): number {
    return this.#index(index).count(value);
  }

  /** Returns the object that was there before. */
  set(object: T): T | undefined {
    const { namespace = '', name } = object.metadata;
    let objects = this.#objects.get(namespace);
    if (objects === undefined) {
      objects = new Map();
      this.#objects.set(namespace, objects);
    }
    const old = objects.get(name);
    objects.set(name, object);
    if (old === undefined) {
      this.#size++;
    }
    for (const index of this.#indexes.values()) {
      index.replace(old, object);
    }
    return old;
  }

  /** Returns the object that was there. */
  delete(namespace: string, name: string): T | undefined {
    const objects = this.#objects.get(namespace);
    const old = objects?.get(name);
    if (objects === undefined || old === undefined) {
      return undefined;
    }
    objects.delete(name);
    if (objects.size === 0) {
      this.#objects.delete(namespace);
    }
    this.#size--;
    for (const index of this.#indexes.values()) {
      index.replace(old, undefined);
    }
    return old;
  }

  #index(name: string): Index<T> {
    const found = this.#indexes.get(name);
    if (found === undefined) {
      throw new Error(`No index "${name}": the informer declares ${[...this.#indexes.keys()].join(', ') || 'none'}.`);
    }
    return found;
  }

  *#all(): Generator<T, void, undefined> {
    for (const objects of this.#objects.values()) {
      yield* objects.values();
    }
  }
}

/** Most values belong to one object only (an address), so a set is made for the second. */
class Index<T> {
  readonly #indexer: Indexer<T>;
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Map<string, T | Set<T>>();

  constructor(indexer: Indexer<T>, onError: (error: unknown) => void) {
    this.#indexer = indexer;
    this.#onError = onError;
  }

  get(value: string): readonly T[] {
    const entry = this.#entries.get(value);
    if (entry === undefined) {
      return [];
    }
    return entry instanceof Set ? [...entry] : [entry];
  }

  count(value: string): number {
    const entry = this.#entries.get(value);
    return entry === undefined ? 0 : entry instanceof Set ? entry.size : 1;
  }

  replace(old: T | undefined, object: T | undefined): void {
    for (const value of this.#values(old)) {
      this.#remove(value, old as T);
    }
    for (const value of this.#values(object)) {
      this.#add(value, object as T);
    }
  }

  #values(object: T | undefined): readonly string[] {
    if (object === undefined) {
      return [];
    }
    try {
      return this.#indexer(object);
    } catch (error) {
      this.#onError(error);
      return [];
    }
  }

  #add(value: string, object: T): void {
    const entry = this.#entries.get(value);
    if (entry === undefined || entry === object) {
      this.#entries.set(value, object);
    } else if (entry instanceof Set) {
      entry.add(object);
    } else {
      this.#entries.set(value, new Set([entry, object]));
    }
  }

  #remove(value: string, object: T): void {
    const entry = this.#entries.get(value);
    if (entry instanceof Set) {
      entry.delete(object);
      if (entry.size > 0) {
        return;
      }
    }
    this.#entries.delete(value);
  }
}
