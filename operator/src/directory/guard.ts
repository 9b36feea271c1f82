import type { Reason } from '../errors.ts';
import { type Enforced, enforce, hashOf } from './enforcement.ts';
import { type Circumstances, type EffectCounts, judgeTally, type Tally } from './findings.ts';
import { type Effect, effectKey, losses, type PersonAction, type Plan, paced, type Steps } from './plan/index.ts';

export { hashOf } from './enforcement.ts';
export { type EffectCounts, emptyAnswer } from './findings.ts';

/** What may be executed of a plan. */
export interface Verdict extends Omit<Enforced, 'keys'> {
  /** What the status of the run says; absent when nothing is held. */
  readonly held?: {
    /** The guard that held first; the message names all. */
    readonly reason: Reason;
    readonly message: string;
    /** Changes that are held, of all guards. */
    readonly count: number;
    /** Keys of the effects that are withheld, in no order: what an approval is about. */
    readonly keys: readonly string[];
    /** Names exactly this set of keys: a SHA-256 in hexadecimal digits. */
    readonly hash: string;
  };
  /** What `people` does without anybody's approval: what counts for the next seven days. */
  readonly effects: EffectCounts;
}

/**
 * Judges a plan before anything of it is written. What is held are effects, not people: new people, and whatever else
 * an entry says of somebody, go on.
 */
export function* judge(
  plan: Plan,
  circumstances: Circumstances & {
    /** Keys of effects that an administrator approved; the rest is judged as if these were not there. */
    readonly approved?: ReadonlySet<string> | undefined;
  } = {},
): Steps<Verdict> {
  const { approved = new Set<string>() } = circumstances;
  const tally = yield* count(plan.people, approved);
  const findings = judgeTally(tally, plan.facts, circumstances);
  const withheld = new Set(findings.map(({ effect }) => effect));
  const { keys, ...rest } = yield* enforce(plan, withheld, approved);
  const [first] = findings;
  const held = first && {
    reason: first.reason,
    message: findings.map(({ message }) => message).join(' '),
    // Two findings about one effect hold the same actions.
    count: [...withheld].reduce((sum, effect) => sum + (tally.counts.get(effect) ?? 0), 0),
    keys,
    hash: yield* hashOf(keys),
  };
  const effects = yield* effectsOf(rest.people, approved);
  return { ...(held === undefined ? {} : { held }), ...rest, effects };
}

/** How many of each effect these actions have that nobody approved. */
export function* effectsOf(people: readonly PersonAction[], approved: ReadonlySet<string>): Steps<EffectCounts> {
  return Object.fromEntries((yield* count(people, approved)).counts);
}

function* count(people: readonly PersonAction[], approved: ReadonlySet<string>): Steps<Tally> {
  const counts = new Map<Effect, number>();
  const lost = new Map<string, number>();
  const restrictions = new Map<Effect, string>();
  yield* paced(people, (action) => {
    for (const effect of action.effects ?? []) {
      if (approved.size > 0 && approved.has(effectKey(action, effect))) continue;
      const gone = effect === 'LostMembership' ? losses(action) : undefined;
      for (const belonging of gone ?? []) lost.set(belonging, (lost.get(belonging) ?? 0) + 1);
      counts.set(effect, (counts.get(effect) ?? 0) + (gone?.length ?? 1));
      const { restriction } = action;
      const known = restrictions.get(effect);
      if (restriction !== undefined && (known === undefined || restriction < known)) {
        restrictions.set(effect, restriction);
      }
    }
  });
  return { counts, losses: lost, restrictions };
}
