import { createHash } from 'node:crypto';
import type { KubernetesObject } from '@roster/crds';
import { ApiError } from './apierror.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Informer, InformerEvent } from './informer.ts';
import type { Logger } from './logger.ts';
import { ReconcileTimeoutError, type Result, StalledError, WaitingError } from './outcome.ts';
import type { Predicate } from './predicates.ts';
import { type Priority, type QueueMetrics, WorkQueue } from './queue.ts';

/** Names what to reconcile: always a key, never an event, so that whatever happened meanwhile is seen too. */
export interface Request {
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

/**
 * Brings the world closer to what the object declares. Throws StalledError to wait for a change, WaitingError for a
 * known delay, anything else to be called again with a growing one. The signal aborts at the timeout, and when the
 * program must end now.
 */
export type Reconcile = (request: Request, signal: AbortSignal) => Promise<Result>;

/** Which requests an event gives. Pure. */
export type EventMapper<T extends KubernetesObject> = (event: InformerEvent<T>) => Iterable<Request>;

/** What a controller tells of itself, in controller-runtime's terms. */
export interface ControllerMetrics {
  readonly queue: QueueMetrics;
  started(): void;
  finished(result: ReconcileResult, seconds: number): void;
  /** Called once: how to ask the queue for what is current. */
  observe(queue: Pick<WorkQueue, 'depth' | 'processingSeconds'>, concurrency: number): void;
}

export type ReconcileResult = 'success' | 'requeue_after' | 'waiting' | 'stalled' | 'timeout' | 'error';

export interface ControllerOptions {
  /** The metrics' label and the logs' key: `user`. */
  readonly name: string;
  readonly reconcile: Reconcile;
  /** Reconciles at a time, of different requests; 1 unless given. */
  readonly concurrency?: number;
  /** Aborts a reconcile that takes longer, in milliseconds; 2 min unless given. */
  readonly timeoutMs?: number;
  readonly backoff?: BackoffOptions;
  /**
   * The names of the objects say who people are. Above debug level a hash stands for the name, and of an error only
   * its kind is told.
   */
  readonly personal?: boolean;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** Calls a reconcile function for the objects its watches point at, one call per object at a time. */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #logger: Logger;
  readonly #metrics: ControllerMetrics | undefined;
  readonly #queue: WorkQueue;

  constructor(options: ControllerOptions, logger: Logger, metrics?: ControllerMetrics) {
    this.name = options.name;
    this.#options = options;
    this.#logger = logger.child({ controller: options.name });
    this.#metrics = metrics;
    this.#queue = new WorkQueue({ ...(options.backoff && { backoff: options.backoff }), metrics: metrics?.queue });
    metrics?.observe(this.#queue, options.concurrency ?? 1);
  }

  /** Reconciles what the mapper makes of each event that passes the predicate; by default the object itself. */
  watches<T extends KubernetesObject>(
    informer: Pick<Informer<T>, 'onEvent'>,
    mapper: EventMapper<T> = itself,
    predicate: Predicate<T> = () => true,
  ): this {
    informer.onEvent((event) => {
      if (predicate(event)) {
        const priority = event.type !== 'deleted' && event.initial ? 'low' : 'high';
        for (const request of mapper(event)) {
          this.enqueue(request, priority);
        }
      }
    });
    return this;
  }

  /** Asks for a reconcile for a reason no informer knows: a row of a database changed. */
  enqueue(request: Request, priority: Priority = 'high'): void {
    this.#queue.add(keyOf(request), priority);
  }

  enqueueAfter(request: Request, delayMs: number): void {
    this.#queue.addAfter(keyOf(request), delayMs);
  }

  /**
   * Works until `stop` aborts, then starts nothing new and resolves when what runs is done. `force` aborts that too.
   */
  async run(stop: AbortSignal, force: AbortSignal): Promise<void> {
    const shutDown = () => void this.#queue.shutDown();
    stop.addEventListener('abort', shutDown, { once: true });
    if (stop.aborted) {
      shutDown();
    }
    await Promise.all(Array.from({ length: this.#options.concurrency ?? 1 }, () => this.#work(force)));
  }

  async #work(force: AbortSignal): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      try {
        await this.#reconcileKey(key, force);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcileKey(key: string, force: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    this.#metrics?.started();
    const outcome = await this.#attempt(requestOf(key), force);
    const result = 'error' in outcome ? this.#settleError(key, outcome.error, force) : this.#settle(key, outcome);
    this.#metrics?.finished(result, (performance.now() - startedAt) / 1_000);
  }

  async #attempt(request: Request, force: AbortSignal): Promise<Result | { error: unknown }> {
    const timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new ReconcileTimeoutError(`took over ${timeoutMs} ms`)), timeoutMs);
    const onForce = () => abort.abort(force.reason);
    force.addEventListener('abort', onForce);
    try {
      return await this.#options.reconcile(request, abort.signal);
    } catch (error) {
      // Whatever the reconcile made of being aborted, this is why it failed.
      return { error: abort.signal.aborted ? abort.signal.reason : error };
    } finally {
      clearTimeout(timer);
      force.removeEventListener('abort', onForce);
    }
  }

