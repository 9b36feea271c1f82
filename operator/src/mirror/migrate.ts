import type { Database } from './database.ts';

/** Brings the tables up to date; several processes may try at once. Returns the names of the migrations that ran. */
export async function migrate(_database: Database): Promise<string[]> {
  throw new Error('not built yet');
}

/** Rejects with DatabaseError('DatabaseNotMigrated') or ('DatabaseTooNew'). */
export async function checkMigrated(_database: Database): Promise<void> {
  throw new Error('not built yet');
}
