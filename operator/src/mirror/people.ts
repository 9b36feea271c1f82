/** Users and recipients: a row each, with what they belong to in tables beside it. */
import { sql } from 'kysely';
import type { Applied, Change, Gone, Result, Stored } from './change.ts';
import { type Conflict, type Freed, freeClaims, settleClaims } from './claims.ts';
import { type Database, query, type Writing } from './database.ts';
import { type Digest, digestOf } from './digest.ts';
import { type KeyText, keyText } from './key.ts';
import type { PersonKind, PersonRow } from './rows.ts';
import { assignments, type Columns, differs, fromRow, recordset, sorted, storedDigest, timestamp } from './table.ts';
import { bury } from './tombstones.ts';

const columns: Columns = {
  uid: 'text',
  email: 'text',
  domain_account: 'text',
  domain_account_key: 'text',
  first_name: 'text',
  last_name: 'text',
  display_name: 'text',
  language: 'text',
  enabled: 'boolean',
  active: 'boolean',
  inactive_reason: 'text',
  expires_at: 'timestamptz',
  password_setup: 'text',
  roles: 'text[]',
  directory: 'text',
  authority: 'text',
  external_id: 'text',
  missing_since: 'timestamptz',
};
const names = Object.keys(columns);

/** A person as the database holds them. */
export interface StoredPerson extends Stored {
  readonly kind: PersonKind;
  readonly values: Readonly<Record<string, unknown>> & {
    readonly email: string | null;
    readonly domain_account_key: string | null;
  };
  /** In the order of their names, with roles in order. */
  readonly organizations: readonly { readonly name: string; readonly roles: readonly string[] }[];
  readonly groups: readonly string[];
}

