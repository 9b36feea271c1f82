import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from './database.ts';
import { empty, leadingMirror, memoryDatabase } from './fixture.ts';
import type { Mirror } from './mirror.ts';
import type { PersonRow } from './rows.ts';
import { aPerson } from './samples.ts';

let database: Database;
let mirror: Mirror;
const tenant = 'acme';
/** `waiter waits for value` in the order in which the mirror told of freed claims. */
let freed: string[];

beforeAll(async () => {
  database = await memoryDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await empty(database);
  freed = [];
  mirror = await leadingMirror(database);
  mirror.onFreed((_namespace, _type, value, waiters) => {
    for (const { name } of waiters) freed.push(`${name}: ${value}`);
  });
});

const wanting = (name: string, email: string, row: Partial<PersonRow> = {}) => aPerson(tenant, name, { email, ...row });
const holder = (name: string) => ({ emailHolder: { kind: 'User', name } });

async function shown(): Promise<Record<string, string | null>> {
  const { rows } = await sql<{ name: string; email: string | null }>`
    select name, email from roster.people where namespace = ${tenant} and deleted_at is null order by name`.execute(
    database.reader,
  );
  return Object.fromEntries(rows.map(({ name, email }) => [name, email]));
}

async function claims(): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`
    select value || ' ' || holder_name as text from roster.claims where namespace = ${tenant} order by value`.execute(
    database.reader,
  );
  return rows.map(({ text }) => text);
}

describe('an address', () => {
  it('stays with its holder; who comes later is stored without it, inactive, and waits', async () => {
    await mirror.writePerson(wanting('first', 'x@example.com'));
    expect(await mirror.writePerson(wanting('second', 'x@example.com'))).toMatchObject(holder('first'));
    expect(await mirror.writePerson(wanting('first', 'x@example.com', { displayName: 'Still' }))).not.toHaveProperty(
      'emailHolder',
    );
    const { rows } = await sql`select active, inactive_reason from roster.people
      where namespace = ${tenant} and name = 'second'`.execute(database.reader);
    expect(rows).toEqual([{ active: false, inactive_reason: 'EmailNotUnique' }]);
    expect(await shown()).toEqual({ first: 'x@example.com', second: null });
    expect(await mirror.compare()).toEqual([]);
  });

  it('is tried again by each call of who waits, without changing the row', async () => {
    await mirror.writePerson(wanting('first', 'x@example.com'));
    await mirror.writePerson(wanting('second', 'x@example.com'));
    const again = await mirror.writePerson(wanting('second', 'x@example.com'));
    expect(again).toMatchObject({ written: false, ...holder('first') });
  });

  it.each([
    ['wants another', () => mirror.writePerson(wanting('first', 'y@example.com'))],
    ['wants none', () => mirror.writePerson(aPerson(tenant, 'first', { email: undefined }))],
    ['is gone', () => mirror.bury([{ namespace: tenant, kind: 'User', name: 'first' }])],
  ])('goes to who waits when the holder %s', async (_what, give) => {
    await mirror.writePerson(wanting('first', 'x@example.com'));
    await mirror.writePerson(wanting('second', 'x@example.com'));
    await give();
    expect(freed).toEqual(['second: x@example.com']);
    expect(await mirror.writePerson(wanting('second', 'x@example.com'))).toMatchObject({ written: true });
    expect((await shown()).second).toBe('x@example.com');
  });

  it('is offered to nobody who no longer wants it', async () => {
    await mirror.writePerson(wanting('first', 'x@example.com'));
    await mirror.writePerson(wanting('second', 'x@example.com'));
    await mirror.writePerson(wanting('second', 'z@example.com'));
    await mirror.writePerson(wanting('first', 'y@example.com'));
    expect(freed).toEqual([]);
  });

  it('of one tenant does not concern another', async () => {
    await mirror.writePerson(aPerson(tenant, 'first', { email: 'x@example.com' }));
    expect(await mirror.writePerson(aPerson(`${tenant}-b`, 'second', { email: 'x@example.com' }))).not.toHaveProperty(
      'emailHolder',
    );
  });

  it('is shared by users and recipients', async () => {
    await mirror.writePerson(wanting('first', 'x@example.com', { kind: 'Recipient' }));
    expect(await mirror.writePerson(wanting('second', 'x@example.com'))).toMatchObject({
      emailHolder: { kind: 'Recipient', name: 'first' },
    });
  });

  it('goes to the first of two who ask in one batch', async () => {
    const [first, second] = await Promise.all([
      mirror.writePerson(wanting('first', 'x@example.com')),
      mirror.writePerson(wanting('second', 'x@example.com')),
    ]);
    expect(first).not.toHaveProperty('emailHolder');
    expect(second).toMatchObject(holder('first'));
  });

  it('keeps the reason of somebody who is inactive anyway', async () => {
    await mirror.writePerson(wanting('first', 'x@example.com'));
    await mirror.writePerson(wanting('second', 'x@example.com', { active: false, inactiveReason: 'Disabled' }));
    const { rows } = await sql`select inactive_reason from roster.people
      where namespace = ${tenant} and name = 'second'`.execute(database.reader);
    expect(rows).toEqual([{ inactive_reason: 'Disabled' }]);
  });
});

