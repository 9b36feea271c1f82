import { effectivePerson, type Person, type PersonSource } from '@roster/crds';
import type { PersonRecord } from '../record.ts';
import type { KnownPerson } from './tenant.ts';
import type { DirectorySettings, PersonKind } from './types.ts';

/** What the people of a directory become. */
export function personKind({ importAs }: DirectorySettings): PersonKind {
  return importAs === 'Users' ? 'User' : 'Recipient';
}

/** A record that may become, or is, a person; what will stand in the block takes shape while planning. */
export interface Candidate {
  readonly record: PersonRecord;
  /** The person of the same identity, or the one to link; undefined for somebody new. */
  person: KnownPerson | undefined;
  /** Whether `person` has no directory yet. */
  link: boolean;
  /** Canonical address that the directory gives, now or formerly. */
  address: string | undefined;
  domainAccount: string | undefined;
  precedence: NonNullable<PersonSource['precedence']>;
  /** Whether what the directory says of the account's state is left out: the owner always gets in. */
  keepsAccess: boolean;
  /** Name of somebody new. */
  name: string | undefined;
  /** Name of the person who gives the address up. */
  awaits: string | undefined;
}

/** `person` is the one of the same identity; `address` the canonical one of the record, or what is kept of an earlier. */
export function candidateOf(
  record: PersonRecord,
  person: KnownPerson | undefined,
  address: string | undefined,
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
    address,
    domainAccount,
    precedence: directory.precedence,
    keepsAccess: false,
    name: undefined,
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
export function isInOrganization({ person }: Candidate, { organization }: DirectorySettings): boolean {
  return person === undefined || (person.object.spec.organizations ?? []).some(({ name }) => name === organization);
}
