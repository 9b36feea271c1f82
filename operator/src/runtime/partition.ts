import type { KubernetesObject } from '@roster/crds';
import { type Cache, Store } from './cache.ts';

/** What a reflector needs of a store. */
export type ReflectorStore<T extends KubernetesObject> = Pick<Store<T>, 'get' | 'set' | 'delete' | 'list'>;

/**
 * Keeps the objects of namespaces that somebody else works in apart from those that count here. All of them are read
 * by one watch, so a namespace that changes hands needs nothing from the server, and changes hands in one moment.
 */
export class Partition<T extends KubernetesObject> implements ReflectorStore<T> {
  readonly #shown: Store<T>;
  readonly #hidden = new Store<T>();
  readonly #namespaces: Set<string>;

  /** Shows what the namespaces hold in the store, and hides the others. */
  constructor(shown: Store<T>, namespaces: Iterable<string>) {
    this.#shown = shown;
    this.#namespaces = new Set(namespaces);
  }

  get hidden(): Cache<T> {
    return this.#hidden;
  }

  shows(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  /** Returns what is shown from now on and was not. */
  show(namespace: string): T[] {
    this.#namespaces.add(namespace);
    return move(namespace, this.#hidden, this.#shown);
  }

  /** Returns what is hidden from now on and was not. */
  hide(namespace: string): T[] {
    this.#namespaces.delete(namespace);
    return move(namespace, this.#shown, this.#hidden);
  }

  get(namespace: string, name: string): T | undefined {
    return this.#storeOf(namespace).get(namespace, name);
  }

  set(object: T): T | undefined {
    return this.#storeOf(object.metadata.namespace ?? '').set(object);
  }

  delete(namespace: string, name: string): T | undefined {
    return this.#storeOf(namespace).delete(namespace, name);
  }

  /** As it is now: a namespace may change hands while somebody goes through it. */
  list(namespace?: string): T[] {
    return [...this.#shown.list(namespace), ...this.#hidden.list(namespace)];
  }

  #storeOf(namespace: string): Store<T> {
    return this.shows(namespace) ? this.#shown : this.#hidden;
  }
}

function move<T extends KubernetesObject>(namespace: string, from: Store<T>, to: Store<T>): T[] {
  const objects = [...from.list(namespace)];
  for (const object of objects) {
    from.delete(namespace, object.metadata.name);
    to.set(object);
  }
  return objects;
}
