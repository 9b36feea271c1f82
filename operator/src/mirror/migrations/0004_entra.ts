/**
 * Snapshots of Entra tenants, moved by delta queries. Only what a snapshot that is complete holds counts; another one
 * may be filled beside it.
 */
import { columns, commented, statements } from './statements.ts';

const object = columns(`
  snapshot_id uuid    not null references roster.entra_snapshots on delete cascade | The snapshot
  id          uuid    not null | Object id
  removed     boolean not null | In the recycle bin, from which it may return
  fields      jsonb   not null | What Microsoft Graph said, property by property
`);

export const up = statements([
  ...commented(
    'entra_snapshots',
    'What is known of Entra tenants, a snapshot a UserDirectory, and those that are being filled.',
    columns(`
    id           uuid        primary key default gen_random_uuid() | Id of the snapshot
    directory_uid text       not null | metadata.uid of the UserDirectory
    namespace    text        not null collate "C" | Namespace of the tenant
    directory    text        not null collate "C" | Name of the UserDirectory
    selection    text        not null | What was asked for and as whom
    users_link   text        | Where the next query for users goes on
    groups_link  text        | Where the next query for groups goes on; null when groups are not read
    version      bigint      not null default 0 | Grows each time it is moved
    touched_at   timestamptz not null | When it was begun, filled, completed or moved
    completed_at timestamptz | When everything had been read; null while it is being filled
  `),
  ),
  'create index entra_snapshots_of_directory on roster.entra_snapshots (directory_uid)',
  ...commented('entra_users', 'Users of snapshots.', object, 'primary key (snapshot_id, id)'),
  ...commented('entra_groups', 'Groups of snapshots.', object, 'primary key (snapshot_id, id)'),
  ...commented(
    'entra_memberships',
    'Direct memberships of snapshots, also of objects that are not known or no longer there.',
    columns(`
    snapshot_id uuid not null references roster.entra_snapshots on delete cascade | The snapshot
    member_id   uuid not null | Object id of a user or group
    group_id    uuid not null | Object id of the group
  `),
    'primary key (snapshot_id, member_id, group_id)',
  ),
]);
