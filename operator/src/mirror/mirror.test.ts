import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseError } from '../errors.ts';
import type { Database } from './database.ts';
import { empty, leadingMirror, memoryDatabase } from './fixture.ts';
import { Mirror } from './mirror.ts';
import type { RowKey } from './rows.ts';
import { aGroup, anOrganization, aPerson, aRole, aTenant } from './samples.ts';

let database: Database;
let mirror: Mirror;
const tenant = 'acme';
let batches: { table: string; rows: number; written: number }[];

beforeAll(async () => {
  database = await memoryDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await empty(database);
  batches = [];
  mirror = await leadingMirror(database, {
    batch: (table, rows, written) => void batches.push({ table, rows, written }),
  });
});

async function rows<T>(query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return (await query.execute(database.reader)).rows;
}

const person = (name: string) => ({ namespace: tenant, kind: 'User', name }) as const;
const people = () =>
  rows(sql<{ name: string; email: string }>`
    select name, email from roster.people where namespace = ${tenant} and deleted_at is null order by name`);

describe('writing', () => {
  it('stores a person whole, and equals what is read back', async () => {
    const row = aPerson(tenant, 'jane', {
      domainAccount: 'ACME\\Jane',
      domainAccountKey: 'acme\\jane',
      firstName: 'Jané',
      lastName: 'D"oe\\ \u{1F600}',
      language: 'fr-CA',
      active: false,
      inactiveReason: 'Disabled',
      expiresAt: '2031-02-03T04:05:06+02:00',
      passwordSetup: 'Invite',
      directory: 'corporate',
      authority: 'ldap.example.com',
      externalId: 'f81d4fae',
      missingSince: '2026-01-02T03:04:05.678Z',
      roles: ['b', 'a', 'b'],
      organizations: [
        { name: 'sales', roles: ['y', 'x'] },
        { name: 'main', roles: [] },
        { name: 'sales', roles: ['x', 'z'] },
      ],
      groups: ['g2', 'g1'],
    });
    const result = await mirror.writePerson(row);
    expect(result).toEqual({ written: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await mirror.compare()).toEqual([]);
    const [stored] = await rows(sql<Record<string, unknown>>`select * from roster.people where namespace = ${tenant}`);
    expect(stored).toMatchObject({
      id: result.id,
      first_name: 'Jané',
      last_name: 'D"oe\\ \u{1F600}',
      expires_at: new Date('2031-02-03T02:05:06Z'),
      missing_since: new Date('2026-01-02T03:04:05.678Z'),
      roles: ['a', 'b'],
      domain_account: 'ACME\\Jane',
      domain_account_key: 'acme\\jane',
    });
  });

  it('stores the other kinds whole, and equals what is read back', async () => {
    const writes = await Promise.all([
      mirror.writeTenant(aTenant(tenant, { owner: 'jane', publicURL: 'https://example.com', seats: { creator: 5 } })),
      mirror.writeOrganization(anOrganization(tenant, 'main', { description: 'All', theme: 'dark' })),
      mirror.writeRole(
        aRole(tenant, 'designers', {
          permissions: [
            { resource: 'reports', verbs: ['update', 'read'], projects: ['p2', 'p1'] },
            { resource: 'filters', verbs: ['*'] },
          ],
        }),
      ),
      mirror.writeGroup(aGroup(tenant, 'board', { directory: 'corporate', missingSince: '2026-01-02T03:04:05Z' })),
    ]);
    expect(writes).toEqual(Array(4).fill({ written: true }));
    expect(await mirror.compare()).toEqual([]);
    const permissions = await rows(sql`select permissions from roster.roles where namespace = ${tenant}`);
    expect(permissions).toEqual([
      {
        permissions: [
          { resource: 'filters', verbs: ['*'] },
          { resource: 'reports', verbs: ['read', 'update'], projects: ['p1', 'p2'] },
        ],
      },
    ]);
  });

  it('asks the database nothing about a row that holds this already', async () => {
    await Promise.all([mirror.writePerson(aPerson(tenant, 'jane')), mirror.writeGroup(aGroup(tenant, 'board'))]);
    batches.length = 0;
    const again = [mirror.writePerson(aPerson(tenant, 'jane')), mirror.writeGroup(aGroup(tenant, 'board'))];
    expect(await Promise.all(again)).toEqual([{ written: false, id: undefined }, { written: false }]);
    expect(batches).toEqual([]);
  });

  it('knows after a restart what rows hold', async () => {
    await mirror.writePerson(aPerson(tenant, 'jane', { groups: ['b', 'a'] }));
    const restarted = await leadingMirror(database, { batch: () => expect.unreachable() });
    expect(await restarted.writePerson(aPerson(tenant, 'jane', { groups: ['a', 'b'] }))).toMatchObject({
      written: false,
    });
    expect([...restarted.keys()]).toContainEqual(person('jane'));
  });

  it('changes no row that turns out to be equal, even when it does not know', async () => {
    await mirror.writePerson(aPerson(tenant, 'jane', { roles: ['a'], groups: ['g'] }));
    const before = await rows(sql`select changed from roster.people where namespace = ${tenant}`);
    const unloaded = await Mirror.open(database, { identity: (await identities())[0] ?? '', logger: console });
    await unloaded.mint();
    const result = await unloaded.writePerson(aPerson(tenant, 'jane', { roles: ['a'], groups: ['g'] }));
    expect(result).toEqual({ written: false, id: expect.any(String) });
    expect(await rows(sql`select changed from roster.people where namespace = ${tenant}`)).toEqual(before);
    await mirror.mint();
    await mirror.writeGroup(aGroup(tenant, 'board'));
    await unloaded.mint();
    expect(await unloaded.writeGroup(aGroup(tenant, 'board'))).toEqual({ written: false });
  });

  it('shares a transaction among calls of the same moment', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => mirror.writePerson(aPerson(tenant, `person-${n}`))));
    expect(batches).toEqual([{ table: 'people', rows: 40, written: 40 }]);
    expect(mirror.count(tenant, ['User'])).toBe(40);
  });

  it('counts the rows of a tenant by kind', async () => {
    await Promise.all([
      mirror.writePerson(aPerson(tenant, 'jane')),
      mirror.writePerson(aPerson(tenant, 'press', { kind: 'Recipient' })),
      mirror.writePerson(aPerson(`${tenant}-other`, 'john')),
      mirror.writeGroup(aGroup(tenant, 'User')),
    ]);
    expect(mirror.count(tenant, ['User', 'Recipient'])).toBe(2);
    expect(mirror.count(tenant, ['Group'])).toBe(1);
    expect(mirror.count(tenant, ['AppRole'])).toBe(0);
  });

  it('lets the last of several writes to a row count', async () => {
    const writes = ['One', 'Two', 'Three'].map((displayName) =>
      mirror.writePerson(aPerson(tenant, 'jane', { displayName })),
    );
    await Promise.all(writes);
    const [row] = await rows(
      sql<{ display_name: string }>`select display_name from roster.people where namespace = ${tenant}`,
    );
    expect(row?.display_name).toBe('Three');
  });

  it('does not take a row for equal while another write to it is under way', async () => {
    await mirror.writePerson(aPerson(tenant, 'jane', { displayName: 'One' }));
    await Promise.all([
      mirror.writePerson(aPerson(tenant, 'jane', { displayName: 'Two' })),
      mirror.writePerson(aPerson(tenant, 'jane', { displayName: 'One' })),
    ]);
    const [row] = await rows(
      sql<{ display_name: string }>`select display_name from roster.people where namespace = ${tenant}`,
    );
    expect(row?.display_name).toBe('One');
    expect(await mirror.compare()).toEqual([]);
  });

  it('moves people between organizations and groups, and marks them as changed', async () => {
    const at = (organizations: string[], groups: string[], roles: string[] = []) =>
      aPerson(tenant, 'jane', { organizations: organizations.map((name) => ({ name, roles })), groups });
    const changed = async () => {
      const [row] = await rows(sql<{ changed: string }>`select changed from roster.people where namespace = ${tenant}`);
      return Number(row?.changed);
    };
    await mirror.writePerson(at(['main', 'sales'], ['g1', 'g2']));
    let before = await changed();
    for (const row of [at(['main'], ['g1', 'g2']), at(['main'], ['g2', 'g3']), at(['main'], ['g2', 'g3'], ['admin'])]) {
      expect(await mirror.writePerson(row)).toMatchObject({ written: true });
      expect(await changed()).toBeGreaterThan(before);
      before = await changed();
    }
    expect(await mirror.compare()).toEqual([]);
    const groups = await rows(sql`select group_name from roster.memberships join roster.people on id = person_id
      where namespace = ${tenant} order by group_name`);
    expect(groups).toEqual([{ group_name: 'g2' }, { group_name: 'g3' }]);
    const organizations = await rows(sql`select organization, a.roles from roster.assignments a
      join roster.people on id = person_id where namespace = ${tenant}`);
    expect(organizations).toEqual([{ organization: 'main', roles: ['admin'] }]);
  });

  it('gives changes growing numbers in the order of transactions', async () => {
    await mirror.writeOrganization(anOrganization(tenant, 'main'));
    await mirror.writePerson(aPerson(tenant, 'jane'));
    await mirror.writeOrganization(anOrganization(tenant, 'main', { displayName: 'Main' }));
    const order = await rows(sql<{ kind: string }>`
      select kind from roster_api.changes where tenant = ${tenant} order by changed`);
    expect(order.map(({ kind }) => kind)).toEqual(['User', 'Organization']);
  });
});

