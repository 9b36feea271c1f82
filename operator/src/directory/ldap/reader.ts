import type { Filter } from 'ldapts';
import { DirectoryError } from '../../errors.ts';
import type { ConnectionTest, DirectoryReader } from '../reader.ts';
import type { DirectoryRecord, Evidence } from '../record.ts';
import { EntryAttributes } from './attributes.ts';
import { type Connection, type ConnectionOptions, connect } from './connect.ts';
import { normalizeDN } from './dn.ts';
import { parseFilter } from './filter.ts';
import { Memberships, memberAttributes } from './groups.ts';
import { find, locate, type Surroundings } from './locate.ts';
import { authorityOf, namingContextOf, readRootDSE, soleNamingContext } from './naming.ts';
import {
  type AttributeMapping,
  defaultGroupFilter,
  defaultUserFilter,
  overrideAttributes,
  type Preset,
  type PresetName,
  presets,
} from './presets.ts';
import { groupRecord, identityOf, labelOf, personRecord } from './records.ts';
import { type Paging, type Search, searchEntry, searchPages } from './search.ts';
import { Tally } from './tally.ts';

export interface LdapReaderOptions extends ConnectionOptions {
  /** Entries asked for at a time. */
  readonly pageSize: number;
  readonly preset: PresetName;
  readonly users: SearchOptions;
  readonly groups: SearchOptions;
  readonly membership: 'None' | 'Direct' | 'Nested';
  /** Where the attributes of the preset do not fit. */
  readonly attributes?: { readonly [K in keyof AttributeMapping]?: readonly string[] | undefined } | undefined;
}

export interface SearchOptions {
  /** The base DN of the URL when absent, else the naming context of the server. */
  readonly baseDN?: string | undefined;
  /** The filter of the preset when absent. */
  readonly filter?: string | undefined;
}

/**
 * Reads people and groups from an LDAP server: groups first, because a person's record names the groups they are in,
 * then people, page by page. Nothing of an entry is kept but its record.
 */
export function ldapReader(options: LdapReaderOptions): DirectoryReader {
  return {
    async open(signal) {
      const query = queryOf(options);
      using opening = new DisposableStack();
      const connection = opening.use(await connect(options, signal));
      const place = await placeOf(connection, options);
      const opened = opening.move();
      return {
        test: () => test(place, query),
        read: () => read(place, query),
        locate: (externalIds) => locate(surroundingsOf(place, query), externalIds),
        find: (person) => find(surroundingsOf(place, query), person, query.mapping.email),
        [Symbol.dispose]: () => opened.dispose(),
      };
    },
  };
}

/** What is asked for, checked before any server is asked. */
interface Query {
  readonly preset: Preset;
  readonly mapping: AttributeMapping;
  readonly membership: 'None' | 'Direct' | 'Nested';
  readonly userFilter: Filter;
  readonly groupFilter: Filter;
  /** Whether the filter may leave out groups that the others list. */
  readonly groupsFiltered: boolean;
}

function queryOf({ preset: name, users, groups, membership, attributes }: LdapReaderOptions): Query {
  for (const { baseDN } of [users, groups]) {
    if (baseDN !== undefined && normalizeDN(baseDN) === undefined) {
      throw new DirectoryError('InvalidBaseDN', `${baseDN} is not a distinguished name.`);
    }
  }
  const preset: Preset = presets[name];
  return {
    preset,
    mapping: overrideAttributes(preset.attributes, attributes ?? {}),
    membership,
    userFilter: users.filter === undefined ? defaultUserFilter : parseFilter(users.filter),
    groupFilter: groups.filter === undefined ? defaultGroupFilter : parseFilter(groups.filter),
    groupsFiltered: groups.filter !== undefined,
  };
}

/** The server that is read, and where people and groups are on it. */
interface Place {
  readonly connection: Connection;
  /** The naming context that holds the people. */
  readonly context: string;
  readonly userBase: string;
  readonly groupBase: string;
  readonly authority: string;
  readonly paging: Paging;
}

async function placeOf(connection: Connection, options: LdapReaderOptions): Promise<Place> {
  const root = await readRootDSE(connection);
  const { url, baseDN } = connection.session.server;
  const base = (configured: string | undefined) => configured ?? baseDN ?? soleNamingContext(root, url);
  const userBase = base(options.users.baseDN);
  const context = namingContextOf(userBase, root, url);
  return {
    connection,
    context,
    userBase,
    groupBase: base(options.groups.baseDN),
    authority: authorityOf(context),
    paging: { pageSize: options.pageSize, supported: root.paging },
  };
}

