import type { UserDirectory } from '@roster/crds';
import type { Reason } from '../errors.ts';
import type { Effect, GuardFacts } from './plan/index.ts';

/**
 * How much may change at once: up to the floor always, beyond it so many per cent of what there is, but no more than
 * the cap.
 */
export type GuardSettings = Readonly<UserDirectory['spec']['guard']>;

const defaultGuard: GuardSettings = { floor: 3, percent: 5, cap: 500 };

/** How many of each effect; memberships and rights count for themselves. */
export type EffectCounts = Readonly<Partial<Record<Effect, number>>>;

/** What a plan would do that nobody approved. */
export interface Tally {
  readonly counts: ReadonlyMap<Effect, number>;
  /** How many people lose each group, organization or role. */
  readonly losses: ReadonlyMap<string, number>;
  /** A reason for each effect that needs approval, the same whatever the order of the people. */
  readonly restrictions: ReadonlyMap<Effect, string>;
}

/** What a plan is judged by beside itself. */
export interface Circumstances {
  readonly settings?: GuardSettings | undefined;
  /** What runs of this directory did in the last seven days without anybody's approval. */
  readonly history?: EffectCounts | undefined;
  /** Whether the last successful run read another server, base or filter, or by another account. */
  readonly settingsChanged?: boolean | undefined;
  /** How many people the directory was to give when it gave nobody at all; then nobody is removed unasked. */
  readonly emptied?: number | undefined;
}

/** Why an effect is held. */
export interface Finding {
  readonly effect: Effect;
  readonly reason: Reason;
  readonly message: string;
}

/** What is held, and why; what cannot be undone comes first. */
export function judgeTally(tally: Tally, facts: GuardFacts, circumstances: Circumstances): readonly Finding[] {
  const matter = new Matter(tally, facts, circumstances);
  return rules.flatMap((rule) => rule(matter) ?? []);
}

/** All that a rule judges by. */
class Matter {
  readonly tally: Tally;
  readonly facts: GuardFacts;
  readonly settings: GuardSettings;
  readonly settingsChanged: boolean;
  readonly emptied: number;
  readonly #history: EffectCounts;

  constructor(tally: Tally, facts: GuardFacts, circumstances: Circumstances) {
    this.tally = tally;
    this.facts = facts;
    this.settings = circumstances.settings ?? defaultGuard;
    this.settingsChanged = circumstances.settingsChanged ?? false;
    this.emptied = circumstances.emptied ?? 0;
    this.#history = circumstances.history ?? {};
  }

  now(effect: Effect): number {
    return this.tally.counts.get(effect) ?? 0;
  }

  recent(effect: Effect): number {
    return this.#history[effect] ?? 0;
  }

  /** Within seven days. */
  total(effect: Effect): number {
    return this.now(effect) + this.recent(effect);
  }

  /** `2 of 800 people would go, after 39 in the last seven days`. */
  told(effect: Effect, base: number, what: string): string {
    const recent = this.recent(effect);
    return `${this.now(effect)} of ${base} ${what}${recent > 0 ? `, after ${recent} in the last seven days` : ''}`;
  }
}

type Rule = (matter: Matter) => Finding | undefined;

/** What one effect is called, and of how many there can be. */
interface Subject {
  readonly effect: Effect;
  readonly reason: Reason;
  readonly base: (facts: GuardFacts) => number;
  readonly what: string;
}

/** Holds what is more than floor, share and cap let pass. */
const many =
  ({ effect, reason, base: baseOf, what }: Subject): Rule =>
  (matter) => {
    const base = baseOf(matter.facts);
    const { floor, percent, cap } = matter.settings;
    const allowed = Math.min(cap, Math.max(floor, Math.floor((base * percent) / 100)));
    if (matter.now(effect) === 0 || matter.total(effect) <= allowed) return undefined;
    const when = matter.recent(effect) > 0 ? 'within seven days' : 'at once';
    return { effect, reason, message: `${matter.told(effect, base, what)}; ${allowed} may ${when}.` };
  };

/** Holds what would be half of all there is, whatever the settings say; so few as `few` says may always go. */
const half =
  ({ effect, reason, base: baseOf, what }: Subject, few: (settings: GuardSettings) => number): Rule =>
  (matter) => {
    const base = baseOf(matter.facts);
    const going = matter.total(effect);
    if (matter.now(effect) === 0 || going <= few(matter.settings) || going * 2 < base) return undefined;
    return { effect, reason, message: `${matter.told(effect, base, what)}, half of them or more.` };
  };

const firstOf =
  (one: Rule, other: Rule): Rule =>
  (matter) =>
    one(matter) ?? other(matter);

/** Holds what goes after a change of what is read: it may only be out of sight. */
const afterChange =
  (effect: Effect, one: string, several: string): Rule =>
  (matter) => {
    const count = matter.now(effect);
    if (!matter.settingsChanged || count === 0) return undefined;
    const what = `${count} ${count === 1 ? one : several}`;
    const message = `What decides who is found was changed since the last success, so ${what} may be a slip.`;
    return { effect, reason: 'ReadSettingsChanged', message };
  };

