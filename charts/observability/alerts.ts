/** What Prometheus watches over; the pages are docs/runbooks, one an alert. */

/** https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ */
export interface Alert {
  readonly name: string;
  /** PromQL, of the series of one installation: `job="roster"`, which the chart replaces by the job of the release. */
  readonly expr: string;
  /** How long it has to be so. */
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  /** What a person reads first. `$labels` and `$value` are of the alert's series. */
  readonly summary: string;
  readonly description: string;
}

const ofDirectory = 'The directory {{ $labels.directory }} of {{ $labels.namespace }}';

/** One value a directory, whichever operator tells it: after a change of leaders, Prometheus may know of two for a while. */
const perDirectory = (aggregation: 'max' | 'min', series: string) =>
  `${aggregation} by (job, namespace, directory) (${series})`;
const metric = (name: string, ...matchers: readonly string[]) => `${name}{${['job="roster"', ...matchers].join(',')}}`;

const ofThat = 'on (job, namespace, directory)';

const aDayAgo = (series: string) => `last_over_time(${series}[1h] offset 1d)`;
/** What the last run of each directory rejected, now or at another time; nothing where that is nothing. */
const rejected = (at = (series: string) => series) =>
  `sum by (job, namespace, directory) (max by (job, namespace, directory, reason) (${at(metric('roster_directory_rejected_records'))}))`;

export const alerts: readonly Alert[] = [
  {
    name: 'RosterSyncFailed',
    // Of a directory that somebody suspended nothing is expected.
    expr: `${perDirectory('max', metric('roster_directory_last_attempt_failed'))} == 1 unless ${ofThat} ${metric('roster_directory_suspended')} == 1`,
    for: '10m',
    severity: 'warning',
    summary: `${ofDirectory} is not synchronised.`,
    description:
      'Its last run failed and changed nobody. kubectl describe userdirectory {{ $labels.directory }} -n {{ $labels.namespace }} says why, in the conditions Connected and Synced.',
  },
  {
    name: 'RosterSyncStale',
    // Two runs in a row may fail, and a run may take its time. A schedule that is new has promised nothing before. Without
    // a schedule, and while suspended, there is no interval. What waits for approval has an alert of its own.
    expr: `time() - ${perDirectory('max', metric('', '__name__=~"roster_directory_(last_success|schedule_since)_timestamp_seconds"'))} > 3600 + 2 * ${perDirectory('max', metric('roster_directory_schedule_interval_seconds'))} unless ${ofThat} ${metric('roster_directory_held_changes')} > 0`,
    for: '15m',
    severity: 'critical',
    summary: `${ofDirectory} has not been synchronised for {{ $value | humanizeDuration }}.`,
    description:
      'Since then nobody who left lost access, and nobody who came got it. At least two scheduled runs were missed or failed.',
  },
  {
    name: 'RosterSyncHeld',
    expr: `${perDirectory('max', metric('roster_directory_held_changes'))} > 0`,
    for: '5m',
    severity: 'warning',
    summary: `${ofDirectory} has changes that wait for approval: {{ $value }}.`,
    description:
      'They are unusually many, or concern great rights. Look at them, then approve or reject them within 24 hours: kubectl describe directorysyncs -n {{ $labels.namespace }} has the command.',
  },
  {
    name: 'RosterMirrorLagging',
    expr: `max by (job) (${metric('roster_mirror_lag_seconds')}) > 60`,
    for: '5m',
    severity: 'critical',
    summary: 'The database is {{ $value | humanizeDuration }} behind the resources.',
    description:
      'What was changed since then is not in force in the application. Often the database cannot be reached.',
  },
  {
    name: 'RosterDatabaseDown',
    // Only the leader asks it again and again; who found none at its start does not lead.
    expr: `max by (job) (${metric('roster_database_up')} and on (job, instance) ${metric('leader_election_master_status')} == 1) == 0 or max by (job) (${metric('roster_database_up')}) == 0`,
    for: '2m',
    severity: 'critical',
    summary: 'The database of {{ $labels.job }} does not answer.',
    description: 'Resources can be changed all the same; they are written when it answers again.',
  },
  {
    name: 'RosterMirrorHeld',
    expr: `max by (job, namespace) (${metric('roster_mirror_held')}) > 0`,
    for: '1m',
    severity: 'critical',
    summary: 'Rows of {{ $labels.namespace }} are kept although their resources vanished: {{ $value }}.',
    description:
      'So much vanished at once that it looks like an accident. Restore the resources, or confirm that they are to go: kubectl describe tenants.roster.dev tenant -n {{ $labels.namespace }} has the command.',
  },
  {
    name: 'RosterRejectedRising',
    // Against a day ago; of small numbers a few more are worth a look, of large ones a tenth. An operator that was
    // away at that very moment is looked for in the hour before.
    expr: `${rejected()} > 5 + 1.1 * (${rejected(aDayAgo)} or 0 * ${perDirectory('max', aDayAgo(metric('roster_directory_people')))})`,
    for: '15m',
    severity: 'warning',
    summary: `${ofDirectory} rejects more records than a day ago: {{ $value }}.`,
    description:
      'These people or groups are not synchronised. kubectl describe directorysyncs -n {{ $labels.namespace }} has their reasons and examples.',
  },
  {
    name: 'RosterCredentialsExpiring',
    expr: `${perDirectory('min', metric('roster_directory_credentials_expiry_timestamp_seconds'))} - time() < 14 * 86400`,
    for: '1h',
    severity: 'warning',
    summary: `${ofDirectory} is read with credentials that {{ if lt $value 0.0 }}have ended{{ else }}end in {{ $value | humanizeDuration }}{{ end }}.`,
    description: 'Afterwards no run succeeds. Put new ones into the Secret; they are tested at once.',
  },
  {
    name: 'RosterNoLeader',
    expr: `absent(${metric('leader_election_master_status')}) or max by (job) (${metric('leader_election_master_status')}) == 0`,
    for: '2m',
    severity: 'critical',
    summary: 'No operator of {{ $labels.job }} leads.',
    description:
      'Nothing is synchronised, and changes of resources do not reach the database. Look whether its pods run.',
  },
];

/** The rules as Prometheus reads them. */
export function ruleGroups(runbooks: string): { readonly groups: readonly object[] } {
  return {
    groups: [
      {
        name: 'roster',
        rules: alerts.map(({ name, expr, for: duration, severity, summary, description }) => ({
          alert: name,
          expr,
          for: duration,
          labels: { severity },
          annotations: { summary, description, runbook_url: `${runbooks}/${name}.md` },
        })),
      },
    ],
  };
}