describe('a row that the database refuses', () => {
  it('fails alone and names its column', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `person-${n}`);
    const writes = names.map((name) =>
      mirror.writePerson(aPerson(tenant, name, name === 'person-13' ? { firstName: 'Ja\u0000ne' } : {})),
    );
    const ends = await Promise.allSettled(writes);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(19);
    const refused = ends[13];
    expect(refused?.status === 'rejected' && refused.reason).toBeInstanceOf(DatabaseError);
    expect(refused).toMatchObject({
      reason: {
        reason: 'RowRejected',
        message: `The database refuses User ${tenant}/person-13: unsupported Unicode escape sequence (first_name).`,
      },
    });
    expect(await people()).toHaveLength(19);
    expect(await mirror.compare()).toEqual([]);
    expect(mirror.stats().waiting).toBe(0);
  });

  it.each([
    ['half a character', { lastName: 'x\ud800' }, 'last_name'],
    ['what is no time', { expiresAt: 'soon' }, 'soon'],
  ])('is told of %s', async (_what, row, word) => {
    const end = mirror.writePerson(aPerson(tenant, 'jane', row));
    await expect(end).rejects.toMatchObject({ reason: 'RowRejected' });
    const message = await end.then(
      () => '',
      (error: Error) => error.message,
    );
    expect(message.includes(word)).toBe(word === 'last_name');
  });

  it('is written once it is mended', async () => {
    await expect(mirror.writeGroup(aGroup(tenant, 'board', { displayName: 'B\u0000' }))).rejects.toThrow(
      'display_name',
    );
    expect(await mirror.writeGroup(aGroup(tenant, 'board'))).toEqual({ written: true });
  });
});

