import type { KubernetesObject, ResourceType } from '@roster/crds';
import { ApiError, isForbidden, isGone, isInvalid, isNotFound, TransportError } from './apierror.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { ApiClient } from './client.ts';
import type { InformerEvent } from './informer.ts';
import { lean } from './lean.ts';
import type { Logger } from './logger.ts';
import type { ReflectorStore } from './partition.ts';
import { isOlder } from './resourceversion.ts';
import { sleep } from './sleep.ts';
import { TimeSlice } from './timeslice.ts';

export interface ReflectorState {
  /**
   * - `reading`: everything is being read for the first time.
   * - `watching`: the cache follows the server.
   * - `retrying`: the connection broke; the cache may lag behind.
   * - `absent`: the server does not serve the kind: no CRD, or not any more.
   * - `forbidden`: RBAC refuses it.
   *
   * In the last two the cache stays as it was, and what changed is learned when the kind can be read again.
   */
  readonly phase: 'reading' | 'watching' | 'retrying' | 'absent' | 'forbidden';
  /** The last failure's sentence, until it works again. */
  readonly message?: string;
}

export interface ReflectorTimings {
  /**
   * A watch silent for so long is dead, in milliseconds. A living one brings a bookmark about every minute
   * (`bookmarkFrequency` of the API server's watch cache).
   */
  readonly idleTimeoutMs: number;
  /** The server ends a watch after a time drawn from [this, twice this), so that not all end together. */
  readonly watchSeconds: number;
  /** Everything is read anew after so long, in milliseconds: the only remedy for an event the server never sent. */
  readonly relistEveryMs: number;
  readonly backoff: BackoffOptions;
}

export interface ReflectorOptions<T extends KubernetesObject> {
  readonly client: ApiClient;
  readonly type: ResourceType<T>;
  /** Undefined: all. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Makes of each object what is stored and emitted. Pure; keeps the metadata. */
  readonly transform?: ((object: T) => T) | undefined;
  /** May be shared with reflectors of other namespaces. */
  readonly store: ReflectorStore<T>;
  readonly emit: (event: InformerEvent<T>) => void;
  /** Called once, after the first complete read. */
  readonly onSynced: () => void;
  readonly logger: Logger;
  readonly timings?: Partial<ReflectorTimings>;
}

const DEFAULT_TIMINGS: ReflectorTimings = {
  idleTimeoutMs: 120_000,
  watchSeconds: 300,
  relistEveryMs: 10 * 3_600_000,
  backoff: { baseMs: 800, maxMs: 30_000 },
};

/** KEP-3157: marks the bookmark after the initial events. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** A watch that lived for so long was no failed attempt, in milliseconds. */
const STEADY_MS = 10_000;

/** So many watches that brought nothing, and the resource version itself is suspected. */
const FRUITLESS_BEFORE_RELIST = 3;

/** Events came in another order than they happened in: some may be missing. */
class OutOfOrderError extends Error {
  override readonly name = 'OutOfOrderError';
}

/**
 * Makes a store equal to the server's objects of one kind in one namespace, or all, and keeps it so: reads
 * everything (as initial events of a watch where the server offers that, else as a list in pages), then watches from
 * there. Reads are always consistent ones, so the store never goes back in time.
 */
