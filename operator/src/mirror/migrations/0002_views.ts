/**
 * The application's contract: what it may read. docs/database.md explains the views; they only ever gain columns.
 * All that follows from a role or an organization for everybody stands here and nowhere else, so that editing one
 * writes no person.
 */
import { columns, statements, view } from './statements.ts';

const person = columns(`
  id              | Id of the person; stays the same when the resource is deleted and restored within 30 days
  tenant          | Namespace of the tenant
  name            | Name of the resource
  email           | Canonical address; null while somebody else of the tenant has it
  first_name      | Given name
  last_name       | Family name
  display_name    | Name that people see
  language        | BCP 47 tag
  active          | Whether the person may sign in or get mail at this moment
  inactive_reason | Why not, in one word
  expires_at      | When the account ends
  directory       | UserDirectory that fills the person
  changed         | Grows with each change of any row
`);

const personColumns = `p.id, p.namespace as tenant, p.name, p.email, p.first_name, p.last_name, p.display_name, p.language,
  p.active and not expired as active,
  case when p.active and expired then 'Expired' else p.inactive_reason end as inactive_reason,
  p.expires_at, p.directory`;

/** Living people of one kind. An account ends at its hour, even while the operator is not running. */
const people = (kind: 'User' | 'Recipient', more: string) => `
  select ${personColumns}, ${more}p.changed
  from roster.people p, lateral (select coalesce(p.expires_at <= now(), false) as expired) e
  where p.kind = '${kind}' and p.deleted_at is null`;

/** Roles that exist, are enabled and are held where their scope allows it. */
const userRoles = `
  select p.namespace as tenant, p.id as user_id, null::uuid as organization_id, r.id as role_id
  from roster.people p
  cross join unnest(p.roles) as held(name)
  join roster.roles r on r.namespace = p.namespace and r.name = held.name
  where p.kind = 'User' and p.deleted_at is null and r.deleted_at is null and r.enabled and r.scope = 'Tenant'
  union all
  select p.namespace, p.id, o.id, r.id
  from roster.people p
  join roster.assignments a on a.person_id = p.id
  join roster.organizations o on o.namespace = p.namespace and o.name = a.organization
  cross join unnest(a.roles) as held(name)
  join roster.roles r on r.namespace = p.namespace and r.name = held.name
  where p.kind = 'User' and p.deleted_at is null and o.deleted_at is null
    and r.deleted_at is null and r.enabled and r.scope = 'Organization'`;

const licences = ['Unlicensed', 'Viewer', 'Explorer', 'Creator'];
const rank = (licence: string) =>
  `array_position(array[${licences.map((name) => `'${name}'`).join(', ')}], ${licence})`;
const licenceOf = (position: string) => `(array[${licences.map((name) => `'${name}'`).join(', ')}])[${position}]`;

const changes: readonly (readonly [table: string, kind: string])[] = [
  ['tenants', "'Tenant'"],
  ['organizations', "'Organization'"],
  ['roles', "'AppRole'"],
  ['groups', "'Group'"],
  ['people', 'kind'],
];