describe('drift', () => {
  const rightRows = () => [
    (to: Mirror) => to.writeTenant(aTenant(tenant)),
    (to: Mirror) => to.writeRole(aRole(tenant, 'designers')),
    (to: Mirror) => to.writePerson(aPerson(tenant, 'joe', { email: 'joe.doe@example.com' })),
    (to: Mirror) =>
      to.writePerson(aPerson(tenant, 'jane', { domainAccountKey: 'acme\\jane', groups: ['board'], roles: ['r'] })),
  ];
  beforeEach(() => Promise.all(rightRows().map((write) => write(mirror))));

  const jane = (): RowKey => person('jane');
  it.each([
    ['an edited column', sql`update roster.people set last_name = 'Edited' where name = 'jane'`, jane],
    ['an edited list', sql`update roster.people set roles = '{admin}' where name = 'jane'`, jane],
    ['a deleted row', sql`delete from roster.people where name = 'jane'`, jane],
    ['a row marked as deleted', sql`update roster.people set deleted_at = now() where name = 'jane'`, jane],
    [
      'an added membership',
      sql`insert into roster.memberships select id, 'x' from roster.people where name = 'jane'`,
      jane,
    ],
    ['a removed membership', sql`delete from roster.memberships`, jane],
    [
      'an edited assignment',
      sql`update roster.assignments set roles = '{admin}' from roster.people
      where id = person_id and name = 'jane'`,
      jane,
    ],
    ['a claim that is gone', sql`delete from roster.claims where value = 'jane@example.com'`, jane],
    [
      'an account claim that somebody else got',
      sql`update roster.claims set holder_name = 'joe', taken_at = now() - interval '1 hour' where value = 'acme\\jane'`,
      jane,
    ],
    [
      'an edited role',
      sql`update roster.roles set permissions = '[{"resource": "*", "verbs": ["*"]}]'`,
      (): RowKey => ({ namespace: tenant, kind: 'AppRole', name: 'designers' }),
    ],
    [
      'an edited tenant',
      sql`update roster.tenants set owner = 'joe'`,
      (): RowKey => ({ namespace: tenant, kind: 'Tenant', name: 'tenant' }),
    ],
    [
      'a row that nobody wrote',
      sql`insert into roster.groups (namespace, name, uid, display_name, organization, computed)
        values ('elsewhere', 'ghosts', 'x', 'Ghosts', 'main', false)`,
      (): RowKey => ({ namespace: 'elsewhere', kind: 'Group', name: 'ghosts' }),
    ],
  ])('finds %s, and repairs it when it is written again', async (_what, edit, expected) => {
    await edit.execute(database.writer);
    expect(await mirror.compare()).toEqual([expected()]);
    await mirror.bury([{ namespace: 'elsewhere', kind: 'Group', name: 'ghosts' }]);
    await Promise.all(rightRows().map((write) => write(mirror)));
    expect(await mirror.compare()).toEqual([]);
    const restarted = await leadingMirror(database);
    const again = await Promise.all(rightRows().map((write) => write(restarted)));
    expect(again.filter(({ written }) => written)).toEqual([]);
  });

  it('is told to the observer', async () => {
    const found: number[] = [];
    const observed = await leadingMirror(database, { drift: (count) => void found.push(count) });
    await sql`update roster.people set last_name = 'Edited' where namespace = ${tenant}`.execute(database.writer);
    await observed.compare();
    await observed.compare();
    expect(found).toEqual([2]);
  });

  it('is not seen in rows that are written while it is looked for', async () => {
    const writes = Array.from({ length: 50 }, (_, n) => mirror.writePerson(aPerson(tenant, `person-${n}`)));
    const [differing] = await Promise.all([mirror.compare(), ...writes]);
    expect(differing).toEqual([]);
    expect(await mirror.compare()).toEqual([]);
  });
});

it('answers how it is', async () => {
  await mirror.healthy();
  await mirror.writePerson(aPerson(tenant, 'jane'));
  expect(mirror.stats()).toMatchObject({ waiting: 0, lagSeconds: 0, rows: expect.any(Number) });
});

it('writes nothing before it leads', async () => {
  const follower = await Mirror.open(database, { identity: (await identities())[0] ?? '', logger: console });
  await expect(follower.writePerson(aPerson(tenant, 'jane'))).rejects.toMatchObject({ reason: 'NoLongerLeader' });
  expect(await people()).toEqual([]);
  expect(follower.stats()).toMatchObject({ waiting: 1 });
});

async function identities(): Promise<string[]> {
  return (await rows(sql<{ identity: string }>`select identity from roster.installation`)).map(
    ({ identity }) => identity,
  );
}