it('a domain account in use is left out, and nothing else of the person', async () => {
  const account = { domainAccount: 'ACME\\Jane', domainAccountKey: 'acme\\jane' };
  await mirror.writePerson(wanting('first', 'x@example.com', account));
  const second = await mirror.writePerson(
    wanting('second', 'y@example.com', { ...account, domainAccount: 'acme\\JANE' }),
  );
  expect(second).toMatchObject({ written: true, domainAccountHolder: { kind: 'User', name: 'first' } });
  const { rows } = await sql`select email, active, domain_account, domain_account_key from roster.people
    where namespace = ${tenant} and name = 'second'`.execute(database.reader);
  expect(rows).toEqual([{ email: 'y@example.com', active: true, domain_account: null, domain_account_key: null }]);
  await mirror.writePerson(wanting('first', 'x@example.com'));
  expect(freed).toEqual(['second: acme\\jane']);
});

describe('exchanging addresses', () => {
  const ring = ['a', 'b', 'c'].map((name) => `${name}@example.com`);
  const settled = async (names: readonly string[]) => {
    await Promise.all(names.map((name, n) => mirror.writePerson(wanting(name, ring[n] ?? ''))));
    freed.length = 0;
  };

  it('works for two in one batch', async () => {
    await settled(['one', 'two']);
    const swap = [wanting('one', 'b@example.com'), wanting('two', 'a@example.com')];
    const results = await Promise.all(swap.map((row) => mirror.writePerson(row)));
    expect(results.map((result) => 'emailHolder' in result)).toEqual([false, false]);
    expect(await shown()).toEqual({ one: 'b@example.com', two: 'a@example.com' });
  });

  it('works for two in two batches: the second frees what the first waits for', async () => {
    await settled(['one', 'two']);
    expect(await mirror.writePerson(wanting('one', 'b@example.com'))).toMatchObject(holder('two'));
    expect(await shown()).toEqual({ one: null, two: 'b@example.com' });
    expect(await mirror.writePerson(wanting('two', 'a@example.com'))).not.toHaveProperty('emailHolder');
    expect(freed).toEqual(['one: b@example.com']);
    await mirror.writePerson(wanting('one', 'b@example.com'));
    expect(await shown()).toEqual({ one: 'b@example.com', two: 'a@example.com' });
  });

  it('ends well however many exchange, in whatever order and batches', async () => {
    const scenario = fc.record({
      // Who wants which of the addresses at first and in the end; a permutation, so that everybody can have theirs.
      before: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
      after: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
      order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
      batches: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 5, maxLength: 5 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ before, after, order, batches }) => {
        const namespace = `${tenant}-${++run}`;
        const row = (person: number, wanted: readonly number[]) =>
          aPerson(namespace, `p${person}`, { email: `${wanted[person]}@example.com` });
        await Promise.all(order.map((person) => mirror.writePerson(row(person, before))));
        const pending = [...order];
        mirror.onFreed((freedNamespace, _type, _value, waiters) => {
          if (freedNamespace === namespace) pending.push(...waiters.map(({ name }) => Number(name.slice(1))));
        });
        for (let round = 0; pending.length > 0; round++) {
          expect(round).toBeLessThan(50);
          const batch = new Set(pending.splice(0, batches[round % batches.length]));
          await Promise.all([...batch].map((person) => mirror.writePerson(row(person, after))));
          const { rows } = await sql<{ email: string }>`
            select email from roster.people where namespace = ${namespace} and email is not null`.execute(
            database.reader,
          );
          expect(new Set(rows.map(({ email }) => email)).size).toBe(rows.length);
        }
        const { rows } = await sql<{ name: string; email: string | null }>`
          select name, email from roster.people where namespace = ${namespace} order by name`.execute(database.reader);
        expect(rows).toEqual(after.map((address, person) => ({ name: `p${person}`, email: `${address}@example.com` })));
      }),
      { numRuns: 25 },
    );
  });
});

