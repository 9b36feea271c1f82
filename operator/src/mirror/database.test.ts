import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from './database.ts';
import { identity, leadingMirror, quiet } from './fixture.ts';
import { checkMigrated, migrate } from './migrate.ts';
import { Mirror } from './mirror.ts';

const open = (url: string) => openDatabase(url, { logger: quiet });

describe('the URL', () => {
  it.each([
    ['mysql://roster:secret@db/roster', 'begins with neither postgres:// nor pglite:'],
    ['postgres://roster:se#cret@db/roster', 'must be percent-encoded'],
  ])('%s is refused without its password', async (url, sentence) => {
    const error = await open(url).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ reason: 'DatabaseURLInvalid', message: expect.stringContaining(sentence) });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('cret');
  });

  it('is shown without user and password', async () => {
    const database = await open('postgres://roster:secret@db.example.com/roster?sslmode=disable');
    expect(database.location).toBe('db.example.com:5432/roster');
    await database.close();
  });

  it('may lead nowhere: only a query tells', async () => {
    const database = await open('postgres://roster:secret@127.0.0.1:9/roster');
    await expect(checkMigrated(database)).rejects.toMatchObject({
      reason: 'DatabaseUnavailable',
      message: 'The database at 127.0.0.1:9/roster cannot be reached: nothing listens there.',
    });
    await database.close();
  });
});

describe('the embedded database', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'roster-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('keeps what it was told, belongs to one installation, and opens once', async () => {
    const url = `pglite:${directory}/database`;
    const first = await open(url);
    await expect(checkMigrated(first)).rejects.toMatchObject({ reason: 'DatabaseNotMigrated' });
    await expect(Mirror.open(first, { identity, logger: quiet })).rejects.toMatchObject({
      reason: 'DatabaseNotMigrated',
    });
    expect(await migrate(first)).not.toEqual([]);
    await expect(open(url)).rejects.toMatchObject({
      reason: 'DatabaseInUse',
      message: `Another process uses the embedded database in ${directory}/database, and only one can.`,
    });
    await leadingMirror(first);
    await first.close();

    const second = await open(url);
    await checkMigrated(second);
    expect(await migrate(second)).toEqual([]);
    const other = 'another-cluster/roster';
    await expect(Mirror.open(second, { identity: other, logger: quiet })).rejects.toMatchObject({
      reason: 'DatabaseOfOtherInstallation',
    });
    const adopted = await Mirror.open(second, { identity: other, logger: quiet, adopt: true });
    expect(await adopted.mint()).toBeGreaterThan(1);
    await expect(Mirror.open(second, { identity, logger: quiet })).rejects.toMatchObject({
      reason: 'DatabaseOfOtherInstallation',
    });

    await sql`insert into roster.migrations values ('9999_future', 'now')`.execute(second.writer);
    await expect(checkMigrated(second)).rejects.toMatchObject({ reason: 'DatabaseTooNew' });
    await expect(migrate(second)).rejects.toMatchObject({ reason: 'DatabaseTooNew' });
    await second.close();
  });
});
