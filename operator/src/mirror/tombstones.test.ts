import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from './database.ts';
import { empty, leadingMirror, memoryDatabase } from './fixture.ts';
import type { Mirror } from './mirror.ts';
import type { RowKey } from './rows.ts';
import { aGroup, anOrganization, aPerson, aTenant } from './samples.ts';

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

const key = (name: string, kind: RowKey['kind'] = 'User'): RowKey => ({ namespace: 'acme', kind, name });
const linked = { directory: 'corporate', authority: 'ldap.example.com', externalId: 'f81d' };
const inDays = (days: number) => new Date(Date.now() + days * 24 * 3_600_000);

async function select<T>(text: ReturnType<typeof sql<T>>): Promise<T[]> {
  return (await text.execute(database.reader)).rows;
}

describe('burying a person', () => {
  it('ends sign-in and memberships, frees claims, and keeps the row', async () => {
    const { id } = await mirror.writePerson(aPerson('acme', 'jane', { groups: ['board'], ...linked }));
    await mirror.bury([key('jane')]);
    expect(
      await select(sql`select id, active, inactive_reason, deleted_at is not null as deleted from roster.people`),
    ).toEqual([{ id, active: false, inactive_reason: 'Deleted', deleted: true }]);
    for (const table of ['claims', 'memberships', 'assignments']) {
      expect(await select(sql`select * from ${sql.raw(`roster.${table}`)}`)).toEqual([]);
    }
    expect([...mirror.keys()]).toEqual([]);
    expect(mirror.count('acme', ['User'])).toBe(0);
    expect(await mirror.compare()).toEqual([]);
  });

  it('tells the plan whose address it was', async () => {
    await mirror.writePerson(aPerson('acme', 'jane', linked));
    await mirror.writePerson(aPerson('acme', 'press', { kind: 'Recipient' }));
    await mirror.writePerson(aPerson('acme', 'nobody', { email: undefined }));
    await mirror.writePerson(aPerson('elsewhere', 'joe'));
    const others: RowKey[] = [key('press', 'Recipient'), key('nobody'), { ...key('joe'), namespace: 'elsewhere' }];
    await mirror.bury([key('jane'), ...others]);
    expect((await mirror.tombstones('acme')).sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { kind: 'User', name: 'jane', email: 'jane@example.com', authority: 'ldap.example.com', externalId: 'f81d' },
      { kind: 'Recipient', name: 'press', email: 'press@example.com' },
    ]);
  });

  it('is preceded by the question whom a directory no longer had', async () => {
    const missingSince = '2030-01-01T00:00:00Z';
    await mirror.writePerson(aPerson('acme', 'jane', { ...linked, missingSince }));
    await mirror.writePerson(aPerson('acme', 'john', { email: 'john@example.com' }));
    await mirror.writePerson(aPerson('acme', 'gone', { email: 'gone@example.com', missingSince }));
    await mirror.writePerson(aPerson('elsewhere', 'joe', { missingSince }));
    await mirror.bury([key('gone')]);
    expect(await mirror.missing('acme')).toEqual([key('jane')]);
  });

  it('gives who comes back the same row, and the tombstone goes', async () => {
    const { id } = await mirror.writePerson(aPerson('acme', 'jane', { groups: ['board'], roles: ['r'] }));
    await mirror.bury([key('jane')]);
    const back = await mirror.writePerson(aPerson('acme', 'jane', { uid: 'another', groups: ['board'], roles: ['r'] }));
    expect(back).toEqual({ written: true, id });
    expect(await mirror.tombstones('acme')).toEqual([]);
    expect(await select(sql`select active, deleted_at from roster.people`)).toEqual([
      { active: true, deleted_at: null },
    ]);
    expect(await select(sql`select group_name from roster.memberships`)).toEqual([{ group_name: 'board' }]);
    expect(await mirror.compare()).toEqual([]);
  });

  it('does nothing to who is buried already, or never was', async () => {
    await mirror.writePerson(aPerson('acme', 'jane'));
    await mirror.bury([key('jane')]);
    const before = await select(sql`select changed from roster.people`);
    await mirror.bury([key('jane'), key('stranger')]);
    expect(await select(sql`select changed from roster.people`)).toEqual(before);
  });

  it('is undone by a write that comes after it, and undoes one that came before', async () => {
    await mirror.writePerson(aPerson('acme', 'jane'));
    await Promise.all([mirror.bury([key('jane')]), mirror.writePerson(aPerson('acme', 'jane'))]);
    expect([...mirror.keys()]).toEqual([key('jane')]);
    await Promise.all([mirror.writePerson(aPerson('acme', 'jane', { displayName: 'J' })), mirror.bury([key('jane')])]);
    expect([...mirror.keys()]).toEqual([]);
  });

  it('lets others of the same moment have the address', async () => {
    await mirror.writePerson(aPerson('acme', 'jane', { email: 'x@example.com' }));
    const heir = mirror.writePerson(aPerson('acme', 'joe', { email: 'x@example.com' }));
    await mirror.bury([key('jane')]);
    expect(await heir).not.toHaveProperty('emailHolder');
  });

  it('takes more than a batch', async () => {
    const names = Array.from({ length: 1_201 }, (_, n) => `p${n}`);
    await Promise.all(names.map((name) => mirror.writePerson(aPerson('acme', name))));
    await mirror.bury(names.map((name) => key(name)));
    expect(await mirror.tombstones('acme')).toHaveLength(1_201);
  });
});

