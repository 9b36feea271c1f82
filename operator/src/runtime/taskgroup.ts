/** Tasks that are stopped together. */
export class TaskGroup {
  readonly #onFailure: (error: unknown) => void;
  readonly #abort = new AbortController();
  readonly #running = new Map<Promise<void>, string>();

  /** Told when a task rejects. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Names of the tasks that have not ended. */
  get running(): string[] {
    return [...this.#running.values()];
  }

  /** Starts a task, which ends when its signal aborts or before. Does nothing when the group is stopped already. */
  start(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#abort;
    if (signal.aborted) {
      return;
    }
    const task = work(signal)
      .catch(this.#onFailure)
      .finally(() => this.#running.delete(task));
    this.#running.set(task, name);
  }

  /** Resolves when all tasks have ended, those included that others started meanwhile. */
  async stop(): Promise<void> {
    this.#abort.abort();
    while (this.#running.size > 0) {
      await Promise.all(this.#running.keys());
    }
  }
}
