import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The loop is looked at this often, in milliseconds. */
const resolution = 5;

/**
 * Watches the event loop from now on. The function that it returns ends that and tells for how long, in seconds, the
 * loop stood still at most: so long everything else in the process had to wait.
 */
export function watchEventLoop(): () => number {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  return () => {
    delay.disable();
    // What is measured is the time between two looks.
    return delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - resolution) / 1000;
  };
}
