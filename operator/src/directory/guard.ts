import type { Reason } from '../errors.ts';
import { type Effect, type GuardFacts, type PersonAction, withoutEffects } from './plan/index.ts';

/** How much may change at once: up to the floor always, beyond it a share of what there is, but no more than the cap. */
export interface GuardSettings {
  readonly floor: number;
  /** Between 0 and 1. */
  readonly share: number;
  readonly cap: number;
}

export const defaultGuard: GuardSettings = { floor: 3, share: 0.05, cap: 500 };

/** What may be executed of a plan. */
export interface Verdict {
  /** What the status of the run says; absent when nothing is held. */
  readonly held?: {
    /** The guard that held first; the message names all. */
    readonly reason: Reason;
    readonly message: string;
    /** Changes that are held, of all guards. */
    readonly count: number;
  };
  /** Effects that nothing that is executed may have. */
  readonly withheld: ReadonlySet<Effect>;
}

interface Finding {
  readonly effect: Effect;
  readonly reason: Reason;
  readonly message: string;
  readonly count: number;
}

/**
 * Judges a plan before anything of it is written. What is held are effects, not people: new people, and whatever else
 * an entry says of somebody, go on.
 */
export function judge(facts: GuardFacts, settings: GuardSettings = defaultGuard): Verdict {
  const findings = [
    membershipsLost(facts, settings),
    groupsEmptied(facts, settings),
    addressesChanged(facts, settings),
    peopleLinked(facts, settings),
  ].filter((finding) => finding !== undefined);
  const [first] = findings;
  const withheld = new Set(findings.map(({ effect }) => effect));
  if (first === undefined) return { withheld };
  // Two findings about one effect hold the same actions.
  const counts = new Map(findings.map(({ effect, count }) => [effect, count]));
  return {
    held: {
      reason: first.reason,
      message: findings.map(({ message }) => message).join(' '),
      count: [...counts.values()].reduce((sum, count) => sum + count, 0),
    },
    withheld,
  };
}

/**
 * Whether an action passes as it is. Who awaits an address does not while addresses stay where they are: it still
 * belongs to the person who is to give it up.
 */
export function passes({ withheld }: Verdict, { effects, awaits }: Pick<PersonAction, 'effects' | 'awaits'>): boolean {
  if (awaits !== undefined && withheld.has('AddressChange')) return false;
  return effects?.every((effect) => !withheld.has(effect)) ?? true;
}

/** What may be executed: the actions that pass, and of the other updates what is left without the effects withheld. */
export function executable(people: readonly PersonAction[], verdict: Verdict): readonly PersonAction[] {
  const { withheld } = verdict;
  if (withheld.size === 0) return people;
  return people.flatMap((action) => {
    if (passes(verdict, action)) return [action];
    // People who are to be linked stay without the directory, and without an address nobody is created.
    return action.action === 'Update' ? (withoutEffects(action, withheld) ?? []) : [];
  });
}

/** How many of `base` may change at once. */
function allowance(base: number, { floor, share, cap }: GuardSettings): number {
  return Math.min(cap, Math.max(floor, Math.floor(base * share)));
}

function membershipsLost({ memberships, lostMemberships }: GuardFacts, settings: GuardSettings): Finding | undefined {
  const allowed = allowance(memberships, settings);
  if (lostMemberships <= allowed) return undefined;
  return {
    effect: 'LostMembership',
    reason: 'ManyMembershipsLost',
    message: `${lostMemberships} of ${memberships} memberships would go; ${allowed} may go at once.`,
    count: lostMemberships,
  };
}

/**
 * A share of a group is a handful of people, who come and go every day; so a group is held by the half, and small groups
 * not at all.
 */
function groupsEmptied({ groupLosses, lostMemberships }: GuardFacts, { floor }: GuardSettings): Finding | undefined {
  const halved = groupLosses.filter(({ members, lost }) => lost > floor && lost * 2 >= members);
  const [worst] = halved.toSorted((a, b) => b.lost - a.lost || (a.name < b.name ? -1 : 1));
  if (worst === undefined) return undefined;
  const others = halved.length > 1 ? `, and ${halved.length - 1} more groups half or more` : '';
  return {
    effect: 'LostMembership',
    reason: 'GroupLosesMembers',
    message: `The group ${worst.name} would lose ${worst.lost} of ${worst.members} members${others}.`,
    count: lostMemberships,
  };
}

function addressesChanged({ linked, addressChanges }: GuardFacts, settings: GuardSettings): Finding | undefined {
  const allowed = allowance(linked, settings);
  if (addressChanges <= allowed) return undefined;
  return {
    effect: 'AddressChange',
    reason: 'ManyAddressChanges',
    message: `${addressChanges} of ${linked} people would get another address; ${allowed} may at once.`,
    count: addressChanges,
  };
}

/** Of all people of the tenant: before the first run nobody is linked, and a share of nobody would let nobody pass. */
function peopleLinked({ people, links }: GuardFacts, settings: GuardSettings): Finding | undefined {
  const allowed = allowance(people, settings);
  if (links <= allowed) return undefined;
  return {
    effect: 'Link',
    reason: 'ManyLinks',
    message: `${links} of ${people} people would be linked to the directory; ${allowed} may be at once.`,
    count: links,
  };
}
