/** The people and groups of a made-up company, before they are written down for one kind of directory. */
import { mulberry32 } from '../random.ts';
import { languages, type Name } from './names.ts';

/** How big a population is to be. */
export interface PopulationSize {
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

export interface Person {
  /** In a-z, with a dot between the names and perhaps a number; different for each person. */
  readonly uid: string;
  readonly given: string;
  readonly family: string;
  /** BCP 47. */
  readonly language: string;
  readonly mail?: string;
}

export interface Group {
  /** Different for each group. */
  readonly name: string;
  readonly description?: string;
  /** Direct members. */
  readonly people: readonly Person[];
  readonly groups: readonly Group[];
}

export interface SpecialCases {
  /** Two people who have one address, in different case. */
  readonly sharingAnAddress: readonly Person[];
  readonly inNoGroup: Person;
  /** Whose entry is to have a name that needs escapes. */
  readonly withEscapedName: Person;
  /** Its members are groups. */
  readonly nested: Group;
  /** Two groups inside each other. */
  readonly cycle: readonly Group[];
  /** Groups that get no members by chance. */
  readonly groups: readonly Group[];
}

/** The same size and seed make the same population, in the same order. */
export interface Population {
  readonly people: readonly Person[];
  readonly groups: readonly Group[];
  readonly special?: SpecialCases;
}

/** Somebody gets a new family name. */
export interface Marriage {
  readonly person: Person;
  readonly family: string;
}

export const defaultSeed = 20_250_401;

export function generatePopulation(size: PopulationSize): Population {
  const random = mulberry32(size.seed ?? defaultSeed);
  const people = makePeople(size.people, random);
  const groups = makeGroups(size.groups);
  const special = (size.specialCases ?? true) ? addSpecialCases(people, groups) : undefined;
  join(
    people.filter((person) => person !== special?.inNoGroup),
    groups.filter((group) => !special?.groups.includes(group)),
    size.memberships,
    random,
  );
  return { people, groups, ...(special && { special }) };
}

/** A new family name for every `every`-th person; each `round` gives others. */
export function* marriages({ people }: Population, every: number, round: number): Generator<Marriage> {
  const families = languages.flatMap((language) => language.family);
  for (const [index, person] of people.entries()) {
    if (index % every !== 0) continue;
    yield { person, family: `${families[(index + round) % families.length]?.written} ${round}` };
  }
}

type Growing<T> = { -readonly [Field in keyof T]: T[Field] };
interface GrowingGroup extends Group {
  readonly people: Person[];
  readonly groups: Group[];
}

function makePeople(count: number, random: () => number): Growing<Person>[] {
  const people: Growing<Person>[] = [];
  const namesakes = new Map<string, number>();
  while (people.length < count) {
    // The square makes the first languages the more frequent ones.
    const { language, ...names } = pick(languages, () => random() ** 2);
    const given = pick<Name>(names.given, random);
    const family = pick<Name>(names.family, random);
    const name = `${given.latin}.${family.latin}`;
    const number = (namesakes.get(name) ?? 0) + 1;
    namesakes.set(name, number);
    const uid = number === 1 ? name : `${name}${number}`;
    people.push({ uid, given: given.written, family: family.written, language, mail: `${uid}@example.com` });
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

function makeGroups(count: number): GrowingGroup[] {
  const groups: GrowingGroup[] = [];
  while (groups.length < count) {
    const index = groups.length;
    const round = Math.floor(index / (teams.length * cities.length));
    const team = teams[index % teams.length];
    const city = cities[Math.floor(index / teams.length) % cities.length];
    const name = round === 0 ? `${team} ${city}` : `${team} ${city} ${round + 1}`;
    groups.push(newGroup(name, `People of ${team} in ${city}`));
  }
  return groups;
}

function newGroup(name: string, description?: string): GrowingGroup {
  return { name, ...(description && { description }), people: [], groups: [] };
}

/** Turns the first people and the last groups into the special cases. */
function addSpecialCases(people: Growing<Person>[], groups: GrowingGroup[]): SpecialCases {
  if (people.length < 10 || groups.length < 10) throw new Error('special cases need 10 people and 10 groups');
  const withoutMail = people.slice(0, 3);
  const [first, second, inNoGroup, withEscapedName, inCycle, alsoInCycle] = people.slice(3) as SixPeople;
  for (const person of withoutMail) delete person.mail;
  second.mail = `${first.uid}@example.com`.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

  const empty = newGroup('Sabbatical');
  const nested = newGroup('All Engineering');
  nested.groups.push(...groups.slice(0, 3));
  const left = newGroup('Cycle Left');
  const right = newGroup('Cycle Right');
  left.people.push(inCycle);
  left.groups.push(right);
  right.people.push(alsoInCycle);
  right.groups.push(left);
  const long = newGroup('Chronicle', longDescription(2000));
  long.people.push(withEscapedName, inCycle);
  const special = [empty, nested, left, right, long];
  groups.splice(-special.length, special.length, ...special);
  return {
    sharingAnAddress: [first, second],
    inNoGroup,
    withEscapedName,
    nested,
    cycle: [left, right],
    groups: special,
  };
}

type Somebody = Growing<Person>;
type SixPeople = [Somebody, Somebody, Somebody, Somebody, Somebody, Somebody];

function longDescription(length: number): string {
  const sentence = 'This group has been reorganised, renamed and moved more often than anybody cares to remember. ';
  return `${sentence.repeat(Math.ceil(length / sentence.length)).slice(0, length - 1)}.`;
}

/** Puts each person into as many different groups as asked for. */
function join(people: readonly Person[], groups: readonly GrowingGroup[], memberships: number, random: () => number) {
  const wanted = Math.min(memberships, groups.length);
  for (const person of people) {
    const chosen = new Set<GrowingGroup>();
    while (chosen.size < wanted) chosen.add(pick(groups, random));
    for (const group of chosen) group.people.push(person);
  }
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T;
}
