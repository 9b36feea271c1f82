/** People whose object is gone: kept for 30 days, since objects also vanish by accident and content has an owner. */
import { sql } from 'kysely';
import type { Gone } from './change.ts';
import { type Database, query, type Writing } from './database.ts';
import { type KeyText, keyText } from './key.ts';
import { resourceTables } from './resources.ts';
import type { PersonKind, RowKey } from './rows.ts';
import { recordset } from './table.ts';

/** An address of somebody who was deleted and may come back. */
export interface Tombstone {
  readonly kind: PersonKind;
  readonly name: string;
  /** Canonical. */
  readonly email: string;
  readonly authority?: string;
  readonly externalId?: string;
}

/** No sign-in, no mail, no organization, no group; the row stays for who comes back. The keys of those who lived. */
export async function bury(transaction: Writing, people: readonly Gone[]): Promise<Set<KeyText>> {
  const input = recordset(people, { namespace: 'text', kind: 'text', name: 'text', confirmed: 'boolean' });
  const { rows } = await sql<RowKey>`
    with gone as (
      update roster.people as person
      set deleted_at = now(), active = false, inactive_reason = 'Deleted', changed = nextval('roster.changes')
      from ${input}
      where person.namespace = input.namespace and person.kind = input.kind and person.name = input.name
        and person.deleted_at is null
      returning person.*, input.confirmed
    ), unassigned as (
      delete from roster.assignments where person_id in (select id from gone)
    ), ungrouped as (
      delete from roster.memberships where person_id in (select id from gone)
    ), tombstones as (
      insert into roster.tombstones
        (person_id, namespace, kind, name, email, domain_account, authority, external_id, confirmed)
      select id, namespace, kind, name, email, domain_account_key, authority, external_id, confirmed from gone
      on conflict (person_id) do nothing
    )
    select namespace, kind, name from gone`.execute(transaction);
  return new Set(rows.map(keyText));
}

/** Addresses of deleted people of a tenant who may come back. */
export async function readTombstones(database: Database, namespace: string): Promise<Tombstone[]> {
  const rows = await query(database, (session) =>
    session
      .selectFrom('roster.tombstones')
      .select(['kind', 'name', 'email', 'authority', 'external_id'])
      .where('namespace', '=', namespace)
      .where('email', 'is not', null)
      .execute(),
  );
  return rows.map(({ kind, name, email, authority, external_id }) => ({
    kind,
    name,
    email: email ?? '',
    ...(authority === null ? {} : { authority }),
    ...(external_id === null ? {} : { externalId: external_id }),
  }));
}

/** People of a tenant whom a directory no longer has; they could not sign in any more. */
export async function readMissing(database: Database, namespace: string): Promise<RowKey[]> {
  return await query(database, (session) =>
    session
      .selectFrom('roster.people')
      .select(['namespace', 'kind', 'name'])
      .where('namespace', '=', namespace)
      .where('deleted_at', 'is', null)
      .where('missing_since', 'is not', null)
      .execute(),
  );
}

/** How many people of a tenant were buried since then without confirmation, and have not come back. */
export async function countBuried(database: Database, namespace: string, since: Date): Promise<number> {
  const rows = await query(database, (session) =>
    session
      .selectFrom('roster.tombstones')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .where('namespace', '=', namespace)
      .where('deleted_at', '>=', since)
      .where('confirmed', '=', false)
      .execute(),
  );
  return Number(rows[0]?.count ?? 0);
}

const purgeSize = 5_000;

/** Deletes people for good whose time has come, at most so many; the number deleted. */
export async function purgePeople(transaction: Writing, now: Date): Promise<{ deleted: number; more: boolean }> {
  const { numAffectedRows } = await sql`
    delete from roster.people where id in (
      select person.id
      from roster.people as person
      left join roster.tombstones as tombstone on tombstone.person_id = person.id
      where person.deleted_at is not null
        and coalesce(tombstone.purge_after, person.deleted_at + interval '30 days') <= ${now}
      limit ${purgeSize})`.execute(transaction);
  const deleted = Number(numAffectedRows ?? 0);
  return { deleted, more: deleted === purgeSize };
}

/** Deletes other rows for good after the same time; a tenant stays for as long as there are rows of its people. */
export async function purgeResources(transaction: Writing, now: Date): Promise<void> {
  for (const { name } of resourceTables) {
    const empty = sql`and not exists (select from roster.people as person where person.namespace = stored.namespace)`;
    await sql`
      delete from ${sql.raw(`roster.${name}`)} as stored
      where deleted_at <= ${now}::timestamptz - interval '30 days' ${name === 'tenants' ? empty : sql``}
    `.execute(transaction);
  }
}
