import type { DirectorySync, UserDirectory } from '@roster/crds';
import type { Problem } from '../conditions.ts';
import { isApproved, isFinished, isPending } from '../userdirectory/runs.ts';
import { directoryDeleted, endOfHold } from './hold.ts';

/** What a run is judged by. */
export interface Observed {
  readonly run: DirectorySync;
  readonly directory: UserDirectory | undefined;
  /** What the directory names and is not there. */
  readonly problem: Problem | undefined;
  /** All runs of the namespace, this one among them. */
  readonly runs: readonly DirectorySync[];
  /** The run of the tenant that this process carries out right now. */
  readonly active: { readonly uid: string; readonly name: string } | undefined;
  readonly now: Date;
}

export type Decision =
  | { readonly step: 'start'; readonly directory: UserDirectory }
  /** Wait for another run or a change; the sentence goes into the status. */
  | { readonly step: 'wait'; readonly message: string }
  | { readonly step: 'fail'; readonly problem: Problem }
  | { readonly step: 'abort'; readonly problem: Problem }
  | { readonly step: 'delete' }
  /** Finished; look again after so many milliseconds. */
  | { readonly step: 'rest'; readonly lookAgainMs?: number };

/** Runs of a directory that is no longer there tell how they ended for so long, in milliseconds. */
const orphanedMs = 24 * 3_600_000;

/** What is to be done with a run. Runs of a tenant go one after another, in the order of their creation. */
export function decide({ run, directory, problem, runs, active, now }: Observed): Decision {
  const end = endOfHold(run, { directory, runs, now });
  if (end !== undefined) return { step: 'abort', problem: end };
  if (isFinished(run)) return timeToLive(run, directory, now);
  if (directory === undefined) return withoutDirectory(run, active);
  if (!isPending(run)) {
    return active?.uid === run.metadata.uid
      ? { step: 'wait', message: 'Under way.' }
      : {
          step: 'fail',
          problem: { reason: 'RunInterrupted', message: 'The operator ended while the run was under way.' },
        };
  }
  if (directory.spec.suspend) return { step: 'wait', message: suspended(run) };
  if (problem !== undefined) return { step: 'wait', message: problem.message };
  // The active run may be deleted already.
  const before = active?.name ?? runs.find((other) => !isFinished(other) && comesBefore(other, run))?.metadata.name;
  if (before !== undefined) return { step: 'wait', message: `Waiting for the run ${before} to end.` };
  return { step: 'start', directory };
}

function suspended(run: DirectorySync): string {
  return isApproved(run)
    ? 'Approved; it begins when the directory is no longer suspended.'
    : `The directory ${run.spec.directory} is suspended.`;
}

function comesBefore(other: DirectorySync, run: DirectorySync): boolean {
  if (other.metadata.name === run.metadata.name) return false;
  if (!isPending(other)) return true;
  const order = (object: DirectorySync) => `${object.metadata.creationTimestamp} ${object.metadata.name}`;
  return order(other) < order(run);
}

function withoutDirectory(run: DirectorySync, active: Observed['active']): Decision {
  const { directory } = run.spec;
  if (isPending(run)) {
    const message = `There is no UserDirectory ${directory}.`;
    return { step: 'fail', problem: { reason: 'DirectoryNotFound', message } };
  }
  // The process that carries it out stops it, and writes how it ended.
  if (active?.uid === run.metadata.uid) return { step: 'wait', message: 'Under way.' };
  return { step: 'abort', problem: directoryDeleted(directory) };
}

function timeToLive(run: DirectorySync, directory: UserDirectory | undefined, now: Date): Decision {
  const { finishedAt, phase, held } = run.status ?? {};
  if (finishedAt === undefined) return { step: 'rest' };
  const { ttlSecondsAfterFinished: ttl = Infinity } = run.spec;
  const lifetimeMs = Math.min(ttl * 1000, directory === undefined ? orphanedMs : Infinity);
  const deleteInMs = Date.parse(finishedAt) + lifetimeMs - now.getTime();
  if (deleteInMs <= 0) return { step: 'delete' };
  const expiresAt = phase === 'Held' ? held?.expiresAt : undefined;
  const expiresInMs = expiresAt === undefined ? Infinity : Date.parse(expiresAt) - now.getTime();
  const lookAgainMs = Math.min(deleteInMs, expiresInMs);
  return lookAgainMs === Infinity ? { step: 'rest' } : { step: 'rest', lookAgainMs };
}
