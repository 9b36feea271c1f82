import type { DirectorySync } from '@roster/crds';
import { type RosterMetrics, removeSeries } from '../../metrics.ts';
import { findCondition, type Request } from '../../runtime/index.ts';
import { awaitsApproval, inOrderOfTheirEnd, isWhole } from './runs.ts';
import type { DirectoryStatus } from './status.ts';

/**
 * Metrics repeat what the status and the last run say, so that they are there after a restart, too. The interval is the
 * longest time between two runs of the schedule, in seconds; absent where none starts by a schedule.
 */
export async function expose(
  metrics: RosterMetrics,
  { namespace, name }: Request,
  status: DirectoryStatus,
  runs: readonly DirectorySync[],
  interval: number | undefined,
): Promise<void> {
  const labels = { namespace, directory: name };
  const connected = findCondition(status.conditions, 'Connected');
  if (connected !== undefined) metrics.connected.set(labels, connected.status === 'True' ? 1 : 0);
  const { lastAttempt, lastSuccessAt, credentialsExpireAt, people, groups } = status;
  const inSeconds = (time: string) => Date.parse(time) / 1000;
  if (lastAttempt !== undefined) {
    metrics.lastAttempt.set(labels, inSeconds(lastAttempt.finishedAt));
    metrics.lastAttemptFailed.set(labels, lastAttempt.result === 'Failed' ? 1 : 0);
  }
  if (lastSuccessAt !== undefined) metrics.lastSuccess.set(labels, inSeconds(lastSuccessAt));
  if (people !== undefined) metrics.people.set(labels, people);
  if (groups !== undefined) metrics.groups.set(labels, groups);
  if (credentialsExpireAt === undefined) metrics.credentialsExpiry.remove(labels);
  else metrics.credentialsExpiry.set(labels, inSeconds(credentialsExpireAt));
  if (interval === undefined) metrics.scheduleInterval.remove(labels);
  else metrics.scheduleInterval.set(labels, interval);
  await exposeLastRun(metrics, labels, runs);
}

async function exposeLastRun(
  metrics: RosterMetrics,
  labels: { readonly namespace: string; readonly directory: string },
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

/** The series of a directory that is gone. */
export async function forget(metrics: RosterMetrics, { namespace, name }: Request): Promise<void> {
  for (const metric of [
    metrics.lastAttempt,
    metrics.lastAttemptFailed,
    metrics.lastSuccess,
    metrics.scheduleInterval,
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
    await removeSeries(metric, { namespace, directory: name });
  }
}