export const up = statements([
  'create schema roster_api',
  "comment on schema roster_api is 'What applications may read of Roster. The schema roster is its own.'",

  ...view(
    'tenants',
    'The tenants of this installation.',
    columns(`
    id                   | Id of the tenant
    tenant               | Namespace of the tenant
    display_name         | Name that people see
    owner_id             | User who owns the tenant, if that user exists
    default_organization | Name of the organization that exists from the start
    default_language     | BCP 47 tag for people who name none
    public_url           | Address of the application
    seats_creator        | Seats for the licence Creator; null is no limit
    seats_explorer       | Seats for the licence Explorer; null is no limit
    seats_viewer         | Seats for the licence Viewer; null is no limit
    changed              | Grows with each change of any row
  `),
    `
    select t.id, t.namespace as tenant, coalesce(t.display_name, t.namespace) as display_name, p.id as owner_id,
      t.default_organization, t.default_language, t.public_url, t.seats_creator, t.seats_explorer, t.seats_viewer, t.changed
    from roster.tenants t
    left join roster.people p
      on p.namespace = t.namespace and p.kind = 'User' and p.name = t.owner and p.deleted_at is null
    where t.deleted_at is null`,
  ),

  ...view(
    'organizations',
    'The organizations of each tenant.',
    columns(`
    id           | Id of the organization
    tenant       | Namespace of the tenant
    name         | Name of the resource
    display_name | Name that people see
    description  | What it is for
    theme        | Name of the theme
    is_default   | Whether it is the one that exists from the start
    changed      | Grows with each change of any row
  `),
    `
    select o.id, o.namespace as tenant, o.name, o.display_name, o.description, o.theme,
      exists (select from roster.tenants t
        where t.namespace = o.namespace and t.deleted_at is null and t.default_organization = o.name) as is_default,
      o.changed
    from roster.organizations o
    where o.deleted_at is null`,
  ),

  ...view(
    'roles',
    'The roles of each tenant.',
    columns(`
    id           | Id of the role
    tenant       | Namespace of the tenant
    name         | Name of the resource
    display_name | Name that people see
    description  | Who should hold it
    enabled      | A disabled role gives no rights and takes no licence
    built_in     | Whether every tenant has it
    scope        | Tenant or Organization: where it is held
    licence      | Creator, Explorer, Viewer or Unlicensed: what a holder needs
    permissions  | Array of {resource, verbs, projects}; no projects are all of them
    changed      | Grows with each change of any row
  `),
    `
    select id, namespace as tenant, name, display_name, description, enabled, built_in, scope, licence, permissions, changed
    from roster.roles
    where deleted_at is null`,
  ),

  ...view(
    'users',
    'People who sign in.',
    [
      ...person,
      ...columns(`
    domain_account  | Windows account as written; null while somebody else of the tenant has it
    domain_account_key | The account in the spelling by which it is found: trimmed, NFC, lower case
    password_setup  | Invite or None
  `),
    ],
    people('User', 'p.domain_account, p.domain_account_key, p.password_setup, '),
  ),

  ...view('recipients', 'People who get mail and never sign in.', person, people('Recipient', '')),

  ...view(
    'groups',
    'The groups of each tenant whose organization exists.',
    columns(`
    id              | Id of the group
    tenant          | Namespace of the tenant
    organization_id | Organization that it belongs to
    name            | Name of the resource
    display_name    | Name that people see
    description     | What it is for
    computed        | Whether all people of its organization are in it
    directory       | UserDirectory that fills it
    changed         | Grows with each change of any row
  `),
    `
    select g.id, g.namespace as tenant, o.id as organization_id, g.name, g.display_name, g.description, g.computed,
      g.directory, g.changed
    from roster.groups g
    join roster.organizations o on o.namespace = g.namespace and o.name = g.organization and o.deleted_at is null
    where g.deleted_at is null`,
  ),

  ...view(
    'organization_members',
    'Who belongs to which organization, active or not.',
    columns(`
    tenant          | Namespace of the tenant
    organization_id | The organization
    person_id       | The user or recipient
    kind            | User or Recipient
  `),
    `
    select p.namespace as tenant, o.id as organization_id, p.id as person_id, p.kind
    from roster.people p
    join roster.assignments a on a.person_id = p.id
    join roster.organizations o on o.namespace = p.namespace and o.name = a.organization
    where p.deleted_at is null and o.deleted_at is null`,
  ),

  ...view(
    'group_members',
    'Who is in which group, active or not. Only people of its organization can be.',
    columns(`
    tenant    | Namespace of the tenant
    group_id  | The group
    person_id | The user or recipient
    kind      | User or Recipient
  `),
    `
    select p.namespace as tenant, g.id as group_id, p.id as person_id, p.kind
    from roster.people p
    join roster.memberships m on m.person_id = p.id
    join roster.groups g on g.namespace = p.namespace and g.name = m.group_name
    join roster.assignments a on a.person_id = p.id and a.organization = g.organization
    join roster.organizations o on o.namespace = g.namespace and o.name = g.organization
    where p.deleted_at is null and g.deleted_at is null and o.deleted_at is null and not g.computed
    union all
    select p.namespace, g.id, p.id, p.kind
    from roster.groups g
    join roster.assignments a on a.organization = g.organization
    join roster.people p on p.id = a.person_id and p.namespace = g.namespace
    join roster.organizations o on o.namespace = g.namespace and o.name = g.organization
    where p.deleted_at is null and g.deleted_at is null and o.deleted_at is null and g.computed`,
  ),

  ...view(
    'user_roles',
    'The roles that each user holds and that are in force.',
    columns(`
    tenant          | Namespace of the tenant
    user_id         | The user, active or not
    organization_id | Where it is held; null for the whole tenant
    role_id         | The role
  `),
    userRoles,
  ),

  ...view(
    'user_permissions',
    'What each active user may do. Rights add up.',
    columns(`
    tenant          | Namespace of the tenant
    user_id         | The user
    organization_id | Where it holds; null for the whole tenant
    resource        | What may be acted on; * is everything
    verb            | What may be done; * is everything
    project         | In which project; null for all
  `),
    `
    select distinct h.tenant, h.user_id, h.organization_id, permission.resource, verb.name as verb, project.name as project
    from roster_api.user_roles h
    join roster_api.users u on u.id = h.user_id and u.active
    join roster.roles r on r.id = h.role_id
    cross join jsonb_to_recordset(r.permissions) as permission(resource text, verbs text[], projects text[])
    cross join unnest(permission.verbs) as verb(name)
    left join unnest(permission.projects) as project(name) on true`,
  ),

  ...view(
    'user_licences',
    'The highest licence that the roles of each user take, active or not.',
    columns(`
    tenant  | Namespace of the tenant
    user_id | The user
    licence | Creator, Explorer, Viewer or Unlicensed
  `),
    `
    select p.namespace as tenant, p.id as user_id,
      ${licenceOf(`coalesce(max(${rank('r.licence')}), 1)`)} as licence
    from roster.people p
    left join roster_api.user_roles h on h.user_id = p.id
    left join roster.roles r on r.id = h.role_id
    where p.kind = 'User' and p.deleted_at is null
    group by p.id`,
  ),

  ...view(
    'changes',
    'What changed when: rows in the order of their last change.',
    columns(`
    changed | Grows with each change of any row; read on from the highest that was read
    kind    | Tenant, Organization, AppRole, Group, User or Recipient
    tenant  | Namespace of the tenant
    name    | Name of the resource
    id      | Id in the other views
    deleted | Whether it was deleted; such rows stay for 30 days
  `),
    changes
      .map(
        ([table, kind]) => `
    select changed, ${kind} as kind, namespace as tenant, name, id, deleted_at is not null as deleted
    from roster.${table}`,
      )
      .join(' union all '),
  ),
]);