describe('counting for the guard', () => {
  it('leaves out who came back, was confirmed, went earlier, or is of another tenant', async () => {
    const names = ['counted', 'back', 'confirmed', 'earlier'];
    await Promise.all(names.map((name) => mirror.writePerson(aPerson('acme', name))));
    await mirror.writePerson(aPerson('elsewhere', 'joe'));
    await mirror.bury([
      ...['counted', 'back', 'earlier'].map((name) => key(name)),
      { ...key('joe'), namespace: 'elsewhere' },
    ]);
    await mirror.bury([key('confirmed')], { confirmed: true });
    await mirror.writePerson(aPerson('acme', 'back'));
    await sql`update roster.tombstones set deleted_at = now() - interval '8 days' where name = 'earlier'`.execute(
      database.writer,
    );
    expect(await mirror.buriedSince('acme', inDays(-7))).toBe(1);
    expect(await mirror.buriedSince('acme', inDays(-9))).toBe(2);
  });
});

describe('other kinds', () => {
  it('are marked as deleted, and come back with their id', async () => {
    await mirror.writeGroup(aGroup('acme', 'board'));
    const [before] = await select(sql<{ id: string }>`select id from roster.groups`);
    await mirror.bury([key('board', 'Group')]);
    expect([...mirror.keys()]).toEqual([]);
    expect(await select(sql`select deleted from roster_api.changes`)).toEqual([{ deleted: true }]);
    await mirror.writeGroup(aGroup('acme', 'board'));
    expect(await select(sql`select id, deleted_at from roster.groups`)).toEqual([{ id: before?.id, deleted_at: null }]);
  });
});

describe('purging', () => {
  it('deletes for good what was deleted 30 days ago, and a tenant after its last person', async () => {
    await Promise.all([
      mirror.writeTenant(aTenant('acme')),
      mirror.writeOrganization(anOrganization('acme', 'main')),
      mirror.writePerson(aPerson('acme', 'jane')),
      mirror.writePerson(aPerson('acme', 'joe')),
    ]);
    await mirror.bury([key('jane'), key('tenant', 'Tenant'), key('main', 'Organization')]);
    expect(await mirror.purge(inDays(29))).toBe(0);
    expect(await mirror.purge(inDays(31))).toBe(1);
    expect(await select(sql`select name from roster.people`)).toEqual([{ name: 'joe' }]);
    expect(await select(sql`select * from roster.tombstones`)).toEqual([]);
    expect(await select(sql`select * from roster.organizations`)).toEqual([]);
    expect(await select(sql`select name from roster.tenants`)).toEqual([{ name: 'tenant' }]);

    await mirror.bury([key('joe')]);
    expect(await mirror.purge(inDays(31))).toBe(1);
    expect(await select(sql`select * from roster.tenants`)).toEqual([]);
  });

  it('never touches the living', async () => {
    await mirror.writePerson(aPerson('acme', 'jane'));
    await mirror.bury([key('jane')]);
    await mirror.writePerson(aPerson('acme', 'jane'));
    expect(await mirror.purge(inDays(400))).toBe(0);
    expect(await mirror.compare()).toEqual([]);
  });
});
