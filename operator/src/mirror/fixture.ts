/** For tests: a mirror on a database of its own. */
import { sql } from 'kysely';
import { vi } from 'vitest';
import { type Database, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { Mirror, type MirrorObserver } from './mirror.ts';

// PGlite takes seconds to start, more on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

export const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export const identity = '11111111-1111-1111-1111-111111111111/roster';

/** A leader's mirror, loaded. */
export async function leadingMirror(database: Database, observer: MirrorObserver = {}): Promise<Mirror> {
  const mirror = await Mirror.open(database, { identity, logger: quiet, observer });
  await mirror.mint();
  await mirror.load();
  return mirror;
}

export async function memoryDatabase(): Promise<Database> {
  const database = await openDatabase('pglite:memory', { logger: quiet });
  await migrate(database);
  return database;
}

/** Leaves nothing but the tables. */
export async function empty(database: Database): Promise<void> {
  await sql`truncate roster.tenants, roster.organizations, roster.roles, roster.groups, roster.people, roster.assignments,
    roster.memberships, roster.claims, roster.tombstones, roster.sync_runs, roster.sync_lines, roster.sync_held,
    roster.sync_effects, roster.entra_snapshots cascade`.execute(database.writer);
}
