import { sql } from 'kysely';
import type { Database } from '../src/mirror/index.ts';

/** A person as the application finds them in the views of the database. */
export interface PersonInDatabase {
  readonly kind: 'User' | 'Recipient';
  readonly name: string;
  readonly id: string;
  readonly email: string | null;
  readonly display_name: string;
  readonly language: string;
  readonly active: boolean;
  readonly inactive_reason: string | null;
  readonly domain_account: string | null;
  readonly directory: string | null;
  readonly organizations: readonly string[];
  /** Without those that are computed. */
  readonly groups: readonly string[];
  /** Those in force, whether of the tenant or of an organization. */
  readonly roles: readonly string[];
}

const columns = sql.raw(`
  p.name, p.id, p.email, p.display_name, p.language, p.active, p.inactive_reason, p.directory,
  array(select o.name from roster_api.organization_members m join roster_api.organizations o on o.id = m.organization_id
    where m.person_id = p.id order by o.name) as organizations,
  array(select g.name from roster_api.group_members m join roster_api.groups g on g.id = m.group_id
    where m.person_id = p.id and not g.computed order by g.name) as groups,
  array(select r.name from roster_api.user_roles h join roster_api.roles r on r.id = h.role_id
    where h.user_id = p.id order by r.name) as roles`);

/** Everybody of a tenant. */
export async function peopleInDatabase(database: Database, tenant: string): Promise<PersonInDatabase[]> {
  const { rows } = await sql<PersonInDatabase>`
    select 'User' as kind, ${columns}, p.domain_account from roster_api.users p where p.tenant = ${tenant}
    union all
    select 'Recipient' as kind, ${columns}, null from roster_api.recipients p where p.tenant = ${tenant}
    order by kind, name`.execute(database.reader);
  return rows;
}

/** One of them. */
export async function personInDatabase(
  database: Database,
  tenant: string,
  name: string,
): Promise<PersonInDatabase | undefined> {
  return (await peopleInDatabase(database, tenant)).find((person) => person.name === name);
}

/** Names of what a view shows of a tenant. */
export async function namesInDatabase(
  database: Database,
  tenant: string,
  view: 'organizations' | 'roles' | 'groups',
): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from ${sql.raw(`roster_api.${view}`)} where tenant = ${tenant} order by name`.execute(database.reader);
  return rows.map(({ name }) => name);
}

interface RowInDatabase {
  readonly name: string;
  /** Stays for as long as the row does. */
  readonly id: string;
  readonly display_name: string;
}

/** All that the application finds of a tenant. */
export async function everythingInDatabase(database: Database, tenant: string) {
  const list = async (view: 'organizations' | 'roles' | 'groups') => {
    const { rows } = await sql<RowInDatabase>`
      select name, id, display_name from ${sql.raw(`roster_api.${view}`)} where tenant = ${tenant}
      order by name`.execute(database.reader);
    return rows;
  };
  return {
    people: await peopleInDatabase(database, tenant),
    organizations: await list('organizations'),
    roles: await list('roles'),
    groups: await list('groups'),
  };
}
