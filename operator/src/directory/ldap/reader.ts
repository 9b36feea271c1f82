import type { Filter } from 'ldapts';
import type { DirectoryReader } from '../reader.ts';
import { type Connection, type ConnectionOptions, connect } from './connect.ts';
import { parseFilter } from './filter.ts';
import { authorityOf, namingContextOf, readRootDSE, soleNamingContext } from './naming.ts';
import { openDirectory, type Place, type Query } from './opened.ts';
import { type AttributeOverrides, assertBases, overrideAttributes, type PresetName, presets } from './presets.ts';
import { plainDialect } from './search.ts';

export interface LdapReaderOptions extends ConnectionOptions {
  /** Entries asked for at a time. */
  readonly pageSize: number;
  readonly preset: PresetName;
  readonly users: SearchOptions;
  readonly groups: SearchOptions;
  readonly membership: 'None' | 'Direct' | 'Nested';
  /** Where the attributes of the preset do not fit. */
  readonly attributes?: AttributeOverrides | undefined;
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
      const place = await placeOf(opening.use(await connect(options, signal)), options);
      return openDirectory({ places: [place], query, authority: authorityOf(place.context) }, opening.move());
    },
  };
}

/** What is asked for, checked before any server is asked. */
function queryOf({ preset: name, users, groups, membership, attributes }: LdapReaderOptions): Query {
  for (const [field, { baseDN }] of Object.entries({ users, groups })) {
    if (baseDN !== undefined) assertBases(`${field}.baseDN`, [baseDN]);
  }
  const preset = presets[name];
  const instead = (filter: Filter, other: string | undefined, field: string) =>
    other === undefined ? filter : parseFilter(other, field);
  return {
    preset,
    mapping: overrideAttributes(preset.attributes, attributes ?? {}),
    membership,
    userFilter: instead(preset.userFilter, users.filter, 'users.filter'),
    groupFilter: instead(preset.groupFilter, groups.filter, 'groups.filter'),
  };
}

async function placeOf(connection: Connection, options: LdapReaderOptions): Promise<Place> {
  const root = await readRootDSE({ connection, dialect: plainDialect });
  const { url, baseDN } = connection.session.server;
  const base = (field: 'users' | 'groups') =>
    options[field].baseDN ?? baseDN ?? soleNamingContext(root, url, `${field}.baseDN`);
  const [userBase, groupBase] = [base('users'), base('groups')];
  return {
    connection,
    dialect: { pageSize: options.pageSize, paged: root.paging, extendedNames: false },
    context: namingContextOf(userBase, root, url),
    userBases: [userBase],
    groupBases: [groupBase],
    innerGroupBases: [groupBase],
  };
}
