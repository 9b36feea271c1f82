/** The dashboard of Grafana: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly type: 'stat' | 'timeseries' | 'table';
  readonly unit?: 'short' | 's' | 'bytes' | 'ops' | 'percentunit' | 'dateTimeFromNow' | 'bool_yes_no';
  /** PromQL with a legend. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** Above which the value is worth a look, in the panel's unit; red from the second one on. */
  readonly thresholds?: readonly [warning: number, critical: number];
  /** Of the 24 columns. */
  readonly width: number;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Of the installation that is chosen; metrics of tenants and directories also of those that are chosen. */
const installation = 'job=~"$job"';
const tenant = `${installation},namespace=~"$namespace"`;
const directory = `${tenant},directory=~"$directory"`;

export const rows: readonly Row[] = [
  {
    title: 'Overview',
    panels: [
      {
        title: 'People',
        description:
          'Users and recipients by state: active, inactive (disabled, missing, without seat), stalled (to be mended).',
        type: 'stat',
        unit: 'short',
        queries: [[`sum by (state) (max by (job, namespace, kind, state) (roster_people{${tenant}}))`, '{{state}}']],
        width: 6,
      },
      {
        title: 'Since the last success',
        description: 'How long ago each directory was synchronised for the last time.',
        type: 'stat',
        unit: 's',
        queries: [
          [
            `time() - max by (namespace, directory) (roster_directory_last_success_timestamp_seconds{${directory}})`,
            '{{namespace}} {{directory}}',
          ],
        ],
        thresholds: [90_000, 180_000],
        width: 6,
      },
      {
        title: 'Waiting for approval',
        description: 'Changes that the guard holds back until somebody approves or rejects them.',
        type: 'stat',
        unit: 'short',
        queries: [
          [
            `max by (namespace, directory) (roster_directory_held_changes{${directory}})`,
            '{{namespace}} {{directory}}',
          ],
        ],
        thresholds: [1, 100],
        width: 4,
      },
      {
        title: 'Rejected records',
        description: 'People and groups of directories that could not be taken over, by reason.',
        type: 'stat',
        unit: 'short',
        queries: [
          [
            `sum by (reason) (max by (job, namespace, directory, reason) (roster_directory_rejected_records{${directory}}))`,
            '{{reason}}',
          ],
        ],
        thresholds: [1, 100],
        width: 4,
      },
      {
        title: 'Leaders',
        description: 'Operators that lead. Each installation has one; the others stand by.',
        type: 'stat',
        unit: 'short',
        queries: [[`sum by (job) (leader_election_master_status{${installation}})`, '{{job}}']],
        width: 4,
      },
    ],
  },
  {
    title: 'Directories',
    panels: [
      {
        title: 'Runs',
        description: 'Runs that ended within the hour, by result.',
        type: 'timeseries',
        unit: 'short',
        queries: [[`sum by (result) (increase(roster_directory_runs_total{${directory}}[1h]))`, '{{result}}']],
        width: 8,
      },
      {
        title: 'Changes of people',
        description: 'What runs did to people within the hour, but for those that stayed as they were.',
        type: 'timeseries',
        unit: 'short',
        queries: [
          [
            `sum by (action) (increase(roster_directory_changes_total{${directory},kind="person",action!="unchanged"}[1h]))`,
            '{{action}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'Seconds of a run',
        description: 'How long the stages of runs took on average within the hour.',
        type: 'timeseries',
        unit: 's',
        queries: [
          [
            `sum by (stage) (increase(roster_directory_stage_duration_seconds_sum{${directory}}[1h])) / sum by (stage) (increase(roster_directory_stage_duration_seconds_count{${directory}}[1h]))`,
            '{{stage}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'People in directories',
        description: 'People that the last successful run of each directory found.',
        type: 'timeseries',
        unit: 'short',
        queries: [
          [`max by (namespace, directory) (roster_directory_people{${directory}})`, '{{namespace}} {{directory}}'],
        ],
        width: 8,
      },
      {
        title: 'Connected',
        description: 'Whether the server of each directory was reached last time and let the operator in.',
        type: 'timeseries',
        unit: 'bool_yes_no',
        queries: [
          [`max by (namespace, directory) (roster_directory_connected{${directory}})`, '{{namespace}} {{directory}}'],
        ],
        width: 8,
      },
      {
        title: 'Credentials end in',
        description: 'When the certificate or secret that a directory is read with ends, where that is known.',
        type: 'timeseries',
        unit: 's',
        queries: [
          [
            `min by (namespace, directory) (roster_directory_credentials_expiry_timestamp_seconds{${directory}}) - time()`,
            '{{namespace}} {{directory}}',
          ],
        ],
        width: 8,
      },
    ],
  },
  {
    title: 'Database',
    panels: [
      {
        title: 'Lag',
        description: 'Age of the oldest change that is not in the database yet.',
        type: 'timeseries',
        unit: 's',
        queries: [[`max by (job) (roster_mirror_lag_seconds{${installation}})`, '{{job}}']],
        thresholds: [10, 60],
        width: 6,
      },
      {
        title: 'Rows written',
        description: 'Rows a second, by table.',
        type: 'timeseries',
        unit: 'ops',
        queries: [[`sum by (table) (rate(roster_mirror_rows_written_total{${installation}}[5m]))`, '{{table}}']],
        width: 6,
      },
      {
        title: 'Repaired and held',
        description:
          'Rows that were found different from their resource within the hour, and rows that are kept because too much vanished.',
        type: 'timeseries',
        unit: 'short',
        queries: [
          [`sum by (job) (increase(roster_mirror_drift_repaired_total{${installation}}[1h]))`, 'repaired {{job}}'],
          [`max by (namespace) (roster_mirror_held{${tenant}})`, 'held {{namespace}}'],
        ],
        width: 6,
      },
      {
        title: 'Database answers',
        description: 'Whether the database answered the leader last time.',
        type: 'timeseries',
        unit: 'bool_yes_no',
        queries: [[`max by (job) (roster_database_up{${installation}})`, '{{job}}']],
        width: 6,
      },
    ],
  },
  {
    title: 'Operator',
    panels: [
      {
        title: 'Reconciles',
        description: 'Reconciles a second, by controller and result.',
        type: 'timeseries',
        unit: 'ops',
        queries: [
          [
            `sum by (controller, result) (rate(controller_runtime_reconcile_total{${installation}}[5m]))`,
            '{{controller}} {{result}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'Duration of a reconcile, 99 of 100',
        description: 'Ninety-nine of a hundred reconciles are faster.',
        type: 'timeseries',
        unit: 's',
        queries: [
          [
            `histogram_quantile(0.99, sum by (controller, le) (rate(controller_runtime_reconcile_time_seconds_bucket{${installation}}[5m])))`,
            '{{controller}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'Queues',
        description: 'Objects that wait to be reconciled.',
        type: 'timeseries',
        unit: 'short',
        queries: [[`max by (name) (workqueue_depth{${installation}})`, '{{name}}']],
        width: 8,
      },
      {
        title: 'Requests to the API server',
        description: 'Requests a second, by verb and code.',
        type: 'timeseries',
        unit: 'ops',
        queries: [
          [`sum by (method, code) (rate(rest_client_requests_total{${installation}}[5m]))`, '{{method}} {{code}}'],
        ],
        width: 8,
      },
      {
        title: 'Memory',
        description: 'Resident memory of each operator.',
        type: 'timeseries',
        unit: 'bytes',
        queries: [[`process_resident_memory_bytes{${installation}}`, '{{instance}}']],
        width: 8,
      },
      {
        title: 'Longest block in a run',
        description: 'For how long the event loop stood still at most during the last run of each directory.',
        type: 'timeseries',
        unit: 's',
        queries: [
          [
            `max by (namespace, directory) (roster_directory_run_blocked_seconds{${directory}})`,
            '{{namespace}} {{directory}}',
          ],
        ],
        width: 8,
      },
    ],
  },
];

// A variable of Grafana, not of this string.
const source = { type: 'prometheus', uid: '$datasource' };

/** A variable that is filled from the labels of a metric. */
function labelVariable(name: string, label: string, query: string): object {
  return {
    name,
    label,
    type: 'query',
    datasource: source,
    query: { query, refId: name },
    definition: query,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
    refresh: 2,
    sort: 1,
  };
}

/** The dashboard as Grafana 11 and later imports it. */
export function dashboard(): object {
  return {
    uid: 'roster',
    title: 'Roster',
    description: 'People of a reporting application: their directories, the database, and the operator.',
    tags: ['roster'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '1m',
    time: { from: 'now-24h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1 },
        labelVariable('job', 'Installation', 'label_values(roster_build_info, job)'),
        labelVariable('namespace', 'Tenant', 'label_values(roster_people{job=~"$job"}, namespace)'),
        labelVariable(
          'directory',
          'Directory',
          'label_values(roster_directory_connected{job=~"$job",namespace=~"$namespace"}, directory)',
        ),
      ],
    },
    panels: [...layOut()],
  };
}

const height = 7;

function* layOut(): Generator<object> {
  let [id, y] = [1, 0];
  for (const { title, panels } of rows) {
    yield { id: id++, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] };
    let x = 0;
    for (const panel of panels) {
      if (x + panel.width > 24) [x, y] = [0, y + height];
      yield { id: id++, gridPos: { x, y, w: panel.width, h: height }, ...panelOf(panel) };
      x += panel.width;
    }
    y += height;
  }
}

function panelOf({ title, description, type, unit = 'short', queries, thresholds }: Panel): object {
  const steps = [
    { color: 'green', value: null },
    ...(thresholds === undefined
      ? []
      : [
          { color: 'orange', value: thresholds[0] },
          { color: 'red', value: thresholds[1] },
        ]),
  ];
  return {
    type,
    title,
    description,
    datasource: source,
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: source,
      expr,
      legendFormat,
      ...(type === 'stat' && { instant: true }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps },
        color: { mode: type === 'stat' ? 'thresholds' : 'palette-classic' },
      },
      overrides: [],
    },
    options:
      type === 'stat'
        ? { reduceOptions: { calcs: ['lastNotNull'] }, textMode: 'value_and_name', colorMode: 'value' }
        : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
  };
}
