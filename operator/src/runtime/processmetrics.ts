import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

const NANOSECONDS = 1e9;

/**
 * What the process itself takes, under the names Prometheus clients agree on. prom-client's own default metrics are
 * not used: some have names that `promtool check metrics` refuses.
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  let cpuSeconds = 0;
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time used, in user and system mode.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const used = (user + system) / 1e6;
      this.inc(used - cpuSeconds);
      cpuSeconds = used;
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, in seconds since 1970.',
    registers,
  }).set(performance.timeOrigin / 1_000);
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'nodejs_heap_size_used_bytes',
    help: 'JavaScript heap in use.',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
  registerEventLoopLag(registry);
}

/**
 * Since the last scrape: everything else in the process waits for so long at times. The label `quantile` belongs to
 * summaries, whose values are of all time.
 */
function registerEventLoopLag(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'Delay of the event loop since the last scrape, per percentile; 100 is the longest.',
    labelNames: ['percentile'],
    registers: [registry],
    collect() {
      for (const percentile of [50, 99, 100]) {
        this.set({ percentile: String(percentile) }, delay.count > 0 ? delay.percentile(percentile) / NANOSECONDS : 0);
      }
      delay.reset();
    },
  });
}
