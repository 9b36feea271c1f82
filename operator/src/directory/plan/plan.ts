import type { DirectoryContents } from '../record.ts';
import { settleAccounts } from './accounts.ts';
import { settleAddresses } from './addresses.ts';
import { admit } from './admission.ts';
import { personKind } from './candidate.ts';
import { planGroups } from './groups.ts';
import { Notes } from './notes.ts';
import { decidePerson } from './people.ts';
import { protect } from './protection.ts';
import { reasonCounts } from './report.ts';
import { knowTenant, type Tenant } from './tenant.ts';
import type { GroupLoss, PersonAction, Plan, PlanInput } from './types.ts';

/**
 * Decides what one run does, from the read and the tenant alone; the order of records and resources never matters.
 * Throws when the read is not complete: that is a mistake of the caller, since such a read changes nobody.
 */
export function planDirectory(input: PlanInput): Plan {
  const { directory, contents, existing } = input;
  if (!contents.evidence.complete) throw new Error('only a complete read can be planned from');
  const tenant = knowTenant(existing, directory);
  const notes = new Notes(personKind(directory));

  const admission = admit(input, tenant, notes);
  for (const candidate of admission.candidates) protect(candidate, tenant, input.now, notes);
  const accepted = settleAddresses(admission, tenant, directory, notes);
  settleAccounts(accepted, tenant, notes);
  const groupPlan = planGroups(input, tenant, accepted, notes);

  const people: PersonAction[] = [];
  const losses = new Map<string, number>();
  let memberships = 0;
  for (const candidate of accepted) {
    const { action, groups, lost } = decidePerson(candidate, directory, groupPlan, notes);
    if (action !== undefined) people.push(action);
    memberships += groups.length;
    for (const group of lost) losses.set(group, (losses.get(group) ?? 0) + 1);
  }
  for (const { kind, object, found } of tenant.ours) {
    if (!found) notes.missing(kind, object.metadata.name, object.spec.source?.externalId ?? '');
  }

  const actions = (action: PersonAction['action']) => people.filter((person) => person.action === action).length;
  const rejected = notes.count('Reject', 'People');
  const excluded = notes.count('Exclude', 'People');
  return {
    people,
    groups: groupPlan.actions,
    notes: notes.all,
    counts: {
      people: {
        found: accepted.length + rejected + excluded,
        created: actions('Create'),
        linked: actions('Link'),
        updated: actions('Update'),
        unchanged: accepted.length - people.length,
        excluded,
        rejected,
        missing: notes.count('Keep', 'People'),
        disabled: 0,
        deleted: 0,
        restored: 0,
      },
      groups: groupPlan.counts,
    },
    reasons: reasonCounts(notes.all),
    memberships,
    facts: {
      people: tenant.people,
      linked: tenant.ours.length,
      memberships: tenant.ours.reduce((sum, { object }) => sum + (object.spec.source?.groups?.length ?? 0), 0),
      links: actions('Link'),
      addressChanges: people.filter(({ effects }) => effects?.includes('AddressChange')).length,
      lostMemberships: [...losses.values()].reduce((sum, lost) => sum + lost, 0),
      groupLosses: groupLosses(losses, tenant),
    },
  };
}

/** Sets the members that groups lose against those that they have by this directory. */
function groupLosses(losses: ReadonlyMap<string, number>, tenant: Tenant): GroupLoss[] {
  if (losses.size === 0) return [];
  const members = new Map<string, number>();
  for (const { object } of tenant.ours) {
    for (const group of object.spec.source?.groups ?? []) {
      if (losses.has(group)) members.set(group, (members.get(group) ?? 0) + 1);
    }
  }
  return [...losses]
    .map(([name, lost]) => ({ name, lost, members: members.get(name) ?? lost }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * True when nobody at all matches although people are linked to the directory: the sign of a wrong base, filter or
 * account. The run must then fail with EmptyAnswer.
 */
export function isSuspiciouslyEmpty({
  contents,
  linked,
}: {
  readonly contents: DirectoryContents;
  /** How many people the directory fills. */
  readonly linked: number;
}): boolean {
  return linked > 0 && contents.people.length === 0 && !contents.rejected.some(({ of }) => of === 'Person');
}
