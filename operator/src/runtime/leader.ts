import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { KubernetesObject, ResourceType } from '@roster/crds';
import { isAlreadyExists, isConflict, isNotFound } from './apierror.ts';
import type { ApiClient } from './client.ts';
import type { Logger } from './logger.ts';
import { sleep } from './sleep.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export interface Lease extends KubernetesObject {
  readonly spec?: LeaseSpec;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export const LEASE: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

export interface LeaderElectionOptions {
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process; host name and a random id unless given. */
  readonly identity?: string;
  /** Others wait so long after the last renewal they saw, in milliseconds; 15 s unless given. */
  readonly leaseDurationMs?: number;
  /** The leader steps down when it could not renew for so long, in milliseconds; 10 s unless given. */
  readonly renewDeadlineMs?: number;
  /** Between two renewals, in milliseconds; 2 s unless given. Candidates look twice as often. */
  readonly retryPeriodMs?: number;
}

export interface LeaderCallbacks {
  /** The signal aborts when the lease is lost or given back. */
  readonly onStartedLeading: (signal: AbortSignal) => void;
  readonly onStoppedLeading?: () => void;
}

/** The lease could not be renewed in time, or somebody else holds it: whatever needs it must end at once. */
export class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError';
}

/** What of the API an election takes. */
export type LeaseClient = Pick<ApiClient, 'get' | 'create' | 'replace'>;

/** The renew deadline exceeds the retry period by this factor at least, as client-go demands it. */
const RENEWALS = 1.2;
/**
 * Candidates look twice a retry period, spread by this share of it: of client-go's 4.4 s at most, the seconds until
 * somebody leads again are made that nobody synchronises.
 */
const JITTER = 0.2;

/**
 * Leader election by a Lease, as client-go does it. Time is this process's own monotonic clock since it saw the
 * lease change; the times written in the lease are for people. This alone keeps no deposed leader from writing once
 * more: see `stillHolds`.
 */
export class LeaderElector {
  readonly identity: string;
  readonly #client: LeaseClient;
  readonly #logger: Logger;
  readonly #options: Required<Omit<LeaderElectionOptions, 'identity'>>;
  #observed: Lease | undefined;
  #observedAt = 0;
  #leading = false;
  /** When the last successful renewal was begun. */
  #renewedAt = 0;

