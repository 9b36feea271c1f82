/** A burst of work shorter than this does not delay anybody noticeably, in milliseconds. */
const SLICE_MS = 10;

/** Lets long synchronous work pause, so that timers and I/O get their turn. */
export class TimeSlice {
  #startedAt = performance.now();

  /** Call between two steps: waits for one turn of the event loop when the slice is used up. */
  async pauseIfOver(): Promise<void> {
    if (this.over) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#startedAt = performance.now();
    }
  }

  get over(): boolean {
    return performance.now() - this.#startedAt > SLICE_MS;
  }
}