  #settle(key: string, { requeueAfterMs }: Result): ReconcileResult {
    this.#queue.forget(key);
    if (requeueAfterMs === undefined) {
      return 'success';
    }
    this.#queue.addAfter(key, requeueAfterMs);
    return 'requeue_after';
  }

  /** The one place where an error becomes what happens next. */
  #settleError(key: string, error: unknown, force: AbortSignal): ReconcileResult {
    if (error instanceof WaitingError) {
      this.#queue.addAfter(key, error.afterMs);
      this.#log('debug', key, error, 'waiting');
      return 'waiting';
    }
    if (error instanceof StalledError) {
      this.#queue.forget(key);
      // A mistake of a user, whom the object's condition tells; thousands of them may have the same cause.
      this.#log('debug', key, error, 'stalled until something changes');
      return 'stalled';
    }
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
    const retryInMs = this.#queue.addRateLimited(key, asked);
    if (!force.aborted) {
      this.#log('error', key, error, 'reconcile failed', { retryInMs, failures: this.#queue.failures(key) });
    }
    return error instanceof ReconcileTimeoutError ? 'timeout' : 'error';
  }

  #log(level: 'debug' | 'error', key: string, error: unknown, message: string, fields: object = {}): void {
    const { namespace, name } = requestOf(key);
    if (!this.#options.personal || level === 'debug') {
      this.#logger[level]({ namespace, name, err: asError(error), ...fields }, message);
      return;
    }
    const request = createHash('sha256').update(key).digest('hex').slice(0, 12);
    this.#logger[level]({ namespace, request, ...kindOf(error), ...fields }, message);
    this.#logger.debug({ namespace, request, name, err: asError(error) }, message);
  }
}

/** The object of the event itself. */
export function itself(event: InformerEvent<KubernetesObject>): [Request] {
  return [requestFor(event.object)];
}

export function requestFor(object: KubernetesObject): Request {
  return { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

/** What an object points at; on an update also what it pointed at before. */
export function eachState<T extends KubernetesObject>(map: (object: T) => Iterable<Request>): EventMapper<T> {
  return function* (event) {
    yield* map(event.object);
    if (event.type === 'updated') {
      yield* map(event.old);
    }
  };
}

function keyOf({ namespace, name }: Request): string {
  return `${namespace}/${name}`;
}

function requestOf(key: string): Request {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Anything can be thrown. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
}

/** Of an error what cannot name anybody. */
function kindOf(error: unknown): { error: string; code?: unknown; reason?: unknown } {
  const { name, code, reason } = asError(error) as Error & { code?: unknown; reason?: unknown };
  return { error: name, ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
}
