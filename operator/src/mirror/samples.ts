/** Rows for tests and measurements: whole, and as wished in what matters. */
import type { GroupRow, OrganizationRow, PersonRow, RoleRow, TenantRow } from './rows.ts';

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
