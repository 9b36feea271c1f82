import { canonicalAddress } from '@roster/crds';
import type { Reason } from '../../errors.ts';
import type { PersonRecord } from '../record.ts';
import { type Candidate, candidateOf, personKind, type Succession } from './candidate.ts';
import { groupFinder, resolveMappings } from './mappings.ts';
import type { Notes } from './notes.ts';
import { paced, type Steps } from './steps.ts';
import { findSuccessors } from './succession.ts';
import type { KnownPerson, Tenant } from './tenant.ts';
import type { DirectorySettings, Note, PlanInput } from './types.ts';

/** The schema's bounds. */
const longestExternalId = 128;
const mostGroups = 1000;

export interface Admission {
  /** Records that nothing but others can refuse any more. */
  readonly candidates: Candidate[];
  /** How many entries of the directory have an address, by canonical address; excluded ones do not count. */
  readonly mentions: ReadonlyMap<string, number>;
}

interface Refusal {
  readonly action: Extract<Note['action'], 'Reject' | 'Exclude'>;
  readonly reason: Reason;
  readonly message: string;
}

/** Judges each record for itself, and finds the person that it is. */
export function* admit(input: PlanInput, tenant: Tenant, notes: Notes): Steps<Admission> {
  const { directory, contents, now } = input;
  const excludes = exclusions(directory.exclude);
  const allowsDomain = domainFilter(directory.emailDomains);
  const inPilot = pilotFilter(input, notes);
  const repeated = yield* repetitions(contents.people);
  const successors = yield* findSuccessors(input, tenant);
  const mappings = resolveMappings(input, tenant, notes);
  const groups = new Set(directory.membership === 'None' ? [] : contents.groups.map(({ externalId }) => externalId));
  const candidates: Candidate[] = [];
  const mentions = new Map<string, number>();

  yield* paced(contents.people, (record) => {
    const successor = repeated.has(record.externalId) ? undefined : successors.get(record);
    const same = successor === undefined ? tenant.byIdentity.get(record.externalId) : [successor.person];
    for (const person of same) person.found = true;
    const person = same.length === 1 ? same[0] : undefined;
    const address = addressOf(record, person);
    const canonical = typeof address === 'string' ? address : undefined;

    const exclusion =
      excludes(record, canonical) ??
      allowsDomain(canonical) ??
      inPilot(record) ??
      disabledAlready(record, person, directory, now) ??
      takenOver(person, directory);
    if (exclusion === undefined && canonical !== undefined && record.email !== undefined) {
      mentions.set(canonical, (mentions.get(canonical) ?? 0) + 1);
    }
    const refusal =
      exclusion ??
      unclearIdentity(record, repeated, same) ??
      elsewhere(record, person, successor?.how, tenant, directory) ??
      unusableAddress(address, person) ??
      tooManyGroups(record, groups);
    if (refusal !== undefined) {
      return notes.record(refusal.action, record, refusal.reason, refusal.message, person?.object.metadata.name);
    }
    const organizations = mappings?.give(record, person?.object.spec.source);
    const admitted = { person, succession: successor?.how, address: canonical, organizations };
    candidates.push(candidateOf(record, admitted, directory));
  });
  for (const record of contents.rejected) {
    if (record.of !== 'Person') continue;
    notes.unreadable(record);
    for (const person of tenant.byIdentity.get(record.externalId ?? '')) person.found = true;
  }
  return { candidates, mentions };
}

type Address = ReturnType<typeof canonicalAddress> | undefined;

/** The canonical address of the record, or the one that the directory gave before: a vanished value erases nothing. */
function addressOf({ email }: PersonRecord, person: KnownPerson | undefined): Address {
  const before = person?.object.spec.source?.email;
  // What is stored is canonical already, so most records need no second look.
  if (email === undefined || (email === before && email === person?.address)) return before;
  return canonicalAddress(email);
}

/** External ids that several records have, with how many have them. */
function* repetitions(people: readonly PersonRecord[]): Steps<ReadonlyMap<string, number>> {
  const seen = new Set<string>();
  const repeated = new Map<string, number>();
  yield* paced(people, ({ externalId }) => {
    if (seen.has(externalId)) repeated.set(externalId, (repeated.get(externalId) ?? 1) + 1);
    seen.add(externalId);
  });
  return repeated;
}

/** Who is listed by external id or e-mail address, whatever the case. */
function exclusions(exclude: readonly string[] = []) {
  const ids = new Set(exclude.map((entry) => entry.trim().toLowerCase()));
  const addresses = new Set(exclude.map(canonicalAddress).filter((address) => typeof address === 'string'));
  return ({ externalId }: PersonRecord, address: string | undefined): Refusal | undefined => {
    if (ids.size === 0) return undefined;
    if (ids.has(externalId.toLowerCase())) {
      return { action: 'Exclude', reason: 'Excluded', message: `exclude lists the id ${externalId}.` };
    }
    if (address === undefined || !addresses.has(address)) return undefined;
    return { action: 'Exclude', reason: 'Excluded', message: `exclude lists the address ${address}.` };
  };
}

