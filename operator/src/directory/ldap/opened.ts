import type { Filter } from 'ldapts';
import type { ConnectionTest, OpenDirectory } from '../reader.ts';
import type { DirectoryRecord, Evidence } from '../record.ts';
import { truncate } from '../text.ts';
import { EntryAttributes } from './attributes.ts';
import { isWithin, normalizeDN } from './dn.ts';
import { Memberships, type Remainder } from './groups.ts';
import { find, locate } from './locate.ts';
import type { AttributeMapping, Preset } from './presets.ts';
import { groupRecord, identityOf, labelOf, personRecord } from './records.ts';
import { anything, type Search, type Source, searchEntry, searchPages } from './search.ts';
import { Tally } from './tally.ts';

/** What is asked for. */
export interface Query {
  readonly preset: Preset;
  readonly mapping: AttributeMapping;
  readonly membership: 'None' | 'Direct' | 'Nested';
  readonly userFilter: Filter;
  readonly groupFilter: Filter;
}

/** A server that is read, and where people and groups are on it. */
export interface Place extends Source {
  /** The naming context that holds the people. */
  readonly context: string;
  /** None of them within another one, as with the groups. */
  readonly userBases: readonly string[];
  readonly groupBases: readonly string[];
  /** Where groups are that only pass their people on. */
  readonly innerGroupBases: readonly string[];
  /** Completes the domain account of the entry with this DN. */
  readonly accountName?: (account: string, dn: string) => string;
}

/** Servers that are read together. */
export interface Directory {
  /** One at least. */
  readonly places: readonly Place[];
  readonly query: Query;
  /** Who issued the ids. */
  readonly authority: string;
  /** Sentences for the evidence that are known before anything is read. */
  readonly remarks?: readonly string[];
  /** Whether the entry of this DN is known to be on a server that is not read. */
  readonly isElsewhere?: ((dn: string) => boolean) | undefined;
}

/** What can be done with servers that are connected to; `connections` are closed at the end. */
export function openDirectory(directory: Directory, connections: Disposable): OpenDirectory {
  return {
    test: () => test(directory),
    read: () => read(directory),
    locate: (externalIds) => locate(directory, externalIds),
    find: (person) => find(directory, person),
    [Symbol.dispose]: () => connections[Symbol.dispose](),
  };
}

/** So many people are named by a test. */
const sampleSize = 5;

async function test(directory: Directory): Promise<ConnectionTest> {
  const { preset, membership, userFilter, groupFilter } = directory.query;
  const sample: string[] = [];
  let [people, groups] = [0, 0];
  for (const place of directory.places) {
    const tally = new Tally();
    const search = { attributes: [preset.identity.attribute] };
    for await (const entry of entries(place, place.userBases, { ...search, filter: userFilter }, preset, tally)) {
      identityOf(entry, preset);
      if (sample.length < sampleSize) sample.push(labelOf(entry));
      people += 1;
    }
    if (membership === 'None') continue;
    for await (const entry of entries(place, place.groupBases, { ...search, filter: groupFilter }, preset, tally)) {
      identityOf(entry, preset);
      groups += 1;
    }
  }
  return { ...whom(directory), people, groups, sample };
}

/** Which servers were asked, as whom. */
function whom({ places, authority }: Directory) {
  const servers = places.map(({ connection }) => connection.session.server.url);
  return {
    server: truncate(servers.join(', '), longestServer),
    boundAs: places[0]?.connection.boundAs ?? 'anonymous',
    authority,
  };
}

/** As the status of a run allows. */
const longestServer = 1024;

async function* read(directory: Directory): AsyncGenerator<DirectoryRecord, Evidence> {
  const { places, query } = directory;
  const tally = new Tally();
  const withGroups = query.membership !== 'None';
  const memberships = withGroups ? yield* readGroups(directory, tally) : undefined;
  for (const place of places) yield* readPeople(place, query, memberships, tally);
  const { pages, entries: count, doubts } = tally;
  const remarks = [...(directory.remarks ?? []), ...tally.remarks];
  const bases = places.flatMap(({ userBases, groupBases }) => (withGroups ? [...userBases, ...groupBases] : userBases));
  return {
    complete: doubts.length === 0,
    ...whom(directory),
    bases: [...new Set(bases)],
    ...{ pages, entries: count, doubts },
    ...(remarks.length > 0 && { remarks }),
  };
}

async function* readGroups(
  { places, query, isElsewhere }: Directory,
  tally: Tally,
): AsyncGenerator<DirectoryRecord, Memberships> {
  const { preset, mapping, groupFilter: filter } = query;
  const nested = query.membership === 'Nested';
  const memberships = new Memberships({ nested, emptyGroups: preset.emptyGroups, isElsewhere });
  const attributes = [
    ...[preset.identity.attribute, ...mapping.groupName, ...mapping.groupDescription],
    ...membershipAttributes(preset),
  ];
  for (const place of places) {
    const remainders: Remainder[] = [];
    for await (const entry of entries(place, place.groupBases, { filter, attributes }, preset, tally)) {
      const record = groupRecord(entry, preset, mapping);
      const externalId = record.kind === 'Group' ? record.externalId : undefined;
      const remainder = await memberships.add(entry, { externalId, primaryName: primaryName(preset, entry) }, tally);
      if (remainder !== undefined) remainders.push(remainder);
      yield record;
    }
    // A server may forget a search by pages when it is asked something else in between.
    for (const remainder of remainders) await readRemainder(place, memberships, remainder, tally);
  }
  if (nested) await addInnerGroups(places, query, memberships, tally);
  return memberships;
}