function surroundingsOf({ connection, context, userBase, paging }: Place, { preset, userFilter }: Query): Surroundings {
  return { connection, context, base: userBase, filter: userFilter, preset, paging };
}

/** So many people are named by a test. */
const sampleSize = 5;

async function test(place: Place, query: Query): Promise<ConnectionTest> {
  const { connection, userBase, groupBase, authority } = place;
  const attributes = [query.preset.identity];
  const sample: string[] = [];
  const count = async (base: string, filter: Filter, noted?: string[]) => {
    let found = 0;
    for await (const entry of search(place, { base, filter, attributes }, new Tally())) {
      identityOf(entry, query.preset);
      if (found < sampleSize) noted?.push(labelOf(entry));
      found += 1;
    }
    return found;
  };
  const people = await count(userBase, query.userFilter, sample);
  const groups = query.membership === 'None' ? 0 : await count(groupBase, query.groupFilter);
  return { server: connection.session.server.url, boundAs: connection.boundAs, authority, people, groups, sample };
}

async function* read(place: Place, query: Query): AsyncGenerator<DirectoryRecord, Evidence> {
  const { connection, userBase, groupBase, authority } = place;
  const tally = new Tally();
  const withGroups = query.membership !== 'None';
  const memberships = withGroups ? yield* readGroups(place, query, tally) : undefined;
  yield* readPeople(place, query, memberships, tally);
  const { pages, entries, doubts } = tally;
  return {
    complete: doubts.length === 0,
    server: connection.session.server.url,
    authority,
    boundAs: connection.boundAs,
    bases: withGroups ? [...new Set([userBase, groupBase])] : [userBase],
    ...{ pages, entries, doubts },
  };
}

async function* readGroups(place: Place, query: Query, tally: Tally): AsyncGenerator<DirectoryRecord, Memberships> {
  const { preset, mapping, groupFilter: filter } = query;
  const nested = query.membership === 'Nested';
  const memberships = new Memberships(nested, preset.emptyGroups);
  const attributes = [preset.identity, ...mapping.groupName, ...mapping.groupDescription, ...memberAttributes];
  for await (const entry of search(place, { base: place.groupBase, filter, attributes }, tally)) {
    const record = groupRecord(entry, preset, mapping);
    await memberships.add(entry, record.kind === 'Group' ? record.externalId : undefined, tally);
    yield record;
  }
  if (nested && query.groupsFiltered) await addInnerGroups(place, memberships, tally);
  return memberships;
}

/**
 * Member groups that the filter leaves out still pass their people on. The names of all groups are cheap, and only
 * of those that are listed somewhere the members are read.
 */
async function addInnerGroups(place: Place, memberships: Memberships, tally: Tally): Promise<void> {
  const names = { base: place.groupBase, filter: defaultGroupFilter, attributes: [noAttributes] };
  const candidates = new Set<string>();
  for await (const { dn } of search(place, names, tally)) candidates.add(dn);
  let found = true;
  while (found) {
    found = false;
    for (const dn of candidates) {
      if (!memberships.misses(dn)) continue;
      candidates.delete(dn);
      found = true;
      const inner = { base: dn, filter: defaultGroupFilter, attributes: memberAttributes };
      const entry = await searchEntry(place.connection, inner);
      if (entry !== undefined) await memberships.add(new EntryAttributes(entry), undefined, tally);
    }
  }
}

/** Asks for the DN only, RFC 4511 section 4.5.1.8. */
const noAttributes = '1.1';

async function* readPeople(
  place: Place,
  { preset, mapping, userFilter: filter }: Query,
  memberships: Memberships | undefined,
  tally: Tally,
): AsyncGenerator<DirectoryRecord> {
  const { firstName, lastName, email, domainAccount, language } = mapping;
  const attributes = [preset.identity, ...firstName, ...lastName, ...email, ...domainAccount, ...language];
  if (preset.disabled !== undefined) attributes.push(preset.disabled);
  if (memberships !== undefined) attributes.push('uid');
  for await (const entry of search(place, { base: place.userBase, filter, attributes }, tally)) {
    yield personRecord(entry, preset, mapping, memberships?.of(entry.dn, entry.values('uid')) ?? []);
  }
}

async function* search(place: Place, what: Search, tally: Tally): AsyncGenerator<EntryAttributes> {
  for await (const page of searchPages(place.connection, what, place.paging, tally)) {
    for (const entry of page) yield new EntryAttributes(entry);
  }
}
