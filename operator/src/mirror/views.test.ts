import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from './database.ts';
import { leadingMirror, memoryDatabase } from './fixture.ts';
import type { Mirror } from './mirror.ts';
import { aGroup, anOrganization, aPerson, aRole, aTenant } from './samples.ts';

let database: Database;
let mirror: Mirror;

beforeAll(async () => {
  database = await memoryDatabase();
  mirror = await leadingMirror(database);
  const at = (name: string, roles: string[] = []) => ({ name, roles });
  await Promise.all([
    mirror.writeTenant(aTenant('acme', { owner: 'jane' })),
    mirror.writeOrganization(anOrganization('acme', 'main')),
    mirror.writeOrganization(anOrganization('acme', 'sales')),
    mirror.writeRole(
      aRole('acme', 'boss', { scope: 'Tenant', licence: 'Explorer', permissions: [{ resource: '*', verbs: ['*'] }] }),
    ),
    mirror.writeRole(
      aRole('acme', 'editor', {
        licence: 'Creator',
        permissions: [{ resource: 'reports', verbs: ['read', 'update'], projects: ['p1', 'p2'] }],
      }),
    ),
    mirror.writeRole(aRole('acme', 'viewer', { permissions: [{ resource: 'reports', verbs: ['read'] }] })),
    mirror.writeRole(
      aRole('acme', 'off', { licence: 'Creator', enabled: false, permissions: [{ resource: 'x', verbs: ['y'] }] }),
    ),
    mirror.writeRole(aRole('acme', 'past', { scope: 'Tenant', licence: 'Creator', enabled: false })),
    mirror.writeGroup(aGroup('acme', 'all-users', { computed: true })),
    mirror.writeGroup(aGroup('acme', 'sellers', { organization: 'sales' })),
    mirror.writeGroup(aGroup('acme', 'lost', { organization: 'nowhere' })),

    mirror.writePerson(
      aPerson('acme', 'jane', { roles: ['boss', 'editor', 'past'], organizations: [at('main', ['viewer', 'off'])] }),
    ),
    mirror.writePerson(
      aPerson('acme', 'joe', {
        organizations: [at('main', ['boss', 'unknown']), at('sales', ['editor']), at('nowhere', ['viewer'])],
        groups: ['sellers', 'unknown', 'lost'],
      }),
    ),
    mirror.writePerson(aPerson('acme', 'outsider', { groups: ['sellers', 'all-users'] })),
    mirror.writePerson(
      aPerson('acme', 'away', {
        active: false,
        inactiveReason: 'Disabled',
        organizations: [at('sales', ['editor'])],
        groups: ['sellers'],
      }),
    ),
    mirror.writePerson(
      aPerson('acme', 'ended', { expiresAt: '2020-01-01T00:00:00Z', organizations: [at('main', ['viewer'])] }),
    ),
    mirror.writePerson(aPerson('acme', 'press', { kind: 'Recipient' })),
    mirror.writePerson(aPerson('acme', 'gone', { organizations: [at('main', ['editor'])] })),
    mirror.writePerson(aPerson('other', 'jane', { roles: ['boss'] })),
  ]);
  await mirror.bury([{ namespace: 'acme', kind: 'User', name: 'gone' }]);
});
afterAll(() => database.close());

/** One line a row, values parted by spaces; names instead of ids. */
async function lines(select: string): Promise<string[]> {
  const { rows } = await sql.raw<Record<string, string | number | boolean | null>>(select).execute(database.reader);
  return rows
    .map((row) =>
      Object.values(row)
        .map((value) => String(value ?? '-'))
        .join(' '),
    )
    .sort();
}

