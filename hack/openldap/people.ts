import {
  defaultSeed,
  type Group,
  generatePopulation,
  marriages,
  type Person,
  type PopulationSize,
} from '../people/population.ts';
import { uuid } from '../random.ts';
import { hashPassword, serviceAccount } from './config.ts';
import type { Entry, Replacement } from './ldif.ts';

/** How big a directory is to be generated. */
export interface Size extends PopulationSize {
  readonly suffix: string;
}

/** What was generated, to compare with what a reader finds. People and groups are named by their DNs. */
export interface Made {
  readonly people: number;
  readonly groups: number;
  /** Direct memberships of people. */
  readonly memberships: number;
  readonly withNamesBeyondAscii: number;
  readonly withoutMail: readonly string[];
  /** People who have one address, in different case. */
  readonly sharingAnAddress: readonly string[];
  readonly inNoGroup: readonly string[];
  /** People whose DN has escaped commas, and is spelled differently where they are members. */
  readonly withEscapedDN: readonly string[];
  readonly emptyGroups: readonly string[];
  readonly nestedGroups: readonly string[];
  readonly groupsInACycle: readonly string[];
  readonly withLongDescription: readonly string[];
}

/** A generated directory. The same size and seed make the same directory, ids included. */
export interface Directory {
  readonly made: Made;
  /** Every entry, parents first, ready for slapadd. The service account gets this password. */
  entries(servicePassword: string): Generator<Entry>;
  /** A new family name for every `every`-th person; each `round` gives others. */
  marriages(every: number, round: number): Generator<Replacement>;
}

export function generateDirectory(size: Size): Directory {
  const { suffix, seed = defaultSeed } = size;
  const population = generatePopulation(size);
  const { people, groups, special } = population;
  const names = new Names(suffix, special?.withEscapedName);
  const dns = (list: readonly (Person | Group)[] = []) => list.map((item) => names.of(item));
  return {
    made: {
      people: people.length,
      groups: groups.length,
      memberships: groups.reduce((sum, group) => sum + group.people.length, 0),
      withNamesBeyondAscii: people.filter((person) => /[^ -~]/.test(person.given + person.family)).length,
      withoutMail: dns(people.filter((person) => person.mail === undefined)),
      sharingAnAddress: dns(special?.sharingAnAddress),
      inNoGroup: dns(special && [special.inNoGroup]),
      withEscapedDN: dns(special && [special.withEscapedName]),
      emptyGroups: dns(groups.filter((group) => group.people.length + group.groups.length === 0)),
      nestedGroups: dns(special && [special.nested]),
      groupsInACycle: dns(special?.cycle),
      withLongDescription: dns(groups.filter((group) => (group.description?.length ?? 0) >= 2000)),
    },
    *entries(servicePassword) {
      yield* containers(suffix, servicePassword);
      for (const [index, person] of people.entries()) yield personEntry(person, names, uuid(seed, 'person', index));
      for (const [index, group] of groups.entries()) {
        // The special cases list their members by DN, and some are groups.
        const ordinary = groupClasses[index % groupClasses.length] ?? 'groupOfNames';
        const kind = special?.groups.includes(group) ? 'groupOfNames' : ordinary;
        yield groupEntry(group, kind, names, 10_000 + index, uuid(seed, 'group', index));
      }
    },
    *marriages(every, round) {
      for (const { person, family } of marriages(population, every, round)) {
        yield { dn: names.of(person), attribute: 'sn', values: [family] };
      }
    },
  };
}

/** Where people and groups are in the tree. */
class Names {
  readonly suffix: string;
  readonly #escaped: Person | undefined;

  constructor(suffix: string, withEscapedName: Person | undefined) {
    this.suffix = suffix;
    this.#escaped = withEscapedName;
  }

  of(item: Person | Group): string {
    if (!('uid' in item)) return `cn=${item.name},ou=Groups,${this.suffix}`;
    if (item !== this.#escaped) return `uid=${item.uid},ou=People,${this.suffix}`;
    return `cn=${item.family}\\, ${item.given} (R\\+D\\, Zürich),ou=People,${this.suffix}`;
  }

  /** As member values spell it. */
  asMember(item: Person | Group): string {
    if (item !== this.#escaped) return this.of(item);
    const { family, given } = this.#escaped;
    const suffix = this.suffix.replaceAll(',', ' , ').toUpperCase();
    return `CN=${family.toUpperCase()}\\2c   ${given} (r\\2Bd\\, zürich) , OU=people, ${suffix}`;
  }
}

type GroupClass = 'groupOfNames' | 'groupOfUniqueNames' | 'posixGroup';
const groupClasses: readonly GroupClass[] = [
  ...(['groupOfNames', 'groupOfNames', 'groupOfNames', 'groupOfUniqueNames', 'posixGroup'] as const),
];

function* containers(suffix: string, servicePassword: string): Generator<Entry> {
  const [type = 'dc', name = ''] = suffix.split(',', 1)[0]?.split('=') ?? [];
  yield { dn: suffix, attributes: { objectClass: ['dcObject', 'organization'], [type]: [name], o: ['Example'] } };
  for (const ou of ['People', 'Groups', 'Services']) {
    yield { dn: `ou=${ou},${suffix}`, attributes: { objectClass: ['organizationalUnit'], ou: [ou] } };
  }
  yield {
    dn: serviceAccount(suffix),
    attributes: {
      objectClass: ['applicationProcess', 'simpleSecurityObject'],
      cn: ['roster'],
      userPassword: [hashPassword(servicePassword)],
    },
  };
}

function personEntry(person: Person, names: Names, entryUUID: string): Entry {
  const { uid, given, family, language, mail } = person;
  const dn = names.of(person);
  // The value in the RDN must be one of the entry's; only the special person is not named by uid.
  const inRDN = /^cn=((?:[^\\,]|\\.)*)/.exec(dn)?.[1]?.replace(/\\(.)/g, '$1');
  return {
    dn,
    attributes: {
      objectClass: ['inetOrgPerson'],
      entryUUID: [entryUUID],
      uid: [uid],
      cn: inRDN ? [`${given} ${family}`, inRDN] : [`${given} ${family}`],
      sn: [family],
      givenName: [given],
      preferredLanguage: [language],
      ...(mail && { mail: [mail] }),
    },
  };
}

function groupEntry(group: Group, kind: GroupClass, names: Names, gidNumber: number, entryUUID: string): Entry {
  return {
    dn: names.of(group),
    attributes: {
      objectClass: [kind],
      entryUUID: [entryUUID],
      cn: [group.name],
      ...(group.description && { description: [group.description] }),
      ...members(group, kind, names, gidNumber),
    },
  };
}

function members(group: Group, kind: GroupClass, names: Names, gidNumber: number): Record<string, string[]> {
  if (kind === 'posixGroup') {
    return { gidNumber: [`${gidNumber}`], memberUid: group.people.map((person) => person.uid) };
  }
  const dns = [...group.people, ...group.groups].map((member) => names.asMember(member));
  // RFC 4519 wants at least one member, so tools fill empty groups with a DN of nobody; this is Keycloak's.
  if (dns.length === 0) dns.push(`cn=empty-membership-placeholder,${names.suffix}`);
  return { [kind === 'groupOfNames' ? 'member' : 'uniqueMember']: dns };
}