const primaryName = ({ primaryGroup }: Preset, group: EntryAttributes): string | undefined =>
  primaryGroup?.ofGroup(group);

const membershipAttributes = ({ memberAttributes, primaryGroup }: Preset): readonly string[] => [
  ...memberAttributes,
  ...(primaryGroup?.groupAttributes ?? []),
];

/** Reads the rest of a list of members, range by range. */
async function readRemainder(place: Place, memberships: Memberships, first: Remainder, tally: Tally): Promise<void> {
  let remainder: Remainder | undefined = first;
  while (remainder !== undefined) {
    const attributes = [`member;range=${remainder.from}-*`];
    const found = await searchEntry(place, { base: baseOf(remainder), filter: anything, attributes });
    const entry = found && new EntryAttributes(found);
    remainder = await memberships.addRemainder(remainder, entry, tally);
  }
}

/**
 * Member groups that are not among those read still pass their people on. The names of all groups are cheap, and only
 * of those that are listed somewhere the members are read.
 */
async function addInnerGroups(
  places: readonly Place[],
  query: Query,
  memberships: Memberships,
  tally: Tally,
): Promise<void> {
  const { preset } = query;
  const candidates = new Map<string, { readonly place: Place; readonly dn: string }>();
  for (const place of places) {
    if (readsAllGroups(place, query)) continue;
    const names = { filter: preset.groupFilter, attributes: [noAttributes] };
    for await (const { key, dn } of entries(place, place.innerGroupBases, names, preset, tally)) {
      candidates.set(key, { place, dn });
    }
  }
  let found = true;
  while (found) {
    found = false;
    for (const [key, { place, dn }] of candidates) {
      if (!memberships.misses(key)) continue;
      candidates.delete(key);
      found = true;
      const search = {
        base: baseOf({ key, dn }),
        filter: preset.groupFilter,
        attributes: membershipAttributes(preset),
      };
      const inner = await searchEntry(place, search);
      if (inner === undefined) continue;
      const entry = new EntryAttributes(inner);
      const rest = await memberships.add(entry, { primaryName: primaryName(preset, entry) }, tally);
      if (rest !== undefined) await readRemainder(place, memberships, rest, tally);
    }
  }
}

/** Asks for the DN only, RFC 4511 section 4.5.1.8. */
const noAttributes = '1.1';

function readsAllGroups({ innerGroupBases, groupBases }: Place, { groupFilter, preset }: Query): boolean {
  const bases = groupBases.map((base) => normalizeDN(base) ?? base);
  const isRead = (base: string) => bases.some((read) => isWithin(normalizeDN(base) ?? base, read));
  return groupFilter === preset.groupFilter && innerGroupBases.every(isRead);
}

/** Where to find an entry again, also after it was moved where its GUID is known. */
const baseOf = ({ key, dn }: { readonly key: string; readonly dn: string }): string => (key.startsWith('<') ? key : dn);

async function* readPeople(
  place: Place,
  { preset, mapping, userFilter: filter }: Query,
  memberships: Memberships | undefined,
  tally: Tally,
): AsyncGenerator<DirectoryRecord> {
  const { firstName, lastName, email, domainAccount, language } = mapping;
  const { account, primaryGroup, identity } = preset;
  const attributes = [identity.attribute, ...firstName, ...lastName, ...email, ...domainAccount, ...language];
  attributes.push(...(account?.attributes ?? []));
  const usesUid = memberships !== undefined && preset.memberAttributes.includes('memberUid');
  if (usesUid) attributes.push('uid');
  if (memberships !== undefined) attributes.push(...(primaryGroup?.memberAttributes ?? []));
  const reading = { preset, mapping, accountName: place.accountName };
  for await (const entry of entries(place, place.userBases, { filter, attributes }, preset, tally)) {
    const uids = usesUid ? entry.values('uid') : [];
    const groups = memberships?.of(entry.key, uids, primaryGroup?.ofMember(entry)) ?? [];
    yield personRecord(entry, reading, groups, tally);
  }
}

async function* entries(
  place: Place,
  bases: readonly string[],
  search: Omit<Search, 'base'>,
  { references }: Preset,
  tally: Tally,
): AsyncGenerator<EntryAttributes> {
  for (const base of bases) {
    for await (const page of searchPages(place, { ...search, base }, tally, references)) {
      for (const entry of page) yield new EntryAttributes(entry);
    }
  }
}
