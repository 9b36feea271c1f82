import type { KubernetesObject, ResourceType } from '@roster/crds';
import type { Cache } from './cache.ts';
import type { Informer } from './informer.ts';

export const NAMESPACE: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** Called with a namespace that has come, or gone to somebody else. */
export type ScopeListener = (namespace: string, included: boolean) => void;

/** Which namespaces this process works in, as the Namespaces themselves say, at any time. */
export class NamespaceScope {
  /** All Namespaces. */
  readonly cache: Cache<KubernetesObject>;
  readonly #included = new Map<string, boolean>();
  readonly #listeners = new Set<ScopeListener>();

  /** `admits` judges a Namespace by its metadata. Pure. */
  constructor(
    informer: Pick<Informer<KubernetesObject>, 'cache' | 'onEvent'>,
    admits: (namespace: KubernetesObject) => boolean,
  ) {
    this.cache = informer.cache;
    informer.onEvent(({ type, object }) => {
      // What was in a namespace that ends is told by the watches of its kinds, which may be behind.
      if (type !== 'deleted') this.#note(object.metadata.name, admits(object));
    });
  }

  /** Those that are included. */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    for (const [namespace, included] of this.#included) if (included) yield namespace;
  }

  /** One that nobody knows of yet is not included. */
  includes(namespace: string): boolean {
    return this.#included.get(namespace) === true;
  }

  /** Whether it is known to be somebody else's. */
  excludes(namespace: string): boolean {
    return this.#included.get(namespace) === false;
  }

  /** Calls the listener for every change from now on. Returns how to end it. */
  onChange(listener: ScopeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #note(namespace: string, included: boolean): void {
    if (this.#included.get(namespace) === included) return;
    this.#included.set(namespace, included);
    for (const listener of this.#listeners) listener(namespace, included);
  }
}
