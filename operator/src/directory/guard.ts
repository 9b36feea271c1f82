import { hash } from 'node:crypto';
import type { UserDirectory } from '@roster/crds';
import type { Reason } from '../errors.ts';
import {
  type Effect,
  effectKey,
  type GroupAction,
  type GuardFacts,
  losses,
  type PersonAction,
  type Plan,
  paced,
  type Steps,
  withoutEffects,
} from './plan/index.ts';

/**
 * How much may change at once: up to the floor always, beyond it so many per cent of what there is, but no more than
 * the cap.
 */
export type GuardSettings = Readonly<UserDirectory['spec']['guard']>;

export const defaultGuard: GuardSettings = { floor: 3, percent: 5, cap: 500 };

/** How many of each effect; memberships and rights count for themselves. */
export type EffectCounts = Readonly<Partial<Record<Effect, number>>>;

/** What a plan is judged by beside itself. */
export interface Circumstances {
  readonly settings?: GuardSettings | undefined;
  /** What runs of this directory did in the last seven days without anybody's approval. */
  readonly history?: EffectCounts | undefined;
  /** Whether the last successful run read another server, base or filter, or by another account. */
  readonly settingsChanged?: boolean | undefined;
  /** Keys of effects that an administrator approved; the rest is judged as if these were not there. */
  readonly approved?: ReadonlySet<string> | undefined;
}

/** What may be executed of a plan. */
export interface Verdict {
  /** What the status of the run says; absent when nothing is held. */
  readonly held?: {
    /** The guard that held first; the message names all. */
    readonly reason: Reason;
    readonly message: string;
    /** Changes that are held, of all guards. */
    readonly count: number;
    /** Keys of the effects that are withheld, in no order: what an approval is about. */
    readonly keys: readonly string[];
    /** SHA-256 over the sorted keys, in hexadecimal digits. */
    readonly hash: string;
  };
  /** What may be done for people: actions that pass, and what is left of the others. */
  readonly people: readonly PersonAction[];
  /** Without groups that are to be created for people who are withheld. */
  readonly groups: readonly GroupAction[];
  /** How many actions are withheld, whole or in part. */
  readonly withheld: number;
  /** What `people` does without anybody's approval: what counts for the next seven days. */
  readonly effects: EffectCounts;
}

/**
 * Judges a plan before anything of it is written. What is held are effects, not people: new people, and whatever else
 * an entry says of somebody, go on.
 */
