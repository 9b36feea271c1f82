import { randomBytes } from 'node:crypto';
import type { KubernetesObject, ResourceType } from '@roster/crds';
import { ApiError, isNotFound } from './apierror.ts';
import { Backoff } from './backoff.ts';
import { type ApiClient, apiVersionOf } from './client.ts';
import type { Logger } from './logger.ts';
import { RecentMap } from './recentmap.ts';
import { sleep } from './sleep.ts';
import { TokenBucket } from './tokenbucket.ts';

/**
 * Events of the core group rather than of events.k8s.io, though they are the same objects to the server: kubectl
 * describe, and `get events --sort-by=.lastTimestamp`, sort by a field that may only be set through this one.
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
export interface KubernetesEvent extends KubernetesObject {
  readonly involvedObject: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace?: string | undefined;
    readonly name: string;
    readonly uid?: string | undefined;
    readonly resourceVersion?: string | undefined;
  };
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly component: string };
  readonly reportingComponent: string;
  readonly reportingInstance: string;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
}

export type EventType = 'Normal' | 'Warning';

export const EVENT: ResourceType<KubernetesEvent> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

export interface EventRecorderOptions {
  /** Shown under "From": `roster`. */
  readonly component: string;
  /** This process, the pod's name for example. */
  readonly instance: string;
}

/** What of the API the recorder takes. */
export type EventClient = Pick<ApiClient, 'create' | 'mergePatch'>;

/** The same message about the same object within this time is counted, not repeated, in milliseconds. */
const AGGREGATION_MS = 600_000;
/** Per object: so many at once, then one per five minutes, as client-go's spam filter. */
const BURST = 25;
const REFILL_MS = 300_000;
/** What waits to be written; beyond it events are dropped. */
const QUEUE_LIMIT = 1_000;
const REMEMBERED = 4_096;
/** The API's limit, in bytes. */
const MESSAGE_LIMIT = 1_024;
const ATTEMPTS = 4;
const TIMEOUT_MS = 5_000;
/** After a stop nothing is begun after this, in milliseconds. */
const LAST_WRITES_MS = 2_000;
/** Events about cluster-scoped objects stand here. */
const CLUSTER_SCOPED_NAMESPACE = 'default';

/** One event object, as it should be; `dirty` while the server's differs. */
interface Series {
  event: KubernetesEvent;
  lastAt: number;
  created: boolean;
  dirty: boolean;
}

/**
 * Tells people through events what happened to an object. Recording returns at once and never fails: an event that
 * cannot be written is dropped. Events are for what a person asked for or must know, not a log.
 */
export class EventRecorder {
  readonly #client: EventClient;
  readonly #options: EventRecorderOptions;
  readonly #logger: Logger;
  readonly #series = new RecentMap<string, Series>(REMEMBERED);
  readonly #buckets = new RecentMap<string, TokenBucket>(REMEMBERED);
  readonly #pending: Series[] = [];
  #wake = (): void => {};

  constructor(client: EventClient, options: EventRecorderOptions, logger: Logger) {
    this.#client = client;
    this.#options = options;
    this.#logger = logger;
  }

  /** `reason` is a CamelCase word, `message` a sentence, cut at 1,024 bytes. */
  record(type: ResourceType, object: KubernetesObject, level: EventType, reason: string, message: string): void {
    const now = performance.now();
    const id = object.metadata.uid ?? `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    if (!this.#mayRecord(id, now)) {
      return;
    }
    const key = [id, level, reason, message].join('\n');
    const known = this.#series.get(key);
    if (known !== undefined && now - known.lastAt < AGGREGATION_MS) {
      known.event = { ...known.event, count: known.event.count + 1, lastTimestamp: timestamp() };
      known.lastAt = now;
      this.#write(known);
      return;
    }
    const event = this.#eventFor(type, object, level, reason, truncated(message));
    const series = { event, lastAt: now, created: false, dirty: false };
    this.#series.set(key, series);
    this.#write(series);
  }

  /** Writes what is recorded until the signal aborts, and then what still waits, each once, for a moment. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const series = this.#pending.shift();
      if (series === undefined) {
        await this.#whenPending(signal);
      } else {
        await this.#deliver(series, signal);
      }
    }
    const deadline = performance.now() + LAST_WRITES_MS;
    for (const series of this.#pending.splice(0)) {
      if (performance.now() < deadline) {
        await this.#deliver(series, signal);
      }
    }
  }

  #mayRecord(id: string, now: number): boolean {
    const bucket = this.#buckets.get(id) ?? new TokenBucket(BURST, REFILL_MS, now);
    this.#buckets.set(id, bucket);
    return bucket.take(now);
  }

  #write(series: Series): void {
    if (series.dirty) {
      return;
    }
    if (this.#pending.length >= QUEUE_LIMIT) {
      this.#logger.debug({ reason: series.event.reason }, 'too many events wait; dropped one');
      return;
    }
    series.dirty = true;
    this.#pending.push(series);
    this.#wake();
  }

  #whenPending(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        signal.removeEventListener('abort', this.#wake);
        this.#wake = () => {};
        resolve();
      };
      signal.addEventListener('abort', this.#wake);
    });
  }

  async #deliver(series: Series, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ baseMs: 1_000, maxMs: 10_000 });
    for (let attempt = 1; ; attempt++) {
      // Before the call: what is recorded during it must be written again.
      series.dirty = false;
      try {
        await this.#send(series);
        return;
      } catch (err) {
        const refused = err instanceof ApiError && err.code < 500;
        if (refused || attempt === ATTEMPTS || signal.aborted) {
          this.#logger.debug({ err, reason: series.event.reason }, 'an event could not be written; dropped it');
          return;
        }
        await sleep(backoff.next(), signal);
      }
    }
  }

  async #send(series: Series): Promise<void> {
    const { event } = series;
    if (series.created) {
      const { count, lastTimestamp } = event;
      const key = { namespace: event.metadata.namespace, name: event.metadata.name };
      try {
        await this.#client.mergePatch(EVENT, key, { count, lastTimestamp }, { timeoutMs: TIMEOUT_MS });
        return;
      } catch (error) {
        // The server keeps events for an hour only.
        if (!isNotFound(error)) {
          throw error;
        }
      }
    }
    await this.#client.create(EVENT, event, { timeoutMs: TIMEOUT_MS });
    series.created = true;
  }

  #eventFor(
    type: ResourceType,
    object: KubernetesObject,
    level: EventType,
    reason: string,
    message: string,
  ): KubernetesEvent {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const { component, instance } = this.#options;
    const now = timestamp();
    return {
      metadata: { namespace: namespace ?? CLUSTER_SCOPED_NAMESPACE, name: eventName(name) },
      involvedObject: { apiVersion: apiVersionOf(type), kind: type.kind, namespace, name, uid, resourceVersion },
      type: level,
      reason,
      message,
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }
}

/** The object's name and something unique, together a DNS subdomain of at most 253 characters. */
function eventName(objectName: string): string {
  const stem = objectName.slice(0, 230).replace(/[^a-z0-9]+$/, '');
  return `${stem}.${randomBytes(8).toString('hex')}`;
}

function truncated(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= MESSAGE_LIMIT) {
    return message;
  }
  // A character cut in two becomes a replacement character.
  return `${bytes
    .subarray(0, MESSAGE_LIMIT - 6)
    .toString()
    .replace(/\uFFFD+$/, '')}...`;
}

function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