export class Reflector<T extends KubernetesObject> {
  readonly namespace: string | undefined;
  readonly #options: ReflectorOptions<T>;
  readonly #timings: ReflectorTimings;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  #state: ReflectorState = { phase: 'reading' };
  #synced = false;
  /** Everything up to here is in the store; undefined: read everything. */
  #resourceVersion: string | undefined;
  #readAt = 0;
  #canWatchList = true;
  /** The server accepted the current watch. */
  #opened = false;
  /** The current watch brought something. */
  #progressed = false;
  /** Watches since the last one that brought something. */
  #fruitless = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.namespace = options.namespace;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#logger = options.logger.child({ namespace: options.namespace ?? '*' });
    this.#backoff = new Backoff(this.#timings.backoff);
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Everything was read at least once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#opened = false;
      this.#progressed = false;
      const startedAt = performance.now();
      const failure = await this.#readAndWatch(signal).then(
        () => undefined,
        (error: unknown) => error ?? new Error('unknown failure'),
      );
      if (signal.aborted) {
        return;
      }
      this.#fruitless = this.#progressed ? 0 : this.#fruitless + 1;
      const lasted = this.#opened && performance.now() - startedAt > STEADY_MS;
      if (this.#progressed || lasted) {
        this.#backoff.reset();
      }
      if (failure !== undefined) {
        this.#noteFailure(failure);
      }
      // A watch that ended in good order goes on at once.
      if (failure !== undefined || !(this.#progressed || lasted)) {
        const asked = failure instanceof ApiError ? (failure.retryAfterSeconds ?? 0) * 1_000 : 0;
        await sleep(Math.max(this.#backoff.next(), asked), signal);
      }
    }
  }

  async #readAndWatch(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#readAt > this.#timings.relistEveryMs) {
      this.#resourceVersion = undefined;
    }
    if (this.#resourceVersion === undefined && this.#canWatchList) {
      try {
        await this.#watchList(signal);
        return;
      } catch (error) {
        if (this.#resourceVersion !== undefined || !refusesWatchList(error)) {
          throw error;
        }
        this.#canWatchList = false;
        this.#logger.debug({}, 'the server offers no watch list; listing in pages');
      }
    }
    if (this.#resourceVersion === undefined) {
      await this.#list(signal);
    }
    await this.#watch(signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, type, namespace, labelSelector, fieldSelector } = this.#options;
    const seen = new Set<T>();
    const slice = new TimeSlice();
    let resourceVersion = '';
    for await (const page of client.listAll(type, { namespace, labelSelector, fieldSelector, signal })) {
      ({ resourceVersion } = page.metadata);
      for (const item of page.items) {
        seen.add(this.#put(item));
        await slice.pauseIfOver();
      }
    }
    await this.#endRead(seen, resourceVersion);
  }

  async #watchList(signal: AbortSignal): Promise<void> {
    let seen: Set<T> | undefined = new Set();
    const slice = new TimeSlice();
    for await (const event of this.#events(signal, { initialEvents: true })) {
      if (seen === undefined) {
        this.#follow(event.type, event.object);
      } else if (event.type !== 'BOOKMARK') {
        seen.add(this.#put(event.object));
      } else if (event.object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') {
        await this.#endRead(seen, event.object.metadata.resourceVersion ?? '');
        seen = undefined;
      }
      await slice.pauseIfOver();
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const slice = new TimeSlice();
    for await (const event of this.#events(signal, { resourceVersion: this.#resourceVersion ?? '' })) {
      this.#follow(event.type, event.object);
      await slice.pauseIfOver();
    }
  }

  async *#events(signal: AbortSignal, from: { resourceVersion: string } | { initialEvents: true }) {
    const { client, type, namespace, labelSelector, fieldSelector } = this.#options;
    const { watchSeconds, idleTimeoutMs } = this.#timings;
    const timeoutSeconds = Math.ceil(watchSeconds * (1 + Math.random()));
    const onOpen = () => {
      this.#opened = true;
      if (this.#resourceVersion !== undefined) {
        this.#setState({ phase: 'watching' });
      }
    };
    const options = { namespace, labelSelector, fieldSelector, timeoutSeconds, idleTimeoutMs, signal, onOpen };
    for await (const event of client.watch(type, { ...options, ...from })) {
      if (event.type === 'ERROR') {
        throw new ApiError(event.object.code ?? 500, event.object);
      }
      yield event;
    }
  }

  /** What the store holds and the server did not show is gone. */
  async #endRead(seen: ReadonlySet<T>, resourceVersion: string): Promise<void> {
    const { store, emit, onSynced } = this.#options;
    const slice = new TimeSlice();
    for (const object of store.list(this.namespace)) {
      if (!seen.has(object)) {
        store.delete(object.metadata.namespace ?? '', object.metadata.name);
        emit({ type: 'deleted', object, missedDelete: true });
      }
      await slice.pauseIfOver();
    }
    this.#resourceVersion = resourceVersion;
    this.#readAt = performance.now();
    if (this.#opened) {
      this.#setState({ phase: 'watching' });
    }
    if (!this.#synced) {
      this.#synced = true;
      this.#logger.debug({ objects: seen.size }, 'everything was read');
      onSynced();
    }
  }

  /** Takes in one event of a running watch. */
  #follow(type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: T): void {
    const { resourceVersion } = object.metadata;
    if (isOlder(resourceVersion ?? '', this.#resourceVersion ?? '')) {
      throw new OutOfOrderError('The watch went back in time.');
    }
    if (type === 'DELETED') {
      this.#remove(object);
    } else if (type !== 'BOOKMARK') {
      this.#put(object);
    }
    this.#resourceVersion = resourceVersion;
    this.#progressed = true;
  }

  /** Returns the object the store holds now. */
  #put(received: T): T {
    const { store, emit } = this.#options;
    const { namespace = '', name, uid, resourceVersion } = received.metadata;
    const old = store.get(namespace, name);
    const sameObject = old !== undefined && old.metadata.uid === uid;
    if (sameObject && old.metadata.resourceVersion === resourceVersion) {
      return old;
    }
    if (old !== undefined && !sameObject) {
      store.delete(namespace, name);
      emit({ type: 'deleted', object: old, missedDelete: true });
    }
    const object = this.#keep(received);
    store.set(object);
    const initial = !this.#synced;
    emit(sameObject ? { type: 'updated', object, old, initial } : { type: 'added', object, initial });
    return object;
  }

  #remove(received: T): void {
    const { namespace = '', name } = received.metadata;
    if (this.#options.store.delete(namespace, name) !== undefined) {
      this.#options.emit({ type: 'deleted', object: this.#keep(received), missedDelete: false });
    }
  }

  /** What is held of an object that the server sent. */
  #keep(received: T): T {
    const object = lean(received);
    return this.#options.transform?.(object) ?? object;
  }

  /** Decides where to go on from, and shows what is wrong. */
  #noteFailure(failure: unknown): void {
    const message = failure instanceof Error ? failure.message : String(failure);
    if (isNotFound(failure) || isForbidden(failure)) {
      this.#resourceVersion = undefined;
      this.#setState({ phase: isNotFound(failure) ? 'absent' : 'forbidden', message });
      return;
    }
    const suspicious = this.#fruitless >= FRUITLESS_BEFORE_RELIST && this.#blamesVersion(failure);
    if (isGone(failure) || failure instanceof OutOfOrderError || suspicious) {
      this.#resourceVersion = undefined;
    }
    this.#setState({ phase: 'retrying', message });
  }

  /** Whether going on from the same version may be what fails, rather than the server or the way to it. */
  #blamesVersion(failure: unknown): boolean {
    if (failure instanceof TransportError) {
      return isSilence(failure);
    }
    return this.#opened || (failure instanceof ApiError && failure.code === 400);
  }

  #setState(state: ReflectorState): void {
    const before = this.#state.phase;
    this.#state = state;
    if (before === state.phase) {
      return;
    }
    if (state.message === undefined) {
      this.#logger.debug({ phase: state.phase }, 'watching');
    } else {
      const level = state.phase === 'retrying' ? 'debug' : 'warn';
      this.#logger[level]({ phase: state.phase, reason: state.message }, 'cannot watch; trying again');
    }
  }
}

/** Servers without the feature refuse its parameters; one that does not know them stays silent after the objects. */
function refusesWatchList(error: unknown): boolean {
  const badRequest = error instanceof ApiError && error.code === 400;
  return isInvalid(error) || badRequest || isSilence(error);
}

function isSilence(error: unknown): boolean {
  return error instanceof TransportError && error.code === 'UND_ERR_BODY_TIMEOUT';
}
