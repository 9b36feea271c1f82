import type { KubernetesObject, ResourceType } from '@roster/crds';
import type { ApiClient } from './client.ts';
import { Controller, type ControllerOptions } from './controller.ts';
import type { Check } from './healthserver.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { type LeaderElectionOptions, LeaderElector } from './leader.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { NAMESPACE, NamespaceScope } from './namespacescope.ts';
import { resourceName } from './requestpath.ts';
import { sleep } from './sleep.ts';
import { TaskGroup } from './taskgroup.ts';

/** Something that runs beside the controllers. */
export interface Runnable {
  readonly name: string;
  /** Start it only while this process leads, together with the controllers. */
  readonly needsLeader: boolean;
  /** Runs until the signal aborts, or ends before. A rejection ends the manager. */
  start(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly metrics?: RuntimeMetrics;
  /** What informers watch unless they say otherwise; all unless given. */
  readonly namespaces?: readonly string[] | 'all';
  /** Absent: this process is the only one and always leads. */
  readonly leaderElection?: LeaderElectionOptions;
  /**
   * Called when this process has become leader, before any controller starts: mint a fencing epoch here and then ask
   * `manager.stillHolds()`. A rejection ends the manager.
   */
  readonly onLeading?: (signal: AbortSignal) => Promise<void>;
  /** A stop takes no longer, in milliseconds; 10 s unless given. */
  readonly gracePeriodMs?: number;
}

/** Something did not end although it was told to; the lease was kept, so that nobody works beside it. */
export class StopTimeoutError extends Error {
  override readonly name = 'StopTimeoutError';
}

const DEFAULT_GRACE_MS = 10_000;
/** After this share of the grace period, what still runs is aborted. */
const PATIENCE = 0.7;
/** For this share more it may end after that; what remains is for giving the lease back. */
const LAST_PATIENCE = 0.2;

/**
 * Starts informers, waits for their caches, waits for leadership, starts the controllers, and stops all of it in the
 * opposite order. A manager runs once.
 */
export class Manager {
  /** Behind /healthz. */
  readonly healthChecks = new Map<string, Check>();
  /** Behind /readyz. */
  readonly readyChecks = new Map<string, Check>();
  readonly #options: ManagerOptions;
  readonly #logger: Logger;
  /** Renewals must not wait behind bulk writes. */
  readonly #leaseClient: ApiClient | undefined;
  readonly #elector: LeaderElector | undefined;
  #scope: NamespaceScope | undefined;
  readonly #informers: Informer<KubernetesObject>[] = [];
  readonly #controllers: Controller[] = [];
  readonly #runnables: Runnable[] = [];
  /** Resolves when the manager shall stop, rejects when something failed. */
  readonly #end = Promise.withResolvers<void>();
  /** Aborts when what runs shall end now, not when it is ready. */
  readonly #force = new AbortController();
  #stopping = false;
  /** What runs with and without the lease, the lease itself, and the informers. */
  readonly #services = new TaskGroup(this.#end.reject);
  readonly #reading = new TaskGroup(this.#end.reject);
  readonly #election = new TaskGroup(this.#end.reject);
  readonly #led = new TaskGroup(this.#end.reject);

