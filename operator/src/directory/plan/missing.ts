import type { PersonSource } from '@roster/crds';
import type { Reason } from '../../errors.ts';
import type { Whereabouts } from '../record.ts';
import type { Notes } from './notes.ts';
import { isDeletionProtected, isOwner } from './privilege.ts';
import { restrictionOf } from './protection.ts';
import { reference } from './reference.ts';
import { paced, type Steps } from './steps.ts';
import type { KnownPerson, Tenant } from './tenant.ts';
import type { DeletePerson, DirectorySettings, Effect, PlanInput, UpdatePerson } from './types.ts';

/**
 * External ids of the people whom the read did not give and about whom something would be done if it were proved that
 * they are gone: those to look up, for `PlanInput.absences`.
 */
export function* missingPeople({ directory, contents, existing, now }: PlanInput): Steps<readonly string[]> {
  if (policyOf(directory) === 'Keep') return [];
  const found = new Set<string>();
  yield* paced(contents.people, ({ externalId }) => found.add(externalId));
  for (const { externalId } of contents.rejected) if (externalId !== undefined) found.add(externalId);
  const missing: string[] = [];
  for (const people of [existing.users, existing.recipients]) {
    yield* paced(people, ({ spec: { source } }) => {
      if (source?.directory !== directory.name || source.authority !== directory.authority) return;
      if (found.has(source.externalId) || !isDue(source, directory, now)) return;
      missing.push(source.externalId);
    });
  }
  return missing;
}

/** Decides about the people of the directory who were not found. */
export function* planMissing(input: PlanInput, tenant: Tenant, notes: Notes): Steps<(UpdatePerson | DeletePerson)[]> {
  const actions: (UpdatePerson | DeletePerson)[] = [];
  yield* paced(tenant.ours, (person) => {
    const source = person.object.spec.source;
    if (person.found || source === undefined) return;
    const action = decideMissing(person, source, input, tenant, notes);
    if (action !== undefined) actions.push(action);
  });
  return actions;
}

function decideMissing(
  person: KnownPerson,
  source: PersonSource,
  { directory, contents, absences, now }: PlanInput,
  tenant: Tenant,
  notes: Notes,
): UpdatePerson | DeletePerson | undefined {
  const { kind, object } = person;
  const { name } = object.metadata;
  const who = `${kind.toLowerCase()} ${name}`;
  const keep = (reason: Reason, why: string) => {
    const message = `The directory no longer has the entry of the ${who}, ${why}.`;
    notes.object('Keep', kind, { name, externalId: source.externalId }, reason, message);
    return undefined;
  };
  const restriction = restrictionOf(person, tenant);
  const common = { kind, ref: reference(object), record: { externalId: source.externalId, label: source.externalId } };
  const effects = (ordinary: Effect, restricted: Effect) =>
    restriction === undefined ? { effects: [ordinary] } : { effects: [restricted], restriction };

  const { missingSince } = source;
  if (policyOf(directory) === 'Keep') {
    keep('NoLongerFound', 'which is kept');
    if (missingSince === undefined) return undefined;
    const { missingSince: _, ...restored } = source;
    const changed = ['missingSince'] as const;
    const rest = effects('Restore', 'RestrictedChange');
    return { ...common, action: 'Restore', source: restored, changed, before: source, ...rest };
  }
  if (isOwner(kind, object, tenant)) return keep('OwnerKeepsAccess', 'who owns the tenant and keeps access');
  if (source.authority !== directory.authority) {
    return keep('AuthorityChanged', `which another authority issued (${source.authority}), so it cannot be looked up`);
  }
  if (!isDue(source, directory, now)) {
    const until = policyOf(directory) === 'Delete' ? ` and is deleted after ${directory.whenMissing?.gracePeriod}` : '';
    return keep('NoLongerFound', `who is disabled since ${missingSince}${until}`);
  }
  if (missingSince !== undefined && isDeletionProtected(object)) {
    return keep('DeletionProtected', 'who is protected against deletion');
  }
  const whereabouts = contents.evidence.boundAs === 'anonymous' ? undefined : absences?.get(source.externalId);
  if (whereabouts === undefined || whereabouts === 'NotVisible') {
    return keep('NotVisible', 'which is not proved to be gone');
  }
  const removal = { ...common, ...effects('Removal', 'RestrictedRemoval'), reason: whereabouts };
  if (restriction !== undefined) {
    const message = `The removal of the ${who} needs approval, because ${restriction}; ${explained[whereabouts]}.`;
    notes.object('Warn', kind, { name, externalId: source.externalId }, 'RemovalNeedsApproval', message);
  }
  if (missingSince !== undefined) return { ...removal, action: 'Delete', source };
  const since = `${now.toISOString().slice(0, 19)}Z`;
  const changed = ['missingSince'] as const;
  return { ...removal, action: 'Disable', source: { ...source, missingSince: since }, changed, before: source };
}

/** Why somebody counts as missing, as the end of a sentence. */
export const explained: Readonly<Record<Exclude<Whereabouts, 'NotVisible'>, string>> = {
  Deleted: 'the entry was deleted',
  OutOfBase: 'the entry lies outside the base that is read',
  FilteredOut: 'the entry no longer matches the filter',
};

const policyOf = ({ whenMissing }: DirectorySettings) => whenMissing?.policy ?? 'Keep';

/** Whether something is to be done about somebody missing: a first time, or when the grace period has ended. */
function isDue({ missingSince }: PersonSource, directory: DirectorySettings, now: Date): boolean {
  if (missingSince === undefined) return true;
  if (policyOf(directory) !== 'Delete') return false;
  return Date.parse(missingSince) + milliseconds(directory.whenMissing?.gracePeriod ?? '720h') <= now.getTime();
}

/** Of a duration as the schema has it: `30m`, `720h`. */
function milliseconds(duration: string): number {
  const minutes = Number.parseInt(duration, 10) * (duration.endsWith('h') ? 60 : 1);
  return minutes * 60_000;
}
