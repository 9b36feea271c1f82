import type { Reason } from '../../errors.ts';
import { personName } from '../names.ts';
import type { Admission } from './admission.ts';
import { type Candidate, inForce, personKind } from './candidate.ts';
import { type Bid, settle } from './contest.ts';
import type { Notes } from './notes.ts';
import { isOwner } from './privilege.ts';
import { restrictionOf } from './protection.ts';
import { paced, type Steps } from './steps.ts';
import type { KnownPerson, Tenant } from './tenant.ts';
import type { DirectorySettings, PersonKind, Tombstone } from './types.ts';

interface Refusal {
  readonly reason: Reason;
  readonly message: string;
}

interface AddressBid extends Bid {
  readonly candidate: Candidate;
}

/**
 * Decides who may have which address, and whom a record is linked to. Who has an address keeps it; others get it only
 * if it is free, or becomes free in this plan, and nobody else wants it. Returns the candidates that are accepted.
 */
export function* settleAddresses(
  { candidates, mentions }: Admission,
  tenant: Tenant,
  directory: DirectorySettings,
  notes: Notes,
): Steps<Candidate[]> {
  const accepted: Candidate[] = [];
  const bids: AddressBid[] = [];
  const refuse = ({ record, person }: Candidate, { reason, message }: Refusal) =>
    notes.record('Reject', record, reason, message, person?.object.metadata.name);

  yield* paced(candidates, (candidate) => {
    const { person, address } = candidate;
    const wants = person === undefined ? address : inForce(candidate, person).address;
    if (person !== undefined && wants === person.address) {
      accepted.push(candidate);
      return;
    }
    const refusal =
      wants === undefined
        ? { reason: 'InvalidEmail' as const, message: 'The address that would be in force cannot be used.' }
        : (mentionedElsewhere(candidate, wants, mentions) ?? (person && barred(candidate, wants, tenant, directory)));
    if (refusal !== undefined) refuse(candidate, refusal);
    else if (wants !== undefined) {
      bids.push({ candidate, wants, leaves: person?.address });
      if (person !== undefined) person.movesAddress = true;
    }
  });
  yield* paced(yield* grant(bids, tenant), (bid) => {
    const refusal = bid.outcome === 'Contested' ? contested(bid.wants) : accept(bid, tenant, directory, notes);
    if (refusal === undefined) accepted.push(bid.candidate);
    else refuse(bid.candidate, refusal);
  });
  return accepted;
}

/** Settles the bids; from then on `movesAddress` is true only of those who do move. */
function* grant(bids: readonly AddressBid[], tenant: Tenant) {
  const stays = (person: KnownPerson) => !person.movesAddress;
  const outcomes = yield* settle(bids, (address) => tenant.byAddress.get(address).some(stays));
  const settled = bids.map((bid, index) => ({ ...bid, outcome: outcomes[index] }));
  for (const { candidate, outcome } of settled) {
    if (candidate.person !== undefined) candidate.person.movesAddress = outcome === 'Granted';
  }
  return settled;
}

/** Gives the address to the candidate, or links the candidate to the person who has it, or says why neither. */
function accept(
  { candidate, wants }: AddressBid,
  tenant: Tenant,
  directory: DirectorySettings,
  notes: Notes,
): Refusal | undefined {
  const { person, record } = candidate;
  const kind = personKind(directory);
  const holders = tenant.byAddress.get(wants);
  const staying = holders.filter(({ movesAddress }) => !movesAddress);
  const holder = inOrderOfClaim(staying, wants, tenant)[0];
  if (holder !== undefined) {
    const linkable = staying.length === 1 && person === undefined && holder.kind === kind && !holder.object.spec.source;
    return linkable ? link(candidate, holder, wants, tenant, directory, notes) : taken(wants, holder, kind);
  }
  candidate.awaits = holders.map(({ object }) => object.metadata.name).sort()[0];
  if (person !== undefined) return undefined;
  const former = formerHolders(candidate, wants, tenant, directory);
  // With the name of who was deleted comes their row of the database, and with it what they had.
  const heir = directory.samePerson?.includes(record.externalId) ? former.find((one) => one.kind === kind) : undefined;
  const identity = { directory: directory.name, authority: directory.authority, ...record };
  const name = heir?.name ?? personName(identity, wants);
  if (tenant.hasPerson(kind, name)) {
    return { reason: 'NameTaken', message: `The ${kind.toLowerCase()} ${name} exists, with another address.` };
  }
  candidate.name = name;
  const refusal = barred(candidate, wants, tenant, directory, heir);
  if (refusal !== undefined) return refusal;
  candidate.returns = heir !== undefined || tenant.buried.has(record.externalId);
  if (candidate.returns) {
    const message = `The ${kind.toLowerCase()} ${name} was deleted and comes back, without an invitation.`;
    notes.record('Warn', record, 'Recreated', message, name);
  }
  return undefined;
}

