import { DirectoryError } from '../../errors.ts';
import type { Graph, GraphPage, GraphQuery } from './graph.ts';
import type { GroupSelection } from './scope.ts';
import type { Fields } from './snapshot.ts';

/** What decides which people and groups of the tenant are told of. */
export interface QueryOptions {
  readonly clientID: string;
  /** $filter for users, as Microsoft Graph evaluates it. */
  readonly userFilter?: string | undefined;
  readonly guests: boolean;
  /** The groups to tell of; all when absent. */
  readonly groups?: GroupSelection | undefined;
  readonly membership: 'None' | 'Direct' | 'Nested';
}

const readUsers = { what: 'users', permission: 'User.Read.All' };
const readDeleted = { what: 'deleted users', permission: 'User.Read.All' };
const readGroups = { what: 'groups', permission: 'GroupMember.Read.All or Group.Read.All' };
/** Queries for what the directory itself does not index need it: https://learn.microsoft.com/graph/aad-advanced-queries */
const advanced = { ConsistencyLevel: 'eventual' };
const everyPage = { $top: 999 };
const noGuests = "not (userType eq 'Guest')";
const namesOfUser = 'id,userPrincipalName,userType';
/** https://learn.microsoft.com/graph/filter-query-parameter: `in` takes 15 values. */
const valuesOfIn = 15;
const lookupsAtOnce = 10;

/** The questions to Microsoft Graph besides those for changes. Everything throws `DirectoryError`. */
export class Queries {
  readonly #graph: Graph;
  readonly #options: QueryOptions;

  constructor(graph: Graph, options: QueryOptions) {
    this.#graph = graph;
    this.#options = options;
  }

  /** How many users match, with the first five. */
  async countUsers(): Promise<{ readonly count: number; readonly first: readonly Fields[] }> {
    const { userFilter, guests } = this.#options;
    const conditions = [...(guests ? [] : [noGuests]), ...(userFilter === undefined ? [] : [`(${userFilter})`])];
    const { count, value } = await this.#graph.page({
      ...readUsers,
      path: '/users',
      headers: advanced,
      filtered: userFilter !== undefined,
      parameters: {
        $count: true,
        $top: 5,
        $select: namesOfUser,
        ...(conditions.length > 0 && { $filter: conditions.join(' and ') }),
      },
    });
    return { count: count ?? value.length, first: value as readonly Fields[] };
  }

  /** How many groups would be told of, people in them or not. */
  async countGroups(): Promise<number> {
    const { membership, groups } = this.#options;
    if (membership === 'None') return 0;
    const count = async (parameters: Readonly<Record<string, string>>): Promise<GraphPage> =>
      await this.#graph.page({
        ...readGroups,
        path: '/groups',
        headers: advanced,
        parameters: { $count: true, $top: 999, $select: 'id', ...parameters },
      });
    if (groups === undefined) return (await count({ $top: '1' })).count ?? 0;
    const ids = new Set([...(await this.assignedGroups()), ...(groups.ids ?? []).map((id) => id.toLowerCase())]);
    for (const names of chunksOf(groups.names ?? [], valuesOfIn)) {
      const { value } = await count({ $filter: `displayName in (${names.map(quote).join(', ')})` });
      for (const group of value) ids.add(String((group as Fields).id).toLowerCase());
    }
    return ids.size;
  }

  /** Ids of the users that match the filter; undefined when there is none. */
  async matchingUsers(): Promise<ReadonlySet<string> | undefined> {
    const { userFilter } = this.#options;
    return userFilter === undefined ? undefined : await this.#filtered(userFilter);
  }

  /**
   * Ids of the users that the filter leaves out, asked for the other way round: the index that filters are evaluated by
   * may lack somebody for a while, and then neither query gives them. None where Graph cannot negate the filter.
   */
  async unmatchedUsers(): Promise<ReadonlySet<string>> {
    const { userFilter } = this.#options;
    if (userFilter === undefined) return new Set();
    return await this.#filtered(`not (${userFilter})`).catch((error: unknown) => {
      if (error instanceof DirectoryError && error.reason === 'InvalidFilter') return new Set<string>();
      throw error;
    });
  }

  /** Ids of the groups that are assigned to the application, if they are asked for. */
  async assignedGroups(): Promise<ReadonlySet<string>> {
    const { groups, clientID, membership } = this.#options;
    if (membership === 'None' || !groups?.assignedToApplication) return new Set();
    return await this.#ids(
      {
        what: 'the assignments to the application',
        permission: 'Application.Read.All',
        path: `/servicePrincipals(appId='${clientID}')/appRoleAssignedTo`,
        parameters: everyPage,
      },
      ({ principalType, principalId }) => (principalType === 'Group' ? principalId : undefined),
    );
  }

  /** Which of these users are deleted, for a while or for good. Whoever may read users sees all of them. */
  async deletedUsers(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    try {
      const path = '/directory/deletedItems/microsoft.graph.user';
      const bin = await this.#ids({ ...readDeleted, path, parameters: { $select: 'id', ...everyPage } });
      const deleted = ids.filter((id) => bin.has(id));
      const others = ids.filter((id) => !bin.has(id));
      for (const chunk of chunksOf(others, lookupsAtOnce)) {
        const users = await Promise.all(chunk.map(async (id) => ({ id, user: await this.userOf(id) })));
        deleted.push(...users.filter(({ user }) => user === undefined).map(({ id }) => id));
      }
      return deleted;
    } catch (error) {
      if (error instanceof DirectoryError && error.reason === 'PermissionMissing') return [];
      throw error;
    }
  }

  /** Whether the user was deleted and may return. */
  async isInRecycleBin(id: string): Promise<boolean> {
    const path = `/directory/deletedItems/${id}`;
    return (await this.#graph.get({ ...readDeleted, path, parameters: { $select: 'id' } })) !== undefined;
  }

  async userOf(id: string): Promise<Fields | undefined> {
    return await this.#graph.get({ ...readUsers, path: `/users/${id}`, parameters: { $select: namesOfUser } });
  }

  /** The user with this address or user principal name. */
  async userCalled(name: string): Promise<Fields | undefined> {
    const text = quote(name);
    const conditions = [
      ...[`mail eq ${text}`, `userPrincipalName eq ${text}`, `otherMails/any(a:a eq ${text})`],
      ...['SMTP', 'smtp'].map((type) => `proxyAddresses/any(a:a eq ${quote(`${type}:${name}`)})`),
    ];
    const parameters = { $filter: conditions.join(' or '), $select: namesOfUser, $count: true, $top: 1 };
    const { value } = await this.#graph.page({ ...readUsers, path: '/users', headers: advanced, parameters });
    return value[0] as Fields | undefined;
  }

  /** Whether the filter gives the user. */
  async matches(id: string): Promise<boolean> {
    const { userFilter } = this.#options;
    return userFilter === undefined || (await this.#filtered(`id eq '${id}' and (${userFilter})`)).has(id);
  }

  async #filtered($filter: string): Promise<Set<string>> {
    const parameters = { $filter, $select: 'id', $count: true, ...everyPage };
    return await this.#ids({ ...readUsers, path: '/users', filtered: true, headers: advanced, parameters });
  }

  async #ids(query: GraphQuery, idOf: (object: Fields) => unknown = ({ id }) => id): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const { value } of this.#graph.pages(query)) {
      for (const object of value) {
        const id = idOf(object as Fields);
        if (typeof id === 'string') ids.add(id.toLowerCase());
      }
    }
    return ids;
  }
}

/** As a literal of OData: https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html */
const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
