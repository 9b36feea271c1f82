import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Database } from './database.ts';
import type { EntraSnapshot } from './entrasnapshots.ts';
import { empty, leadingMirror, memoryDatabase } from './fixture.ts';
import type { Mirror } from './mirror.ts';

let database: Database;
let mirror: Mirror;
let snapshot: EntraSnapshot;

beforeAll(async () => {
  database = await memoryDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await empty(database);
  mirror = await leadingMirror(database);
  snapshot = mirror.entraSnapshots.of({ uid: 'uid-1', namespace: 'acme', name: 'entra' });
});

const guid = (n: number) => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`;
const present = (n: number, fields: Record<string, unknown> = {}) =>
  ({ id: guid(n), state: 'Present', fields: { displayName: `p${n}`, ...fields } }) as const;
const nothing = { users: [], groups: [], memberships: [] };
const links = { users: 'https://graph/users/1', groups: 'https://graph/groups/1' };
const member = (group: number, n: number, isMember = true) => ({ group: guid(group), member: guid(n), isMember });

async function pagesOf<T>(objects: AsyncGenerator<T>): Promise<T[]> {
  const pages = [];
  for await (const page of objects) pages.push(page);
  return pages;
}

async function all<T>(objects: AsyncGenerator<readonly T[]>): Promise<T[]> {
  return (await pagesOf(objects)).flat();
}

async function filled(...users: number[]) {
  const id = await snapshot.begin('all');
  await snapshot.fill(id, { ...nothing, users: users.map((n) => present(n)) });
  await snapshot.complete(id, links);
  const checkpoint = await snapshot.current();
  if (checkpoint === undefined) throw new Error('there is no snapshot');
  return checkpoint;
}

async function rowsOf(table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int from ${sql.raw(table)}`.execute(database.reader);
  return rows[0]?.count ?? -1;
}

it('is nothing until one was completed', async () => {
  const id = await snapshot.begin('all');
  await snapshot.fill(id, { ...nothing, users: [present(1)] });
  expect(await snapshot.current()).toBeUndefined();
  await snapshot.complete(id, links);
  expect(await snapshot.current()).toMatchObject({ id, version: 0, selection: 'all', links });
});

it('gives users and groups with the groups that list them, page by page', async () => {
  const id = await snapshot.begin('all');
  const users = Array.from({ length: 2_500 }, (_, index) => present(index + 1));
  await snapshot.fill(id, {
    users,
    groups: [present(9_001), present(9_002)],
    memberships: [member(9_001, 1), member(9_002, 1), member(9_002, 9_001), member(9_001, 7_777)],
  });
  const pages = await pagesOf(snapshot.users(id));
  expect(pages.map((page) => page.length)).toEqual([500, 500, 500, 500, 500]);
  expect(pages[0]?.[0]).toEqual({ id: guid(1), fields: { displayName: 'p1' }, groups: [guid(9_001), guid(9_002)] });
  expect(pages.flat().map((user) => user.id)).toEqual(users.map((user) => user.id));
  expect(await all(snapshot.groups(id))).toMatchObject([
    { id: guid(9_001), groups: [guid(9_002)] },
    { id: guid(9_002), groups: [] },
  ]);
});

it('adds what is told to what is known, and keeps what was removed for its return', async () => {
  const from = await filled(1, 2, 3);
  const removed = [
    { id: guid(1), state: 'Removed' },
    { id: guid(2), state: 'Gone' },
  ] as const;
  const changed = { id: guid(3), state: 'Present', fields: { mail: 'c@example.com', displayName: null } } as const;
  expect(await snapshot.move(from, { ...nothing, users: [...removed, changed] }, { users: 'next' })).toBe(true);
  expect(await all(snapshot.users(from.id))).toEqual([
    { id: guid(3), fields: { mail: 'c@example.com', displayName: null }, groups: [] },
  ]);
  const moved = await snapshot.current();
  expect(moved).toEqual({ ...from, version: 1, links: { users: 'next' } });
  const back = { ...nothing, users: [{ id: guid(1), state: 'Present', fields: { mail: 'a@example.com' } } as const] };
  await snapshot.move(moved ?? from, back, links);
  expect((await all(snapshot.users(from.id)))[0]).toMatchObject({
    fields: { displayName: 'p1', mail: 'a@example.com' },
  });
});

