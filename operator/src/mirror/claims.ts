import { sql } from 'kysely';
import { type Database, query, type Writing } from './database.ts';
import type { Holder, PersonKind } from './rows.ts';
import { recordset } from './table.ts';
import type { Writer } from './writer.ts';

/** What only one person of a tenant can have. */
export type ClaimType = 'email' | 'domainAccount';

/** An address that a person is to have. `value` is canonical. */
export interface Want {
  readonly value: string;
  readonly kind: PersonKind;
  readonly name: string;
}

/** Something that nobody holds any more. */
export interface Freed {
  readonly namespace: string;
  readonly type: ClaimType;
  readonly value: string;
}

/** All that one person wants; null is nothing. */
export interface Wanted {
  readonly namespace: string;
  readonly kind: PersonKind;
  readonly name: string;
  readonly email: string | null;
  readonly domainAccount: string | null;
}

/** Somebody wants what somebody else has. */
export interface Conflict extends Freed {
  readonly kind: PersonKind;
  readonly name: string;
  readonly holder: Holder;
}

/**
 * A claim is a row (tenant, canonical address), and the table's primary key decides who has it. The rules:
 *
 * 1. Nobody holds an address that they do not want: who wants another one gives up the old one in the same
 *    transaction, even if the other one is taken.
 * 2. The holder keeps it for as long as the holder wants it. Who comes later waits, and is told when it is free.
 * 3. The row of a person shows an address only while that person holds it, and claim and row change together.
 *
 * By 1 nobody waits while holding on to what another one waits for, so there is no circle of people waiting for each
 * other: a swap, or a ring of three, ends well in whatever order and in however many batches its people come. Once
 * each of them has been written, every address is free or with somebody who wants it; each release wakes its
 * waiters; so only those stay without who want what another one rightly has. Keeping the old address until the new
 * one is free would look kinder, and would stop every swap for good.
 * The price: who asks for a taken address is without any until that is mended, and may find the old one given to
 * somebody else. By 2 and 3 no two people are ever shown with one address, and nobody with two.
 */
export async function settleClaims(
  transaction: Writing,
  people: readonly Wanted[],
): Promise<{ freed: Freed[]; conflicts: Conflict[] }> {
  const input = recordset(people, {
    namespace: 'text',
    kind: 'text',
    name: 'text',
    email: 'text',
    '"domainAccount"': 'text',
  });
  const released = await sql<Freed>`
    delete from roster.claims as claim
    using ${input}
    where claim.namespace = input.namespace and claim.holder_kind = input.kind and claim.holder_name = input.name
      and claim.value is distinct from case claim.type when 'email' then input.email else input."domainAccount" end
    returning claim.namespace, claim.type, claim.value`.execute(transaction);

  const wants = people.flatMap(({ namespace, kind, name, email, domainAccount }) => [
    ...(email === null ? [] : [{ namespace, type: 'email', value: email, kind, name }]),
    ...(domainAccount === null ? [] : [{ namespace, type: 'domainAccount', value: domainAccount, kind, name }]),
  ]);
  if (wants.length === 0) return { freed: released.rows, conflicts: [] };
  const wanted = recordset(wants, { namespace: 'text', type: 'text', value: 'text', kind: 'text', name: 'text' });
  await sql`
    insert into roster.claims (namespace, type, value, holder_kind, holder_name)
    select namespace, type, value, kind, name from ${wanted}
    on conflict (namespace, type, value) do nothing`.execute(transaction);
  const taken = await sql<Freed & { kind: PersonKind; name: string; holder_kind: PersonKind; holder_name: string }>`
    select input.namespace, input.type, input.value, input.kind, input.name, claim.holder_kind, claim.holder_name
    from ${wanted}
    join roster.claims as claim
      on claim.namespace = input.namespace and claim.type = input.type and claim.value = input.value
    where (claim.holder_kind, claim.holder_name) <> (input.kind, input.name)`.execute(transaction);

  const takenAgain = new Set(wants.map(freedKey));
  return {
    freed: released.rows.filter((freed) => !takenAgain.has(freedKey(freed))),
    conflicts: taken.rows.map(({ holder_kind, holder_name, ...want }) => ({
      ...want,
      holder: { kind: holder_kind, name: holder_name },
    })),
  };
}

