import { Migrator } from 'kysely/migration';
import { DatabaseError } from '../errors.ts';
import type { Database, Session } from './database.ts';
import { toDatabaseError } from './failure.ts';
import { migrations } from './migrations/index.ts';

const schema = 'roster';
const table = 'migrations';

/**
 * Brings the tables up to date, all of it or nothing. Several processes may try at once: an advisory lock lets one do
 * it and the others find it done. Returns the names of the migrations that ran.
 */
export async function migrate(database: Database): Promise<string[]> {
  try {
    return await database.administer(async (session) => {
      assertKnown(await executed(session), database);
      const migrator = new Migrator({
        db: session,
        provider: { getMigrations: async () => ({ ...migrations }) },
        migrationTableSchema: schema,
        migrationTableName: table,
        migrationLockTableName: 'migrations_lock',
      });
      const { error, results = [] } = await migrator.migrateToLatest();
      if (error !== undefined) throw error;
      return results.map(({ migrationName }) => migrationName);
    });
  } catch (error) {
    throw toDatabaseError(error, database.location);
  }
}

/** Rejects with DatabaseError('DatabaseNotMigrated') or ('DatabaseTooNew'). */
export async function checkMigrated(database: Database): Promise<void> {
  try {
    const names = await executed(database.reader);
    assertKnown(names, database);
    const missing = Object.keys(migrations).filter((name) => !names.includes(name));
    if (missing.length === 0) return;
    throw new DatabaseError(
      'DatabaseNotMigrated',
      names.length === 0
        ? `The database at ${database.location} holds no tables of Roster yet.`
        : `The database at ${database.location} lacks ${missing.join(', ')}.`,
    );
  } catch (error) {
    throw toDatabaseError(error, database.location);
  }
}

/** Names of the migrations that the database has had. */
async function executed(session: Session): Promise<string[]> {
  const tables = await session.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((found) => found.schema === schema && found.name === table)) return [];
  const rows = await session.selectFrom('roster.migrations').select('name').orderBy('name').execute();
  return rows.map(({ name }) => name);
}

function assertKnown(names: readonly string[], { location }: Database): void {
  const unknown = names.filter((name) => !(name in migrations));
  if (unknown.length === 0) return;
  throw new DatabaseError('DatabaseTooNew', `The database at ${location} has had ${unknown.join(', ')}.`);
}
