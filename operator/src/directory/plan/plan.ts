import type { Plan, PlanInput } from './types.ts';

/** Decides what one run does. Throws when the read is not complete: that is a mistake of the caller. */
export function planDirectory(input: PlanInput): Plan {
  throw new Error(`the plan of ${input.directory.name} is not written yet`);
}

/**
 * True when nobody at all matches although this directory has people: the sign of a wrong base, filter or account.
 * The run must then fail with EmptyAnswer.
 */
export function isSuspiciouslyEmpty(input: Pick<PlanInput, 'directory' | 'contents' | 'existing'>): boolean {
  const { people, rejected } = input.contents;
  if (people.length > 0 || rejected.some(({ of }) => of === 'Person')) return false;
  const { users, recipients } = input.existing;
  const linked = ({ spec }: { spec: { source?: { directory: string } | undefined } }) =>
    spec.source?.directory === input.directory.name;
  return Iterator.from(users).some(linked) || Iterator.from(recipients).some(linked);
}