function link(
  candidate: Candidate,
  person: KnownPerson,
  address: string,
  tenant: Tenant,
  directory: DirectorySettings,
  notes: Notes,
): Refusal | undefined {
  const { name } = person.object.metadata;
  const who = `${person.kind.toLowerCase()} ${name}`;
  if (directory.linking === 'Never') {
    return { reason: 'LinkingOff', message: `The ${who} has the address ${address}, and linking is Never.` };
  }
  candidate.person = person;
  candidate.link = true;
  candidate.keepsAccess = isOwner(person.kind, person.object, tenant);
  candidate.restriction =
    restrictionOf(person, tenant) ??
    (person.object.spec.enabled ? undefined : `${name} is disabled by an administrator`) ??
    (directory.linking === 'Approve' ? 'linking is Approve' : undefined);
  if (candidate.restriction !== undefined) {
    const message = `The ${who} has the address ${address}; linking needs approval, because ${candidate.restriction}.`;
    notes.record('Warn', candidate.record, 'LinkNeedsApproval', message, name);
  }
  return undefined;
}

/** People who had the address and were deleted a short while ago, and are not known to be this one. */
function formerHolders(
  { record: { externalId } }: Candidate,
  address: string,
  tenant: Tenant,
  directory: DirectorySettings,
): readonly Tombstone[] {
  if (directory.newPerson?.includes(externalId)) return [];
  return tenant.tombstones
    .get(address)
    .filter((tombstone) => tombstone.authority !== directory.authority || tombstone.externalId !== externalId);
}

/** An address that nobody of the tenant has, and that is not to be had all the same. */
function barred(
  candidate: Candidate,
  address: string,
  tenant: Tenant,
  directory: DirectorySettings,
  heir?: Tombstone,
): Refusal | undefined {
  const { name } = candidate;
  const other = formerHolders(candidate, address, tenant, directory).find((one) => one !== heir);
  if (other !== undefined) {
    const message = `The address ${address} belonged to the ${other.kind.toLowerCase()} ${other.name}, who was deleted a short while ago.`;
    return { reason: 'EmailOfDeletedPerson', message };
  }
  const claim = tenant.claims.get(address);
  if (claim === undefined || claim.name === name || tenant.hasPerson(claim.kind, claim.name)) return undefined;
  const message = `The database still holds the address ${address} for the ${claim.kind.toLowerCase()} ${claim.name}.`;
  return { reason: 'EmailTaken', message };
}

/** Other entries of the directory have the address, too: nobody can tell whose it is. */
function mentionedElsewhere(
  { address, record }: Candidate,
  wants: string,
  mentions: Admission['mentions'],
): Refusal | undefined {
  const own = address === wants && record.email !== undefined ? 1 : 0;
  const entries = mentions.get(wants) ?? 0;
  if (entries <= own) return undefined;
  return {
    reason: 'DuplicateEmail',
    message: `${entries + 1 - own} entries of the directory have the address ${wants}.`,
  };
}

function contested(address: string): Refusal {
  return { reason: 'DuplicateEmail', message: `Several people of the directory would get the address ${address}.` };
}

function taken(address: string, { kind, object }: KnownPerson, wanted: PersonKind): Refusal {
  const { name } = object.metadata;
  const whose = `The address ${address} belongs to the ${kind.toLowerCase()} ${name}`;
  if (kind !== wanted) {
    return { reason: kind === 'User' ? 'EmailOfUser' : 'EmailOfRecipient', message: `${whose}.` };
  }
  const directory = object.spec.source?.directory;
  return directory === undefined
    ? { reason: 'EmailTaken', message: `${whose}.` }
    : { reason: 'EmailOfLinkedPerson', message: `${whose} of the directory ${directory}.` };
}

/** Who has the claim comes first, then who was there first: the same whatever the order of the resources. */
function inOrderOfClaim(people: readonly KnownPerson[], address: string, tenant: Tenant): readonly KnownPerson[] {
  if (people.length < 2) return people;
  const claim = tenant.claims.get(address);
  const rank = ({ kind, object: { metadata } }: KnownPerson) => {
    const claimed = claim?.kind === kind && claim.name === metadata.name;
    return `${claimed ? 0 : 1} ${metadata.creationTimestamp ?? ''} ${kind} ${metadata.name}`;
  };
  return people.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
