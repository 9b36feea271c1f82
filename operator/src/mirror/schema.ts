/**
 * The tables as queries see them. They live in the schema `roster`, which is the operator's own; what others may
 * read are the views in `roster_api`. Numbers that PostgreSQL calls bigint arrive as text from one driver and as
 * numbers from the other: pass them through Number.
 */
import type { Generated } from 'kysely';

export interface Tables {
  'roster.installation': { id: string; identity: string; epoch: string };
  'roster.people': {
    id: Generated<string>;
    namespace: string;
    kind: 'User' | 'Recipient';
    name: string;
    missing_since: Date | null;
    deleted_at: Date | null;
  };
  'roster.claims': {
    namespace: string;
    type: 'email' | 'domainAccount';
    value: string;
    holder_kind: 'User' | 'Recipient';
    holder_name: string;
    taken_at: Date;
  };
  'roster.tombstones': {
    person_id: string;
    namespace: string;
    kind: 'User' | 'Recipient';
    name: string;
    email: string | null;
    domain_account: string | null;
    authority: string | null;
    external_id: string | null;
    confirmed: boolean;
    deleted_at: Date;
    purge_after: Date;
  };
  'roster.sync_runs': {
    id: Generated<string>;
    namespace: string;
    name: string;
    uid: string;
    directory: string;
    started_at: Date;
    finished_at: Date | null;
    dry_run: boolean;
    phase: string | null;
  };
  'roster.sync_effects': {
    namespace: string;
    directory: string;
    run_uid: string;
    started_at: Date;
    effect: string;
    count: number;
  };
  'roster.migrations': { name: string; timestamp: string };
}
