import type { DirectorySync, DirectorySyncStatus, RunPhase } from '@roster/crds';
import type { Evidence } from '../../directory/record.ts';
import { advice, RosterError } from '../../errors.ts';
import { bounded, declare, type Problem, type Stated } from '../conditions.ts';

/** All that is known of a run so far; what is not named is not in the status. */
export type Progress = Omit<DirectorySyncStatus, 'observedGeneration' | 'conditions'>;

/** The status of a run in the phase given. Pure. */
export function runStatus(
  run: DirectorySync,
  phase: RunPhase,
  facts: Progress & { readonly problem?: Problem },
  now: Date,
): DirectorySyncStatus {
  const { problem, ...progress } = facts;
  const generation = run.metadata.generation ?? 0;
  const message =
    problem === undefined ? progress.message : bounded(advice(new RosterError(problem.reason, problem.message)));
  return {
    ...progress,
    ...(message === undefined ? {} : { message }),
    phase,
    observedGeneration: generation,
    conditions: declare(run.status?.conditions, conditionsOf(phase, problem, message ?? ''), generation, now),
  };
}

/** kstatus reads a run as in progress until it ended, and as failed when it did not succeed. */
function conditionsOf(phase: RunPhase, problem: Problem | undefined, message: string): Stated[] {
  switch (phase) {
    case 'Succeeded':
      return [{ type: 'Ready', status: 'True', reason: 'Succeeded', message }];
    case 'Failed':
    case 'Held':
    case 'Aborted': {
      const reason = problem?.reason ?? phase;
      return [
        { type: 'Ready', status: 'False', reason, message },
        { type: 'Stalled', status: 'True', reason, message },
      ];
    }
    default:
      return [
        { type: 'Ready', status: 'Unknown', reason: phase, message },
        { type: 'Reconciling', status: 'True', reason: phase, message },
      ];
  }
}

/** Evidence as the status has it: bounded, whatever the directory says. */
export function evidenceFacts(evidence: Evidence): Pick<DirectorySyncStatus, 'evidence'> {
  return {
    evidence: {
      complete: evidence.complete,
      server: evidence.server.slice(0, 1024),
      authority: evidence.authority.slice(0, 253),
      boundAs: evidence.boundAs.slice(0, 1024),
      bases: evidence.bases.slice(0, 20).map((base) => base.slice(0, 1024)),
      pages: evidence.pages,
      entries: evidence.entries,
      ...(evidence.doubts.length > 0 && { doubts: evidence.doubts.slice(0, 10).map((doubt) => doubt.slice(0, 512)) }),
    },
  };
}
