import type { DirectorySync, DirectorySyncStatus } from '@roster/crds';
import { emptyAnswer, hashOf, type Verdict } from '../../directory/guard.ts';
import {
  effectKey,
  heldLine,
  inSlices,
  type Plan,
  type PlanLine,
  paced,
  type Steps,
} from '../../directory/plan/index.ts';
import { catalogue } from '../../errors.ts';
import type { Mirror } from '../../mirror/index.ts';
import { type Problem, seconds } from '../conditions.ts';
import { isApproved } from '../userdirectory/runs.ts';
import { approvalMs } from './hold.ts';

type Held = NonNullable<DirectorySyncStatus['held']>;

/**
 * Keys of the effects that were approved for this run: none when it is not one that begins again, and undefined when the
 * database no longer has what was approved, as after a restore. @throws DatabaseError
 */
export async function approvedEffects(
  { plans }: Pick<Mirror, 'plans'>,
  run: DirectorySync,
): Promise<ReadonlySet<string> | undefined> {
  if (!isApproved(run)) return new Set();
  const keys = await plans.held({ uid: run.metadata.uid ?? '' });
  const known = await inSlices(hashOf([...keys]));
  return known === run.spec.approval?.hash ? keys : undefined;
}

/**
 * What the status says of what is held; undefined when nothing is. An empty answer always is, even if nobody would be
 * removed for it. What can be approved has a hash, and where it can be from here, an hour until which.
 */
export function heldFacts(run: DirectorySync, { held }: Verdict, emptied: number, now: Date): Held | undefined {
  const again = isApproved(run);
  if (held === undefined) {
    const wasApproved = again && run.status?.held?.reason === 'EmptyAnswer';
    if (emptied === 0 || wasApproved) return undefined;
    return { reason: 'EmptyAnswer', message: `${emptyAnswer(emptied)} Nobody was changed for that.`, count: emptied };
  }
  const { reason, count, hash } = held;
  if (again) {
    const message = `${held.message} What was approved is done; start another run to have the rest approved.`;
    return { reason, message: message.slice(0, 1024), count };
  }
  const message = held.message.slice(0, 1024);
  if (run.spec.dryRun) return { reason, message, count, hash };
  return { reason, message, count, hash, expiresAt: seconds(new Date(now.getTime() + approvalMs)) };
}

/** The command is whole in an event of the directory, too, which has 1,024 bytes and begins with the name of the run. */
const longestAdvice = 950;

/**
 * Why a run is held and what to do about it: until when it can be approved, and with which command. Findings that are too
 * long for it are cut. Undefined when nobody can approve the run.
 */
export function approvalAdvice(
  { metadata: { namespace, name } }: DirectorySync,
  { reason, message }: Problem,
  { hash, expiresAt }: Held,
): string | undefined {
  if (hash === undefined || expiresAt === undefined) return undefined;
  const patch = JSON.stringify({ spec: { approval: { hash } } });
  const command = `kubectl patch directorysyncs.roster.dev -n ${namespace} ${name} --type merge --patch '${patch}'`;
  const meant = `If it is meant, approve the run ${name} until ${expiresAt}, which only another approval undoes`;
  const advice = `${catalogue[reason].remedy} ${meant}: ${command}`;
  const room = longestAdvice - advice.length - 1;
  const findings = message.length <= room ? message : `${message.slice(0, room - 1).toWellFormed()}…`;
  return `${findings} ${advice}`;
}

/** Says of an approved run that it was approved, and by whom if that is known; undefined of any other. */
export function approvalNote(run: DirectorySync): string | undefined {
  if (!isApproved(run)) return undefined;
  const { by } = run.spec.approval ?? {};
  return by === undefined ? 'Approved.' : `Approved by ${by}.`;
}

/** Of a run that does not end as Held: nobody can approve it. */
export function closed({ reason, message, count }: Held): Held {
  return { reason, message, count };
}

/** A line for each effect that is held, so that one can look at all that an approval is about. */
export function* heldLines({ people }: Plan, { held }: Verdict): Steps<PlanLine[]> {
  const lines: PlanLine[] = [];
  if (held === undefined) return lines;
  const keys = new Set<string>();
  yield* paced(held.keys, (key) => keys.add(key));
  yield* paced(people, (action) => {
    for (const effect of action.effects ?? []) {
      if (keys.has(effectKey(action, effect))) lines.push(heldLine(action, effect));
    }
  });
  return lines;
}
