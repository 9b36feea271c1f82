import type { DirectorySync, DirectorySyncStatus } from '@roster/crds';
import { hashOf, type Verdict } from '../../directory/guard.ts';
import { effectKey, inSlices, type Plan, type PlanLine, paced, type Steps } from '../../directory/plan/index.ts';
import type { Mirror } from '../../mirror/index.ts';
import { seconds } from '../conditions.ts';
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
  const empty = emptied > 0 && !(again && run.status?.held?.reason === 'EmptyAnswer');
  if (held === undefined && !empty) return undefined;
  const messages = [
    empty ? `Nobody matches, although ${emptied} ${emptied === 1 ? 'person' : 'people'} came from this directory.` : '',
    held?.message ?? 'Nobody was changed for that.',
    again ? 'What was approved is done; start another run to have the rest approved.' : '',
  ];
  return {
    reason: empty || held === undefined ? 'EmptyAnswer' : held.reason,
    message: messages.filter(Boolean).join(' ').slice(0, 1024),
    count: held?.count ?? emptied,
    ...(held === undefined || again ? {} : { hash: held.hash }),
    ...(held === undefined || again || run.spec.dryRun
      ? {}
      : { expiresAt: seconds(new Date(now.getTime() + approvalMs)) }),
  };
}

/** Of a run that does not end as Held: nobody can approve it. */
export function closed({ reason, message, count }: Held): Held {
  return { reason, message, count };
}

/** A line for each effect that is held, so that one can look at all that an approval is about. */
export function* heldLines({ people }: Plan, { held }: Verdict): Steps<PlanLine[]> {
  const lines: PlanLine[] = [];
  if (held === undefined) return lines;
  const keys = new Set(held.keys);
  yield* paced(people, (action) => {
    const { kind, record, restriction, effects = [] } = action;
    for (const effect of effects) {
      if (!keys.has(effectKey(action, effect))) continue;
      lines.push({
        action: 'Hold',
        kind,
        name: 'ref' in action ? action.ref.name : action.name,
        record: record.label,
        externalId: record.externalId,
        reason: effect,
        ...(restriction === undefined ? {} : { message: `It needs approval, because ${restriction}.` }),
      });
    }
  });
  return lines;
}
