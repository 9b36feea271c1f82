import type { DirectorySync, UserDirectory } from '@roster/crds';
import type { Problem } from '../conditions.ts';
import { awaitsApproval, endedBefore, isWhole } from '../userdirectory/runs.ts';

/** So long what a run holds can be approved, in milliseconds. */
export const approvalMs = 24 * 3_600_000;

/** What the end of a hold is judged by. */
export interface Surroundings {
  readonly directory: UserDirectory | undefined;
  /** All runs of the namespace. */
  readonly runs: readonly DirectorySync[];
  readonly now: Date;
}

/**
 * Why a run is no longer held; undefined while it can be approved, and when it was. A newer run has judged what there is
 * by then: only what the newest one holds can be approved. One that failed has judged nothing.
 */
export function endOfHold(run: DirectorySync, { directory, runs, now }: Surroundings): Problem | undefined {
  if (run.status?.phase !== 'Held') return undefined;
  if (directory === undefined) return directoryDeleted(run.spec.directory);
  const newer = runs.find((other) => supersedes(other, run));
  if (newer !== undefined) {
    return { reason: 'Superseded', message: `The run ${newer.metadata.name} has compared everything anew.` };
  }
  if (!awaitsApproval(run)) return undefined;
  const { approval } = run.spec;
  if (approval?.rejected) {
    const by = approval.by === undefined ? '' : ` by ${approval.by}`;
    return { reason: 'ApprovalRejected', message: `What was held was rejected${by}; it was not done.` };
  }
  const { expiresAt } = run.status.held ?? {};
  if (expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime()) {
    return {
      reason: 'ApprovalExpired',
      message: `What was held could be approved and begun until ${expiresAt}.`,
    };
  }
  return undefined;
}

export function directoryDeleted(directory: string): Problem {
  return { reason: 'DirectoryDeleted', message: `The UserDirectory ${directory} was deleted.` };
}

function supersedes(other: DirectorySync, held: DirectorySync): boolean {
  return (
    other.spec.directory === held.spec.directory &&
    isWhole(other) &&
    (other.status?.phase === 'Succeeded' || other.status?.phase === 'Held') &&
    other.metadata.name !== held.metadata.name &&
    endedBefore(held, other)
  );
}
