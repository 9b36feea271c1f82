import type { Person } from '@roster/crds';
import { declare, type Problem, ready, reconciling, type Stated, stalled } from '../conditions.ts';
import type { Decision } from './decide.ts';

/** How the row of the database fared. A holder is another person who has what this one wants, as `User jane.doe`. */
export type Mirrored =
  | { readonly written: true; readonly emailHolder?: string; readonly domainAccountHolder?: string }
  | { readonly written: false; readonly problem: Problem; readonly retried: boolean };

export type PersonStatus = NonNullable<Person['status']>;

/** The status of a person. Pure. */
export function personStatus(person: Person, decision: Decision, mirrored: Mirrored, now: Date): PersonStatus {
  const generation = person.metadata.generation ?? 0;
  const stated = [...readiness(decision, mirrored), activity(decision, mirrored), protection(decision)];
  return {
    observedGeneration: generation,
    conditions: declare(person.status?.conditions, stated, generation, now),
    ...(decision.effective.email === undefined ? {} : { email: decision.effective.email }),
    ...(decision.effective.displayName === '' ? {} : { displayName: decision.effective.displayName }),
  };
}

function readiness(decision: Decision, mirrored: Mirrored): Stated[] {
  if (!mirrored.written && mirrored.retried) return reconciling(mirrored.problem);
  const problem = decision.problems[0] ?? (mirrored.written ? contested(decision, mirrored) : mirrored.problem);
  return problem === undefined ? [ready('In force and in the database.')] : stalled(problem);
}

/** Somebody else has the address or the account; the mirror has the person wait for it to become free. */
function contested(
  decision: Decision,
  holders: { emailHolder?: string; domainAccountHolder?: string },
): Problem | undefined {
  if (holders.emailHolder !== undefined) {
    const message = `The address ${decision.effective.email} belongs to ${holders.emailHolder}.`;
    return { reason: 'EmailNotUnique', message };
  }
  if (holders.domainAccountHolder !== undefined) {
    const message = `The domain account ${decision.effective.domainAccount} belongs to ${holders.domainAccountHolder}.`;
    return { reason: 'DomainAccountNotUnique', message };
  }
  return undefined;
}

function activity({ activity, effective, row }: Decision, mirrored: Mirrored): Stated {
  if (row !== undefined && !mirrored.written) {
    // The application goes by the row, which may say something else.
    const { reason, message } = mirrored.problem;
    return { type: 'Active', status: 'Unknown', reason, message };
  }
  if (activity.active && mirrored.written && mirrored.emailHolder !== undefined) {
    const message = `The address ${effective.email} belongs to ${mirrored.emailHolder}.`;
    return { type: 'Active', status: 'False', reason: 'EmailNotUnique', message };
  }
  const { active, reason, message } = activity;
  return { type: 'Active', status: active ? 'True' : 'False', reason, message };
}

/** The admission policy refuses the deletion with this message. */
function protection(decision: Decision): Stated | undefined {
  if (!decision.owner) return undefined;
  const message = 'this user owns the tenant; name another owner in the Tenant first';
  return { type: 'DeletionProtected', status: 'True', reason: 'TenantOwner', message };
}
