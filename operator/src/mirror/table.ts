/** What the tables of mirrored objects have in common: columns, upserts of many rows, and reading them back. */
import { type RawBuilder, sql } from 'kysely';
import type { Applied, Change, Gone, Result, Stored } from './change.ts';
import { type Database, query, type Writing } from './database.ts';
import { type Digest, digestOf } from './digest.ts';
import { type KeyText, keyText } from './key.ts';
import type { MirroredKind } from './rows.ts';

export type ColumnType = 'text' | 'boolean' | 'integer' | 'text[]' | 'timestamptz' | 'jsonb';
export type Columns = Readonly<Record<string, ColumnType>>;

export function storedDigest(columns: Columns, { values }: Stored): Digest {
  return digestOf(Object.keys(columns).map((column) => values[column] ?? null));
}

/** What one statement is told about many rows: a single parameter, since PostgreSQL takes 65,535 of them at most. */
export function recordset(
  rows: readonly object[],
  columns: Readonly<Record<string, string>>,
  replacer?: (key: string, value: unknown) => unknown,
): RawBuilder<unknown> {
  const types = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
  return sql`json_to_recordset(${JSON.stringify(rows, replacer)}::json) as input(${sql.raw(types.join(', '))})`;
}

/** For `recordset`: PostgreSQL's text holds neither NUL nor half a character, and directories hold both. */
export function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\u0000', '\ufffd').toWellFormed() : value;
}

/** A point in time in the spelling in which it is stored, to the millisecond; what is none is left for the database to refuse. */
export function timestamp(text: string | undefined): string | null {
  if (text === undefined) return null;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

/** In code-unit order, without repetition. */
export function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

/** One of the tables without anything of its own. People are in `people.ts`. */
export interface Table<Row> {
  readonly kind: MirroredKind;
  readonly name: 'tenants' | 'organizations' | 'roles' | 'groups';
  readonly columns: Columns;
  readonly store: (row: Row) => Stored;
}

/** A table whose rows may come from anywhere. */
type AnyTable = Omit<Table<never>, 'store'>;

/** How a batch of rows of the table is written. */
export function writeTable(table: AnyTable) {
  return async (transaction: Writing, batch: ReadonlyMap<KeyText, Change>): Promise<Applied<Result>> => {
    const wanted: Stored[] = [];
    const gone: Gone[] = [];
    for (const change of batch.values()) {
      if ('stored' in change) wanted.push(change.stored);
      else gone.push(change.gone);
    }
    const changed = new Set([
      ...(await upsert(transaction, table, wanted)),
      ...(await markDeleted(transaction, table, gone)),
    ]);
    return {
      results: new Map([
        ...wanted.map((row): [KeyText, Result] => {
          const key = keyText(row);
          return [key, { written: changed.has(key), digest: storedDigest(table.columns, row) }];
        }),
        ...gone.map((row): [KeyText, Result] => {
          const key = keyText(row);
          return [key, { written: changed.has(key), digest: undefined }];
        }),
      ]),
    };
  };
}

/** Inserts or updates rows; the keys of those that changed. A row that was deleted comes back with its id. */
async function upsert(transaction: Writing, table: AnyTable, rows: readonly Stored[]): Promise<KeyText[]> {
  if (rows.length === 0) return [];
  const names = Object.keys(table.columns);
  const list = sql.raw(names.join(', '));
  const input = recordset(
    rows.map(({ namespace, name, values }) => ({ namespace, name, ...values })),
    { namespace: 'text', name: 'text', ...table.columns },
  );
  const changed = await sql<{ namespace: string; name: string }>`
    insert into ${sql.raw(`roster.${table.name}`)} as stored (namespace, name, ${list})
    select namespace, name, ${list} from ${input}
    on conflict (namespace, name) do update
    set ${assignments(names)}, deleted_at = null, changed = nextval('roster.changes')
    where stored.deleted_at is not null or ${differs(names)}
    returning namespace, name`.execute(transaction);
  return changed.rows.map(({ namespace, name }) => keyText({ namespace, kind: table.kind, name }));
}

/** Marks rows as deleted; the keys of those that were not. They stay for 30 days, so that readers hear of it. */
async function markDeleted(transaction: Writing, table: AnyTable, keys: readonly Gone[]): Promise<KeyText[]> {
  if (keys.length === 0) return [];
  const input = recordset(
    keys.map(({ namespace, name }) => ({ namespace, name })),
    { namespace: 'text', name: 'text' },
  );
  const { rows } = await sql<{ namespace: string; name: string }>`
    update ${sql.raw(`roster.${table.name}`)} as stored
    set deleted_at = now(), changed = nextval('roster.changes')
    from ${input}
    where stored.namespace = input.namespace and stored.name = input.name and stored.deleted_at is null
    returning stored.namespace, stored.name`.execute(transaction);
  return rows.map(({ namespace, name }) => keyText({ namespace, kind: table.kind, name }));
}

/** In an upsert into `stored`: sets these columns to what was to be inserted. */
export function assignments(names: readonly string[]): RawBuilder<unknown> {
  return sql.raw(names.map((name) => `${name} = excluded.${name}`).join(', '));
}

/** In an upsert into `stored`: one of these columns would change. An update that changes nothing still costs a row. */
export function differs(names: readonly string[]): RawBuilder<unknown> {
  const list = (row: string) => names.map((name) => `${row}.${name}`).join(', ');
  return sql.raw(`(${list('stored')}) is distinct from (${list('excluded')})`);
}

const pageSize = 2_000;

/** All live rows, as what they really hold, in pages. */
export async function* readTable(database: Database, table: AnyTable): AsyncGenerator<[KeyText, Digest]> {
  const names = Object.keys(table.columns);
  for (let after = { namespace: '', name: '' }; ; ) {
    const page = sql<{ namespace: string; name: string }>`
      select namespace, name, ${sql.raw(names.join(', '))}
      from ${sql.raw(`roster.${table.name}`)}
      where deleted_at is null and (namespace, name) > (${after.namespace}, ${after.name})
      order by namespace, name
      limit ${pageSize}`;
    const { rows } = await query(database, (session) => page.execute(session));
    for (const row of rows) {
      const stored = fromRow(table.kind, row, names);
      yield [keyText(stored), storedDigest(table.columns, stored)];
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last;
  }
}

/** Brings a row that a driver returned into the spelling in which it was stored. */
export function fromRow(
  kind: MirroredKind,
  row: { readonly namespace: string; readonly name: string },
  columns: readonly string[],
): Stored {
  const { namespace, name } = row;
  const read = row as unknown as Readonly<Record<string, unknown>>;
  const values = Object.fromEntries(
    columns.map((column) => {
      const value = read[column];
      return [column, value instanceof Date ? value.toISOString() : value];
    }),
  );
  return { namespace, kind, name, values };
}