describe('what the application reads', () => {
  it('users and recipients that exist, active if they may be at this moment', async () => {
    expect(
      await lines('select name, email, active, inactive_reason from roster_api.users where tenant = $$acme$$'),
    ).toEqual([
      'away away@example.com false Disabled',
      'ended ended@example.com false Expired',
      'jane jane@example.com true -',
      'joe joe@example.com true -',
      'outsider outsider@example.com true -',
    ]);
    expect(await lines('select name, active from roster_api.recipients')).toEqual(['press true']);
  });

  it('tenants with their owner, organizations with the default one', async () => {
    expect(
      await lines(
        'select t.tenant, t.display_name, u.name from roster_api.tenants t join roster_api.users u on u.id = t.owner_id',
      ),
    ).toEqual(['acme acme jane']);
    expect(await lines('select name, is_default from roster_api.organizations')).toEqual(['main true', 'sales false']);
  });

  it('members of organizations', async () => {
    const members = `select o.name, p.name as person, m.kind from roster_api.organization_members m
      join roster_api.organizations o on o.id = m.organization_id join roster.people p on p.id = m.person_id`;
    expect(await lines(members)).toEqual([
      'main ended User',
      'main jane User',
      'main joe User',
      'main outsider User',
      'main press Recipient',
      'sales away User',
      'sales joe User',
    ]);
  });

  it('members of groups: people of its organization only, and all of them in a computed one', async () => {
    const members = `select g.name, p.name as person from roster_api.group_members m
      join roster_api.groups g on g.id = m.group_id join roster.people p on p.id = m.person_id`;
    expect(await lines(members)).toEqual([
      'all-users ended',
      'all-users jane',
      'all-users joe',
      'all-users outsider',
      'all-users press',
      'sellers away',
      'sellers joe',
    ]);
    expect(await lines('select name from roster_api.groups')).toEqual(['all-users', 'sellers']);
    // Nobody is in a group that the application cannot see, such as one of an organization that is gone.
    const unseen = 'select m.person_id from roster_api.group_members m where m.group_id not in';
    expect(await lines(`${unseen} (select id from roster_api.groups)`)).toEqual([]);
  });

  it('roles that are enabled and held where their scope allows it', async () => {
    const held = `select u.name, r.name as role, o.name as organization from roster_api.user_roles h
      join roster_api.users u on u.id = h.user_id join roster_api.roles r on r.id = h.role_id
      left join roster_api.organizations o on o.id = h.organization_id`;
    expect(await lines(held)).toEqual([
      'away editor sales',
      'ended viewer main',
      'jane boss -',
      'jane viewer main',
      'joe editor sales',
    ]);
  });

  it('permissions of active users', async () => {
    const permissions = `select u.name, o.name as organization, resource, verb, project from roster_api.user_permissions p
      join roster_api.users u on u.id = p.user_id left join roster_api.organizations o on o.id = p.organization_id`;
    expect(await lines(permissions)).toEqual([
      'jane - * * -',
      'jane main reports read -',
      'joe sales reports read p1',
      'joe sales reports read p2',
      'joe sales reports update p1',
      'joe sales reports update p2',
    ]);
  });

  it('the highest licence of each user', async () => {
    const licences =
      'select u.name, licence from roster_api.user_licences l join roster_api.users u on u.id = l.user_id';
    expect(await lines(`${licences} where u.tenant = 'acme'`)).toEqual([
      'away Creator',
      'ended Viewer',
      'jane Explorer',
      'joe Creator',
      'outsider Unlicensed',
    ]);
  });

  it('follows from an edited role at once, and no person is written', async () => {
    const people = () => lines('select name, changed from roster.people');
    const before = await people();
    await mirror.writeRole(aRole('acme', 'viewer', { licence: 'Creator' }));
    expect(
      await lines(`select licence from roster_api.user_licences l join roster_api.users u on u.id = l.user_id
        where u.name = 'jane' and u.tenant = 'acme'`),
    ).toEqual(['Creator']);
    expect(await people()).toEqual(before);
  });

  it('what changed, deleted rows too', async () => {
    const [last] = await lines('select max(changed) from roster_api.changes');
    await mirror.writeOrganization(anOrganization('acme', 'sales', { displayName: 'Sales' }));
    await mirror.bury([{ namespace: 'acme', kind: 'Group', name: 'lost' }]);
    expect(await lines(`select kind, tenant, name, deleted from roster_api.changes where changed > ${last}`)).toEqual([
      'Group acme lost true',
      'Organization acme sales false',
    ]);
    expect(await lines("select kind, name, deleted from roster_api.changes where kind = 'User' and deleted")).toEqual([
      'User gone true',
    ]);
  });
});

it('docs/database.md explains each view as the database itself does', async () => {
  const { rows } = await sql<{ view: string; meaning: string; column: string; explanation: string }>`
    select c.relname as view, obj_description(c.oid) as meaning, a.attname as column,
      col_description(c.oid, a.attnum) as explanation
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = 'roster_api'::regnamespace and c.relkind = 'v'
    order by c.relname, a.attnum`.execute(database.reader);
  const sections = [...Map.groupBy(rows, ({ view }) => view)].map(([view, columns]) =>
    [
      `### ${view}`,
      '',
      columns[0]?.meaning,
      '',
      '| column | meaning |',
      '|---|---|',
      ...columns.map(({ column, explanation }) => `| \`${column}\` | ${explanation} |`),
    ].join('\n'),
  );
  const page = await readFile(new URL('../../../docs/database.md', import.meta.url), 'utf8');
  const documented = page.slice(page.indexOf('### '), page.indexOf('\n## ', page.indexOf('### ')));
  expect(documented.trim()).toBe(sections.join('\n\n'));
});

it('every table, view and column says what it is', async () => {
  const silent = `select c.relname, a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 or a.attrelid = c.oid and a.attnum = -1
    where n.nspname in ('roster', 'roster_api') and c.relkind in ('r', 'v') and c.relname not like 'migrations%'
      and not a.attisdropped and col_description(c.oid, a.attnum) is null and a.attnum > 0
    union all
    select c.relname, '' from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('roster', 'roster_api') and c.relkind in ('r', 'v') and c.relname not like 'migrations%'
      and obj_description(c.oid) is null`;
  expect(await lines(silent)).toEqual([]);
});
