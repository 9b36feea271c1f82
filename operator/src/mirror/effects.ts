import { sql } from 'kysely';
import { type Database, query } from './database.ts';
import type { RunRecord } from './plans.ts';
import { recordset } from './table.ts';
import type { Writer } from './writer.ts';

/** How often each effect was had, by its name. */
export type EffectCounts = ReadonlyMap<string, number>;

type Execution = Pick<RunRecord, 'namespace' | 'directory' | 'uid' | 'startedAt'>;

/** What runs did that a guard counts over some days, however many runs did it. */
export class Effects {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  /**
   * Notes what a run does, in place of what was noted of it before. Note first what it may do: if the process ends in
   * between, that counts as done.
   */
  async note({ namespace, directory, uid, startedAt }: Execution, counts: EffectCounts): Promise<void> {
    const rows = [...counts].map(([effect, count]) => ({ effect, count })).filter(({ count }) => count > 0);
    await this.#writer.run(async (transaction) => {
      await transaction
        .deleteFrom('roster.sync_effects')
        .where('run_uid', '=', uid)
        .where('started_at', '=', startedAt)
        .execute();
      if (rows.length === 0) return;
      await sql`
        insert into roster.sync_effects (namespace, directory, run_uid, started_at, effect, count)
        select ${namespace}, ${directory}, ${uid}, ${startedAt}::timestamptz, effect, count
        from ${recordset(rows, { effect: 'text', count: 'integer' })}`.execute(transaction);
    });
  }

  /** What the runs of a directory did that began since then. */
  async since({ namespace, directory }: Pick<Execution, 'namespace' | 'directory'>, then: Date): Promise<EffectCounts> {
    const rows = await query(this.#database, (session) =>
      session
        .selectFrom('roster.sync_effects')
        .select(['effect', ({ fn }) => fn.sum<string>('count').as('count')])
        .where('namespace', '=', namespace)
        .where('directory', '=', directory)
        .where('started_at', '>=', then)
        .groupBy('effect')
        .execute(),
    );
    return new Map(rows.map(({ effect, count }) => [effect, Number(count)]));
  }

  /** Forgets runs that began before. */
  async purge(startedBefore: Date): Promise<void> {
    await this.#writer.run((transaction) =>
      transaction.deleteFrom('roster.sync_effects').where('started_at', '<', startedBefore).execute(),
    );
  }
}
