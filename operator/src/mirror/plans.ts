import { sql } from 'kysely';
import { type Database, query, type Writing } from './database.ts';
import { recordset, storable } from './table.ts';
import type { Writer } from './writer.ts';

/** A run as the database keeps it beside its lines. */
export interface RunRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly directory: string;
  readonly startedAt: Date;
  readonly dryRun: boolean;
}

/** One thing that a plan says about one record of a directory. */
export interface SyncLine {
  readonly action: string;
  readonly kind: string;
  /** The object concerned. */
  readonly name?: string | undefined;
  /** The record: its DN or another label. */
  readonly record: string;
  readonly externalId?: string | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  /** Anything else, as JSON. */
  readonly details?: unknown;
}

const chunkSize = 1_000;

/** The whole plan of each run, line by line; a run's status holds only samples of it. */
export class Plans {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  /**
   * Stores the lines of a run, in place of those that an earlier attempt left, with what it held. A plan without lines
   * writes nothing at all. Returns how many there were.
   */
  async store(run: RunRecord, lines: Iterable<SyncLine> | AsyncIterable<SyncLine>): Promise<number> {
    let stored = 0;
    let id: string | undefined;
    for await (const chunk of inChunks(lines)) {
      id = await this.#writer.run(async (transaction) => {
        const run_id = id ?? (await insertRun(transaction, run));
        await insertLines(transaction, run_id, stored, chunk);
        return run_id;
      });
      stored += chunk.length;
    }
    return stored;
  }

  /** Adds lines to those of a run, if it has any: what happened when the plan was carried out. */
  async add({ uid }: Pick<RunRecord, 'uid'>, lines: Iterable<SyncLine>): Promise<void> {
    for await (const chunk of inChunks(lines)) {
      await this.#writer.run(async (transaction) => {
        const { rows } = await sql<{ id: string; next: number }>`
          select id, coalesce(max(position) + 1, 0)::int as next
          from roster.sync_runs left join roster.sync_lines on run_id = id
          where uid = ${uid} group by id`.execute(transaction);
        const [run] = rows;
        if (run !== undefined) await insertLines(transaction, run.id, run.next, chunk);
      });
    }
  }

  /** Notes what a run that has lines holds until it is approved. */
  async hold({ uid }: Pick<RunRecord, 'uid'>, changes: Iterable<string>): Promise<void> {
    for await (const chunk of inChunks(changes)) {
      await this.#writer.run(async (transaction) => {
        await sql`
          insert into roster.sync_held (run_id, change)
          select id, change from roster.sync_runs
            cross join ${recordset(
              chunk.map((change) => ({ change })),
              { change: 'text' },
              storable,
            )}
          where uid = ${uid} on conflict do nothing`.execute(transaction);
      });
    }
  }

  /** What a run holds; nothing when it is not known. */
  async held({ uid }: Pick<RunRecord, 'uid'>): Promise<Set<string>> {
    const { rows } = await query(this.#database, (session) =>
      sql<{ change: string }>`
        select change from roster.sync_held join roster.sync_runs on id = run_id where uid = ${uid}`.execute(session),
    );
    return new Set(rows.map(({ change }) => change));
  }

  /** Notes how a run ended, if it has lines. */
  async finish(
    { uid }: Pick<RunRecord, 'uid'>,
    { phase, finishedAt }: { readonly phase: string; readonly finishedAt: Date },
  ): Promise<void> {
    await this.#writer.run((transaction) =>
      transaction
        .updateTable('roster.sync_runs')
        .set({ phase, finished_at: finishedAt })
        .where('uid', '=', uid)
        .execute(),
    );
  }

  /** Deletes runs that started before; their number. Each goes by itself, as it may have a line a person. */
  async purge(startedBefore: Date): Promise<number> {
    for (let purged = 0; ; purged++) {
      const { numAffectedRows } = await this.#writer.run((transaction) =>
        sql`delete from roster.sync_runs where id in (
          select id from roster.sync_runs where started_at < ${startedBefore} limit 1)`.execute(transaction),
      );
      if (Number(numAffectedRows ?? 0) === 0) return purged;
    }
  }
}

async function insertRun(transaction: Writing, run: RunRecord): Promise<string> {
  await transaction.deleteFrom('roster.sync_runs').where('uid', '=', run.uid).execute();
  const { id } = await transaction
    .insertInto('roster.sync_runs')
    .values({
      namespace: run.namespace,
      name: run.name,
      uid: run.uid,
      directory: run.directory,
      started_at: run.startedAt,
      finished_at: null,
      dry_run: run.dryRun,
      phase: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

async function insertLines(transaction: Writing, run: string, from: number, lines: readonly SyncLine[]): Promise<void> {
  const rows = lines.map((line, index) => ({ ...line, external_id: line.externalId, position: from + index }));
  const columns = {
    position: 'integer',
    action: 'text',
    kind: 'text',
    name: 'text',
    record: 'text',
    external_id: 'text',
    reason: 'text',
    message: 'text',
    details: 'jsonb',
  };
  await sql`
    insert into roster.sync_lines (run_id, position, action, kind, name, record, external_id, reason, message, details)
    select ${run}::uuid, position, action, kind, name, record, external_id, reason, message, details
    from ${recordset(rows, columns, storable)}`.execute(transaction);
}

async function* inChunks<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < chunkSize) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
