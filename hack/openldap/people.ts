import { createHash } from 'node:crypto';
import { hashPassword, serviceAccount } from './config.ts';
import type { Entry, Replacement } from './ldif.ts';
import { languages, type Name } from './names.ts';

/** How big a directory is to be generated. */
export interface Size {
  readonly suffix: string;
  /** At least 10 where there are special cases. */
  readonly people: number;
  /** At least 10 where there are special cases. */
  readonly groups: number;
  /** Groups that each ordinary person is in. */
  readonly memberships: number;
  /** Whether some of the people and groups are the special cases of the demo; they are unless told. */
  readonly specialCases?: boolean;
  readonly seed?: number;
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

interface Person {
  dn: string;
  /** The DN as member values spell it. */
  memberDN: string;
  readonly uid: string;
  readonly given: string;
  readonly family: string;
  readonly language: string;
  mail: string | undefined;
}

interface Group {
  readonly dn: string;
  readonly name: string;
  readonly class: 'groupOfNames' | 'groupOfUniqueNames' | 'posixGroup';
  readonly description?: string;
  readonly people: Person[];
  readonly groups: Group[];
}

export function generateDirectory(size: Size): Directory {
  const { suffix, seed = 20_250_401, specialCases = true } = size;
  const random = mulberry32(seed);
  const people = makePeople(size, random);
  const groups = makeGroups(size);
  const special = specialCases ? addSpecialCases(people, groups, suffix) : undefined;
  join(
    people.filter((person) => person !== special?.inNoGroup),
    groups.filter((group) => !special?.groups.includes(group)),
    size.memberships,
    random,
  );
  const dns = (list: readonly { dn: string }[] | undefined) => (list ?? []).map(({ dn }) => dn);
  return {
    made: {
      people: people.length,
      groups: groups.length,
      memberships: groups.reduce((sum, group) => sum + group.people.length, 0),
      withNamesBeyondAscii: people.filter((person) => /[^ -~]/.test(person.given + person.family)).length,
      withoutMail: dns(people.filter((person) => person.mail === undefined)),
      sharingAnAddress: dns(special?.sharingAnAddress),
      inNoGroup: dns(special && [special.inNoGroup]),
      withEscapedDN: dns(special && [special.withEscapedDN]),
      emptyGroups: dns(groups.filter((group) => group.people.length + group.groups.length === 0)),
      nestedGroups: dns(special && [special.nested]),
      groupsInACycle: dns(special?.cycle),
      withLongDescription: dns(groups.filter((group) => (group.description?.length ?? 0) >= 2000)),
    },
    *entries(servicePassword) {
      yield* containers(suffix, servicePassword);
      for (const [index, person] of people.entries()) yield personEntry(person, uuid(seed, 'person', index));
      for (const [index, group] of groups.entries()) {
        yield groupEntry(group, suffix, 10_000 + index, uuid(seed, 'group', index));
      }
    },
    *marriages(every, round) {
      const families = languages.flatMap((language) => language.family);
      for (let index = 0; index < people.length; index += every) {
        const family = `${families[(index + round) % families.length]?.written} ${round}`;
        yield { dn: people[index]?.dn ?? '', attribute: 'sn', values: [family] };
      }
    },
  };
}

function makePeople({ people: count, suffix }: Size, random: () => number): Person[] {
  const people: Person[] = [];
  const namesakes = new Map<string, number>();
  while (people.length < count) {
    // The square makes the first languages the more frequent ones.
    const language = pick(languages, () => random() ** 2);
    const given = pick<Name>(language.given, random);
    const family = pick<Name>(language.family, random);
    const name = `${given.latin}.${family.latin}`;
    const number = (namesakes.get(name) ?? 0) + 1;
    namesakes.set(name, number);
    const uid = number === 1 ? name : `${name}${number}`;
    const dn = `uid=${uid},ou=People,${suffix}`;
    people.push({
      ...{ dn, memberDN: dn, uid, mail: `${uid}@example.com` },
      ...{ given: given.written, family: family.written, language: language.language },
    });
  }
  return people;
}

const teams = [
  ...['Accounting', 'Analytics', 'Audit', 'Compliance', 'Controlling', 'Customer Care', 'Data Platform', 'Design'],
  ...['Engineering', 'Facilities', 'Field Service', 'Human Resources', 'Legal', 'Logistics', 'Marketing', 'Operations'],
  ...['Procurement', 'Product', 'Quality', 'Research', 'Sales', 'Security', 'Support', 'Training', 'Treasury'],
];
const cities = [
  ...['Berlin', 'Zürich', 'Paris', 'London', 'Madrid', 'Kraków', 'İstanbul', 'Αθήνα', 'Київ', 'Hà Nội'],
  ...['Montréal', 'São Paulo', 'München', 'Malmö', 'Reykjavík', '東京', '서울', '上海', 'दिल्ली', 'القاهرة'],
];
const groupClasses = [
  ...(['groupOfNames', 'groupOfNames', 'groupOfNames', 'groupOfUniqueNames', 'posixGroup'] as const),
];

function makeGroups({ groups: count, suffix }: Size): Group[] {
  const groups: Group[] = [];
  while (groups.length < count) {
    const index = groups.length;
    const round = Math.floor(index / (teams.length * cities.length));
    const team = teams[index % teams.length];
    const city = cities[Math.floor(index / teams.length) % cities.length];
    const name = round === 0 ? `${team} ${city}` : `${team} ${city} ${round + 1}`;
    groups.push(newGroup(name, suffix, groupClasses[index % groupClasses.length], `People of ${team} in ${city}`));
  }
  return groups;
}

function newGroup(name: string, suffix: string, kind: Group['class'] = 'groupOfNames', description?: string): Group {
  const dn = `cn=${name},ou=Groups,${suffix}`;
  return { dn, name, class: kind, ...(description && { description }), people: [], groups: [] };
}

interface SpecialCases {
  readonly sharingAnAddress: readonly Person[];
  readonly inNoGroup: Person;
  readonly withEscapedDN: Person;
  readonly nested: Group;
  readonly cycle: readonly Group[];
  /** Groups that get no members by chance. */
  readonly groups: readonly Group[];
}

/** Turns the first people and the last groups into the special cases. */
function addSpecialCases(people: Person[], groups: Group[], suffix: string): SpecialCases {
  if (people.length < 10 || groups.length < 10) throw new Error('special cases need 10 people and 10 groups');
  const withoutMail = people.slice(0, 3);
  const [first, second, inNoGroup, withEscapedDN, inCycle, alsoInCycle] = people.slice(3) as SixPeople;
  for (const person of withoutMail) person.mail = undefined;
  second.mail = first.mail?.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
  withEscapedDN.dn = `cn=${withEscapedDN.family}\\, ${withEscapedDN.given} (R\\+D\\, Zürich),ou=People,${suffix}`;
  withEscapedDN.memberDN =
    `CN=${withEscapedDN.family.toUpperCase()}\\2c   ${withEscapedDN.given} (r\\2Bd\\, zürich) , OU=people, ` +
    suffix.replaceAll(',', ' , ').toUpperCase();

  const empty = newGroup('Sabbatical', suffix);
  const nested = newGroup('All Engineering', suffix);
  nested.groups.push(...groups.slice(0, 3));
  const left = newGroup('Cycle Left', suffix);
  const right = newGroup('Cycle Right', suffix);
  left.people.push(inCycle);
  left.groups.push(right);
  right.people.push(alsoInCycle);
  right.groups.push(left);
  const long = newGroup('Chronicle', suffix, 'groupOfNames', longDescription(2000));
  long.people.push(withEscapedDN, inCycle);
  const special = [empty, nested, left, right, long];
  groups.splice(-special.length, special.length, ...special);
  return { sharingAnAddress: [first, second], inNoGroup, withEscapedDN, nested, cycle: [left, right], groups: special };
}

type SixPeople = [Person, Person, Person, Person, Person, Person];

function longDescription(length: number): string {
  const sentence = 'This group has been reorganised, renamed and moved more often than anybody cares to remember. ';
  return `${sentence.repeat(Math.ceil(length / sentence.length)).slice(0, length - 1)}.`;
}

/** Puts each person into as many different groups as asked for. */
function join(people: readonly Person[], groups: readonly Group[], memberships: number, random: () => number): void {
  const wanted = Math.min(memberships, groups.length);
  for (const person of people) {
    const chosen = new Set<Group>();
    while (chosen.size < wanted) chosen.add(pick(groups, random));
    for (const group of chosen) group.people.push(person);
  }
}

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

function personEntry(person: Person, entryUUID: string): Entry {
  const { uid, given, family, language, mail } = person;
  // The value in the RDN must be one of the entry's; only the special person is not named by uid.
  const inRDN = /^cn=((?:[^\\,]|\\.)*)/.exec(person.dn)?.[1]?.replace(/\\(.)/g, '$1');
  return {
    dn: person.dn,
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

function groupEntry(group: Group, suffix: string, gidNumber: number, entryUUID: string): Entry {
  return {
    dn: group.dn,
    attributes: {
      objectClass: [group.class],
      entryUUID: [entryUUID],
      cn: [group.name],
      ...(group.description && { description: [group.description] }),
      ...members(group, suffix, gidNumber),
    },
  };
}

function members(group: Group, suffix: string, gidNumber: number): Record<string, string[]> {
  if (group.class === 'posixGroup') {
    return { gidNumber: [`${gidNumber}`], memberUid: group.people.map((person) => person.uid) };
  }
  const dns = [...group.people.map((person) => person.memberDN), ...group.groups.map(({ dn }) => dn)];
  // RFC 4519 wants at least one member, so tools fill empty groups with a DN of nobody; this is Keycloak's.
  if (dns.length === 0) dns.push(`cn=empty-membership-placeholder,${suffix}`);
  return { [group.class === 'groupOfNames' ? 'member' : 'uniqueMember']: dns };
}

/** In the form of a random UUID (RFC 9562, version 4), but always the same. */
function uuid(seed: number, kind: string, index: number): string {
  const hex = createHash('sha256').update(`${seed}/${kind}/${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** A small generator of pseudo-random numbers in [0, 1), public domain, by Tommy Ettinger. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
