/** Parts of the engine for controllers under test: informers that are told what happens, and a manager that starts nothing. */
import type { KubernetesObject, ResourceType } from '@roster/crds';
import {
  type ControllerOptions,
  type EventMapper,
  type Indexer,
  type Informer,
  type InformerEvent,
  itself,
  type Manager,
  type Predicate,
  type Reconcile,
  type Request,
  Store,
} from '../../runtime/index.ts';
import { namespace } from './objects.ts';

/** An informer that learns from the test what happens. */
export class Informed<T extends KubernetesObject> {
  readonly type: ResourceType<T>;
  readonly cache: Store<T>;
  readonly #handlers: ((event: InformerEvent<T>) => void)[] = [];

  constructor(type: ResourceType<T>, indexes: Readonly<Record<string, Indexer<T>>> = {}, ...objects: T[]) {
    this.type = type;
    this.cache = new Store(indexes);
    for (const object of objects) this.cache.set(object);
  }

  onEvent(handler: (event: InformerEvent<T>) => void): void {
    this.#handlers.push(handler);
  }

  add(object: T): void {
    this.cache.set(object);
    this.#emit({ type: 'added', object, initial: false });
  }

  update(object: T): void {
    const old = this.cache.get(object.metadata.namespace ?? '', object.metadata.name) ?? object;
    this.cache.set(object);
    this.#emit({ type: 'updated', object, old, initial: false });
  }

  delete(object: T): void {
    this.cache.delete(object.metadata.namespace ?? '', object.metadata.name);
    this.#emit({ type: 'deleted', object, missedDelete: false });
  }

  #emit(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) handler(event);
  }
}

type Watch<T extends KubernetesObject> = [
  informer: Pick<Informer<T>, 'onEvent'>,
  mapper?: EventMapper<T>,
  predicate?: Predicate<T>,
];

/** Takes controllers in, so that a test calls their reconcile function when it wants. */
export class ManualManager {
  /** Names that a controller asked to be looked at. */
  readonly enqueued: string[] = [];
  readonly #reconciles = new Map<string, Reconcile>();

  controller({ name, reconcile }: ControllerOptions) {
    this.#reconciles.set(name, reconcile);
    const enqueue = ({ name }: Request) => void this.enqueued.push(name);
    const watches = <T extends KubernetesObject>(...[informer, mapper, predicate]: Watch<T>) => {
      informer.onEvent((event) => {
        if (predicate?.(event) ?? true) for (const request of (mapper ?? itself)(event)) enqueue(request);
      });
      return controller;
    };
    const controller = { watches, enqueue, enqueueAfter: enqueue };
    return controller;
  }

  /** Nothing that runs beside controllers is started. */
  add(): void {}

  /** What a controller asks for when it is added. */
  get asManager(): Manager {
    return this as unknown as Manager;
  }

  reconcile(controller: string, name: string, signal = new AbortController().signal): ReturnType<Reconcile> {
    const reconcile = this.#reconciles.get(controller);
    return (
      reconcile?.({ namespace, name }, signal) ?? Promise.reject(new Error(`there is no controller ${controller}`))
    );
  }
}
