import type { Reason } from '../../errors.ts';
import { groupName } from '../names.ts';
import type { DirectoryContents, GroupRecord } from '../record.ts';
import { type Candidate, isInOrganization } from './candidate.ts';
import { type Bid, settle } from './contest.ts';
import type { Notes } from './notes.ts';
import { reference } from './reference.ts';
import { differences, displayName, groupSource } from './source.ts';
import { paced, type Steps } from './steps.ts';
import { groupNameKey, type KnownGroup, type Tenant } from './tenant.ts';
import type { DirectorySettings, GroupAction, Plan, PlanInput } from './types.ts';

export interface GroupPlan {
  readonly actions: readonly GroupAction[];
  readonly counts: Plan['counts']['groups'];
  /** Names of the Groups that people can be in, by external id. */
  readonly names: ReadonlyMap<string, string>;
  /** Names of the Groups whose members this read does not tell for sure: who is in them stays. */
  readonly unclear: ReadonlySet<string>;
}

/** A group that exists, or that one of the accepted people is in. */
interface Wanted {
  readonly record: GroupRecord;
  readonly group: KnownGroup | undefined;
  /** Name of the Group. */
  readonly name: string;
}

interface Refused extends Wanted {
  readonly reason: Reason;
  readonly message: string;
}

interface Selection {
  readonly wanted: readonly Wanted[];
  readonly refused: readonly Refused[];
  readonly unclear: ReadonlySet<string>;
  /** Groups that do not exist and have no member. */
  readonly skipped: number;
}

/** Decides which groups there are, and what they are called. */
export function* planGroups(
  { directory, contents }: PlanInput,
  tenant: Tenant,
  accepted: readonly Candidate[],
  notes: Notes,
): Steps<GroupPlan> {
  const unreadable = contents.rejected.filter(({ of }) => of === 'Group');
  for (const record of unreadable) notes.unreadable(record);
  const found = contents.groups.length + unreadable.length;
  if (directory.membership === 'None') {
    const none = { created: 0, updated: 0, unchanged: 0, missing: 0 };
    const counts = { ...none, found, rejected: unreadable.length, skipped: contents.groups.length };
    return { actions: [], counts, names: new Map(), unclear: new Set() };
  }

  const {
    wanted,
    refused: misplaced,
    unclear,
    skipped,
  } = yield* selectGroups(contents, tenant, accepted, directory, notes);
  const { named, refused } = yield* settleNames(wanted, tenant, directory);
  yield* noteRefused([...misplaced, ...refused], accepted, directory, notes);
  for (const [externalId, { object, found }] of tenant.groups.ours) {
    if (found) continue;
    const { name } = object.metadata;
    const message = `The directory no longer has the entry of the group ${name}, which is kept.`;
    notes.object('Keep', 'Group', { name, externalId }, 'NoLongerFound', message);
  }
  const actions = named.flatMap((group) => groupAction(group, directory));
  const created = actions.filter(({ action }) => action === 'Create').length;
  // A group that exists keeps its members, even when it may not have its new name.
  const inUse = [...named, ...refused.filter(({ group }) => group !== undefined)];
  return {
    actions,
    counts: {
      found,
      created,
      updated: actions.length - created,
      unchanged: named.length - actions.length,
      skipped,
      rejected: notes.count('Reject', 'Groups'),
      missing: notes.count('Keep', 'Groups'),
    },
    names: new Map(inUse.map(({ record, name }) => [record.externalId, name])),
    unclear,
  };
}

/** Picks the groups that exist or have a member, and sets aside those that cannot be told apart or placed. */
function* selectGroups(
  contents: DirectoryContents,
  tenant: Tenant,
  accepted: readonly Candidate[],
  directory: DirectorySettings,
  notes: Notes,
): Steps<Selection> {
  const wanted: Wanted[] = [];
  const refused: Refused[] = [];
  const unclear = new Set<string>();
  let skipped = 0;
  const repeated = repetitions(contents.groups);
  const populated = yield* populatedGroups(contents.groups, accepted, tenant, directory);

  yield* paced(contents.groups, (record) => {
    const { externalId } = record;
    const group = tenant.groups.ours.get(externalId);
    if (group !== undefined) group.found = true;
    if (repeated.has(externalId)) {
      markUnclear(group, directory, unclear);
      const message = `Several groups have the id ${externalId}.`;
      notes.record('Reject', record, 'DuplicateIdentity', message, group?.object.metadata.name);
    } else if (group === undefined && !populated.has(externalId)) {
      skipped += 1;
    } else {
      const identity = { directory: directory.name, authority: directory.authority, externalId };
      const name = group?.object.metadata.name ?? groupName(identity, record.name);
      const refusal = misplacement(group, name, tenant, directory);
      if (refusal === undefined) wanted.push({ record, group, name });
      else refused.push({ record, group, name, ...refusal });
    }
  });
  for (const { of, externalId } of contents.rejected) {
    const group = of === 'Group' ? tenant.groups.ours.get(externalId ?? '') : undefined;
    if (group !== undefined) group.found = true;
    markUnclear(group, directory, unclear);
  }
  return { wanted, refused, unclear, skipped };
}

