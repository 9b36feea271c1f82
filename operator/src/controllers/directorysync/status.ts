import type { DirectorySync, DirectorySyncStatus, RunPhase } from '@roster/crds';
import { type GroupAction, type PersonAction, type Plan, type PlanLine, samples } from '../../directory/plan/index.ts';
import type { Evidence } from '../../directory/record.ts';
import { advice, RosterError } from '../../errors.ts';
import { bounded, declare, type Problem, type Stated } from '../conditions.ts';
import { approvalAdvice } from './approval.ts';

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
  const { held } = progress;
  const approval = phase === 'Held' && problem && held ? approvalAdvice(run, problem, held) : undefined;
  const message =
    problem === undefined
      ? progress.message && bounded(progress.message)
      : bounded(approval ?? advice(new RosterError(problem.reason, problem.message)));
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
  const { remarks = [] } = evidence;
  return {
    evidence: {
      complete: evidence.complete,
      server: evidence.server.slice(0, 1024),
      authority: evidence.authority.slice(0, 253),
      boundAs: evidence.boundAs.slice(0, 1024),
      bases: evidence.bases.slice(0, 20).map((base) => base.slice(0, 1024)),
      pages: evidence.pages,
      entries: evidence.entries,
      ...(evidence.doubts.length > 0 && { doubts: sentences(evidence.doubts) }),
      ...(remarks.length > 0 && { remarks: sentences(remarks) }),
    },
  };
}

const sentences = (list: readonly string[]) => list.slice(0, 10).map((sentence) => sentence.slice(0, 512));

/** What the status says of a plan, and of what is held of it; but for the numbers. */
export function planFacts(plan: Plan, holds: readonly PlanLine[]): Progress {
  const firstOfEach = new Map<string, PlanLine>();
  for (const line of holds) {
    const who = identityOf(line.kind, line.externalId);
    if (!firstOfEach.has(who)) firstOfEach.set(who, line);
  }
  const shown = [...firstOfEach.values()].slice(0, 10).map(sampleOf);
  // Who is among the held needs no second line.
  const people = plan.people.filter(({ kind, record }) => !firstOfEach.has(identityOf(kind, record.externalId)));
  return {
    reasons: [...holdReasons(holds), ...plan.reasons].slice(0, 50),
    samples: [...shown, ...samples({ ...plan, people }, 20 - shown.length)],
  };
}

const identityOf = (kind: string, externalId = '') => `${kind} ${externalId}`;

/** The numbers of a plan, as if all of it were done. */
export function plannedFacts({ counts: { people, groups }, memberships }: Plan): Progress {
  return { people, groups, memberships };
}

/** The numbers of a plan of which only this is done. How many memberships there are is known when all of it is. */
export function performedFacts({ counts }: Plan, done: readonly (GroupAction | PersonAction)[]): Progress {
  const people = { ...counts.people, created: 0, linked: 0, updated: 0, restored: 0, disabled: 0, deleted: 0 };
  const groups = { ...counts.groups, created: 0, updated: 0 };
  for (const action of done) {
    if (action.kind === 'Group') groups[action.action === 'Create' ? 'created' : 'updated'] += 1;
    else people[countOf[action.action]] += 1;
  }
  return { people, groups };
}

/** What a person is counted as. */
const countOf = {
  Create: 'created',
  Link: 'linked',
  TakeOver: 'linked',
  Update: 'updated',
  Restore: 'restored',
  Disable: 'disabled',
  Delete: 'deleted',
} as const;

type Reasons = NonNullable<Progress['reasons']>;

function holdReasons(holds: readonly PlanLine[]): Reasons {
  const counts = new Map<string, number>();
  for (const { reason = '' } of holds) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, count]) => ({ action: 'Hold', reason, count }));
}

/** A line of the log as a sample of it: bounded, whatever the directory says. */
export function sampleOf({
  action,
  reason,
  record,
  name,
  message,
}: PlanLine): NonNullable<Progress['samples']>[number] {
  return {
    action,
    record: record.slice(0, 1024),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    ...(message === undefined ? {} : { message: message.slice(0, 512) }),
  };
}

/** What a run that did all of a plan did, in numbers. */
export function summary({ counts: { people, groups }, memberships }: Plan): string {
  const part = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}`]);
  const described = [
    ...part(people.created, 'created'),
    ...part(people.linked, 'linked'),
    ...part(people.updated, 'updated'),
    ...part(people.restored, 'restored'),
    ...part(people.unchanged, 'unchanged'),
    ...part(people.disabled, 'disabled'),
    ...part(people.deleted, 'deleted'),
    ...part(people.excluded, 'excluded'),
    ...part(people.rejected, 'rejected'),
    ...part(people.missing, 'missing and left as they are'),
  ];
  const inGroups = groups.created + groups.updated + groups.unchanged;
  const found = `${amount(people.found, 'person', 'people')} found`;
  const belonging = `${amount(inGroups, 'group', 'groups')} with ${amount(memberships, 'membership', 'memberships')}`;
  return `${[found, described.join(', ')].filter(Boolean).join(': ')}. ${belonging}.`;
}

const amount = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