  constructor(options: ManagerOptions) {
    const { leaderElection, client, logger } = options;
    this.#options = options;
    this.#logger = logger;
    if (leaderElection !== undefined) {
      const timeoutMs = (leaderElection.renewDeadlineMs ?? 10_000) / 3;
      this.#leaseClient = client.dedicated({ timeoutMs });
      this.#elector = new LeaderElector(this.#leaseClient, leaderElection, logger);
    }
    this.readyChecks.set('informers', () => this.#whatIsNotRead());
    // It may reject before `run` is called, or after it has ended.
    this.#end.promise.catch(() => undefined);
  }

  /**
   * Confines all informers that are added later to the Namespaces that are admitted, which is judged by their metadata
   * alone. What others hold is nowhere seen, and one that changes is taken up or left at once. It takes the verbs list
   * and watch on namespaces.
   */
  confine(admits: (namespace: KubernetesObject) => boolean): NamespaceScope {
    this.#scope = new NamespaceScope(this.informer(NAMESPACE), admits);
    this.#scope.onChange((namespace, included) => this.#rescope(namespace, included));
    return this.#scope;
  }

  /** Adds an informer, started with the manager. */
  informer<T extends KubernetesObject>(type: ResourceType<T>, options: InformerOptions<T> = {}): Informer<T> {
    const { client, logger, namespaces = 'all' } = this.#options;
    const shown = this.#scope && { shown: this.#scope };
    const informer = new Informer(client, type, logger, { namespaces, ...shown, ...options });
    this.#informers.push(informer as unknown as Informer<KubernetesObject>);
    return informer;
  }

  /** Adds a controller, started when the caches are filled and this process leads. */
  controller(options: ControllerOptions): Controller {
    const controller = new Controller(options, this.#logger, this.#options.metrics?.forController(options.name));
    this.#controllers.push(controller);
    return controller;
  }

  add(runnable: Runnable): void {
    this.#runnables.push(runnable);
  }

  /** Whether the server still names this process as the lease's holder; true without leader election. */
  async stillHolds(signal?: AbortSignal): Promise<boolean> {
    return this.#elector === undefined || (await this.#elector.stillHolds(signal));
  }

  /** Ends `run` in good order within the grace period; called again, at once. */
  stop(): void {
    if (this.#stopping) {
      this.#force.abort(new Error('The manager was told to stop at once.'));
    }
    this.#stopping = true;
    this.#end.resolve();
  }

  /**
   * Runs until `stop`. Rejects with LeadershipLostError when the lease is lost, with what a runnable rejects with, and
   * with StopTimeoutError: the process should end then, and be started anew.
   */
  async run(): Promise<void> {
    try {
      this.#startServices();
      await Promise.race([this.#end.promise, this.#whenRead()]);
      if (!this.#stopping) {
        this.#startLeading();
      }
      await this.#end.promise;
    } catch (error) {
      this.#logger.error({ err: error }, 'ending because of a failure');
      // Nothing may go on: the lease may be another's by now.
      this.#force.abort(error);
      throw error;
    } finally {
      this.#stopping = true;
      await this.#shutDown().finally(() => this.#leaseClient?.close());
    }
  }

  #startServices(): void {
    for (const runnable of this.#runnables) {
      if (!runnable.needsLeader) {
        this.#services.start(runnable.name, (signal) => runnable.start(signal));
      }
    }
    for (const informer of this.#informers) {
      this.#reading.start(resourceName(informer.type), (signal) => informer.run(signal));
    }
  }

  async #whenRead(): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.whenSynced()));
    this.#logger.info({}, 'all caches are filled');
  }

  #startLeading(): void {
    const elector = this.#elector;
    const { leaderElection, metrics } = this.#options;
    if (elector === undefined || leaderElection === undefined) {
      this.#led.start('start', (signal) => this.#lead(signal));
      return;
    }
    metrics?.setLeader(leaderElection.name, false);
    this.#election.start('leader election', (signal) =>
      elector.run(signal, {
        onStartedLeading: () => {
          metrics?.setLeader(leaderElection.name, true);
          this.#led.start('start', (stop) => this.#lead(stop));
        },
        onStoppedLeading: () => metrics?.setLeader(leaderElection.name, false),
      }),
    );
  }

  async #lead(signal: AbortSignal): Promise<void> {
    await this.#options.onLeading?.(signal);
    for (const runnable of this.#runnables) {
      if (runnable.needsLeader) {
        this.#led.start(runnable.name, (stop) => runnable.start(stop));
      }
    }
    for (const controller of this.#controllers) {
      this.#led.start(`controller ${controller.name}`, (stop) => controller.run(stop, this.#force.signal));
    }
  }

  /** The opposite order of the start: who leads ends before the lease is given back. */
  async #shutDown(): Promise<void> {
    const graceMs = this.#options.gracePeriodMs ?? DEFAULT_GRACE_MS;
    const startedAt = performance.now();
    this.#logger.info({}, 'stopping');
    if (!(await this.#endLed(graceMs))) {
      throw new StopTimeoutError(`Did not end when told to: ${this.#led.running.join(', ')}.`);
    }
    await this.#election.stop();
    const rest = Promise.all([this.#services.stop(), this.#reading.stop()]);
    await within(startedAt + graceMs - performance.now(), rest);
    this.#logger.info({ running: [...this.#services.running, ...this.#reading.running] }, 'stopped');
  }

  /** False when something went on although it was aborted. */
  async #endLed(graceMs: number): Promise<boolean> {
    const ended = this.#led.stop();
    if (await within(graceMs * PATIENCE, ended, this.#force.signal)) {
      return true;
    }
    this.#force.abort(new Error('The grace period is nearly over.'));
    return within(graceMs * LAST_PATIENCE, ended);
  }

  /** All caches change before anybody is told, who may look into any of them. */
  #rescope(namespace: string, included: boolean): void {
    const tell = this.#informers.map((informer) => (included ? informer.show(namespace) : informer.hide(namespace)));
    for (const each of tell) each();
  }

  #whatIsNotRead(): string | undefined {
    const problems = this.#informers
      .filter((informer) => !informer.cache.synced)
      .flatMap((informer) =>
        informer.states
          .filter(({ phase }) => phase !== 'watching')
          .map(({ namespace, phase, message }) =>
            [resourceName(informer.type), namespace, phase, message].filter(Boolean).join(' '),
          ),
      );
    return problems.length === 0 ? undefined : problems.join('; ');
  }
}

/** Whether the work ended within the time, and before the signal aborted. */
async function within(milliseconds: number, work: Promise<unknown>, signal?: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  const giveUp = () => over.abort();
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) {
    giveUp();
  }
  try {
    return await Promise.race([work.then(() => true), sleep(milliseconds, over.signal).then(() => false)]);
  } finally {
    signal?.removeEventListener('abort', giveUp);
    giveUp();
  }
}
