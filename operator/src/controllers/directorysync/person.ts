import { canonicalAddress, type Person } from '@roster/crds';
import {
  inSlices,
  type PersonAction,
  type Plan,
  paced,
  type Steps,
  withoutEffects,
} from '../../directory/plan/index.ts';
import type { FoundEntry, OpenDirectory } from '../../directory/reader.ts';
import type { DirectoryContents, GroupRecord, PersonRecord, RejectedRecord } from '../../directory/record.ts';

/**
 * Finds the one person whom a run is about: in what was read, else by the address of somebody whom the directory filled
 * before, else wherever the account may see. Undefined when there is no such entry. @throws DirectoryError
 */
export async function identify(
  person: string,
  contents: DirectoryContents,
  directory: Pick<OpenDirectory, 'find' | 'locate'>,
  linked: Iterable<Person>,
): Promise<FoundEntry | undefined> {
  const read = await inSlices(inContents(person, contents));
  if (read !== undefined) return read;
  const externalId = await inSlices(filledBefore(person, linked));
  if (externalId === undefined) return await directory.find(person);
  const known = await inSlices(inContents(externalId, contents));
  if (known !== undefined) return known;
  const whereabouts = (await directory.locate([externalId])).get(externalId) ?? 'NotVisible';
  return { externalId, label: person, whereabouts };
}

/** The id of whom the directory filled under this address. */
function* filledBefore(person: string, linked: Iterable<Person>): Steps<string | undefined> {
  const address = canonicalAddress(person);
  let found: string | undefined;
  yield* paced(linked, ({ spec, status }) => {
    if (canonicalAddress(status?.email ?? spec.source?.email ?? '') === address) found ??= spec.source?.externalId;
  });
  return found;
}

function* inContents(person: string, { people, groups, rejected }: DirectoryContents): Steps<FoundEntry | undefined> {
  const rejectedOf = (kind: RejectedRecord['of']) => rejected.filter(({ of }) => of === kind);
  const found = (yield* named(person, people)) ?? (yield* named(person, rejectedOf('Person')));
  if (found !== undefined) return found;
  const group = (yield* named(person, groups)) ?? (yield* named(person, rejectedOf('Group')));
  return group && { ...group, whereabouts: 'Group' };
}

/** The first record with this id, label or address. */
function* named(
  name: string,
  records: readonly (PersonRecord | GroupRecord | RejectedRecord)[],
): Steps<FoundEntry | undefined> {
  const wanted = name.trim().toLowerCase();
  const address = canonicalAddress(name);
  let found: FoundEntry | undefined;
  yield* paced(records, (record) => {
    const { externalId = '', label } = record;
    const isNamed = externalId.toLowerCase() === wanted || label.toLowerCase() === wanted;
    const email = 'email' in record ? record.email : undefined;
    if (isNamed || (email !== undefined && canonicalAddress(email) === address)) found ??= { externalId, label };
  });
  return found;
}

/**
 * What a plan says and does about this entry alone, with the groups that it needs; nothing when there is none. Whose new
 * address somebody else has keeps the former one for now: that person's own change is not part of it.
 */
export function planOf(plan: Plan, entry: FoundEntry | undefined): Plan {
  const notes = plan.notes.filter(
    ({ kind, externalId, record }) =>
      kind !== 'Group' && entry !== undefined && (externalId === entry.externalId || record?.label === entry.label),
  );
  const people = plan.people.filter(({ record }) => record.externalId === entry?.externalId).flatMap(withoutWaiting);
  const needed = new Set(people.flatMap((action) => blockOf(action)?.groups ?? []));
  const groups = plan.groups.filter((action) => action.action === 'Create' && needed.has(action.name));
  const acted = (...actions: readonly PersonAction['action'][]) =>
    people.filter(({ action }) => actions.includes(action)).length;
  const noted = (action: Plan['notes'][number]['action']) => notes.filter((note) => note.action === action).length;
  const rejected = noted('Reject');
  const excluded = noted('Exclude');
  const missing = noted('Keep');
  const isRead = entry !== undefined && entry.whereabouts === undefined && missing === 0;
  return {
    ...plan,
    people,
    groups,
    notes,
    memberships: needed.size,
    reasons: [],
    counts: {
      people: {
        found: isRead ? 1 : 0,
        created: acted('Create'),
        linked: acted('Link', 'TakeOver'),
        updated: acted('Update'),
        unchanged: isRead && people.length + rejected + excluded === 0 ? 1 : 0,
        excluded,
        rejected,
        missing,
        disabled: acted('Disable'),
        deleted: acted('Delete'),
        restored: acted('Restore'),
      },
      groups: {
        found: groups.length,
        created: groups.length,
        updated: 0,
        unchanged: 0,
        skipped: 0,
        rejected: 0,
        missing: 0,
      },
    },
  };
}

const addressEffects = new Set(['AddressChange', 'RestrictedChange'] as const);

function withoutWaiting(action: PersonAction): PersonAction[] {
  if (action.awaits === undefined) return [action];
  if (action.action !== 'Update' && action.action !== 'Restore') return [];
  const rest = withoutEffects(action, addressEffects);
  return rest === undefined ? [] : [rest];
}

const blockOf = (action: PersonAction) => (action.action === 'Create' ? action.spec.source : action.source);

/** Says why a person is or is not synced, and what is done. `plan` is of that person, `whole` of everybody. */
export function explain(person: string, entry: FoundEntry | undefined, plan: Plan, whole: Plan): string {
  if (entry === undefined) return nowhere(person);
  const about = plan.notes.map(({ message }) => message);
  if (entry.whereabouts !== undefined) return [`${entry.label} ${absent[entry.whereabouts]}.`, ...about].join(' ');
  const refused = plan.notes.some(({ action }) => action === 'Reject' || action === 'Exclude');
  if (refused) return [`${entry.label} is not synced.`, ...about].join(' ');
  const [action] = plan.people;
  const waiting = whole.people.find(
    ({ record, awaits }) => awaits !== undefined && record.externalId === entry.externalId,
  );
  const waits =
    waiting === undefined ? [] : [`The address is still that of ${waiting.awaits}, whose own change comes first.`];
  const done = action === undefined ? 'there is nothing to do' : deed(action);
  return [`${entry.label} is found: ${done}.`, ...waits, ...about].join(' ');
}

function nowhere(person: string): string {
  const sentence = `The directory has no entry for ${person}, as far as the account may see.`;
  if (/[@=]/.test(person)) return sentence;
  return `${sentence} People are looked for by e-mail address, DN or id, not by account name.`;
}

const absent = {
  Deleted: 'was deleted in the directory',
  OutOfBase: 'is not synced: it lies outside the base',
  FilteredOut: 'is not synced: it does not match the filter',
  NotVisible: 'is not synced: the account may not see enough of it',
  Group: 'is a group, not a person',
} as const satisfies Record<NonNullable<FoundEntry['whereabouts']>, string>;

function deed(action: PersonAction): string {
  switch (action.action) {
    case 'Create':
      return `${action.kind} ${action.name} is created`;
    case 'Link':
      return `${action.kind} ${action.ref.name}, who was there by hand, is filled by the directory from now on`;
    case 'TakeOver':
      return `${action.kind} ${action.ref.name} is taken over`;
    case 'Delete':
      return `${action.kind} ${action.ref.name} is deleted`;
    default:
      return `${action.kind} ${action.ref.name} changes in ${action.changed.join(', ')}`;
  }
}