/** Gives up all that people have who are gone. */
export async function freeClaims(
  transaction: Writing,
  people: readonly { readonly namespace: string; readonly kind: string; readonly name: string }[],
): Promise<Freed[]> {
  const { rows } = await sql<Freed>`
    delete from roster.claims as claim
    using ${recordset(people, { namespace: 'text', kind: 'text', name: 'text' })}
    where claim.namespace = input.namespace and claim.holder_kind = input.kind and claim.holder_name = input.name
    returning claim.namespace, claim.type, claim.value`.execute(transaction);
  return rows;
}

/** How long a reserved address waits for its person, in minutes. */
const reservationMinutes = 10;

/** Releases what nobody's row shows: reservations whose person never came. At the start there is no run to wait for. */
export async function releaseOrphans(transaction: Writing, atStart: boolean): Promise<Freed[]> {
  const { rows } = await sql<Freed>`
    delete from roster.claims as claim
    where claim.taken_at <= now() - make_interval(mins => ${atStart ? 0 : reservationMinutes}::integer)
      and not exists (
        select from roster.people as person
        where person.namespace = claim.namespace and person.kind = claim.holder_kind
          and person.name = claim.holder_name and person.deleted_at is null
          and case claim.type when 'email' then person.email else person.domain_account_key end = claim.value)
    returning claim.namespace, claim.type, claim.value`.execute(transaction);
  return rows;
}

const reservationSize = 1_000;
const pageSize = 5_000;

/** Who has which e-mail address: one row a tenant and canonical address. The holder keeps it. */
export class Claims {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  /**
   * Takes addresses for people who are about to be created. Returns who has each of them afterwards: the one who
   * wants it, unless somebody was first. A claim whose person does not appear within ten minutes is released.
   */
  async reserve(namespace: string, wants: readonly Want[]): Promise<Map<string, Holder>> {
    const first = new Map<string, Want>();
    for (const want of wants) if (!first.has(want.value)) first.set(want.value, want);
    const all = [...first.values()];
    const holders = new Map<string, Holder>();
    for (let start = 0; start < all.length; start += reservationSize) {
      const chunk = all.slice(start, start + reservationSize);
      const taken = await this.#writer.run((transaction) => reserveChunk(transaction, namespace, chunk));
      for (const { value, kind, name } of taken) holders.set(value, { kind, name });
    }
    return holders;
  }

  /** All addresses that are taken in a tenant. */
  async holders(namespace: string): Promise<Map<string, Holder>> {
    const holders = new Map<string, Holder>();
    for (let after = ''; ; ) {
      const page = await query(this.#database, (session) =>
        session
          .selectFrom('roster.claims')
          .select(['value', 'holder_kind as kind', 'holder_name as name'])
          .where('namespace', '=', namespace)
          .where('type', '=', 'email')
          .where('value', '>', after)
          .orderBy('value')
          .limit(pageSize)
          .execute(),
      );
      for (const { value, kind, name } of page) holders.set(value, { kind, name });
      if (page.length < pageSize) return holders;
      after = page.at(-1)?.value ?? '';
    }
  }
}

async function reserveChunk(transaction: Writing, namespace: string, wants: readonly Want[]): Promise<Want[]> {
  const input = recordset(wants, { value: 'text', kind: 'text', name: 'text' });
  // Who reserves again, after an interrupted run, has another ten minutes.
  await sql`
    insert into roster.claims as claim (namespace, type, value, holder_kind, holder_name)
    select ${namespace}, 'email', value, kind, name from ${input}
    on conflict (namespace, type, value) do update set taken_at = now()
    where (claim.holder_kind, claim.holder_name) = (excluded.holder_kind, excluded.holder_name)`.execute(transaction);
  const { rows } = await sql<Want>`
    select claim.value, claim.holder_kind as kind, claim.holder_name as name
    from ${input}
    join roster.claims as claim
      on claim.namespace = ${namespace} and claim.type = 'email' and claim.value = input.value`.execute(transaction);
  return rows;
}

function freedKey({ namespace, type, value }: { namespace: string; type: string; value: string }): string {
  return `${namespace}/${type}/${value}`;
}
