import { hash } from 'node:crypto';
import {
  type Effect,
  effectKey,
  type GroupAction,
  type PersonAction,
  type Plan,
  paced,
  type Steps,
  withoutEffects,
} from './plan/index.ts';

/** What may be executed of a plan, and what not. */
export interface Enforced {
  /** What may be done for people: actions that pass, and what is left of the others. */
  readonly people: readonly PersonAction[];
  /** Without groups that are to be created for people who are withheld. */
  readonly groups: readonly GroupAction[];
  /** How many actions are withheld, whole or in part. */
  readonly withheld: number;
  /** Keys of the effects that are withheld, in no order. */
  readonly keys: readonly string[];
}

/** What is left of a plan when such effects are withheld, but for those with an approved key. */
export function* enforce(
  plan: Pick<Plan, 'people' | 'groups'>,
  effects: ReadonlySet<Effect>,
  approved: ReadonlySet<string> = new Set(),
): Steps<Enforced> {
  const held = yield* withhold(plan.people, effects, approved);
  if (held.size === 0) return { people: plan.people, groups: plan.groups, withheld: 0, keys: [] };
  const people = yield* executable(plan.people, held);
  const groups = yield* inhabited(plan.groups, people);
  return { people, groups, withheld: held.size, keys: yield* keysOf(held) };
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
  if (awaiting.size === 0) return held;
  const staying: PersonAction[] = [];
  yield* paced(held.keys(), (action) => {
    if ('ref' in action && awaiting.has(action.ref.name) && keepsAddress(action, held)) staying.push(action);
  });
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
