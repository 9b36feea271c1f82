/**
 * The operator's own tables. Names are compared byte by byte (collation "C"), so that pages of a scan have the same
 * order everywhere. References between objects are names, not keys: what is named may come later, or come back.
 */
import { columns, commented, statements } from './statements.ts';

/** Columns that every mirrored object has. */
const object = columns(`
  id           uuid        primary key default gen_random_uuid() | Id of the row, for other tables to refer to; stays the same when the object is deleted and restored within 30 days
  namespace    text        not null collate "C" | Namespace of the tenant
  name         text        not null collate "C" | Name of the object
  uid          text        not null | metadata.uid of the object
  deleted_at   timestamptz | When the object was found deleted; null while it exists
  changed      bigint      not null default nextval('roster.changes') | Grows with each change of any row
`);

const displayed = columns(`
  display_name text        not null | Name that people see
  description  text        | What it is for
`);

const linked = columns(`
  directory     text        | UserDirectory that fills it
  authority     text        | Forest, server or Entra tenant that issued external_id
  external_id   text        | Immutable id in the directory
  missing_since timestamptz | First complete run of the directory that no longer found it
`);

export const up = statements([
  'create sequence roster.changes',

  ...commented(
    'installation',
    'The one installation that this database belongs to: one row.',
    columns(`
    id       uuid   primary key default gen_random_uuid() | Id of the database
    identity text   not null | uid of the namespace kube-system, a slash, name of the installation
    epoch    bigint not null default 0 | Grows with each new leader; a transaction of an earlier one is refused
  `),
  ),
  'create unique index installation_is_one on roster.installation ((true))',

  ...commented(
    'tenants',
    'Tenant resources.',
    [
      ...object,
      ...columns(`
      display_name         text    | Name that people see
      owner                text    | Name of the User who owns the tenant
      default_organization text    not null | Name of the Organization that exists from the start
      default_language     text    not null | BCP 47 tag for people who name none
      public_url           text    | Address of the application
      seats_creator        integer | Seats for the licence Creator; null is no limit
      seats_explorer       integer | Seats for the licence Explorer; null is no limit
      seats_viewer         integer | Seats for the licence Viewer; null is no limit
    `),
    ],
    'unique (namespace, name)',
  ),

  ...commented(
    'organizations',
    'Organization resources.',
    [...object, ...displayed, ...columns('theme text | Name of the theme')],
    'unique (namespace, name)',
  ),

  ...commented(
    'roles',
    'AppRole resources.',
    [
      ...object,
      ...displayed,
      ...columns(`
      enabled     boolean not null | A disabled role gives no rights and takes no licence
      built_in    boolean not null | Made by the operator
      scope       text    not null check (scope in ('Tenant', 'Organization')) | Where it is held
      licence     text    not null check (licence in ('Creator', 'Explorer', 'Viewer', 'Unlicensed')) | Licence that a holder needs
      permissions jsonb   not null | Array of {resource, verbs, projects}; no projects are all of them
    `),
    ],
    'unique (namespace, name)',
  ),

  ...commented(
    'groups',
    'Group resources.',
    [
      ...object,
      ...displayed,
      ...columns(`
      organization text    not null | Name of the Organization that it belongs to
      computed     boolean not null | Its members are all people of its organization
    `),
      ...linked,
    ],
    'unique (namespace, name)',
  ),

  ...commented(
    'people',
    'User and Recipient resources.',
    [
      ...object,
      ...columns(`
      kind               text    not null collate "C" check (kind in ('User', 'Recipient')) | User signs in; Recipient only gets mail
      email              text    | Canonical address, which the person has a claim on
      domain_account     text    | Windows account as written
      domain_account_key text    | By which domain accounts are compared, which the person has a claim on
      first_name         text    | Given name
      last_name          text    | Family name
      display_name       text    not null | Name that people see
      language           text    not null | BCP 47 tag
      enabled            boolean not null | Enabled by the administrator
      active             boolean not null | May sign in or get mail
      inactive_reason    text    | Why not, in one word
      expires_at         timestamptz | When the account ends
      password_setup     text    | Invite mails a link for choosing a password
      roles              text[]  not null | Names of AppRoles held in the whole tenant
    `),
      ...linked,
    ],
    'unique (namespace, kind, name)',
  ),
  'create index people_email on roster.people (namespace, email)',
  'create index people_domain_account on roster.people (namespace, domain_account_key)',

  ...commented(
    'assignments',
    'Which people belong to which organizations.',
    columns(`
    person_id    uuid   not null references roster.people on delete cascade | The person
    organization text   not null collate "C" | Name of the Organization
    roles        text[] not null | Names of AppRoles held there
  `),
    'primary key (person_id, organization)',
  ),

  ...commented(
    'memberships',
    'Which people are in which groups.',
    columns(`
    person_id uuid not null references roster.people on delete cascade | The person
    group_name text not null collate "C" | Name of the Group
  `),
    'primary key (person_id, group_name)',
  ),
  'create index memberships_group on roster.memberships (group_name, person_id)',
  'create index assignments_organization on roster.assignments (organization, person_id)',

  ...commented(
    'claims',
    'Who has which address or account: only one person of a tenant can.',
    columns(`
    namespace   text        not null collate "C" | Namespace of the tenant
    type        text        not null collate "C" check (type in ('email', 'domainAccount')) | What value is
    value       text        not null collate "C" | In canonical spelling
    holder_kind text        not null collate "C" | Kind of the person
    holder_name text        not null collate "C" | Name of the person, who may be about to be created
    taken_at    timestamptz not null default now() | Since when
  `),
    'primary key (namespace, type, value)',
  ),
  'create index claims_holder on roster.claims (namespace, holder_kind, holder_name)',

  ...commented(
    'tombstones',
    'People who were deleted and may come back.',
    columns(`
    person_id      uuid        primary key references roster.people on delete cascade | The row, which is kept
    namespace      text        not null collate "C" | Namespace of the tenant
    kind           text        not null collate "C" | User or Recipient
    name           text        not null collate "C" | Name of the object
    email          text        | Canonical address that the person had
    domain_account text        | Domain account that the person had, in the spelling for comparison
    authority      text        | Who issued external_id
    external_id    text        | Id in the directory
    confirmed      boolean     not null | Confirmed by an administrator, so it does not count against the guard
    deleted_at     timestamptz not null default now() | When the object was found deleted
    purge_after    timestamptz not null default now() + interval '30 days' | When the row goes for good
  `),
  ),
  'create index tombstones_namespace on roster.tombstones (namespace, deleted_at)',

  ...commented(
    'sync_runs',
    'DirectorySync runs that had anything to say about a record.',
    columns(`
    id          uuid        primary key default gen_random_uuid() | Id of the run here
    namespace   text        not null | Namespace of the tenant
    name        text        not null | Name of the DirectorySync
    uid         text        not null unique | metadata.uid of the DirectorySync
    directory   text        not null | Name of the UserDirectory
    started_at  timestamptz not null | When it began to read
    finished_at timestamptz | When it ended
    dry_run     boolean     not null | Whether it only planned
    phase       text        | How it ended
  `),
  ),
  'create index sync_runs_started on roster.sync_runs (started_at)',

  ...commented(
    'sync_lines',
    'The plan of a run, one row a record that there is something to say about.',
    columns(`
    run_id      uuid    not null references roster.sync_runs on delete cascade | The run
    position    integer not null | Place in the plan, from 0
    action      text    not null | What is done
    kind        text    not null | Kind of the object
    name        text    | Name of the object
    record      text    not null | DN of the record, or what it is called
    external_id text    | Its immutable id
    reason      text    | Why, in one word
    message     text    | Why, in a sentence
    details     jsonb   | Anything else
  `),
    'primary key (run_id, position)',
  ),

  ...['tenants', 'organizations', 'roles', 'groups', 'people'].flatMap((table) => [
    `create index ${table}_changed on roster.${table} (changed)`,
    `create index ${table}_deleted on roster.${table} (deleted_at) where deleted_at is not null`,
  ]),
]);