  /** The client's connection should not be shared with bulk writes: see `ApiClient.dedicated`. */
  constructor(client: LeaseClient, options: LeaderElectionOptions, logger: Logger) {
    this.identity = options.identity ?? `${hostname()}_${randomUUID()}`;
    this.#client = client;
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    this.#logger = logger.child({ lease: `${options.namespace}/${options.name}`, identity: this.identity });
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs * RENEWALS)) {
      throw new Error('The lease duration must exceed the renew deadline, and that 1.2 times the retry period.');
    }
  }

  /** This process holds the lease as far as it can know: no other may take it yet. */
  get isLeader(): boolean {
    return this.#leading && performance.now() - this.#renewedAt < this.#options.leaseDurationMs;
  }

  /** Who held the lease when it was last seen. */
  get holder(): string | undefined {
    return this.#observed?.spec?.holderIdentity || undefined;
  }

  /**
   * Waits for the lease, holds it until the signal aborts, and gives it back. Rejects with LeadershipLostError when
   * it is lost before.
   */
  async run(signal: AbortSignal, { onStartedLeading, onStoppedLeading }: LeaderCallbacks): Promise<void> {
    if (!(await this.#acquire(signal))) {
      return;
    }
    this.#leading = true;
    this.#logger.info({}, 'became leader');
    const leading = new AbortController();
    try {
      onStartedLeading(leading.signal);
      await this.#hold(signal);
    } catch (error) {
      leading.abort(error);
      throw error;
    } finally {
      this.#leading = false;
      leading.abort();
      onStoppedLeading?.();
    }
    await this.#release();
  }

  /**
   * Asks the server, rather than this process's memory, who holds the lease. After an epoch was minted somewhere
   * else, this tells whether it was minted by the leader.
   */
  async stillHolds(signal?: AbortSignal): Promise<boolean> {
    const lease = await this.#client.get(LEASE, this.#options, { signal });
    return this.isLeader && lease.spec?.holderIdentity === this.identity;
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { retryPeriodMs, renewDeadlineMs } = this.#options;
    while (!signal.aborted) {
      const startedAt = performance.now();
      if (await this.#attempt(renewDeadlineMs, signal)) {
        this.#renewedAt = startedAt;
        return true;
      }
      await sleep(Math.min(this.#expiresIn(), (retryPeriodMs / 2) * (1 + Math.random() * JITTER)), signal);
    }
    return false;
  }

  /**
   * Milliseconds until the lease of another may be taken, if it is not renewed; a moment at least. Whoever has watched
   * it all the time is awake then, and comes before a holder that was started anew.
   */
  #expiresIn(): number {
    const { leaseDurationSeconds } = this.#observed?.spec ?? {};
    const duration = leaseDurationSeconds === undefined ? this.#options.leaseDurationMs : leaseDurationSeconds * 1_000;
    const left = this.#observedAt + duration - performance.now();
    return left > 0 ? left + 1 : Number.POSITIVE_INFINITY;
  }

  /** Renews until the signal aborts; throws when the lease is lost. */
  async #hold(signal: AbortSignal): Promise<void> {
    const { retryPeriodMs, renewDeadlineMs } = this.#options;
    for (;;) {
      await sleep(retryPeriodMs, signal);
      if (signal.aborted) {
        return;
      }
      // Checked before trying: a process that was stopped for a while must not find its old lease good enough.
      const startedAt = performance.now();
      const remainingMs = this.#renewedAt + renewDeadlineMs - startedAt;
      if (remainingMs <= 0) {
        throw new LeadershipLostError('The lease could not be renewed in time.');
      }
      if (await this.#attempt(remainingMs, signal)) {
        this.#renewedAt = startedAt;
      } else if (this.holder !== undefined && this.holder !== this.identity) {
        throw new LeadershipLostError(`The lease is now held by ${this.holder}.`);
      }
    }
  }

  /** One try to get or renew the lease, which never throws. */
  async #attempt(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const abort = new AbortController();
    const stop = () => abort.abort();
    const timer = setTimeout(stop, timeoutMs);
    signal.addEventListener('abort', stop);
    try {
      return await this.#tryAcquireOrRenew(abort.signal);
    } catch (err) {
      if (!signal.aborted) {
        this.#logger.warn({ err }, 'the lease could not be read or written');
      }
      return false;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    if (this.#leading && this.#observed !== undefined) {
      try {
        this.#observe(await this.#write(this.#observed, signal));
        return true;
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) {
          throw error;
        }
      }
    }
    const lease = await this.#read(signal);
    if (lease !== undefined) {
      this.#observe(lease);
    }
    if (lease !== undefined && this.#isHeldByAnother(lease)) {
      return false;
    }
    try {
      this.#observe(lease === undefined ? await this.#create(signal) : await this.#write(lease, signal));
      return true;
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error)) {
        return false;
      }
      throw error;
    }
  }

  /** The holder is somebody else, and less time has passed since its last change was seen than it may take. */
  #isHeldByAnother(lease: Lease): boolean {
    const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
    if (!holderIdentity || holderIdentity === this.identity) {
      return false;
    }
    const duration = leaseDurationSeconds === undefined ? this.#options.leaseDurationMs : leaseDurationSeconds * 1_000;
    return performance.now() - this.#observedAt < duration;
  }

  #observe(lease: Lease): void {
    if (this.#observed?.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      const before = this.holder;
      this.#observed = lease;
      this.#observedAt = performance.now();
      if (this.holder !== undefined && this.holder !== before && this.holder !== this.identity) {
        this.#logger.info({ holder: this.holder }, 'the lease has another holder');
      }
    }
  }

  async #read(signal?: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#client.get(LEASE, this.#options, { signal });
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  #create(signal: AbortSignal): Promise<Lease> {
    const { namespace, name } = this.#options;
    const now = microTime();
    const spec = { ...this.#holding(), acquireTime: now, renewTime: now, leaseTransitions: 0 };
    return this.#client.create(LEASE, { metadata: { namespace, name }, spec }, { signal });
  }

  #write(lease: Lease, signal: AbortSignal): Promise<Lease> {
    const now = microTime();
    const mine = lease.spec?.holderIdentity === this.identity;
    const spec: LeaseSpec = {
      ...lease.spec,
      ...this.#holding(),
      renewTime: now,
      ...(!mine && { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }),
    };
    return this.#client.replace(LEASE, { ...lease, spec }, { signal });
  }

  /** Others need not wait for the lease to run out. */
  async #release(): Promise<void> {
    try {
      await this.#giveBack(this.#observed).catch(async (error: unknown) => {
        if (!isConflict(error)) {
          throw error;
        }
        // The last renewal was aborted, and yet carried out.
        await this.#giveBack(await this.#read());
      });
    } catch (err) {
      this.#logger.warn({ err }, 'the lease could not be given back; it runs out by itself');
    }
  }

  async #giveBack(lease: Lease | undefined): Promise<void> {
    if (lease?.spec?.holderIdentity !== this.identity) {
      return;
    }
    const now = microTime();
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    this.#observe(await this.#client.replace(LEASE, { ...lease, spec }, { timeoutMs: this.#options.retryPeriodMs }));
    this.#logger.info({}, 'gave the lease back');
  }

  #holding(): LeaseSpec {
    return {
      holderIdentity: this.identity,
      leaseDurationSeconds: Math.ceil(this.#options.leaseDurationMs / 1_000),
    };
  }
}

/** `metav1.MicroTime` is parsed with exactly six decimals. */
export function microTime(now: Date = new Date()): string {
  return now.toISOString().replace('Z', '000Z');
}
