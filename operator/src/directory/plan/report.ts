import type { DirectorySyncStatus } from '@roster/crds';
import { losses } from './effects.ts';
import { explained } from './missing.ts';
import type { Effect, GroupAction, Note, PersonAction, Plan, PlanLine } from './types.ts';

/** What comes first when not everything can be shown. */
const interest: readonly string[] = [
  'Reject',
  'Warn',
  'Delete',
  'Disable',
  'TakeOver',
  'Exclude',
  'Keep',
  'Link',
  'Restore',
  'Update',
  'Create',
];

/** Bounds of the schema of a run's samples. */
const longestRecord = 1024;
const longestMessage = 512;

type Reported = Note | PersonAction | GroupAction;

/** A line for each record that there is something to say about; none for the unchanged. */
export function* lines({ notes, people, groups }: Plan): Generator<PlanLine> {
  for (const note of notes) yield line(note);
  for (const action of groups) yield line(action);
  for (const action of people) yield line(action);
}

/** At most `limit` lines of interest, rejected records first; the same whatever the order of the records. */
export function samples(plan: Plan, limit = 20): NonNullable<DirectorySyncStatus['samples']> {
  const first: Reported[] = [];
  // Lines are made of the few that are shown: making all takes longer than the event loop may stand still.
  for (const all of [plan.notes, plan.groups, plan.people]) {
    for (const reported of all) {
      const last = first.at(-1);
      if (first.length === limit && last !== undefined && compare(last, reported) <= 0) continue;
      const index = first.findIndex((other) => compare(reported, other) < 0);
      first.splice(index < 0 ? first.length : index, 0, reported);
      if (first.length > limit) first.pop();
    }
  }
  return first.map(line).map(({ action, reason, record, name, message }) => ({
    action,
    record: record.slice(0, longestRecord),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    ...(message === undefined ? {} : { message: message.slice(0, longestMessage) }),
  }));
}

/** Negative when `a` is of more interest than `b`. */
function compare(a: Reported, b: Reported): number {
  if (a.action !== b.action) return interest.indexOf(a.action) - interest.indexOf(b.action);
  return (
    inOrder(reasonOf(a), reasonOf(b)) ||
    inOrder(labelOf(a), labelOf(b)) ||
    inOrder(a.kind, b.kind) ||
    inOrder(nameOf(a), nameOf(b))
  );
}

function inOrder(a = '', b = ''): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const reasonOf = (reported: Reported) => ('reason' in reported ? reported.reason : undefined);
const nameOf = (reported: Reported) => ('ref' in reported ? reported.ref.name : reported.name);

/** The record's label, or what the directory calls what it no longer has. */
function labelOf(reported: Reported): string {
  return reported.record?.label ?? ('externalId' in reported ? reported.externalId : undefined) ?? '';
}

/** How many records there are by action and reason, sorted; of actions those that name a reason. */
export function reasonCounts(notes: readonly Note[], removals: readonly PersonAction[] = []): Plan['reasons'] {
  const counts = new Map<string, { action: string; reason: string; count: number }>();
  for (const { action, reason } of [...notes, ...removals]) {
    if (reason === undefined) continue;
    const key = `${action} ${reason}`;
    const entry = counts.get(key);
    if (entry === undefined) counts.set(key, { action, reason, count: 1 });
    else entry.count += 1;
  }
  const rank = ({ action, reason }: { readonly action: string; readonly reason: string }) =>
    `${String(interest.indexOf(action)).padStart(2)} ${reason}`;
  return [...counts.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** A line for one effect of an action that is held: what would be done, and why it needs approval. */
export function heldLine(action: PersonAction, effect: Effect): PlanLine {
  const { kind, record, restriction } = action;
  const why = restriction === undefined ? '' : ` It needs approval, because ${restriction}.`;
  return {
    action: 'Hold',
    kind,
    name: 'ref' in action ? action.ref.name : action.name,
    record: record.label,
    externalId: record.externalId,
    reason: effect,
    message: `${intention(action, effect)}.${why}`,
  };
}

function intention(action: PersonAction, effect: Effect): string {
  switch (effect) {
    case 'Creation':
      return 'Would be created';
    case 'Mail':
      return 'Would be created and get an invitation by mail';
    case 'Seat':
      return 'Would take a seat of a licence that has too few left';
    case 'Link':
    case 'RestrictedLink':
      return 'Would be linked with this entry';
    case 'AddressChange':
      return 'Would get another address or account';
    case 'LostMembership':
      return `Would lose the ${losses(action).join(', the ')}`;
    case 'Removal':
    case 'RestrictedRemoval': {
      const why = action.reason === undefined ? '' : `: ${explained[action.reason]}`;
      return `Would be ${action.action === 'Delete' ? 'deleted' : 'disabled'}${why}`;
    }
    case 'Restore':
      return 'Would get access again';
    case 'RestrictedChange':
      return 'Would be changed in what decides about access';
    case 'Grant':
      return 'Would get administration rights';
    case 'TakeOver':
      return 'Would be taken over from another directory';
  }
}

function line(reported: Reported): PlanLine {
  const { action, kind } = reported;
  const externalId = 'message' in reported ? reported.externalId : reported.record.externalId;
  const name = nameOf(reported);
  const reason = reasonOf(reported);
  const message = 'message' in reported ? reported.message : explanation(reported);
  return {
    action,
    kind,
    record: labelOf(reported),
    ...(externalId === undefined ? {} : { externalId }),
    ...(name === undefined ? {} : { name }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

const removed = { Disable: 'Disabled', Delete: 'Deleted' } as const;

function explanation(planned: PersonAction | GroupAction): string | undefined {
  switch (planned.action) {
    case 'Disable':
    case 'Delete':
      return planned.reason === undefined ? undefined : `${removed[planned.action]}: ${explained[planned.reason]}.`;
    case 'TakeOver':
      return `From the entry ${planned.before.externalId} of the directory ${planned.before.directory}.`;
    case 'Update':
    case 'Restore':
      return `Changed: ${planned.changed.join(', ')}.`;
    default:
      return undefined;
  }
}
