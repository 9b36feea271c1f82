import {
  defaultSeed,
  type Group,
  generatePopulation,
  marriages,
  type Person,
  type PopulationSize,
} from '../people/population.ts';
import { uuid } from '../random.ts';
import type { EntraDirectory, Properties } from './directory.ts';

/** What was made, to compare with what a reader finds. People and groups are named by their ids. */
export interface Made {
  /** Members whose accounts are enabled. */
  readonly people: number;
  readonly groups: number;
  /** Direct memberships of people. */
  readonly memberships: number;
  /** More than the people: external accounts, whose user principal names are no addresses. */
  readonly guests: readonly string[];
  /** More than the people: members whose accounts are disabled. */
  readonly disabled: readonly string[];
  readonly withoutMail: readonly string[];
  /** People who have one address, in different case. */
  readonly sharingAnAddress: readonly string[];
  readonly inNoGroup: readonly string[];
  readonly nestedGroups: readonly string[];
  readonly groupsInACycle: readonly string[];
}

export interface Populated {
  readonly made: Made;
  /** Gives every `every`-th person a new family name; each `round` gives others. */
  readonly marry: (every: number, round: number) => void;
}

/** Domain of the addresses and, with onmicrosoft.com, of the guests' user principal names. */
const domain = 'example.com';
const strangers = ['Ada', 'Grace', 'Katherine', 'Barbara', 'Radia'];

/** Fills an empty directory. The same size and seed make the same people and groups, ids included. */
export function populate(directory: EntraDirectory, size: PopulationSize): Populated {
  const { seed = defaultSeed, people: count } = size;
  const population = generatePopulation(size);
  const { people, groups, special } = population;
  const ids = new Map<Person | Group, string>();
  for (const [index, person] of people.entries()) {
    const id = uuid(seed, 'entra person', index);
    ids.set(person, directory.createUser(userOf(person, index, uuid(seed, 'person', index)), id));
  }
  // As of accounts from before there were guests.
  if (special) directory.update(ids.get(special.withEscapedName) ?? '', { userType: null });
  const few = (size.specialCases ?? true) ? Math.ceil(count / 200) : 0;
  const guests = Array.from({ length: few }, (_, index) =>
    directory.createUser(guest(index), uuid(seed, 'entra guest', index)),
  );
  const disabled = Array.from({ length: few }, (_, index) =>
    directory.createUser(formerMember(index), uuid(seed, 'entra disabled', index)),
  );
  for (const [index, group] of groups.entries()) {
    const isSpecial = special?.groups.includes(group) ?? false;
    ids.set(group, directory.createGroup(groupOf(group, index, isSpecial), uuid(seed, 'entra group', index)));
  }
  const idsOf = (items: readonly (Person | Group)[] = []) => items.map((item) => ids.get(item) ?? '');
  for (const group of groups) {
    const members = idsOf([...group.people, ...group.groups]);
    for (const member of members) directory.addMember(ids.get(group) ?? '', member);
  }
  const [some = ''] = idsOf(groups.slice(0, 1));
  for (const id of [...guests, ...disabled]) directory.addMember(some, id);
  if (few > 0) directory.addMember(some, directory.createOther('device', uuid(seed, 'entra device', 0)));
  return {
    made: {
      ...{ people: count, groups: groups.length, guests, disabled },
      memberships: groups.reduce((sum, group) => sum + group.people.length, 0),
      withoutMail: idsOf(people.filter(({ mail }) => mail === undefined)),
      sharingAnAddress: idsOf(special?.sharingAnAddress),
      inNoGroup: idsOf(special && [special.inNoGroup]),
      nestedGroups: idsOf(special && [special.nested]),
      groupsInACycle: idsOf(special?.cycle),
    },
    marry(every, round) {
      for (const { person, family } of marriages(population, every, round)) {
        directory.update(ids.get(person) ?? '', { surname: family, displayName: `${person.given} ${family}` });
      }
    },
  };
}

/** Every third person comes from an Active Directory, by Microsoft Entra Connect. */
function userOf({ uid, given, family, language, mail }: Person, index: number, objectGUID: string) {
  const onPremises: Properties = {
    onPremisesSyncEnabled: true,
    onPremisesDomainName: `corp.${domain}`,
    // As long as sAMAccountName may be.
    onPremisesSamAccountName: uid.slice(0, 20),
    onPremisesImmutableId: immutableIDOf(objectGUID),
    onPremisesUserPrincipalName: `${uid}@corp.${domain}`,
  };
  return {
    userPrincipalName: `${uid}@${domain}`,
    displayName: `${given} ${family}`,
    ...{ givenName: given, surname: family, preferredLanguage: language, mailNickname: uid },
    ...(mail && { mail, proxyAddresses: [`SMTP:${mail}`, `smtp:${uid}@example.org`] }),
    ...(index % 3 === 0 && onPremises),
  };
}

/** https://learn.microsoft.com/entra/external-id/user-properties */
function guest(index: number) {
  const name = strangers[index % strangers.length] ?? '';
  const mail = `${name.toLowerCase()}${index}@partner.example`;
  return {
    userPrincipalName: `${mail.replace('@', '_')}#EXT#@example.onmicrosoft.com`,
    displayName: `${name} Partner`,
    ...{ givenName: name, surname: 'Partner', mail, otherMails: [mail] },
    ...{ userType: 'Guest', creationType: 'Invitation', externalUserState: 'Accepted' },
  };
}

function formerMember(index: number) {
  const name = strangers[index % strangers.length] ?? '';
  const mail = `${name.toLowerCase()}.former${index}@${domain}`;
  const names = { displayName: `${name} Former`, givenName: name, surname: 'Former' };
  return { userPrincipalName: mail, ...names, mail, accountEnabled: false };
}

/** Every third group is a Microsoft 365 group; such cannot have groups as members. */
function groupOf({ name, description }: Group, index: number, isSpecial: boolean) {
  const unified = {
    groupTypes: ['Unified'],
    mailEnabled: true,
    securityEnabled: false,
    mail: `group${index}@${domain}`,
  };
  return {
    displayName: name,
    mailNickname: `group${index}`,
    ...(description && { description }),
    ...(index % 3 === 0 && !isSpecial && unified),
  };
}

/**
 * The source anchor that Microsoft Entra Connect makes of an objectGUID: base64 of its bytes, of which the first three
 * parts are little-endian (MS-DTYP, section 2.3.4.2).
 */
export function immutableIDOf(objectGUID: string): string {
  const bytes = Buffer.from(objectGUID.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes.toString('base64');
}
