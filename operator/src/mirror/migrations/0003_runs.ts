/** What runs leave behind for the runs after them: what they hold until it is approved, and what they did. */
import { columns, commented, statements } from './statements.ts';

export const up = statements([
  ...commented(
    'sync_held',
    'Changes that a run holds until somebody approves them.',
    columns(`
    run_id uuid not null references roster.sync_runs on delete cascade | The run
    change text not null | What would be done to whom; the same in every plan
  `),
    'primary key (run_id, change)',
  ),

  ...commented(
    'sync_effects',
    'What runs did within the last days that the guard counts, without what was approved.',
    columns(`
    namespace  text        not null collate "C" | Namespace of the tenant
    directory  text        not null collate "C" | Name of the UserDirectory
    run_uid    text        not null | metadata.uid of the DirectorySync
    started_at timestamptz not null | When the run began; one that is approved begins twice
    effect     text        not null | What was done
    count      integer     not null | How often; while the run goes on, how often it may be done
  `),
    'primary key (run_uid, started_at, effect)',
  ),
  'create index sync_effects_of_directory on roster.sync_effects (namespace, directory, started_at)',
]);
