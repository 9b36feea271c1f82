import type { Database } from './database.ts';

/**
 * Keeps a leader that was deposed without noticing from writing: every transaction compares the epoch of the
 * database with the one minted when this operator became leader.
 */
export interface Fence {
  /**
   * Begins a new epoch and ends all others. Afterwards read the Lease again: only who still holds it may go on.
   */
  mint(): Promise<number>;
}

export function createFence(_database: Database): Fence {
  throw new Error('not built yet');
}
