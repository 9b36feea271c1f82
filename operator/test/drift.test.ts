/** Rows that somebody other than the operator changed: the next comparison finds them, and they are written again. */
import { Group, Tenant, User } from '@roster/crds';
import { sql } from 'kysely';
import { beforeAll, describe, expect, it } from 'vitest';
import { namesInDatabase, type PersonInDatabase, peopleInDatabase } from './contract.ts';
import { metric } from './metric.ts';
import { group, organization, recipient, tenant, user } from './objects.ts';
import { eventually, openRoster, type Roster, types } from './roster.ts';
import { states, statusesHold } from './status.ts';

let roster: Roster;
/** What the database is to hold again after each test. */
let people: PersonInDatabase[];

beforeAll(async () => {
  roster = await openRoster({ compareInterval: 250 });
  await roster.apply(
    tenant({ displayName: 'Acme' }),
    organization('sales'),
    group('choir'),
    user('jane', { groups: ['choir'], organizations: [{ name: 'main', roles: ['developers'] }] }),
    user('john', { organizations: [{ name: 'main' }, { name: 'sales' }] }),
    recipient('press'),
  );
  await roster.eventually(Tenant, 'tenant', ({ status }) =>
    expect(status).toMatchObject({ users: 2, recipients: 1, groups: 2 }),
  );
  for (const [name, members] of Object.entries({ 'all-users': 3, choir: 1 })) {
    await roster.eventually(Group, name, ({ status }) => expect(status).toMatchObject({ members }));
  }
  await statusesHold(roster);
  people = await everybody();
  return () => roster.close();
});

const everybody = () => peopleInDatabase(roster.database, roster.namespace);
const edit = (statement: string) => sql.raw(statement).execute(roster.database.writer);
const here = () => `namespace = '${roster.namespace}'`;
const idOf = (name: string) => `(select id from roster.people where ${here()} and name = '${name}')`;
const drifted = async () => (await metric(roster, 'roster_mirror_drift_repaired_total')).get('') ?? 0;

async function versions(): Promise<Map<string, string | undefined>> {
  const lists = await Promise.all(types.map((type) => roster.list(type)));
  return new Map(lists.flat().map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.resourceVersion]));
}

/** Edits the database and waits until it is as it was; the resources are not touched for it. */
async function isRepaired(statement: () => string, read: () => Promise<unknown> = everybody): Promise<void> {
  const [before, resources, count] = [await read(), await versions(), await drifted()];
  await edit(statement());
  await eventually(async () => expect(await drifted()).toBeGreaterThan(count));
  await eventually(async () => expect(await read()).toEqual(before));
  expect(await versions()).toEqual(resources);
}

describe('a person whose row', () => {
  it.each<[string, () => string]>([
    ['was edited', () => `update roster.people set display_name = 'Mallory', active = false where ${here()}`],
    ['got other roles', () => `update roster.people set roles = '{tenant-administrator-creator}' where ${here()}`],
    ['got another address', () => `update roster.people set email = 'm@example.com' where id = ${idOf('jane')}`],
    [
      'was put into a group',
      () => `insert into roster.memberships select id, 'choir' from roster.people where ${here()}
      on conflict do nothing`,
    ],
    ['was taken out of its groups', () => `delete from roster.memberships where person_id = ${idOf('jane')}`],
    [
      'was taken out of an organization',
      () => `delete from roster.assignments where person_id = ${idOf('john')}
      and organization = 'sales'`,
    ],
    [
      'got a role in an organization',
      () => `update roster.assignments set roles = '{administrators}'
      where person_id = ${idOf('john')}`,
    ],
    ['was marked as deleted', () => `update roster.people set deleted_at = now() where id = ${idOf('press')}`],
  ])('%s gets it back', async (_, statement) => {
    await isRepaired(statement);
    expect(await everybody()).toEqual(people);
  });

  it('was deleted gets a new one', async () => {
    const withoutId = async () => (await everybody()).map((person) => ({ ...person, id: undefined }));
    await isRepaired(() => `delete from roster.people where id = ${idOf('jane')}`, withoutId);
    people = await everybody();
  });
});

it.each([
  ['tenants', 'tenant'],
  ['organizations', 'sales'],
  ['roles', 'developers'],
  ['groups', 'choir'],
])('%s that were edited or deleted are repaired', async (table, name) => {
  const row = async () => {
    const { rows } = await sql<Record<string, unknown>>`
      select * from ${sql.raw(`roster.${table}`)} where namespace = ${roster.namespace} and name = ${name}`.execute(
      roster.database.reader,
    );
    return rows.map((columns) => ({ ...columns, id: undefined, changed: undefined }));
  };
  await isRepaired(() => `update roster.${table} set display_name = 'Mallory' where ${here()}`, row);
  await isRepaired(() => `delete from roster.${table} where ${here()} and name = '${name}'`, row);
});

it('a row of somebody who does not exist goes', async () => {
  await isRepaired(
    () => `insert into roster.people (namespace, kind, name, uid, email, display_name, language, enabled, active, roles)
      values ('${roster.namespace}', 'User', 'mallory', 'none', 'mallory@example.com', 'Mallory', 'en', true, true,
        '{tenant-administrator-creator}')`,
  );
});

it('rows of what else does not exist go', async () => {
  const names = () =>
    Promise.all(
      (['organizations', 'roles', 'groups'] as const).map((view) =>
        namesInDatabase(roster.database, roster.namespace, view),
      ),
    );
  await isRepaired(
    () => `insert into roster.groups (namespace, name, uid, display_name, organization, computed)
      values ('${roster.namespace}', 'conspirators', 'none', 'Conspirators', 'main', false)`,
    names,
  );
  await isRepaired(
    () => `insert into roster.organizations (namespace, name, uid, display_name)
      values ('${roster.namespace}', 'cabal', 'none', 'Cabal')`,
    names,
  );
});

it('is not what the operator writes itself', async () => {
  const count = await drifted();
  await roster.apply(user('busy'));
  for (let edition = 0; edition < 5; edition++) {
    await roster.apply(user('busy', { lastName: `Edition ${edition}` }));
    await roster.eventually(User, 'busy', (busy) => {
      expect(states(busy)).toMatchObject({ Ready: 'True Mirrored' });
      expect(busy.status?.displayName).toBe(`Edition ${edition}`);
    });
  }
  expect(await drifted()).toBe(count);
});
