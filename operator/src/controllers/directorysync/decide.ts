import type { DirectorySync, UserDirectory } from '@roster/crds';
import type { Problem } from '../conditions.ts';
import { isFinished, isPending } from '../userdirectory/runs.ts';

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
  | { readonly step: 'delete' }
  /** Finished; look again at the end of its time to live, in milliseconds. */
  | { readonly step: 'rest'; readonly deleteInMs?: number };

/** What is to be done with a run. Runs of a tenant go one after another, in the order of their creation. */
export function decide({ run, directory, problem, runs, active, now }: Observed): Decision {
  if (isFinished(run)) return timeToLive(run, now);
  if (directory === undefined) {
    return {
      step: 'fail',
      problem: { reason: 'DirectoryNotFound', message: `There is no UserDirectory ${run.spec.directory}.` },
    };
  }
  if (!isPending(run)) {
    return active?.uid === run.metadata.uid
      ? { step: 'wait', message: 'Under way.' }
      : {
          step: 'fail',
          problem: { reason: 'RunInterrupted', message: 'The operator ended while the run was under way.' },
        };
  }
  if (directory.spec.suspend) return { step: 'wait', message: `The directory ${run.spec.directory} is suspended.` };
  if (problem !== undefined) return { step: 'wait', message: problem.message };
  // The active run may be deleted already.
  const before = active?.name ?? runs.find((other) => !isFinished(other) && comesBefore(other, run))?.metadata.name;
  if (before !== undefined) return { step: 'wait', message: `Waiting for the run ${before} to end.` };
  return { step: 'start', directory };
}

function comesBefore(other: DirectorySync, run: DirectorySync): boolean {
  if (other.metadata.name === run.metadata.name) return false;
  if (!isPending(other)) return true;
  const order = (object: DirectorySync) => `${object.metadata.creationTimestamp} ${object.metadata.name}`;
  return order(other) < order(run);
}

function timeToLive(run: DirectorySync, now: Date): Decision {
  const ttl = run.spec.ttlSecondsAfterFinished;
  const finishedAt = run.status?.finishedAt;
  if (ttl === undefined || finishedAt === undefined) return { step: 'rest' };
  const deleteInMs = Date.parse(finishedAt) + ttl * 1000 - now.getTime();
  return deleteInMs <= 0 ? { step: 'delete' } : { step: 'rest', deleteInMs };
}