it('applies memberships, whatever is known of group and member', async () => {
  const from = await filled(1);
  const joined = { ...nothing, memberships: [member(5, 1), member(5, 1), member(6, 1)] };
  await snapshot.move(from, joined, links);
  const left = { ...nothing, memberships: [member(5, 1, false), member(7, 1, false)] };
  await snapshot.move({ ...from, version: 1 }, left, links);
  expect(await all(snapshot.users(from.id))).toMatchObject([{ groups: [guid(6)] }]);
});

it('refuses to be moved from where it no longer is, and then writes nothing', async () => {
  const from = await filled(1);
  expect(await snapshot.move(from, nothing, links)).toBe(true);
  expect(await snapshot.isCurrent(from.id)).toBe(true);
  expect(await snapshot.move(from, { ...nothing, users: [present(2)] }, { users: 'other' })).toBe(false);
  expect(await all(snapshot.users(from.id))).toHaveLength(1);
  expect(await snapshot.current()).toMatchObject({ version: 1, links });
});

it('moves neither objects nor links when one of both cannot be stored', async () => {
  const from = await filled(1);
  const broken = {
    ...nothing,
    users: [present(2)],
    memberships: [{ group: 'no id', member: guid(1), isMember: true }],
  };
  await expect(snapshot.move(from, broken, { users: 'other' })).rejects.toThrow();
  expect(await snapshot.current()).toEqual(from);
  expect(await all(snapshot.users(from.id))).toHaveLength(1);
});

it('is fenced: a leader who was deposed moves nothing', async () => {
  const from = await filled(1);
  await leadingMirror(database);
  const change = { ...nothing, users: [present(2)] };
  await expect(snapshot.move(from, change, links)).rejects.toMatchObject({ reason: 'NoLongerLeader' });
  expect(await snapshot.current()).toEqual(from);
});

it('keeps the whole one until another is complete, and then only that', async () => {
  const first = await filled(1);
  const id = await snapshot.begin('other');
  await snapshot.fill(id, { ...nothing, users: [present(2)] });
  expect(await snapshot.current()).toEqual(first);
  await snapshot.complete(id, links);
  expect(await snapshot.current()).toMatchObject({ id, selection: 'other' });
  expect(await snapshot.isCurrent(first.id)).toBe(false);
  expect(await rowsOf('roster.entra_snapshots')).toBe(1);
  expect(await rowsOf('roster.entra_users')).toBe(1);
});

it('forgets what was begun in vain', async () => {
  const id = await snapshot.begin('all');
  await snapshot.fill(id, { users: [present(1)], groups: [present(2)], memberships: [member(2, 1)] });
  await snapshot.discard(id);
  for (const table of ['snapshots', 'users', 'groups', 'memberships']) {
    expect(await rowsOf(`roster.entra_${table}`)).toBe(0);
  }
});

it('clears away what an operator left that ended in the middle, but not what may be under way', async () => {
  const left = await snapshot.begin('all');
  const underWay = await snapshot.begin('all');
  await sql`update roster.entra_snapshots set touched_at = now() - interval '2 days' where id = ${left}`.execute(
    database.writer,
  );
  await snapshot.begin('all');
  const { rows } = await sql<{ id: string }>`select id from roster.entra_snapshots`.execute(database.reader);
  expect(rows.map(({ id }) => id)).toContain(underWay);
  expect(rows.map(({ id }) => id)).not.toContain(left);
});

it('is another one for another directory, also of the same name', async () => {
  await filled(1);
  const other = mirror.entraSnapshots.of({ uid: 'uid-2', namespace: 'acme', name: 'entra' });
  expect(await other.current()).toBeUndefined();
});

it('finds the users that it has', async () => {
  const from = await filled(1, 2);
  await snapshot.move(from, { ...nothing, users: [{ id: guid(2), state: 'Removed' }] }, links);
  expect([...(await snapshot.find(from.id, [guid(1), guid(2), guid(3)]))]).toEqual([[guid(1), { displayName: 'p1' }]]);
});

it('stores what text cannot hold as a replacement character', async () => {
  const from = await filled();
  await snapshot.move(from, { ...nothing, users: [present(1, { mail: 'a\u0000b\ud800' })] }, links);
  expect(await all(snapshot.users(from.id))).toMatchObject([{ fields: { mail: 'a\ufffdb\ufffd' } }]);
});

it('goes when nobody has touched it for long', async () => {
  await filled(1);
  expect(await mirror.entraSnapshots.purge(new Date(Date.now() - 86_400_000))).toBe(0);
  expect(await mirror.entraSnapshots.purge(new Date(Date.now() + 60_000))).toBe(1);
  expect(await snapshot.current()).toBeUndefined();
  expect(await rowsOf('roster.entra_users')).toBe(0);
});
