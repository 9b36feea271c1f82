import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Database } from './database.ts';
import { empty, leadingMirror, memoryDatabase } from './fixture.ts';
import type { Mirror } from './mirror.ts';
import type { RunRecord, SyncLine } from './plans.ts';

let database: Database;
let mirror: Mirror;

beforeAll(async () => {
  database = await memoryDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await empty(database);
  mirror = await leadingMirror(database);
});

const aRun = (name: string, row: Partial<RunRecord> = {}): RunRecord => ({
  namespace: 'acme',
  name,
  uid: `uid-of-${name}`,
  directory: 'corporate',
  startedAt: new Date('2026-05-06T07:08:09Z'),
  dryRun: false,
  ...row,
});
const aLine = (n: number): SyncLine => ({
  action: 'Create',
  kind: 'User',
  name: `p${n}`,
  record: `uid=p${n},dc=example`,
});

async function select(text: string): Promise<unknown[]> {
  return (await sql.raw(text).execute(database.reader)).rows;
}

it('stores each line in its place, however many there are', async () => {
  async function* read() {
    for (let n = 0; n < 2_345; n++) yield aLine(n);
  }
  expect(await mirror.plans.store(aRun('first'), read())).toBe(2_345);
  expect(await select('select count(*)::int, max(position), min(position) from roster.sync_lines')).toEqual([
    { count: 2_345, max: 2_344, min: 0 },
  ]);
  expect(await select('select name from roster.sync_lines where position = 1234')).toEqual([{ name: 'p1234' }]);
});

it('stores all that a line says, and what text cannot hold as a replacement character', async () => {
  const line: SyncLine = {
    action: 'Reject',
    kind: 'User',
    record: 'cn=half \ud800, nul \u0000',
    externalId: 'f81d',
    reason: 'InvalidValue',
    message: 'It is not text.',
    details: { value: 'a\u0000b', list: [1, null] },
  };
  await mirror.plans.store(aRun('first'), [line]);
  expect(await select('select name, record, external_id, reason, message, details from roster.sync_lines')).toEqual([
    {
      name: null,
      record: 'cn=half \ufffd, nul \ufffd',
      external_id: 'f81d',
      reason: 'InvalidValue',
      message: 'It is not text.',
      details: { value: 'a\ufffdb', list: [1, null] },
    },
  ]);
});

it('writes nothing at all when there is nothing to say', async () => {
  expect(await mirror.plans.store(aRun('quiet'), [])).toBe(0);
  await mirror.plans.finish(aRun('quiet'), { phase: 'Succeeded', finishedAt: new Date() });
  expect(await select('select * from roster.sync_runs')).toEqual([]);
});

it('replaces what an interrupted attempt of the same run left', async () => {
  await mirror.plans.store(aRun('first'), [aLine(1), aLine(2)]);
  await mirror.plans.store(aRun('first'), [aLine(3)]);
  expect(await select('select position, name from roster.sync_lines')).toEqual([{ position: 0, name: 'p3' }]);
});

it('notes how a run ended', async () => {
  await mirror.plans.store(aRun('first', { dryRun: true }), [aLine(1)]);
  await mirror.plans.finish(aRun('first'), { phase: 'Succeeded', finishedAt: new Date('2026-05-06T08:00:00Z') });
  expect(await select('select name, phase, dry_run, started_at, finished_at from roster.sync_runs')).toEqual([
    {
      name: 'first',
      phase: 'Succeeded',
      dry_run: true,
      started_at: new Date('2026-05-06T07:08:09Z'),
      finished_at: new Date('2026-05-06T08:00:00Z'),
    },
  ]);
});

it('forgets old runs with their lines', async () => {
  await mirror.plans.store(aRun('old', { startedAt: new Date('2026-01-01') }), [aLine(1)]);
  await mirror.plans.store(aRun('older', { startedAt: new Date('2025-01-01') }), [aLine(1)]);
  await mirror.plans.store(aRun('new', { startedAt: new Date('2026-03-01') }), [aLine(2)]);
  expect(await mirror.plans.purge(new Date('2026-02-01'))).toBe(2);
  expect(await select('select r.name from roster.sync_runs r join roster.sync_lines on run_id = id')).toEqual([
    { name: 'new' },
  ]);
});

it('adds what happened to what was planned', async () => {
  await mirror.plans.store(aRun('first'), [aLine(1), aLine(2)]);
  await mirror.plans.add(aRun('first'), [aLine(3)]);
  expect(await select('select position, name from roster.sync_lines order by position')).toEqual([
    { position: 0, name: 'p1' },
    { position: 1, name: 'p2' },
    { position: 2, name: 'p3' },
  ]);
});

it('knows what a run holds, until the run is planned anew', async () => {
  const changes = Array.from({ length: 1_234 }, (_, n) => `Removal User p${n}`);
  await mirror.plans.store(aRun('first'), [aLine(1)]);
  await mirror.plans.hold(aRun('first'), [...changes, 'Removal User p1']);
  expect(await mirror.plans.held(aRun('first'))).toEqual(new Set(changes));
  expect(await mirror.plans.held(aRun('second'))).toEqual(new Set());
  await mirror.plans.store(aRun('first'), [aLine(1)]);
  expect(await mirror.plans.held(aRun('first'))).toEqual(new Set());
});
