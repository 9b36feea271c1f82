import type { DirectorySync } from '@roster/crds';
import { type Applied, applyPlan } from '../../directory/apply.ts';
import { type EffectCounts, effectsOf, type Verdict } from '../../directory/guard.ts';
import { type GroupAction, inSlices, type PersonAction } from '../../directory/plan/index.ts';
import type { Context } from '../context.ts';
import { attempt } from '../mirrored.ts';
import { apiTarget } from './target.ts';

/** Writes of a run under way at a time; the client bounds those of the whole operator. */
const concurrency = 64;

/** Progress is reported this often, in milliseconds. */
const progressMs = 5_000;

export interface Execution {
  readonly run: DirectorySync;
  readonly startedAt: Date;
  readonly verdict: Verdict;
  /** Keys of the effects that were approved: they do not count for the next days. */
  readonly approved: ReadonlySet<string>;
  /** All that is written is added, whatever becomes of the rest. */
  readonly done: (GroupAction | PersonAction)[];
  /** Tells how far it is; one that gets lost is followed by the next. */
  readonly report: (message: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Writes what a verdict lets pass, and keeps count of it for the guard of the runs to come. @throws RosterError and
 * whatever the signal aborts with
 */
export async function execute(context: Context, execution: Execution): Promise<Applied> {
  const { run, verdict, approved, startedAt, done } = execution;
  const { effects } = context.mirror;
  const { namespace = '', uid = '' } = run.metadata;
  const key = { namespace, directory: run.spec.directory, uid, startedAt };
  const note = (counts: EffectCounts) => effects.note(key, new Map(Object.entries(counts)));
  const counted = Object.keys(verdict.effects).length > 0;
  // If the operator is killed in between, all of it counts as done. Not so the invitations: they go with creations, which
  // its successor would otherwise hold, since those not made are counted again.
  const { Mail: _, ...lasting } = verdict.effects;
  if (counted) await note(lasting);
  try {
    return await write(context, execution);
  } finally {
    const people = done.filter((action): action is PersonAction => action.kind !== 'Group');
    const had = await inSlices(effectsOf(people, approved));
    if (counted) await attempt(() => note(had));
  }
}

async function write({ client, mirror }: Context, { run, verdict, done, report, signal }: Execution): Promise<Applied> {
  const { namespace = '' } = run.metadata;
  const target = apiTarget(client, namespace, (wants) => mirror.claims.reserve(namespace, wants), signal);
  let reportedAt = performance.now();
  let reporting: Promise<void> | undefined;
  try {
    return await applyPlan(verdict, target, {
      signal,
      concurrency,
      done: (action) => done.push(action),
      progress: (written, total) => {
        if (reporting !== undefined || performance.now() - reportedAt < progressMs) return;
        reportedAt = performance.now();
        reporting = report(`Wrote ${written} of ${total}.`)
          .catch(() => {})
          .finally(() => {
            reporting = undefined;
          });
      },
    });
  } finally {
    // Otherwise it might reach the server after the end of the run was written.
    await reporting;
  }
}
