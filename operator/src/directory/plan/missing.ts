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
  input: PlanInput,
  tenant: Tenant,
  notes: Notes,
): UpdatePerson | DeletePerson | undefined {
  const { kind, object } = person;
  const identity = { name: object.metadata.name, externalId: source.externalId };
  const who = `${kind.toLowerCase()} ${identity.name}`;
  const restriction = restrictionOf(person, tenant);
  const common = { kind, ref: reference(object), record: { externalId: source.externalId, label: source.externalId } };
  const effects = (ordinary: Effect, restricted: Effect) =>
    restriction === undefined ? { effects: [ordinary] } : { effects: [restricted], restriction };
  const changed = ['missingSince'] as const;

  const kept = reasonToKeep(person, source, input, tenant);
  if (kept !== undefined) {
    const message = `The directory no longer has the entry of the ${who}, ${kept.why}.`;
    notes.object('Keep', kind, identity, kept.reason, message);
    if (!kept.withAccess || source.missingSince === undefined) return undefined;
    const { missingSince: _, ...restored } = source;
    const rest = effects('Restore', 'RestrictedChange');
    return { ...common, action: 'Restore', source: restored, changed, before: source, ...rest };
  }
  const reason = whereaboutsOf(source, input);
  if (reason === 'NotVisible') {
    const message = `The entry of the ${who} was not found, and it is not proved that it is gone.`;
    notes.object('Keep', kind, identity, reason, message);
    return undefined;
  }
  if (restriction !== undefined) {
    const message = `The removal of the ${who} needs approval, because ${restriction}; ${explained[reason]}.`;
    notes.object('Warn', kind, identity, 'RemovalNeedsApproval', message);
  }
  const removal = { ...common, ...effects('Removal', 'RestrictedRemoval'), reason };
  if (source.missingSince !== undefined) return { ...removal, action: 'Delete', source };
  const missingSince = `${input.now.toISOString().slice(0, 19)}Z`;
  return { ...removal, action: 'Disable', source: { ...source, missingSince }, changed, before: source };
}

interface Kept {
  readonly reason: Reason;
  /** Follows the name, as the end of a sentence. */
  readonly why: string;
  /** Whether the person may not be locked out for being missing. */
  readonly withAccess?: boolean;
}

/** Why nothing more is done about somebody missing, wherever the entry is. */
function reasonToKeep(
  { kind, object }: KnownPerson,
  source: PersonSource,
  { directory, now }: PlanInput,
  tenant: Tenant,
): Kept | undefined {
  const { missingSince } = source;
  if (policyOf(directory) === 'Keep') return { reason: 'NoLongerFound', why: 'which is kept', withAccess: true };
  if (isOwner(kind, object, tenant)) {
    return { reason: 'OwnerKeepsAccess', why: 'who owns the tenant and keeps access', withAccess: true };
  }
  if (source.authority !== directory.authority) {
    return { reason: 'AuthorityChanged', why: `which cannot be looked up, since ${source.authority} issued its id` };
  }
  if (!isDue(source, directory, now)) {
    const { policy, gracePeriod } = directory.whenMissing ?? {};
    const end = policy === 'Delete' ? ` and is deleted ${gracePeriod} after that` : '';
    return { reason: 'NoLongerFound', why: `who is disabled since ${missingSince}${end}` };
  }
  if (missingSince !== undefined && isDeletionProtected(object)) {
    return { reason: 'DeletionProtected', why: 'who is disabled and protected against deletion' };
  }
  return undefined;
}

/** What is proved of an entry; an anonymous read proves nothing. */
function whereaboutsOf({ externalId }: PersonSource, { contents, absences }: PlanInput): Whereabouts {
  return (contents.evidence.boundAs === 'anonymous' ? undefined : absences?.get(externalId)) ?? 'NotVisible';
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