describe('reserving', () => {
  const want = (name: string, value: string) => ({ kind: 'User', name, value }) as const;

  it('takes free addresses and says who has the others', async () => {
    await mirror.writePerson(wanting('first', 'x@example.com'));
    const holders = await mirror.claims.reserve(tenant, [
      want('new', 'x@example.com'),
      want('new2', 'y@example.com'),
      want('new3', 'y@example.com'),
    ]);
    expect(Object.fromEntries(holders)).toEqual({
      'x@example.com': { kind: 'User', name: 'first' },
      'y@example.com': { kind: 'User', name: 'new2' },
    });
    expect(Object.fromEntries(await mirror.claims.holders(tenant))).toEqual(Object.fromEntries(holders));
  });

  it('keeps the address for the person who is created then', async () => {
    await mirror.claims.reserve(tenant, [want('new', 'x@example.com')]);
    expect(await mirror.writePerson(wanting('other', 'x@example.com'))).toMatchObject(holder('new'));
    expect(await mirror.writePerson(wanting('new', 'x@example.com'))).not.toHaveProperty('emailHolder');
  });

  it('gives an address back when nobody comes for ten minutes', async () => {
    await mirror.claims.reserve(tenant, [want('late', 'x@example.com'), want('prompt', 'y@example.com')]);
    await mirror.writePerson(wanting('other', 'x@example.com'));
    await mirror.compare();
    expect(freed).toEqual([]);
    await sql`update roster.claims set taken_at = now() - interval '11 minutes' where namespace = ${tenant}
      and holder_name = 'late'`.execute(database.writer);
    await mirror.compare();
    expect(freed).toEqual(['other: x@example.com']);
    expect(await claims()).toEqual(['y@example.com prompt']);
  });

  it('holds on when it is done again after an interrupted run', async () => {
    await mirror.claims.reserve(tenant, [want('late', 'x@example.com')]);
    await sql`update roster.claims set taken_at = now() - interval '11 minutes'`.execute(database.writer);
    await mirror.claims.reserve(tenant, [want('late', 'x@example.com')]);
    await mirror.compare();
    expect(await claims()).toEqual(['x@example.com late']);
  });

  it('ends with a restart, as no run is under way then', async () => {
    await mirror.claims.reserve(tenant, [want('late', 'x@example.com')]);
    await mirror.writePerson(wanting('first', 'y@example.com'));
    await leadingMirror(database);
    expect(await claims()).toEqual(['y@example.com first']);
  });

  it('works for more people than fit one statement or page', async () => {
    const wants = Array.from({ length: 6_100 }, (_, n) => want(`p${n}`, `p${n}@example.com`));
    expect((await mirror.claims.reserve(tenant, wants)).size).toBe(6_100);
    expect((await mirror.claims.holders(tenant)).size).toBe(6_100);
  });
});