/** Who has an address in one of the domains; a subdomain counts for itself. */
function domainFilter(domains: readonly string[] | undefined) {
  const allowed = new Set(domains?.map(canonicalDomain));
  return (address: string | undefined): Refusal | undefined => {
    if (domains === undefined || address === undefined) return undefined;
    if (allowed.has(address.slice(address.lastIndexOf('@') + 1))) return undefined;
    return {
      action: 'Exclude',
      reason: 'OutsideEmailDomains',
      message: `emailDomains does not list that of ${address}.`,
    };
  };
}

/** Who is in one of the groups that alone are taken over; a group that does not exist has nobody. */
function pilotFilter({ directory, contents }: PlanInput, notes: Notes) {
  const { onlyMembersOf } = directory;
  const find = onlyMembersOf === undefined ? undefined : groupFinder(contents.groups);
  const groups = new Set<string>();
  for (const named of onlyMembersOf ?? []) {
    const found = find?.(named) ?? [];
    for (const group of found) groups.add(group);
    if (found.length > 0) continue;
    notes.setting(
      named,
      'PilotGroupNotFound',
      `onlyMembersOf names the group ${named}, which the directory does not have.`,
    );
  }
  return (record: PersonRecord): Refusal | undefined => {
    if (find === undefined || record.groups.some((group) => groups.has(group))) return undefined;
    const message = 'The person is in none of the groups that onlyMembersOf names.';
    return { action: 'Exclude', reason: 'OutsidePilot', message };
  };
}

/** An account that has ended makes nobody new, and links nobody who was there by hand: they would be locked out. */
function disabledAlready(
  { enabled, expiresAt }: PersonRecord,
  person: KnownPerson | undefined,
  { createDisabled }: DirectorySettings,
  now: Date,
): Refusal | undefined {
  if (person !== undefined || createDisabled) return undefined;
  if (enabled !== false && (expiresAt === undefined || Date.parse(expiresAt) > now.getTime())) return undefined;
  const message = 'The account is disabled or has ended, and createDisabled is not set.';
  return { action: 'Exclude', reason: 'DisabledInDirectory', message };
}

/** Whoever is new comes by the other directory, or has come already, with another address perhaps. */
function takenOver(person: KnownPerson | undefined, { takenOverBy }: DirectorySettings): Refusal | undefined {
  if (person !== undefined || takenOverBy === undefined) return undefined;
  const message = `The directory ${takenOverBy} takes over from this one, which brings nobody new.`;
  return { action: 'Exclude', reason: 'TakenOver', message };
}

/** The domain as canonical addresses have it; undefined, which no address has, for what is not a domain. */
function canonicalDomain(domain: string): string | undefined {
  const address = canonicalAddress(`x@${domain.trim().replace(/^@/, '')}`);
  return typeof address === 'string' ? address.slice(2) : undefined;
}

function unclearIdentity(
  { externalId }: PersonRecord,
  repeated: ReadonlyMap<string, number>,
  same: readonly KnownPerson[],
): Refusal | undefined {
  if (externalId.length > longestExternalId) {
    return reject('InvalidValue', `The id has more than ${longestExternalId} characters.`);
  }
  const entries = repeated.get(externalId);
  if (entries !== undefined) return reject('DuplicateIdentity', `${entries} entries have the id ${externalId}.`);
  if (same.length < 2) return undefined;
  const names = same.map(({ object }) => object.metadata.name).sort();
  return reject('DuplicateIdentity', `Several people have the id ${externalId}: ${names.slice(0, 5).join(', ')}.`);
}

/** Whoever this is belongs to another directory, or is of the other kind. */
function elsewhere(
  { onPremisesId }: PersonRecord,
  person: KnownPerson | undefined,
  succession: Succession | undefined,
  tenant: Tenant,
  directory: DirectorySettings,
): Refusal | undefined {
  if (succession !== undefined) return undefined;
  const namesakes = person === undefined && onPremisesId ? tenant.elsewhere.get(onPremisesId.toLowerCase()) : [];
  const onPremises = namesakes.toSorted((a, b) => (a.object.metadata.name < b.object.metadata.name ? -1 : 1))[0];
  const other = person ?? onPremises;
  if (other === undefined) return undefined;
  const owner = other.object.spec.source?.directory;
  const who = `${other.kind.toLowerCase()} ${other.object.metadata.name}`;
  if (owner !== directory.name) {
    return reject('LinkedToOtherDirectory', `The entry is the ${who} of the directory ${owner} already.`);
  }
  if (other.kind === personKind(directory)) return undefined;
  return reject(other.kind === 'User' ? 'EmailOfUser' : 'EmailOfRecipient', `The entry is the ${who} already.`);
}

function unusableAddress(address: Address, person: KnownPerson | undefined): Refusal | undefined {
  if (typeof address === 'object') {
    return reject('InvalidEmail', `The e-mail address cannot be used: ${address.invalid}.`);
  }
  if (address === undefined && person === undefined) return reject('NoEmail', 'The entry has no e-mail address.');
  return undefined;
}

function tooManyGroups(record: PersonRecord, groups: ReadonlySet<string>): Refusal | undefined {
  if (record.groups.length <= mostGroups) return undefined;
  const memberships = new Set(record.groups.filter((group) => groups.has(group))).size;
  return memberships > mostGroups
    ? reject('TooManyGroups', `The person is in ${memberships} groups, more than ${mostGroups}.`)
    : undefined;
}

function reject(reason: Reason, message: string): Refusal {
  return { action: 'Reject', reason, message };
}
