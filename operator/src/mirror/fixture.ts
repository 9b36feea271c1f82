/** For tests: a mirror on a database of its own, and rows to write. */
import { type Database, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { Mirror, type MirrorObserver } from './mirror.ts';
import type { GroupRow, OrganizationRow, PersonRow, RoleRow, TenantRow } from './rows.ts';

export const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export const identity = '11111111-1111-1111-1111-111111111111/roster';

/** A leader's mirror, loaded. */
export async function leadingMirror(database: Database, observer: MirrorObserver = {}): Promise<Mirror> {
  const mirror = await Mirror.open(database, { identity, logger: quiet, observer });
  await mirror.mint();
  await mirror.load();
  return mirror;
}

export async function memoryDatabase(): Promise<Database> {
  const database = await openDatabase('pglite:memory', { logger: quiet });
  await migrate(database);
  return database;
}

type Partially<T> = { readonly [K in keyof T]?: T[K] };

export function aPerson(namespace: string, name: string, row: Partially<PersonRow> = {}): PersonRow {
  return {
    namespace,
    kind: 'User',
    name,
    uid: `uid-of-${name}`,
    email: `${name}@example.com`,
    displayName: name,
    language: 'en',
    enabled: true,
    active: true,
    roles: [],
    organizations: [{ name: 'main', roles: [] }],
    groups: [],
    ...row,
  };
}

export function aTenant(namespace: string, row: Partially<TenantRow> = {}): TenantRow {
  return {
    namespace,
    name: 'tenant',
    uid: `uid-of-${namespace}`,
    defaultOrganization: 'main',
    defaultLanguage: 'en',
    ...row,
  };
}

export function anOrganization(namespace: string, name: string, row: Partially<OrganizationRow> = {}): OrganizationRow {
  return { namespace, name, uid: `uid-of-${name}`, displayName: name, ...row };
}

export function aGroup(namespace: string, name: string, row: Partially<GroupRow> = {}): GroupRow {
  return { namespace, name, uid: `uid-of-${name}`, displayName: name, organization: 'main', computed: false, ...row };
}

export function aRole(namespace: string, name: string, row: Partially<RoleRow> = {}): RoleRow {
  return {
    namespace,
    name,
    uid: `uid-of-${name}`,
    displayName: name,
    enabled: true,
    builtIn: false,
    scope: 'Organization',
    licence: 'Viewer',
    permissions: [],
    ...row,
  };
}