/** Holds what needs approval, however few it is. */
const always =
  (effect: Effect, reason: Reason, one: string, several: string): Rule =>
  ({ tally }) => {
    const count = tally.counts.get(effect) ?? 0;
    if (count === 0) return undefined;
    const why = tally.restrictions.get(effect);
    const example = why === undefined ? '' : `, for example because ${why}`;
    return { effect, reason, message: `${count} ${count === 1 ? one : several} approval${example}.` };
  };

/** What a run says that found nobody. */
export const emptyAnswer = (people: number): string =>
  `Nobody matches, although this directory still had ${people} ${people === 1 ? 'person' : 'people'}.`;

const nobodyFound: Rule = (matter) =>
  matter.emptied > 0 && matter.now('Removal') > 0
    ? { effect: 'Removal', reason: 'EmptyAnswer', message: emptyAnswer(matter.emptied) }
    : undefined;

/**
 * A share of a group is a handful of people, who come and go every day; so a group is held by the half, and small groups
 * not at all. Likewise the organizations and roles that mappings give.
 */
const groupEmptied: Rule = ({ tally, facts, settings }) => {
  const halved = [...tally.losses]
    .map(([name, gone]) => ({ name, gone, had: facts.members.get(name) ?? gone }))
    .filter(({ gone, had }) => gone > settings.floor && gone * 2 >= had)
    .sort((a, b) => b.gone - a.gone || (a.name < b.name ? -1 : 1));
  const [worst] = halved;
  if (worst === undefined) return undefined;
  const others = halved.length > 1 ? `, and ${halved.length - 1} more would lose half or more` : '';
  const message = `The ${worst.name} would lose ${worst.gone} of ${worst.had} members${others}.`;
  return { effect: 'LostMembership', reason: 'GroupLosesMembers', message };
};

/**
 * A tenant that is filled for the first time is what a directory is for. But where others work already, a directory that
 * more than doubles what it has filled may have the wrong base, and thousands of strangers are hard to get rid of.
 */
const manyCreations: Rule = (matter) => {
  const created = matter.now('Creation');
  const { people, linked } = matter.facts;
  const { floor, cap } = matter.settings;
  const others = people - linked;
  if (created <= cap || created <= linked || others <= floor) return undefined;
  const message = `${created} people would be created where the directory fills ${linked} and ${others} others are; ${cap} may be at once.`;
  return { effect: 'Creation', reason: 'ManyCreations', message };
};

const manyInvitations: Rule = (matter) => {
  const { cap } = matter.settings;
  if (matter.now('Mail') === 0 || matter.total('Mail') <= cap) return undefined;
  const people = matter.told('Mail', matter.now('Creation'), 'people to be created would be invited by mail');
  return { effect: 'Mail', reason: 'ManyInvitations', message: `${people}; ${cap} may within seven days.` };
};

const seatsMissing: Rule = (matter) => {
  const count = matter.now('Seat');
  if (count === 0) return undefined;
  const message = `${count} ${count === 1 ? 'person' : 'people'} would need seats that the tenant does not have.`;
  return { effect: 'Seat', reason: 'SeatsMissing', message };
};

const removals: Subject = {
  effect: 'Removal',
  reason: 'ManyRemovals',
  base: ({ linked }) => linked,
  what: 'people would be disabled or deleted',
};
const losses: Subject = {
  effect: 'LostMembership',
  reason: 'ManyMembershipsLost',
  base: ({ memberships }) => memberships,
  what: 'memberships would go',
};
const addressChanges: Subject = {
  effect: 'AddressChange',
  reason: 'ManyAddressChanges',
  base: ({ linked }) => linked,
  what: 'people would get another address',
};
const links: Subject = {
  effect: 'Link',
  reason: 'ManyLinks',
  // Of all people of the tenant: before the first run nobody is linked, and a share of nobody would let nobody pass.
  base: ({ people }) => people,
  what: 'people would be linked to the directory',
};
const restorations: Subject = {
  effect: 'Restore',
  reason: 'ManyRestored',
  base: ({ linked }) => linked,
  what: 'people could sign in again',
};

const rules: readonly Rule[] = [
  nobodyFound,
  firstOf(
    many(removals),
    half(removals, () => 0),
  ),
  afterChange('Removal', 'removal', 'removals'),
  firstOf(
    many(losses),
    half(losses, ({ floor }) => floor),
  ),
  afterChange('LostMembership', 'lost membership', 'lost memberships'),
  groupEmptied,
  many(addressChanges),
  many(links),
  many(restorations),
  manyCreations,
  manyInvitations,
  seatsMissing,
  always('TakeOver', 'TakeOverNeedsApproval', 'takeover needs', 'takeovers need'),
  always('RestrictedLink', 'LinkNeedsApproval', 'link needs', 'links need'),
  always('RestrictedChange', 'ChangeNeedsApproval', 'change needs', 'changes need'),
  always('RestrictedRemoval', 'RemovalNeedsApproval', 'removal needs', 'removals need'),
  always('Grant', 'GrantNeedsApproval', 'grant of rights needs', 'grants of rights need'),
];
