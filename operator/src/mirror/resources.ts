/** Tenants, organizations, roles and groups: one row an object, in the words of the object. */
import type { GroupRow, OrganizationRow, RoleRow, TenantRow } from './rows.ts';
import { sorted, type Table, timestamp } from './table.ts';

export const tenants: Table<TenantRow> = {
  kind: 'Tenant',
  name: 'tenants',
  columns: {
    uid: 'text',
    display_name: 'text',
    owner: 'text',
    default_organization: 'text',
    default_language: 'text',
    public_url: 'text',
    seats_creator: 'integer',
    seats_explorer: 'integer',
    seats_viewer: 'integer',
  },
  store: ({ namespace, name, ...row }) => ({
    namespace,
    kind: 'Tenant',
    name,
    values: {
      uid: row.uid,
      display_name: row.displayName ?? null,
      owner: row.owner ?? null,
      default_organization: row.defaultOrganization,
      default_language: row.defaultLanguage,
      public_url: row.publicURL ?? null,
      seats_creator: row.seats?.creator ?? null,
      seats_explorer: row.seats?.explorer ?? null,
      seats_viewer: row.seats?.viewer ?? null,
    },
  }),
};

export const organizations: Table<OrganizationRow> = {
  kind: 'Organization',
  name: 'organizations',
  columns: { uid: 'text', display_name: 'text', description: 'text', theme: 'text' },
  store: ({ namespace, name, ...row }) => ({
    namespace,
    kind: 'Organization',
    name,
    values: {
      uid: row.uid,
      display_name: row.displayName,
      description: row.description ?? null,
      theme: row.theme ?? null,
    },
  }),
};

export const roles: Table<RoleRow> = {
  kind: 'AppRole',
  name: 'roles',
  columns: {
    uid: 'text',
    display_name: 'text',
    description: 'text',
    enabled: 'boolean',
    built_in: 'boolean',
    scope: 'text',
    licence: 'text',
    permissions: 'jsonb',
  },
  store: ({ namespace, name, ...row }) => ({
    namespace,
    kind: 'AppRole',
    name,
    values: {
      uid: row.uid,
      display_name: row.displayName,
      description: row.description ?? null,
      enabled: row.enabled,
      built_in: row.builtIn,
      scope: row.scope,
      licence: row.licence,
      permissions: row.permissions
        .map(({ resource, verbs, projects }) => ({
          resource,
          verbs: sorted(verbs),
          ...(projects === undefined ? {} : { projects: sorted(projects) }),
        }))
        .sort((a, b) => (a.resource < b.resource ? -1 : 1)),
    },
  }),
};

export const groups: Table<GroupRow> = {
  kind: 'Group',
  name: 'groups',
  columns: {
    uid: 'text',
    display_name: 'text',
    description: 'text',
    organization: 'text',
    computed: 'boolean',
    directory: 'text',
    authority: 'text',
    external_id: 'text',
    missing_since: 'timestamptz',
  },
  store: ({ namespace, name, ...row }) => ({
    namespace,
    kind: 'Group',
    name,
    values: {
      uid: row.uid,
      display_name: row.displayName,
      description: row.description ?? null,
      organization: row.organization,
      computed: row.computed,
      directory: row.directory ?? null,
      authority: row.authority ?? null,
      external_id: row.externalId ?? null,
      missing_since: timestamp(row.missingSince),
    },
  }),
};

/** In the order in which a reader of a dump would want them. */
export const resourceTables = [tenants, organizations, roles, groups] as const;