export function storePerson({ namespace, kind, name, ...row }: PersonRow): StoredPerson {
  return {
    namespace,
    kind,
    name,
    values: {
      uid: row.uid,
      email: row.email ?? null,
      domain_account: row.domainAccount ?? null,
      domain_account_key: row.domainAccountKey ?? null,
      first_name: row.firstName ?? null,
      last_name: row.lastName ?? null,
      display_name: row.displayName,
      language: row.language,
      enabled: row.enabled,
      active: row.active,
      inactive_reason: row.inactiveReason ?? null,
      expires_at: timestamp(row.expiresAt),
      password_setup: row.passwordSetup ?? null,
      roles: sorted(row.roles),
      directory: row.directory ?? null,
      authority: row.authority ?? null,
      external_id: row.externalId ?? null,
      missing_since: timestamp(row.missingSince),
    },
    organizations: [...Map.groupBy(row.organizations, ({ name }) => name)]
      .map(([name, held]) => ({ name, roles: sorted(held.flatMap(({ roles }) => roles)) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    groups: sorted(row.groups),
  };
}

export function personDigest(person: StoredPerson): Digest {
  const { organizations, groups } = person;
  return digestOf([storedDigest(columns, person), organizations, groups]);
}

export interface PersonResult extends Result {
  /** The row's id; undefined when the person was buried. */
  readonly id: string | undefined;
  /** What the person wants and somebody else has. */
  readonly conflicts: readonly Conflict[];
}

export interface AppliedPeople extends Applied<PersonResult> {
  readonly freed: readonly Freed[];
}

/** Writes a batch of people. Those who are gone come first: what they free, others of the batch can have. */
export async function writePeople(
  transaction: Writing,
  batch: ReadonlyMap<KeyText, Change<StoredPerson>>,
): Promise<AppliedPeople> {
  const wanted: StoredPerson[] = [];
  const gone: Gone[] = [];
  for (const change of batch.values()) {
    if ('stored' in change) wanted.push(change.stored);
    else gone.push(change.gone);
  }
  const buried = await buryPeople(transaction, gone);
  const kept = await keepPeople(transaction, wanted);
  return { results: new Map([...buried.results, ...kept.results]), freed: [...buried.freed, ...kept.freed] };
}

async function buryPeople(transaction: Writing, gone: readonly Gone[]): Promise<AppliedPeople> {
  if (gone.length === 0) return { results: new Map(), freed: [] };
  const buried = await bury(transaction, gone);
  const freed = await freeClaims(transaction, gone);
  const results = gone.map((person): [KeyText, PersonResult] => {
    const key = keyText(person);
    return [key, { written: buried.has(key), digest: undefined, id: undefined, conflicts: [] }];
  });
  return { results: new Map(results), freed };
}

async function keepPeople(transaction: Writing, wanted: readonly StoredPerson[]): Promise<AppliedPeople> {
  if (wanted.length === 0) return { results: new Map(), freed: [] };
  const { freed, conflicts: all } = await settleClaims(transaction, wanted.map(wants));
  const conflicts = Map.groupBy(all, keyText);
  const people = wanted.map((person) => withoutContested(person, conflicts.get(keyText(person)) ?? []));
  const rows = await upsertPeople(transaction, people);
  const moved = await writeBelonging(transaction, people, rows);
  const touched = [...rows.values()].filter(({ id, written }) => !written && moved.has(id));
  await touch(
    transaction,
    touched.map(({ id }) => id),
  );
  const results = people.map((person): [KeyText, PersonResult] => {
    const key = keyText(person);
    const row = rows.get(key);
    const written = row !== undefined && (row.written || moved.has(row.id));
    return [key, { written, digest: personDigest(person), id: row?.id, conflicts: conflicts.get(key) ?? [] }];
  });
  return { results: new Map(results), freed };
}

function wants({ namespace, kind, name, values }: StoredPerson) {
  return { namespace, kind, name, email: values.email, domainAccount: values.domain_account_key };
}

/** What somebody else has is not shown, and who has no address gets no mail and cannot sign in. */
export function withoutContested(person: StoredPerson, conflicts: readonly Conflict[]): StoredPerson {
  if (conflicts.length === 0) return person;
  const types = new Set(conflicts.map(({ type }) => type));
  const { values } = person;
  return {
    ...person,
    values: {
      ...values,
      ...(types.has('domainAccount') ? { domain_account: null, domain_account_key: null } : {}),
      ...(types.has('email')
        ? { email: null, active: false, inactive_reason: values.active ? 'EmailNotUnique' : values.inactive_reason }
        : {}),
    },
  };
}

/** The ids of all, and who of them changed. A person who comes back takes the row back, and the tombstone goes. */
async function upsertPeople(transaction: Writing, people: readonly StoredPerson[]) {
  const list = sql.raw(names.join(', '));
  const key = { namespace: 'text', kind: 'text', name: 'text' };
  const { rows } = await sql<{ namespace: string; kind: PersonKind; name: string; id: string; written: boolean }>`
    with input as materialized (
      select * from ${recordset(
        people.map(({ namespace, kind, name, values }) => ({ namespace, kind, name, ...values })),
        { ...key, ...columns },
      )}
    ), written as (
      insert into roster.people as stored (namespace, kind, name, ${list})
      select namespace, kind, name, ${list} from input
      on conflict (namespace, kind, name) do update
      set ${assignments(names)}, deleted_at = null, changed = nextval('roster.changes')
      where stored.deleted_at is not null or ${differs(names)}
      returning id, namespace, kind, name
    ), back as (
      delete from roster.tombstones where person_id in (select id from written)
    )
    select input.namespace, input.kind, input.name, coalesce(written.id, person.id) as id,
      written.id is not null as written
    from input
    left join written using (namespace, kind, name)
    left join roster.people as person using (namespace, kind, name)`.execute(transaction);
  return new Map(rows.map((row) => [keyText(row), { id: row.id, written: row.written }]));
}

/**
 * Puts people into their organizations and groups, and takes them out of others. Returns the ids of those it moved.
 * What people are in is found person by person through the index and removed by its place in the table: left to
 * itself the planner reads the whole table for each batch.
 */
async function writeBelonging(
  transaction: Writing,
  people: readonly StoredPerson[],
  rows: ReadonlyMap<KeyText, { readonly id: string }>,
): Promise<Set<string>> {
  const belonging = people.flatMap((person) => {
    const row = rows.get(keyText(person));
    return row === undefined ? [] : [{ id: row.id, organizations: person.organizations, groups: person.groups }];
  });
  const input = recordset(belonging, { id: 'uuid', organizations: 'json', groups: 'text[]' });
  const moved = await sql<{ person_id: string }>`
    with input as materialized (select * from ${input}),
    left_organization as (
      delete from roster.assignments where ctid = any(array(
        select stored.ctid
        from input, lateral (select ctid, organization from roster.assignments where person_id = id offset 0) as stored
        where not exists (
          select from json_to_recordset(input.organizations) as wanted(name text) where wanted.name = stored.organization)))
      returning person_id
    ), joined_organization as (
      insert into roster.assignments as stored (person_id, organization, roles)
      select input.id, wanted.name, wanted.roles
      from input, json_to_recordset(input.organizations) as wanted(name text, roles text[])
      on conflict (person_id, organization) do update set roles = excluded.roles
      where stored.roles is distinct from excluded.roles
      returning person_id
    ), left_group as (
      delete from roster.memberships where ctid = any(array(
        select stored.ctid
        from input, lateral (select ctid, group_name from roster.memberships where person_id = id offset 0) as stored
        where stored.group_name <> all(input.groups)))
      returning person_id
    ), joined_group as (
      insert into roster.memberships (person_id, group_name)
      select input.id, wanted.name from input, unnest(input.groups) as wanted(name)
      on conflict do nothing
      returning person_id
    )
    select person_id from left_organization union select person_id from joined_organization
    union select person_id from left_group union select person_id from joined_group`.execute(transaction);
  return new Set(moved.rows.map(({ person_id }) => person_id));
}

/** Who moved has changed, even if the row itself is as before. */
async function touch(transaction: Writing, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    update roster.people set changed = nextval('roster.changes')
    where id = any(${ids}::uuid[])`.execute(transaction);
}

const pageSize = 2_000;

/** Equals no digest. */
const notRight: Digest = '';

/** All living people, as what the database really holds. A row is not right that shows what the person has no claim on. */
export async function* readPeople(database: Database): AsyncGenerator<[KeyText, Digest]> {
  for (let after = { namespace: '', kind: '', name: '' }; ; ) {
    const page = sql<{
      namespace: string;
      kind: PersonKind;
      name: string;
      organizations: StoredPerson['organizations'];
      groups: string[];
      claimed: boolean;
    }>`
      select person.namespace, person.kind, person.name, ${sql.raw(names.map((name) => `person.${name}`).join(', '))},
        (select coalesce(json_agg(json_build_object('name', organization, 'roles', roles)), '[]')
          from roster.assignments where person_id = person.id) as organizations,
        (select coalesce(array_agg(group_name), '{}') from roster.memberships where person_id = person.id) as groups,
        (person.email is null or exists (
          select from roster.claims
          where namespace = person.namespace and type = 'email' and value = person.email
            and holder_kind = person.kind and holder_name = person.name))
        and (person.domain_account_key is null or exists (
          select from roster.claims
          where namespace = person.namespace and type = 'domainAccount' and value = person.domain_account_key
            and holder_kind = person.kind and holder_name = person.name)) as claimed
      from roster.people as person
      where deleted_at is null and (namespace, kind, name) > (${after.namespace}, ${after.kind}, ${after.name})
      order by namespace, kind, name
      limit ${pageSize}`;
    const { rows } = await query(database, (session) => page.execute(session));
    for (const row of rows) {
      const { kind, organizations, groups } = row;
      const stored = fromRow(kind, row, names) as StoredPerson;
      const person = {
        ...stored,
        organizations: [...organizations].sort((a, b) => (a.name < b.name ? -1 : 1)),
        groups: sorted(groups),
      };
      yield [keyText(person), row.claimed ? personDigest(person) : notRight];
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last;
  }
}