export function* judge(plan: Plan, circumstances: Circumstances = {}): Steps<Verdict> {
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

/** What is left of a plan when such effects are withheld, but for those with an approved key. */
export function* enforce(
  plan: Pick<Plan, 'people' | 'groups'>,
  effects: ReadonlySet<Effect>,
  approved: ReadonlySet<string> = new Set(),
): Steps<Pick<Verdict, 'people' | 'groups' | 'withheld'> & { readonly keys: readonly string[] }> {
  const held = yield* withhold(plan.people, effects, approved);
  if (held.size === 0) return { people: plan.people, groups: plan.groups, withheld: 0, keys: [] };
  const people = yield* executable(plan.people, held);
  const groups = yield* inhabited(plan.groups, people);
  return { people, groups, withheld: held.size, keys: yield* keysOf(held) };
}

/** What a plan would do that nobody approved. */
export interface Tally {
  readonly counts: ReadonlyMap<Effect, number>;
  /** How many people lose each group, organization or role. */
  readonly losses: ReadonlyMap<string, number>;
  /** A reason for each effect that needs approval, the same whatever the order of the people. */
  readonly restrictions: ReadonlyMap<Effect, string>;
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

interface Finding {
  readonly effect: Effect;
  readonly reason: Reason;
  readonly message: string;
}

/** What is held, and why. */
export function judgeTally(tally: Tally, facts: GuardFacts, circumstances: Circumstances): readonly Finding[] {
  const { settings = defaultGuard, history = {}, settingsChanged = false } = circumstances;
  const { people, linked, memberships } = facts;
  const now = (effect: Effect) => tally.counts.get(effect) ?? 0;
  const recent = (effect: Effect) => history[effect] ?? 0;
  const within = (effect: Effect) => (recent(effect) > 0 ? `, after ${recent(effect)} in the last seven days` : '');

  /** Judges a number by floor, share and cap. */
  const many = (effect: Effect, base: number, reason: Reason, what: string): Finding[] => {
    const { floor, percent, cap } = settings;
    const allowed = Math.min(cap, Math.max(floor, Math.floor((base * percent) / 100)));
    if (now(effect) === 0 || now(effect) + recent(effect) <= allowed) return [];
    const limit = recent(effect) > 0 ? `${allowed} may within seven days` : `${allowed} may at once`;
    return [{ effect, reason, message: `${now(effect)} of ${base} ${what}${within(effect)}; ${limit}.` }];
  };
  /** Whatever the settings say, the half is never lost unasked. */
  const half = (effect: Effect, base: number, atLeast: number) => {
    const going = now(effect) + recent(effect);
    return now(effect) > 0 && going > atLeast && going * 2 >= base;
  };
  const when = (condition: boolean, effect: Effect, reason: Reason, message: string): Finding[] =>
    condition ? [{ effect, reason, message }] : [];
  const restricted = (effect: Effect, reason: Reason, one: string, several: string): Finding[] =>
    when(
      now(effect) > 0,
      effect,
      reason,
      `${now(effect)} ${now(effect) === 1 ? one : several} approval, for example because ${tally.restrictions.get(effect) ?? 'this always does'}.`,
    );

  const removals = many('Removal', linked, 'ManyRemovals', 'people would be disabled or deleted');
  const lost = many('LostMembership', memberships, 'ManyMembershipsLost', 'memberships would go');
  const changed = 'What decides who is found was changed since the last success, so';
  return [
    ...(removals.length > 0
      ? removals
      : when(
          half('Removal', linked, 0),
          'Removal',
          'ManyRemovals',
          `${now('Removal')} of ${linked} people would be disabled or deleted${within('Removal')}, half of them or more.`,
        )),
    ...when(
      settingsChanged && now('Removal') > 0,
      'Removal',
      'ReadSettingsChanged',
      `${changed} ${number(now('Removal'), 'removal')} may be a slip.`,
    ),
    ...(lost.length > 0
      ? lost
      : when(
          half('LostMembership', memberships, settings.floor),
          'LostMembership',
          'ManyMembershipsLost',
          `${now('LostMembership')} of ${memberships} memberships would go${within('LostMembership')}, half of them or more.`,
        )),
    ...when(
      settingsChanged && now('LostMembership') > 0,
      'LostMembership',
      'ReadSettingsChanged',
      `${changed} ${number(now('LostMembership'), 'lost membership')} may be a slip.`,
    ),
    ...groupsEmptied(tally, facts, settings),
    ...many('AddressChange', linked, 'ManyAddressChanges', 'people would get another address'),
    // Of all people of the tenant: before the first run nobody is linked, and a share of nobody would let nobody pass.
    ...many('Link', people, 'ManyLinks', 'people would be linked to the directory'),
    ...many('Restore', linked, 'ManyRestored', 'people could sign in again'),
    ...creations(now('Creation'), facts, settings),
    ...when(
      now('Mail') > 0 && now('Mail') + recent('Mail') > settings.cap,
      'Mail',
      'ManyInvitations',
      `${now('Mail')} people would be created and invited by mail${within('Mail')}; ${settings.cap} may be within seven days.`,
    ),
    ...when(
      now('Seat') > 0,
      'Seat',
      'SeatsMissing',
      `${now('Seat')} people to be created would need seats that the tenant does not have.`,
    ),
    ...restricted('TakeOver', 'TakeOverNeedsApproval', 'takeover needs', 'takeovers need'),
    ...restricted('RestrictedLink', 'LinkNeedsApproval', 'link needs', 'links need'),
    ...restricted('RestrictedChange', 'ChangeNeedsApproval', 'change needs', 'changes need'),
    ...restricted('RestrictedRemoval', 'RemovalNeedsApproval', 'removal needs', 'removals need'),
    ...restricted('Grant', 'GrantNeedsApproval', 'grant of rights needs', 'grants of rights need'),
  ];
}

const number = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * A share of a group is a handful of people, who come and go every day; so a group is held by the half, and small groups
 * not at all. Likewise the organizations and roles that mappings give.
 */
function groupsEmptied({ losses: lost }: Tally, { members }: GuardFacts, { floor }: GuardSettings): Finding[] {
  const halved = [...lost]
    .map(([name, gone]) => ({ name, gone, had: members.get(name) ?? gone }))
    .filter(({ gone, had }) => gone > floor && gone * 2 >= had)
    .sort((a, b) => b.gone - a.gone || (a.name < b.name ? -1 : 1));
  const [worst] = halved;
  if (worst === undefined) return [];
  const others = halved.length > 1 ? `, and ${halved.length - 1} more would lose half or more` : '';
  const message = `The ${worst.name} would lose ${worst.gone} of ${worst.had} members${others}.`;
  return [{ effect: 'LostMembership', reason: 'GroupLosesMembers', message }];
}

/**
 * A tenant that is filled for the first time is what a directory is for. But where others work already, a directory that
 * more than doubles what it has filled may have the wrong base, and thousands of strangers are hard to get rid of.
 */
function creations(created: number, { people, linked }: GuardFacts, { floor, cap }: GuardSettings): Finding[] {
  const others = people - linked;
  if (created <= cap || created <= linked || others <= floor) return [];
  const message = `${created} people would be created where the directory fills ${linked} and ${others} others are; ${cap} may be at once.`;
  return [{ effect: 'Creation', reason: 'ManyCreations', message }];
}

/** Effects that are withheld from an action. */
type Withheld = ReadonlyMap<PersonAction, ReadonlySet<Effect>>;

const addressEffects: readonly Effect[] = ['AddressChange', 'RestrictedChange'];

/**
 * The actions from which something is withheld. Who awaits an address is withheld, too, while its holder keeps it, and so
 * is whoever awaits that one's.
 */
function* withhold(
  people: readonly PersonAction[],
  effects: ReadonlySet<Effect>,
  approved: ReadonlySet<string>,
): Steps<Withheld> {
  const held = new Map<PersonAction, Set<Effect>>();
  if (effects.size === 0) return held;
  const awaiting = new Map<string, PersonAction[]>();
  yield* paced(people, (action) => {
    const { awaits } = action;
    if (awaits !== undefined) awaiting.set(awaits, [...(awaiting.get(awaits) ?? []), action]);
    const own = action.effects?.filter(
      (effect) => effects.has(effect) && !(approved.size > 0 && approved.has(effectKey(action, effect))),
    );
    if (own !== undefined && own.length > 0) held.set(action, new Set(own));
  });
  const staying = [...held.keys()].filter((action) => keepsAddress(action, held));
  for (let action = staying.pop(); action !== undefined; action = staying.pop()) {
    for (const waiting of ('ref' in action ? awaiting.get(action.ref.name) : undefined) ?? []) {
      if (keepsAddress(waiting, held)) continue;
      const own = waiting.effects?.filter((effect) => !isUpdate(waiting) || addressEffects.includes(effect)) ?? [];
      held.set(waiting, new Set([...(held.get(waiting) ?? []), ...own]));
      staying.push(waiting);
    }
  }
  return held;
}

function keepsAddress(action: PersonAction, held: Withheld): boolean {
  const own = held.get(action);
  return own !== undefined && (!isUpdate(action) || addressEffects.some((effect) => own.has(effect)));
}

const isUpdate = ({ action }: PersonAction) => action === 'Update' || action === 'Restore';

/** The actions that pass, and of updates what is left without the effects withheld; other actions go whole. */
function* executable(people: readonly PersonAction[], held: Withheld): Steps<PersonAction[]> {
  const left: PersonAction[] = [];
  yield* paced(people, (action) => {
    const own = held.get(action);
    if (own === undefined) left.push(action);
    else if (action.action === 'Update' || action.action === 'Restore') {
      const rest = withoutEffects(action, own);
      if (rest !== undefined) left.push(rest);
    }
  });
  return left;
}

/** The groups without those that would be created for nobody. */
function* inhabited(groups: readonly GroupAction[], people: readonly PersonAction[]): Steps<GroupAction[]> {
  const empty = new Set(groups.flatMap((action) => (action.action === 'Create' ? [action.name] : [])));
  if (empty.size > 0) {
    yield* paced(people, (action) => {
      const source = action.action === 'Create' ? action.spec.source : action.source;
      for (const group of source?.groups ?? []) empty.delete(group);
    });
  }
  return groups.filter((action) => action.action !== 'Create' || !empty.has(action.name));
}

function* keysOf(held: Withheld): Steps<string[]> {
  const keys: string[] = [];
  yield* paced(held, ([action, effects]) => {
    for (const effect of effects) keys.push(effectKey(action, effect));
  });
  return keys;
}

/** Names a set of keys. Sorted by their first digits and then piece by piece: a hundred thousand at once would take too long. */
export function* hashOf(keys: readonly string[]): Steps<string> {
  const pieces = new Map<string, string[]>();
  yield* paced(keys, (key) => {
    const piece = pieces.get(key.slice(0, 2));
    if (piece === undefined) pieces.set(key.slice(0, 2), [key]);
    else piece.push(key);
  });
  let text = '';
  for (const [, piece] of [...pieces].sort(([a], [b]) => (a < b ? -1 : 1))) {
    text = hash('sha256', `${text}${piece.sort().join('')}`, 'hex');
    yield;
  }
  return text;
}
