/**
 * Roster's own metrics; those of the engine are in runtime/metrics.ts.
 * Names and units follow https://prometheus.io/docs/practices/naming/. Series grow with directories and reasons,
 * never with people.
 */
import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client';

const directory = ['namespace', 'directory'] as const;

/** What the counters of a directory tell apart. */
export const runResults = ['Succeeded', 'Failed', 'Held', 'Aborted'] as const;
export const stages = ['Read', 'Plan', 'Apply'] as const;
export const actions = {
  person: ['created', 'linked', 'updated', 'unchanged', 'restored', 'disabled', 'deleted', 'excluded', 'rejected'],
  group: ['created', 'updated', 'unchanged', 'rejected'],
} as const;

export type DirectoryLabels = Readonly<Record<(typeof directory)[number], string>>;

export type RosterMetrics = ReturnType<typeof createMetrics>;

export function createMetrics(registry: Registry, build: { version: string }) {
  const registers = [registry];
  const gauge = <const Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const counter = <const Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });

  gauge('roster_build_info', 'Always 1; the labels tell which build this is.', ['version', 'node']).set(
    { version: build.version, node: process.versions.node },
    1,
  );
  return {
    lastAttempt: gauge(
      'roster_directory_last_attempt_timestamp_seconds',
      'When the last run of the directory ended, whatever its result.',
      directory,
    ),
    lastAttemptFailed: gauge(
      'roster_directory_last_attempt_failed',
      'Whether the last run of the directory failed, and so changed nobody.',
      directory,
    ),
    scheduleInterval: gauge(
      'roster_directory_schedule_interval_seconds',
      'The longest time between two runs by the schedule of the directory; absent without one, and while suspended.',
      directory,
    ),
    scheduleSince: gauge(
      'roster_directory_schedule_since_timestamp_seconds',
      'Since when the schedule of the directory is in force; absent without one.',
      directory,
    ),
    suspended: gauge(
      'roster_directory_suspended',
      'Whether the directory is suspended, so that no run of it starts.',
      directory,
    ),
    lastSuccess: gauge(
      'roster_directory_last_success_timestamp_seconds',
      'When the last successful run of the directory ended.',
      directory,
    ),
    connected: gauge(
      'roster_directory_connected',
      'Whether the server was reached last time and let the operator in.',
      directory,
    ),
    credentialsExpiry: gauge(
      'roster_directory_credentials_expiry_timestamp_seconds',
      'When the certificate or the secret that the directory is read with ends, where that is known.',
      directory,
    ),
    people: gauge('roster_directory_people', 'People that the last successful run found.', directory),
    groups: gauge('roster_directory_groups', 'Groups that the last successful run took over.', directory),
    rejected: gauge('roster_directory_rejected_records', 'Records that the last run rejected, by reason.', [
      ...directory,
      'reason',
    ]),
    held: gauge('roster_directory_held_changes', 'Changes that the guard holds back.', directory),
    runs: counter('roster_directory_runs_total', 'Runs that ended, by result.', [...directory, 'result']),
    changes: counter('roster_directory_changes_total', 'People and groups that runs acted on, by action.', [
      ...directory,
      'kind',
      'action',
    ]),
    stage: new Histogram({
      name: 'roster_directory_stage_duration_seconds',
      help: 'How long the stages of runs took.',
      labelNames: [...directory, 'stage'],
      buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
      registers,
    }),
    blocked: gauge(
      'roster_directory_run_blocked_seconds',
      'For how long the event loop stood still at most during the last run of the directory.',
      directory,
    ),
    peopleByState: gauge('roster_people', 'People of a tenant by kind and state.', ['namespace', 'kind', 'state']),
    mirrorLag: gauge('roster_mirror_lag_seconds', 'Age of the oldest change that is not in the database yet.', []),
    mirrorBatch: new Histogram({
      name: 'roster_mirror_batch_rows',
      help: 'Rows that share one transaction.',
      buckets: [1, 5, 10, 50, 100, 250, 500],
      registers,
    }),
    mirrorRows: counter('roster_mirror_rows_written_total', 'Rows written to the database.', ['table']),
    drift: counter('roster_mirror_drift_repaired_total', 'Rows that were found different from their resource.', []),
    mirrorHeld: gauge('roster_mirror_held', 'Rows whose resources vanished and that are kept until confirmed.', [
      'namespace',
    ]),
    databaseUp: gauge('roster_database_up', 'Whether the database answers.', []),
  };
}

/**
 * The counters of a directory at 0, to be called once for each: Prometheus sees no increase in a series that begins with
 * the first run.
 */
export function startCounters({ runs, stage, changes }: RosterMetrics, labels: DirectoryLabels): void {
  for (const result of runResults) runs.inc({ ...labels, result }, 0);
  for (const name of stages) stage.zero({ ...labels, stage: name });
  for (const action of actions.person) changes.inc({ ...labels, kind: 'person', action }, 0);
  for (const action of actions.group) changes.inc({ ...labels, kind: 'group', action }, 0);
}

/** Removes all series that have these labels, whatever their other ones; `remove` of a metric wants all labels. */
export async function removeSeries(metric: Metric, labels: Readonly<Record<string, string>>): Promise<void> {
  for (const { labels: series } of (await metric.get()).values) {
    // A histogram has a series a bucket, which go together.
    const { le: _, ...own } = series as Record<string, string>;
    if (Object.entries(labels).every(([name, value]) => own[name] === value)) metric.remove(own);
  }
}
