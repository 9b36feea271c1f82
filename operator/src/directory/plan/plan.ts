import type { Licence } from '@roster/crds';
import type { DirectoryContents } from '../record.ts';
import { settleAccounts } from './accounts.ts';
import { settleAddresses } from './addresses.ts';
import { admit } from './admission.ts';
import { personKind } from './candidate.ts';
import { belongings, losses } from './effects.ts';
import { planGroups } from './groups.ts';
import { planMissing } from './missing.ts';
import { Notes } from './notes.ts';
import { decidePerson } from './people.ts';
import { protect } from './protection.ts';
import { reasonCounts } from './report.ts';
import { finish, paced, type Steps } from './steps.ts';
import { knowTenant, type Tenant } from './tenant.ts';
import type { GuardFacts, PersonAction, Plan, PlanInput } from './types.ts';

/**
 * Decides what one run does, from the read and the tenant alone; the order of records and resources never matters.
 * Nothing of the input may change until it has ended.
 * Throws when the read is not complete: that is a mistake of the caller, since such a read changes nobody.
 */
export function* planSteps(input: PlanInput): Steps<Plan> {
  const { directory, contents, existing, now } = input;
  if (!contents.evidence.complete) throw new Error('only a complete read can be planned from');
  const tenant = yield* knowTenant(existing, directory);
  const notes = new Notes(personKind(directory));

  const admission = yield* admit(input, tenant, notes);
  yield* paced(admission.candidates, (candidate) => protect(candidate, tenant, now, notes));
  const accepted = yield* settleAddresses(admission, tenant, directory, notes);
  yield* settleAccounts(accepted, tenant, notes);
  const groupPlan = yield* planGroups(input, tenant, accepted, notes);

  const people: PersonAction[] = [];
  let memberships = 0;
  yield* paced(accepted, (candidate) => {
    const { action, groups } = decidePerson(candidate, input, tenant, groupPlan, notes);
    if (action !== undefined) people.push(action);
    memberships += groups.length;
  });
  const unchanged = accepted.length - people.length;
  const seated = yield* seatPeople(people, tenant);
  const missing = yield* planMissing(input, tenant, notes);
  const all = [...seated, ...missing];

  const actions = (...kinds: PersonAction['action'][]) => all.filter(({ action }) => kinds.includes(action)).length;
  const rejected = notes.count('Reject', 'People');
  const excluded = notes.count('Exclude', 'People');
  return {
    people: all,
    groups: groupPlan.actions,
    notes: notes.all,
    counts: {
      people: {
        found: accepted.length + rejected + excluded,
        created: actions('Create'),
        linked: actions('Link', 'TakeOver'),
        updated: actions('Update'),
        unchanged,
        excluded,
        rejected,
        missing: notes.count('Keep', 'People'),
        disabled: actions('Disable'),
        deleted: actions('Delete'),
        restored: actions('Restore'),
      },
      groups: groupPlan.counts,
    },
    reasons: reasonCounts(notes.all, missing),
    memberships,
    facts: yield* guardFacts(all, tenant),
  };
}

/** Decides at once what one run does. For few people: with many it stands in the way of everything else. */
export function planDirectory(input: PlanInput): Plan {
  return finish(planSteps(input));
}

/**
 * Adds the effect Seat to those whose licence has not seats enough for all who would take it: which of them get one of
 * the last is not the order of records to decide.
 */
function* seatPeople(people: readonly PersonAction[], tenant: Tenant): Steps<readonly PersonAction[]> {
  const needed = new Map<Licence, number>();
  yield* paced(people, ({ licence }) => {
    if (licence !== undefined) needed.set(licence, (needed.get(licence) ?? 0) + 1);
  });
  const scarce = new Set<Licence>();
  for (const [licence, count] of needed) if (count > (tenant.freeSeats(licence) ?? count)) scarce.add(licence);
  if (scarce.size === 0) return people;
  const seated: PersonAction[] = [];
  yield* paced(people, (action) => {
    const isShort = action.licence !== undefined && scarce.has(action.licence);
    seated.push(isShort ? { ...action, effects: [...(action.effects ?? []), 'Seat'] } : action);
  });
  return seated;
}

function* guardFacts(people: readonly PersonAction[], tenant: Tenant): Steps<GuardFacts> {
  const lost = new Set<string>();
  yield* paced(people, (action) => {
    for (const belonging of losses(action)) lost.add(belonging);
  });
  const members = new Map<string, number>();
  let memberships = 0;
  yield* paced(tenant.ours, ({ object: { spec } }) => {
    if (spec.source === undefined) return;
    const { groups = [], organizations = [] } = spec.source;
    memberships += groups.length;
    for (const { roles = [] } of organizations) memberships += 1 + roles.length;
    if (lost.size === 0) return;
    for (const belonging of belongings(spec.source)) {
      if (lost.has(belonging)) members.set(belonging, (members.get(belonging) ?? 0) + 1);
    }
  });
  return { people: tenant.people, linked: tenant.ours.length, memberships, members };
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
