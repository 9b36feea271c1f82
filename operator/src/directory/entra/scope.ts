import type { Belonging } from './belonging.ts';
import type { SnapshotObject } from './snapshot.ts';

/** Groups count that any of the fields names. */
export interface GroupSelection {
  /** Display names, whatever their case. */
  readonly names?: readonly string[] | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly assignedToApplication: boolean;
}

type Groups = ReadonlyMap<string, SnapshotObject>;

/** Ids of the groups to tell of, all without a selection; what is named and not there is remarked. */
export function* wantedGroups(
  groups: Groups,
  selection: GroupSelection | undefined,
  assigned: ReadonlySet<string>,
  remarks: string[],
): Generator<string> {
  if (selection === undefined) {
    yield* groups.keys();
    return;
  }
  const names = new Map(selection.names?.map((name) => [caseless(name), name]));
  const ids = new Set(selection.ids?.map((id) => id.toLowerCase()));
  const missing = new Map<string, string>([...names, ...[...ids].map((id) => [id, id] as const)]);
  for (const { id, fields } of groups.values()) {
    const name = typeof fields.displayName === 'string' ? caseless(fields.displayName) : '';
    if (!ids.has(id) && !names.has(name) && !assigned.has(id)) continue;
    missing.delete(id);
    missing.delete(name);
    yield id;
  }
  if (missing.size > 0) remarks.push(`There are no groups that are called ${[...missing.values()].join(', ')}.`);
}

const caseless = (name: string) => name.trim().toLowerCase();

/**
 * What is doubtful about groups that hide their members. Without Member.Read.Hidden these are not shown, and nothing in
 * the answers says so: https://learn.microsoft.com/graph/api/group-list-members
 */
export function* hiddenMemberships(
  groups: Groups,
  belonging: Belonging,
  permissions: ReadonlySet<string> | undefined,
): Generator<string> {
  if (permissions?.has('Member.Read.Hidden')) return;
  const hidden = [...groups.values()].filter(
    ({ id, fields }) => fields.visibility === 'HiddenMembership' && belonging.of([id]).length > 0,
  );
  const [first] = hidden;
  if (first === undefined) return;
  const { displayName } = first.fields;
  const name = typeof displayName === 'string' ? displayName : first.id;
  yield `The members of ${hidden.length} groups are hidden, first of ${name}: grant the application Member.Read.Hidden, or leave the groups out.`;
}
