import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ControllerMetrics, ReconcileResult } from './controller.ts';
import { registerProcessMetrics } from './processmetrics.ts';
import type { QueueMetrics, WorkQueue } from './queue.ts';

/** As controller-runtime's; seconds. */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** As client-go's work queue: powers of ten from 10 ns; seconds. */
const QUEUE_BUCKETS = Array.from({ length: 12 }, (_, exponent) => 1e-8 * 10 ** exponent);

/** controller-runtime knows four results: who waits is requeued, and what stalls or times out is an error. */
const RESULT_LABEL: Record<ReconcileResult, 'success' | 'requeue_after' | 'error'> = {
  success: 'success',
  requeue_after: 'requeue_after',
  waiting: 'requeue_after',
  stalled: 'error',
  timeout: 'error',
  error: 'error',
};

type ObservedQueue = Pick<WorkQueue, 'depth' | 'processingSeconds'>;

/**
 * The engine's metrics under controller-runtime's names and labels, so that its dashboards and alerts fit:
 * https://book.kubebuilder.io/reference/metrics-reference
 * No label takes a value per object.
 */
export class RuntimeMetrics {
  readonly registry: Registry;
  readonly #queues = new Map<string, ObservedQueue>();
  readonly #reconciles;
  readonly #errors;
  readonly #stalled;
  readonly #timeouts;
  readonly #seconds;
  readonly #active;
  readonly #concurrency;
  readonly #adds;
  readonly #retries;
  readonly #waited;
  readonly #worked;
  readonly #leader;
  readonly #requests;

  constructor(registry: Registry) {
    this.registry = registry;
    const registers = [registry];
    const controller = ['controller'] as const;
    const queue = ['name', 'controller'] as const;
    this.#reconciles = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles per controller and result.',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.#errors = new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciles that failed, per controller.',
      labelNames: controller,
      registers,
    });
    this.#stalled = new Counter({
      name: 'controller_runtime_terminal_reconcile_errors_total',
      help: 'Reconciles that failed and are not tried again until something changes, per controller.',
      labelNames: controller,
      registers,
    });
    this.#timeouts = new Counter({
      name: 'controller_runtime_reconcile_timeouts_total',
      help: 'Reconciles that took too long, per controller.',
      labelNames: controller,
      registers,
    });
    this.#seconds = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long reconciles took, per controller.',
      labelNames: controller,
      buckets: RECONCILE_BUCKETS,
      registers,
    });
    this.#active = new Gauge({
      name: 'controller_runtime_active_workers',
      help: 'Reconciles running now, per controller.',
      labelNames: controller,
      registers,
    });
    this.#concurrency = new Gauge({
      name: 'controller_runtime_max_concurrent_reconciles',
      help: 'Reconciles that may run at a time, per controller.',
      labelNames: controller,
      registers,
    });
    this.#adds = new Counter({
      name: 'workqueue_adds_total',
      help: 'Keys added to the work queue.',
      labelNames: queue,
      registers,
    });
    this.#retries = new Counter({
      name: 'workqueue_retries_total',
      help: 'Keys added to the work queue after a failure.',
      labelNames: queue,
      registers,
    });
    this.#waited = new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long keys waited in the work queue.',
      labelNames: queue,
      buckets: QUEUE_BUCKETS,
      registers,
    });
    this.#worked = new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'How long keys were worked on.',
      labelNames: queue,
      buckets: QUEUE_BUCKETS,
      registers,
    });
    this.#leader = new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process holds the lease.',
      labelNames: ['name'],
      registers,
    });
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server per status code, method and host.',
      labelNames: ['code', 'method', 'host'],
      registers,
    });
    this.#registerQueueGauge('workqueue_depth', 'Keys waiting in the work queue.', ({ depth }) => depth);
    this.#registerQueueGauge(
      'workqueue_unfinished_work_seconds',
      'Seconds that the keys worked on now have taken so far, summed up. Grows while something hangs.',
      (observed) => observed.processingSeconds().reduce((sum, seconds) => sum + seconds, 0),
    );
    this.#registerQueueGauge(
      'workqueue_longest_running_processor_seconds',
      'Seconds that the key worked on for longest has taken so far.',
      (observed) => Math.max(0, ...observed.processingSeconds()),
    );
    registerProcessMetrics(registry);
  }

  /** For `ApiClientOptions.onAnswer`. */
  readonly onAnswer = (answer: { code: string; method: string; host: string }): void => {
    this.#requests.inc(answer);
  };

  setLeader(name: string, leading: boolean): void {
    this.#leader.set({ name }, leading ? 1 : 0);
  }

  forController(controller: string): ControllerMetrics {
    const label = { controller };
    return {
      queue: this.#forQueue(controller),
      started: () => this.#active.inc(label),
      finished: (result, seconds) => {
        this.#active.dec(label);
        this.#seconds.observe(label, seconds);
        this.#reconciles.inc({ controller, result: RESULT_LABEL[result] });
        if (RESULT_LABEL[result] === 'error') {
          this.#errors.inc(label);
        }
        if (result === 'stalled') {
          this.#stalled.inc(label);
        }
        if (result === 'timeout') {
          this.#timeouts.inc(label);
        }
      },
      observe: (queue, concurrency) => {
        this.#queues.set(controller, queue);
        this.#concurrency.set(label, concurrency);
        this.#active.set(label, 0);
        for (const result of new Set(Object.values(RESULT_LABEL))) {
          this.#reconciles.inc({ controller, result }, 0);
        }
        for (const counter of [this.#errors, this.#stalled, this.#timeouts]) {
          counter.inc(label, 0);
        }
      },
    };
  }

  #forQueue(controller: string): QueueMetrics {
    const label = { name: controller, controller };
    this.#adds.inc(label, 0);
    this.#retries.inc(label, 0);
    return {
      added: () => this.#adds.inc(label),
      retried: () => this.#retries.inc(label),
      started: (seconds) => this.#waited.observe(label, seconds),
      finished: (seconds) => this.#worked.observe(label, seconds),
    };
  }

  #registerQueueGauge(name: string, help: string, read: (queue: ObservedQueue) => number): void {
    const queues = this.#queues;
    new Gauge({
      name,
      help,
      labelNames: ['name', 'controller'],
      registers: [this.registry],
      collect() {
        for (const [controller, queue] of queues) {
          this.set({ name: controller, controller }, read(queue));
        }
      },
    });
  }
}
