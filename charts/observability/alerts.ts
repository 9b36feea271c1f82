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

export const alerts: readonly Alert[] = [
  {
    name: 'RosterSyncFailed',
    expr: 'max by (job, namespace, directory) (roster_directory_last_attempt_failed{job="roster"}) == 1',
    for: '10m',
    severity: 'warning',
    summary: `${ofDirectory} is not synchronised.`,
    description:
      'Its last run failed and changed nobody. kubectl describe userdirectory {{ $labels.directory }} -n {{ $labels.namespace }} says why, in the conditions Connected and Synced.',
  },
  {
    name: 'RosterSyncStale',
    // Two runs in a row may fail, and a run may take its time. A directory without schedule has no interval.
    expr: 'time() - max by (job, namespace, directory) (roster_directory_last_success_timestamp_seconds{job="roster"}) > 3600 + 2 * max by (job, namespace, directory) (roster_directory_schedule_interval_seconds{job="roster"})',
    for: '5m',
    severity: 'critical',
    summary: `${ofDirectory} has not been synchronised for {{ $value | humanizeDuration }}.`,
    description:
      'Since then nobody who left lost access, and nobody who came got it. At least two scheduled runs were missed, failed or are held.',
  },
  {
    name: 'RosterSyncHeld',
    expr: 'max by (job, namespace, directory) (roster_directory_held_changes{job="roster"}) > 0',
    for: '5m',
    severity: 'warning',
    summary: `${ofDirectory} has {{ $value }} changes that wait for approval.`,
    description:
      'They are unusually many, or concern great rights. Look at them, then approve or reject them within 24 hours: kubectl describe directorysyncs -n {{ $labels.namespace }} has the command.',
  },
  {
    name: 'RosterMirrorLagging',
    expr: 'max by (job) (roster_mirror_lag_seconds{job="roster"}) > 60',
    for: '5m',
    severity: 'critical',
    summary: 'The database is {{ $value | humanizeDuration }} behind the resources.',
    description:
      'What was changed since then is not in force in the application. Often the database cannot be reached.',
  },
  {
    name: 'RosterDatabaseDown',
    // Only the leader asks it again and again.
    expr: 'max by (job) (roster_database_up{job="roster"} and on (job, instance) leader_election_master_status{job="roster"} == 1) == 0',
    for: '2m',
    severity: 'critical',
    summary: 'The database does not answer.',
    description: 'Resources can be changed all the same; they are written when it answers again.',
  },
  {
    name: 'RosterMirrorHeld',
    expr: 'max by (job, namespace) (roster_mirror_held{job="roster"}) > 0',
    for: '1m',
    severity: 'critical',
    summary: '{{ $value }} rows of {{ $labels.namespace }} are kept although their resources vanished.',
    description:
      'So much vanished at once that it looks like an accident. Restore the resources, or confirm that they are to go: kubectl describe tenants.roster.dev tenant -n {{ $labels.namespace }} has the command.',
  },
  {
    name: 'RosterRejectedRising',
    // Against the day before; of small numbers each one is worth a look, of large ones a tenth.
    expr: 'sum by (job, namespace, directory) (roster_directory_rejected_records{job="roster"}) > 5 + 1.1 * sum by (job, namespace, directory) (max_over_time(roster_directory_rejected_records{job="roster"}[1d] offset 1h))',
    for: '15m',
    severity: 'warning',
    summary: `${ofDirectory} has {{ $value }} records that are rejected, more than yesterday.`,
    description:
      'These people or groups are not synchronised. kubectl describe directorysyncs -n {{ $labels.namespace }} has their reasons and examples.',
  },
  {
    name: 'RosterCredentialsExpiring',
    expr: 'min by (job, namespace, directory) (roster_directory_credentials_expiry_timestamp_seconds{job="roster"}) - time() < 14 * 86400',
    for: '1h',
    severity: 'warning',
    summary: `${ofDirectory} is read with credentials that end in {{ $value | humanizeDuration }}.`,
    description: 'Afterwards no run succeeds. Put new ones into the Secret; they are tested at once.',
  },
  {
    name: 'RosterNoLeader',
    expr: 'absent(leader_election_master_status{job="roster"}) or max by (job) (leader_election_master_status{job="roster"}) == 0',
    for: '1m',
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