function markUnclear(group: KnownGroup | undefined, { organization }: DirectorySettings, unclear: Set<string>) {
  if (group?.object.spec.organization === organization) unclear.add(group.object.metadata.name);
}

/** Lets each group have its name, unless another group of the organization has or wants it. */
function* settleNames(wanted: readonly Wanted[], tenant: Tenant, directory: DirectorySettings) {
  const named: Wanted[] = [];
  const refused: Refused[] = [];
  const bids: (Bid & { readonly wanted: Wanted })[] = [];
  for (const entry of wanted) {
    const { record, group } = entry;
    const wants = groupNameKey(group?.object.spec.displayName ?? displayName(record, directory));
    if (wants === group?.nameKey) {
      named.push(entry);
      continue;
    }
    if (group !== undefined) group.renamed = true;
    bids.push({ wants, leaves: group?.nameKey, wanted: entry });
  }
  const outcomes = yield* settle(bids, (name) => tenant.groups.byName.get(name).some(({ renamed }) => !renamed));
  for (const [index, { wants, wanted: entry }] of bids.entries()) {
    if (outcomes[index] === 'Granted') {
      named.push(entry);
      continue;
    }
    const [holder] = tenant.groups.byName
      .get(wants)
      .map(({ object }) => object.metadata.name)
      .sort();
    const called = `“${displayName(entry.record, directory)}”`;
    const message =
      outcomes[index] === 'Contested' || holder === undefined
        ? `Several groups of the directory would be called ${called}`
        : `The group ${holder} of the organization ${directory.organization} is called ${called} already`;
    refused.push({ ...entry, reason: 'GroupNameTaken', message });
  }
  return { named, refused };
}

function groupAction({ record, group, name }: Wanted, directory: DirectorySettings): GroupAction[] {
  const before = group?.object.spec.source;
  const source = groupSource(record, directory, before);
  if (group === undefined || before === undefined) {
    const spec = { organization: directory.organization, source };
    return [{ action: 'Create', kind: 'Group', name, spec, record }];
  }
  const changed = differences(before, source);
  if (changed.length === 0) return [];
  return [{ action: 'Update', kind: 'Group', ref: reference(group.object), source, changed, record }];
}

/** An object of this name or identity that cannot be the group. */
function misplacement(
  group: KnownGroup | undefined,
  name: string,
  tenant: Tenant,
  { organization }: DirectorySettings,
) {
  if (group === undefined) {
    if (!tenant.groups.hasObject(name)) return undefined;
    return { reason: 'NameTaken' as const, message: `The group ${name} exists, and is not linked to this entry` };
  }
  const actual = group.object.spec.organization;
  if (actual === organization) return undefined;
  const message = `The group ${name} belongs to the organization ${actual}, not to ${organization}`;
  return { reason: 'GroupOfOtherOrganization' as const, message };
}

function* noteRefused(
  refused: readonly Refused[],
  accepted: readonly Candidate[],
  directory: DirectorySettings,
  notes: Notes,
): Steps<void> {
  if (refused.length === 0) return;
  const left = new Map(refused.filter(({ group }) => group === undefined).map(({ record }) => [record.externalId, 0]));
  yield* paced(accepted, (candidate) => {
    if (!isInOrganization(candidate, directory)) return;
    for (const group of new Set(candidate.record.groups)) {
      const count = left.get(group);
      if (count !== undefined) left.set(group, count + 1);
    }
  });
  for (const { record, group, reason, message } of refused) {
    const count = left.get(record.externalId);
    const consequence = count === undefined ? '' : `; memberships left out: ${count}`;
    notes.record('Reject', record, reason, `${message}${consequence}.`, group?.object.metadata.name);
  }
}

/** External ids of the groups, of those that do not exist yet, that somebody of the organization is in. */
function* populatedGroups(
  groups: readonly GroupRecord[],
  accepted: readonly Candidate[],
  tenant: Tenant,
  directory: DirectorySettings,
): Steps<Set<string>> {
  const populated = new Set<string>();
  const empty = new Set(groups.map(({ externalId }) => externalId).filter((id) => !tenant.groups.ours.has(id)));
  yield* paced(accepted, (candidate) => {
    if (empty.size === 0 || !isInOrganization(candidate, directory)) return;
    for (const group of candidate.record.groups) if (empty.delete(group)) populated.add(group);
  });
  return populated;
}

function repetitions(groups: readonly GroupRecord[]): Set<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { externalId } of groups) {
    if (seen.has(externalId)) repeated.add(externalId);
    seen.add(externalId);
  }
  return repeated;
}
