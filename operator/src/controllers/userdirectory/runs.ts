import { hash } from 'node:crypto';
import { apiVersion, DirectorySync, type RunPhase, type UserDirectory } from '@roster/crds';
import { isOlder } from '../../runtime/index.ts';
import { seconds } from '../conditions.ts';
import { isRefused } from './connection.ts';
import { requestedAt, requestOf } from './requests.ts';

/** On a run that continues an interrupted one: how many in a row were interrupted before it. */
const interruptionsAnnotation = 'roster.dev/interruptions';

const finishedPhases: ReadonlySet<RunPhase | undefined> = new Set(['Succeeded', 'Failed', 'Held', 'Aborted']);

/** Whether what a run holds can be approved or rejected, or was approved and is about to be carried out. */
export const awaitsApproval = ({ status }: DirectorySync): boolean =>
  status?.phase === 'Held' && status.held?.hash !== undefined;

/** Whether a held run was approved and has not begun again yet: it waits like one that never began. */
export const isApproved = (run: DirectorySync): boolean =>
  awaitsApproval(run) && run.spec.approval?.rejected === false && run.spec.approval.hash === run.status?.held?.hash;

export const isFinished = (run: DirectorySync): boolean => finishedPhases.has(run.status?.phase) && !isApproved(run);
export const isPending = (run: DirectorySync): boolean =>
  run.status?.phase === undefined || run.status.phase === 'Pending' || isApproved(run);

/** Whether the result of a run is that of its directory: a preview changes nobody, and one person is not everybody. */
export const isWhole = ({ spec }: DirectorySync): boolean => !spec.dryRun && spec.person === undefined;

/** What the crash of an operator interrupts is not continued for ever: it may be the run that crashes it. */
const mostInterruptionsInARow = 10;

/** Why a directory should be read now. Absent: there is no reason. */
export interface RunRequest {
  readonly name: string;
  readonly reason: string;
  /** How many runs in a row were interrupted before this one. */
  readonly interruptions: number;
}

/**
 * The run to create, if any. A run that waits already serves every request, since it reads what is there when it starts.
 * Previews and runs of one person neither serve a request nor continue anything.
 */
export function nextRun(directory: UserDirectory, runs: readonly DirectorySync[]): RunRequest | undefined {
  const real = runs.filter(isWhole);
  if (directory.spec.suspend || real.some(isPending)) return undefined;
  const requested = requestOf(directory, requestedAt);
  if (requested !== undefined && requested !== directory.status?.lastHandledRequestAt) {
    // A directory that was created anew, perhaps with the same annotation, finds the runs of its predecessor.
    const name = runName(directory.metadata.name, `${directory.metadata.uid} ${requested}`);
    if (!runs.some((run) => run.metadata.name === name)) {
      return { name, reason: `${requestedAt} is ${requested}`, interruptions: 0 };
    }
  }
  const [last] = inOrderOfTheirEnd(real);
  if (isRefused(directory.status)) return undefined;
  if (last === undefined || !isInterrupted(last) || !real.every(isFinished)) return undefined;
  const interruptions = Number(last.metadata.annotations?.[interruptionsAnnotation] ?? 0) + 1;
  if (interruptions > mostInterruptionsInARow) return undefined;
  return {
    name: runName(directory.metadata.name, last.metadata.uid ?? last.metadata.name),
    reason: `${last.metadata.name} was interrupted`,
    interruptions,
  };
}

/**
 * The run of a scheduled time, unless it is there or another one waits. Its name holds the time in minutes since 1970,
 * as a CronJob names its Jobs, so that no two operators start two for one time.
 */
export function scheduledRun(
  { metadata: { name: directory } }: UserDirectory,
  time: Date,
  runs: readonly DirectorySync[],
): RunRequest | undefined {
  const name = `${shortened(directory)}-${Math.floor(time.getTime() / 60_000)}`;
  if (runs.some((run) => run.metadata.name === name || (isWhole(run) && isPending(run)))) return undefined;
  return { name, reason: `scheduled for ${seconds(time)}`, interruptions: 0 };
}

/** The same request always gives the same name, so that it is never carried out twice. */
function runName(directory: string, request: string): string {
  return `${shortened(directory)}-${digest(request)}`;
}

/** Leaves room in the 63 characters of a name for what tells runs apart, and still tells directories apart. */
function shortened(directory: string): string {
  return directory.length <= 54 ? directory : `${directory.slice(0, 45).replace(/[.-]+$/, '')}-${digest(directory)}`;
}

const digest = (text: string): string => hash('sha256', text).slice(0, 8);

/** It has no owner: the garbage collector would take a run under way along with its directory, and how it ended. */
export function runOf(directory: UserDirectory, { name, interruptions }: RunRequest): DirectorySync {
  const { namespace } = directory.metadata;
  return {
    apiVersion,
    kind: DirectorySync.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(interruptions === 0 ? {} : { annotations: { [interruptionsAnnotation]: String(interruptions) } }),
    },
    spec: { directory: directory.metadata.name, dryRun: false },
  };
}

/** The run that ended last comes first; within a second, the one that was written last. */
export function inOrderOfTheirEnd(runs: readonly DirectorySync[]): DirectorySync[] {
  return runs.filter(isFinished).sort((a, b) => (endedBefore(a, b) ? 1 : -1));
}

export function endedBefore(a: DirectorySync, b: DirectorySync): boolean {
  const [end, otherEnd] = [a.status?.finishedAt ?? '', b.status?.finishedAt ?? ''];
  if (end !== otherEnd) return end < otherEnd;
  const [version = '', otherVersion = ''] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  return version === otherVersion ? a.metadata.name < b.metadata.name : isOlder(version, otherVersion);
}

/**
 * Finished runs beyond the limits of the directory, but for the one that its status names. Previews and runs of one person
 * are counted apart, so that trying pushes no run of everybody out. Those with a time to live of their own, and those that
 * somebody may still approve, are not counted.
 */
export function surplusRuns({ spec, status }: UserDirectory, runs: readonly DirectorySync[]): DirectorySync[] {
  const finished = inOrderOfTheirEnd(runs).filter(
    (run) => run.spec.ttlSecondsAfterFinished === undefined && !awaitsApproval(run),
  );
  return [finished.filter(isWhole), finished.filter((run) => !isWhole(run))]
    .flatMap((counted) => [
      ...counted.filter(hasSucceeded).slice(spec.successfulRunsHistoryLimit),
      ...counted.filter((run) => !hasSucceeded(run)).slice(spec.failedRunsHistoryLimit),
    ])
    .filter(({ metadata }) => metadata.name !== status?.lastAttempt?.run);
}

const hasSucceeded = ({ status }: DirectorySync): boolean => status?.phase === 'Succeeded';

function isInterrupted(run: DirectorySync): boolean {
  return run.status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'RunInterrupted') ?? false;
}
