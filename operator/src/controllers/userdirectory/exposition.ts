import type { DirectorySync, UserDirectory } from '@roster/crds';
import type { Gauge } from 'prom-client';
import { type DirectoryLabels, type RosterMetrics, removeSeries, startCounters } from '../../metrics.ts';
import { findCondition, type Request } from '../../runtime/index.ts';
import { awaitsApproval, inOrderOfTheirEnd, isWhole } from './runs.ts';
import type { DirectoryStatus } from './status.ts';
import { longestInterval } from './timetable.ts';

/** What metrics say of directories. */
export class Exposition {
  readonly #metrics: RosterMetrics;
  /** Whose counters have begun, by namespace and name. */
  readonly #begun = new Set<string>();

  constructor(metrics: RosterMetrics) {
    this.#metrics = metrics;
  }

  /** To be called before a run of the directory ends. */
  begin(request: Request): void {
    const key = keyOf(request);
    if (this.#begun.has(key)) return;
    this.#begun.add(key);
    startCounters(this.#metrics, labelsOf(request));
  }

  /** Metrics repeat what the status and the last run say, so that they are there after a restart, too. */
  async update(
    request: Request,
    directory: UserDirectory,
    status: DirectoryStatus,
    runs: readonly DirectorySync[],
    now: Date,
  ): Promise<void> {
    const metrics = this.#metrics;
    const labels = labelsOf(request);
    const set = (metric: Gauge<keyof DirectoryLabels>, value: number | undefined) =>
      value === undefined ? metric.remove(labels) : metric.set(labels, value);
    const { lastAttempt, lastSuccessAt, credentialsExpireAt, schedule } = status;
    const connected = findCondition(status.conditions, 'Connected');
    set(metrics.connected, connected && Number(connected.status === 'True'));
    set(metrics.lastAttempt, inSeconds(lastAttempt?.finishedAt));
    set(metrics.lastAttemptFailed, lastAttempt && Number(lastAttempt.result === 'Failed'));
    set(metrics.lastSuccess, inSeconds(lastSuccessAt));
    set(metrics.people, status.people);
    set(metrics.groups, status.groups);
    set(metrics.credentialsExpiry, inSeconds(credentialsExpireAt));
    set(metrics.scheduleInterval, longestInterval(directory, now));
    set(metrics.scheduleSince, inSeconds(schedule?.since));
    set(metrics.suspended, Number(directory.spec.suspend));
    await exposeLastRun(metrics, labels, runs);
  }

  /** Removes the series of a directory that is gone. */
  async forget(request: Request): Promise<void> {
    this.#begun.delete(keyOf(request));
    const metrics = this.#metrics;
    for (const metric of [
      metrics.lastAttempt,
      metrics.lastAttemptFailed,
      metrics.lastSuccess,
      metrics.scheduleInterval,
      metrics.scheduleSince,
      metrics.suspended,
      metrics.connected,
      metrics.credentialsExpiry,
      metrics.people,
      metrics.groups,
      metrics.rejected,
      metrics.held,
      metrics.runs,
      metrics.changes,
      metrics.stage,
      metrics.blocked,
    ]) {
      await removeSeries(metric, labelsOf(request));
    }
  }
}

const keyOf = ({ namespace, name }: Request): string => `${namespace}/${name}`;
const labelsOf = ({ namespace, name }: Request): DirectoryLabels => ({ namespace, directory: name });
const inSeconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Date.parse(time) / 1000;

async function exposeLastRun(
  metrics: RosterMetrics,
  labels: DirectoryLabels,
  runs: readonly DirectorySync[],
): Promise<void> {
  const ended = inOrderOfTheirEnd(runs.filter(isWhole));
  if (ended.length === 0) return;
  metrics.held.set(labels, ended.find(awaitsApproval)?.status?.held?.count ?? 0);
  // A run that failed before everything was compared says nothing of records.
  const compared = ended.find(({ status }) => status?.people !== undefined);
  if (compared === undefined) return;
  await removeSeries(metrics.rejected, labels);
  for (const { action, reason, count } of compared.status?.reasons ?? []) {
    if (action === 'Reject') metrics.rejected.set({ ...labels, reason }, count);
  }
}
