import { effectivePerson, type Person, type PersonSource } from '@roster/crds';
import type { PersonRecord } from '../record.ts';
import type { KnownPerson } from './tenant.ts';
import type { DirectorySettings, PersonKind } from './types.ts';

/** What the people of a directory become. */
export function personKind({ importAs }: DirectorySettings): PersonKind {
  return importAs === 'Users' ? 'User' : 'Recipient';
}

/** Organizations and roles that mappings give. */
export type Organizations = NonNullable<PersonSource['organizations']>;

/** A record that may become, or is, a person; what will stand in the block takes shape while planning. */
export interface Candidate {
  readonly record: PersonRecord;
  /** The person of the same identity, or the one to link or to take over; undefined for somebody new. */
  person: KnownPerson | undefined;
  /** Whether `person` has no directory yet. */
  link: boolean;
  /** Whose block becomes that of this entry: another directory's person, or one whom an administrator named the same. */
  readonly succession: Succession | undefined;
  /** Why what touches the person needs approval, as the end of a sentence; undefined for ordinary people. */
  restriction: string | undefined;
  readonly organizations: Organizations | undefined;
  /** Canonical address that the directory gives, now or formerly. */
  address: string | undefined;
  domainAccount: string | undefined;
  precedence: NonNullable<PersonSource['precedence']>;
  /** Whether what the directory says of the account's state is left out: the owner always gets in. */
  keepsAccess: boolean;
  /** Name of somebody new. */
  name: string | undefined;
  /** Whether somebody new was there before and was deleted: nobody invites them again. */
  returns: boolean;
  /** Name of the person who gives the address up. */
  awaits: string | undefined;
}

/** How an entry comes to the block of another one. */
export type Succession = 'TakeOver' | 'SamePerson';

/** What the admission found out about a record. */
export interface Admitted {
  /** The one of the same identity, or whom the entry succeeds. */
  readonly person: KnownPerson | undefined;
  readonly succession: Succession | undefined;
  /** The canonical one of the record, or what is kept of an earlier. */
  readonly address: string | undefined;
  readonly organizations: Organizations | undefined;
}

export function candidateOf(
  record: PersonRecord,
  { person, succession, address, organizations }: Admitted,
  directory: DirectorySettings,
): Candidate {
  // Recipients never sign in, so they need no account.
  const said = personKind(directory) === 'User' ? record.domainAccount?.trim() : undefined;
  const fits = said !== undefined && said !== '' && said.length <= 128;
  const domainAccount = fits ? said : person?.object.spec.source?.domainAccount;
  return {
    record,
    person,
    link: false,
    succession,
    restriction: undefined,
    organizations,
    address,
    domainAccount,
    precedence: directory.precedence,
    keepsAccess: false,
    name: undefined,
    returns: false,
    awaits: undefined,
  };
}

/** Address and domain account that will be in force for a person whom the candidate's block is put on. */
export function inForce({ address, domainAccount, precedence, record }: Candidate, person: KnownPerson) {
  const { source } = person.object.spec;
  const asBefore =
    source !== undefined &&
    source.email === address &&
    source.domainAccount === domainAccount &&
    (source.precedence ?? 'Directory') === precedence;
  if (asBefore) return person;
  const block: PersonSource = { directory: '', authority: '', externalId: record.externalId, precedence };
  if (address !== undefined) block.email = address;
  if (domainAccount !== undefined) block.domainAccount = domainAccount;
  const spec: Person['spec'] = { ...person.object.spec, source: block };
  const effective = effectivePerson(spec);
  return { address: effective.email, account: effective.domainAccountKey };
}

/** Whether the person is in the organization of the directory: only its people can be in its groups. */
export function isInOrganization({ person, organizations }: Candidate, { organization }: DirectorySettings): boolean {
  if (person === undefined) return true;
  const isThis = ({ name }: { readonly name: string }) => name === organization;
  return (person.object.spec.organizations ?? []).some(isThis) || (organizations ?? []).some(isThis);
}
