import { sql } from 'kysely';
import { type Database, query, type Writing } from './database.ts';
import { recordset, storable } from './table.ts';
import type { Writer } from './writer.ts';

/** The UserDirectory that a snapshot is for. */
export interface SnapshotOwner {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Of an object: properties that are so now, or that it was removed and may return, or that it is gone for good. */
type ObjectChange =
  | { readonly id: string; readonly state: 'Present'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly id: string; readonly state: 'Removed' | 'Gone' };

interface Changes {
  readonly users: Iterable<ObjectChange>;
  readonly groups: Iterable<ObjectChange>;
  readonly memberships: Iterable<{ readonly group: string; readonly member: string; readonly isMember: boolean }>;
}

interface Links {
  readonly users: string;
  readonly groups?: string | undefined;
}

interface Checkpoint {
  readonly id: string;
  readonly version: number;
  readonly selection: string;
  readonly links: Links;
  readonly completedAt: Date;
}

interface SnapshotObject {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly groups: readonly string[];
}

type ObjectTable = 'roster.entra_users' | 'roster.entra_groups';

/** Keeps what is known of Entra tenants. Everything rejects with DatabaseError. */
export class EntraSnapshots {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  /** The snapshot of one directory; another directory of the same name has one of its own. */
  of(owner: SnapshotOwner): EntraSnapshot {
    return new EntraSnapshot(this.#database, this.#writer, owner);
  }

  /** Deletes snapshots that nobody has touched since then, as those of deleted directories; how many. */
  async purge(untouchedSince: Date): Promise<number> {
    const { rows } = await query(this.#database, (session) =>
      sql<{ id: string }>`select id from roster.entra_snapshots where touched_at < ${untouchedSince}`.execute(session),
    );
    for (const { id } of rows) await deleteSnapshot(this.#writer, id);
    return rows.length;
  }
}

/**
 * The snapshot of one directory. One that is being filled is in nobody's way: it becomes the snapshot in the same
 * transaction that sets its links. So the links are never ahead of what is stored, whatever gets lost.
 */
export class EntraSnapshot {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #owner: SnapshotOwner;

  constructor(database: Database, writer: Writer, owner: SnapshotOwner) {
    this.#database = database;
    this.#writer = writer;
    this.#owner = owner;
  }

  /** The last one that is whole. */
  async current(): Promise<Checkpoint | undefined> {
    const { rows } = await query(this.#database, (session) =>
      sql<{
        id: string;
        version: string | number;
        selection: string;
        users_link: string;
        groups_link: string | null;
        completed_at: Date;
      }>`
        select id, version, selection, users_link, groups_link, completed_at from roster.entra_snapshots
        where directory_uid = ${this.#owner.uid} and completed_at is not null
        order by completed_at desc, id limit 1`.execute(session),
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    const { id, version, selection, users_link: users, groups_link: groups, completed_at: completedAt } = row;
    return {
      id,
      version: Number(version),
      selection,
      links: { users, ...(groups !== null && { groups }) },
      completedAt,
    };
  }

  /** Begins another one and gives its id. What was begun long ago, and nobody completed, goes. */
  async begin(selection: string): Promise<string> {
    const { uid, namespace, name } = this.#owner;
    const abandoned = await query(this.#database, (session) =>
      sql<{ id: string }>`
        select id from roster.entra_snapshots
        where directory_uid = ${uid} and completed_at is null and touched_at < now() - interval '1 day'`.execute(
        session,
      ),
    );
    for (const { id } of abandoned.rows) await deleteSnapshot(this.#writer, id);
    const { rows } = await this.#writer.run((transaction) =>
      sql<{ id: string }>`
        insert into roster.entra_snapshots (directory_uid, namespace, directory, selection, touched_at)
        values (${uid}, ${namespace}, ${name}, ${selection}, now()) returning id`.execute(transaction),
    );
    return rows[0]?.id ?? '';
  }

  async fill(id: string, changes: Changes): Promise<void> {
    await this.#writer.run((transaction) => apply(transaction, id, changes));
  }

  /** Puts one that was filled in the place of the current one, and deletes that. */
  async complete(id: string, links: Links): Promise<void> {
    await this.#writer.run((transaction) =>
      sql`
        update roster.entra_snapshots
        set users_link = ${links.users}, groups_link = ${links.groups ?? null}, completed_at = now(), touched_at = now()
        where id = ${id}::uuid`.execute(transaction),
    );
    const { rows } = await query(this.#database, (session) =>
      sql<{ id: string }>`
        select id from roster.entra_snapshots
        where directory_uid = ${this.#owner.uid} and completed_at is not null and id <> ${id}::uuid`.execute(session),
    );
    for (const former of rows) await deleteSnapshot(this.#writer, former.id);
  }

  async discard(id: string): Promise<void> {
    await deleteSnapshot(this.#writer, id);
  }

  /** Applies changes and moves the links, unless somebody else did so since: then false, and nothing is written. */
  async move({ id, version }: Checkpoint, changes: Changes, links: Links): Promise<boolean> {
    return await this.#writer.run(async (transaction) => {
      const moved = await sql`
        update roster.entra_snapshots
        set users_link = ${links.users}, groups_link = ${links.groups ?? null}, version = version + 1, touched_at = now()
        where id = ${id}::uuid and version = ${version}`.execute(transaction);
      if (Number(moved.numAffectedRows ?? 0) === 0) return false;
      await apply(transaction, id, changes);
      return true;
    });
  }

  /** Whether it is still the current one, moved or not. */
  async isCurrent(id: string): Promise<boolean> {
    return (await this.current())?.id === id;
  }

  /** In the order of their ids, page by page. */
  users(id: string): AsyncGenerator<readonly SnapshotObject[]> {
    return this.#objects('roster.entra_users', id);
  }

  groups(id: string): AsyncGenerator<readonly SnapshotObject[]> {
    return this.#objects('roster.entra_groups', id);
  }

  /** Those of these users that it has, by id. */
  async find(id: string, users: readonly string[]): Promise<ReadonlyMap<string, SnapshotObject['fields']>> {
    const { rows } = await query(this.#database, (session) =>
      sql<Pick<SnapshotObject, 'id' | 'fields'>>`
        select id, fields from roster.entra_users
        where snapshot_id = ${id}::uuid and not removed and id = any(${users}::uuid[])`.execute(session),
    );
    return new Map(rows.map((row) => [row.id, row.fields]));
  }

  async *#objects(table: ObjectTable, snapshot: string): AsyncGenerator<readonly SnapshotObject[]> {
    for (let after = nilID; ; ) {
      const page = sql<SnapshotObject>`
        select object.id, object.fields, array(
          select group_id::text from roster.entra_memberships
          where snapshot_id = object.snapshot_id and member_id = object.id) as groups
        from ${sql.raw(table)} as object
        where snapshot_id = ${snapshot}::uuid and id > ${after}::uuid and not removed
        order by id
        limit ${pageSize}`;
      const { rows } = await query(this.#database, (session) => page.execute(session));
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageSize) return;
      after = last.id;
    }
  }
}

/** Comes before every other id, and is nobody's. */
const nilID = '00000000-0000-0000-0000-000000000000';
/** Few enough to be read, and to be put into a statement, within some milliseconds. */
const pageSize = 500;
const chunkSize = 1_000;

async function apply(transaction: Writing, snapshot: string, { users, groups, memberships }: Changes): Promise<void> {
  await applyObjects(transaction, 'roster.entra_users', snapshot, users);
  await applyObjects(transaction, 'roster.entra_groups', snapshot, groups);
  for (const chunk of chunks(memberships)) {
    const ids = { member: 'uuid', group: 'uuid' };
    const [joined, left] = [chunk.filter((change) => change.isMember), chunk.filter((change) => !change.isMember)];
    const table = sql`roster.entra_memberships`;
    if (joined.length > 0) {
      await sql`
        insert into ${table} (snapshot_id, member_id, group_id)
        select ${snapshot}::uuid, input.member, input."group" from ${recordset(joined, quoted(ids))}
        on conflict do nothing`.execute(transaction);
    }
    if (left.length > 0) {
      await sql`
        delete from ${table} as stored using ${recordset(left, quoted(ids))}
        where stored.snapshot_id = ${snapshot}::uuid
          and stored.member_id = input.member and stored.group_id = input."group"`.execute(transaction);
    }
  }
}

/** `group` is a word of SQL. */
function quoted(columns: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(columns).map(([name, type]) => [`"${name}"`, type]));
}

/** What a query tells of an object are at least its changes, so that it adds to what is known. */
async function applyObjects(
  transaction: Writing,
  table: ObjectTable,
  snapshot: string,
  changes: Iterable<ObjectChange>,
): Promise<void> {
  for (const chunk of chunks(changes)) {
    const gone = chunk.filter(({ state }) => state === 'Gone').map(({ id }) => id);
    const rows = chunk.flatMap((change) => {
      if (change.state === 'Gone') return [];
      const removed = change.state === 'Removed';
      return [{ id: change.id, removed, fields: change.state === 'Present' ? change.fields : {} }];
    });
    if (gone.length > 0) {
      await sql`
        delete from ${sql.raw(table)} where snapshot_id = ${snapshot}::uuid and id = any(${gone}::uuid[])
      `.execute(transaction);
    }
    if (rows.length > 0) {
      await sql`
        insert into ${sql.raw(table)} as stored (snapshot_id, id, removed, fields)
        select ${snapshot}::uuid, id, removed, fields
        from ${recordset(rows, { id: 'uuid', removed: 'boolean', fields: 'jsonb' }, storable)}
        on conflict (snapshot_id, id) do update
        set removed = excluded.removed, fields = stored.fields || excluded.fields`.execute(transaction);
    }
  }
}

/** A snapshot may have a million rows, which go by and by, so that others can write in between. */
async function deleteSnapshot(writer: Writer, id: string): Promise<void> {
  // From here on it counts no longer, even if the rest is left to the next purge.
  await writer.run((transaction) =>
    sql`update roster.entra_snapshots set completed_at = null where id = ${id}::uuid`.execute(transaction),
  );
  for (const table of ['entra_memberships', 'entra_users', 'entra_groups']) {
    for (let deleted = deletedAtOnce; deleted === deletedAtOnce; ) {
      const { numAffectedRows } = await writer.run((transaction) =>
        sql`
          delete from ${sql.raw(`roster.${table}`)} where ctid = any(array(
            select ctid from ${sql.raw(`roster.${table}`)} where snapshot_id = ${id}::uuid limit ${deletedAtOnce}))
        `.execute(transaction),
      );
      deleted = Number(numAffectedRows ?? 0);
    }
  }
  await writer.run((transaction) =>
    sql`delete from roster.entra_snapshots where id = ${id}::uuid`.execute(transaction),
  );
}

const deletedAtOnce = 20_000;

function* chunks<T>(items: Iterable<T>): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < chunkSize) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
