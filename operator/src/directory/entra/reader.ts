import { DirectoryError } from '../../errors.ts';
import type { ConnectionTest, DirectoryReader, FoundEntry, OpenDirectory } from '../reader.ts';
import type { DirectoryRecord, Evidence, Whereabouts } from '../record.ts';
import { truncate } from '../text.ts';
import { Belonging } from './belonging.ts';
import { isObjectID } from './changes.ts';
import { type SignIn, tokenSource } from './credentials.ts';
import { Graph, type GraphPage, type GraphQuery } from './graph.ts';
import { permissionsOf } from './permissions.ts';
import {
  defaultMapping,
  groupProperties,
  groupRecord,
  isGuest,
  labelOf,
  type PropertyMapping,
  personRecord,
  userProperties,
} from './records.ts';
import type { Checkpoint, Fields, SnapshotObject, SnapshotStore } from './snapshot.ts';
import { bringUpToDate, GroupsForbidden, type Tracked } from './tracking.ts';

export interface EntraReaderOptions extends SignIn {
  /** $filter for users, as Microsoft Graph evaluates it. */
  readonly userFilter?: string | undefined;
  readonly guests: boolean;
  /** The groups to tell of; all when absent. */
  readonly groups?: GroupSelection | undefined;
  readonly membership: 'None' | 'Direct' | 'Nested';
  /** Where the usual properties do not fit. */
  readonly attributes?: { readonly [K in keyof PropertyMapping]?: readonly string[] | undefined } | undefined;
  readonly snapshots: SnapshotStore;
  readonly now: () => Date;
}

/** Groups count that any of the fields names. */
export interface GroupSelection {
  /** Display names, whatever their case. */
  readonly names?: readonly string[] | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly assignedToApplication: boolean;
}

/**
 * Reads a tenant of Microsoft Entra ID through Microsoft Graph. Of users, groups and memberships there is a snapshot,
 * which is brought up to date; people and groups are always those of the whole snapshot.
 */
export function entraReader(options: EntraReaderOptions): DirectoryReader {
  return {
    async open(signal) {
      const token = tokenSource(options);
      // Signs in before anything else, so that what is wrong with the credentials is told as such.
      const permissions = permissionsOf(await token(signal));
      const { endpoints, timeoutMs } = options;
      return new Tenant(options, new Graph({ endpoint: endpoints.graph, token, timeoutMs, signal }), permissions);
    },
  };
}

const readUsers = { what: 'users', permission: 'User.Read.All' };
const readGroups = { what: 'groups', permission: 'GroupMember.Read.All or Group.Read.All' };
/** Queries for what the directory itself does not index need it: https://learn.microsoft.com/graph/aad-advanced-queries */
const advanced = { ConsistencyLevel: 'eventual' };
const everyPage = { $top: 999 };

/** A tenant that somebody signed in to. */
class Tenant implements OpenDirectory {
  readonly #options: EntraReaderOptions;
  readonly #graph: Graph;
  readonly #permissions: ReadonlySet<string> | undefined;
  readonly #mapping: PropertyMapping;
  #tracked: Tracked | undefined;

  constructor(options: EntraReaderOptions, graph: Graph, permissions: ReadonlySet<string> | undefined) {
    this.#options = options;
    this.#graph = graph;
    this.#permissions = permissions;
    const given = Object.entries(options.attributes ?? {}).filter(([, names]) => names !== undefined);
    this.#mapping = { ...defaultMapping, ...Object.fromEntries(given) };
  }

  [Symbol.dispose](): void {
    // Requests stand by themselves; the signal ends those that are under way.
  }

  async test(): Promise<ConnectionTest> {
    const { clientID, tenantID, endpoints, userFilter, guests } = this.#options;
    const conditions = [...(guests ? [] : [noGuests]), ...(userFilter === undefined ? [] : [`(${userFilter})`])];
    const users = await this.#graph.page({
      ...readUsers,
      path: '/users',
      headers: advanced,
      filtered: userFilter !== undefined,
      parameters: {
        $count: true,
        $top: 5,
        $select: 'id,userPrincipalName',
        ...(conditions.length > 0 && { $filter: conditions.join(' and ') }),
      },
    });
    const labels = users.value.map((user) => labelOf('', user as Fields)).filter((label) => label !== '');
    return {
      ...{ server: endpoints.graph, boundAs: clientID, authority: tenantID },
      people: users.count ?? users.value.length,
      groups: await this.#countGroups(),
      sample: labels.slice(0, 5),
    };
  }

  async *read(): AsyncGenerator<DirectoryRecord, Evidence> {
    const { tenantID, clientID, endpoints, membership, guests } = this.#options;
    const doubts: string[] = [];
    const remarks: string[] = [];
    let entries = 0;
    const evidence = (): Evidence => ({
      complete: doubts.length === 0,
      ...{ server: endpoints.graph, authority: tenantID, boundAs: clientID, bases: [] },
      ...{ pages: this.#graph.answers, entries, doubts: doubts.map(shorten), remarks: remarks.map(shorten) },
    });

    const tracked = await this.#bringUpToDate().catch((error: unknown) => {
      if (!(error instanceof GroupsForbidden)) throw error;
      doubts.push(error.message);
    });
    if (tracked === undefined) return evidence();
    if (tracked.remark !== undefined) remarks.push(tracked.remark);
    const { checkpoint } = tracked;
    const matching = await this.#matchingUsers();
    const assigned = await this.#assignedGroups().catch((error: unknown) => {
      if (!(error instanceof DirectoryError && error.reason === 'PermissionMissing')) throw error;
      doubts.push(error.message);
      return new Set<string>();
    });

    const groups = membership === 'None' ? new Map<string, SnapshotObject>() : await this.#groups(checkpoint);
    const wanted = new Set(this.#wanted(groups, assigned, remarks));
    for (const group of groups.values()) {
      if (!wanted.has(group.id)) continue;
      const record = groupRecord(group, this.#mapping);
      // It cannot be told of, but still passes its people on.
      if (record.kind === 'Rejected') wanted.delete(group.id);
      entries++;
      yield record;
    }
    const belonging = new Belonging(groups, wanted, membership === 'Nested');
    doubts.push(...this.#hiddenMemberships(groups, belonging));

    for await (const page of this.#options.snapshots.users(checkpoint.id)) {
      for (const user of page) {
        if ((!guests && isGuest(user.fields)) || matching?.has(user.id) === false) continue;
        entries++;
        yield personRecord(user, this.#mapping, belonging.of(user.groups));
      }
    }
    if (!(await this.#options.snapshots.isCurrent(checkpoint.id))) {
      throw new DirectoryError(
        'ServerBusy',
        'Another run replaced the snapshot of the Entra tenant while it was read.',
      );
    }
    return evidence();
  }

  /** People are told of as long as they exist and match, so that who is in the snapshot was left out on purpose. */
  async locate(externalIds: readonly string[]): Promise<ReadonlyMap<string, Whereabouts>> {
    const ids = externalIds.filter(isObjectID);
    const { checkpoint } = await this.#bringUpToDate();
    const known = await this.#options.snapshots.find(checkpoint.id, ids);
    const found = new Map<string, Whereabouts>(externalIds.map((id) => [id, 'NotVisible']));
    const unmatched = known.size === 0 ? new Set<string>() : await this.#unmatchedUsers();
    for (const [id, fields] of known) {
      const left = (!this.#options.guests && isGuest(fields)) || unmatched.has(id);
      if (left) found.set(id, 'FilteredOut');
    }
    const unknown = ids.filter((id) => !known.has(id));
    for (const id of await this.#deletedUsers(unknown)) found.set(id, 'Deleted');
    return found;
  }

  async find(person: string): Promise<FoundEntry | undefined> {
    const name = person.trim();
    const id = isObjectID(name) ? name.toLowerCase() : undefined;
    const user = id === undefined ? await this.#userCalled(name) : await this.#userOf(id);
    if (user === undefined) {
      const isDeleted = id !== undefined && (await this.#isInRecycleBin(id));
      return isDeleted ? { externalId: id, label: id, whereabouts: 'Deleted' } : undefined;
    }
    const externalId = String(user.id).toLowerCase();
    const entry = { externalId, label: labelOf(externalId, user) };
    return (await this.#isWanted(externalId, user)) ? entry : { ...entry, whereabouts: 'FilteredOut' };
  }

  async #bringUpToDate(): Promise<Tracked> {
    const { tenantID, clientID, endpoints, membership, snapshots, now } = this.#options;
    this.#tracked ??= await bringUpToDate({
      graph: this.#graph,
      store: snapshots,
      subject: [endpoints.graph, tenantID, clientID].join(' '),
      userProperties: userProperties(this.#mapping),
      groupProperties: membership === 'None' ? undefined : groupProperties(this.#mapping),
      now,
    });
    return this.#tracked;
  }

  async #groups({ id }: Checkpoint): Promise<Map<string, SnapshotObject>> {
    const groups = new Map<string, SnapshotObject>();
    for await (const page of this.#options.snapshots.groups(id)) for (const group of page) groups.set(group.id, group);
    return groups;
  }

  /** Ids of the groups to tell of; what is named and not there is remarked. */
  *#wanted(
    groups: ReadonlyMap<string, SnapshotObject>,
    assigned: ReadonlySet<string>,
    remarks: string[],
  ): Generator<string> {
    const selection = this.#options.groups;
    if (selection === undefined) {
      yield* groups.keys();
      return;
    }
    const names = new Map(selection.names?.map((name) => [caseless(name), name]));
    const ids = new Set(selection.ids?.map((id) => id.toLowerCase()));
    const missing = new Map<string, string>([...names, ...[...ids].map((id) => [id, id] as const)]);
    for (const { id, fields } of groups.values()) {
      const name = typeof fields.displayName === 'string' ? caseless(fields.displayName) : '';
      if (!ids.has(id) && !names.has(name) && !assigned.has(id)) continue;
      missing.delete(id);
      missing.delete(name);
      yield id;
    }
    if (missing.size > 0) remarks.push(`There are no groups that are called ${[...missing.values()].join(', ')}.`);
  }

  /**
   * Without Member.Read.Hidden the members of some groups are not shown, and nothing in the answers says so:
   * https://learn.microsoft.com/graph/api/group-list-members
   */
  *#hiddenMemberships(groups: ReadonlyMap<string, SnapshotObject>, belonging: Belonging): Generator<string> {
    if (this.#permissions?.has('Member.Read.Hidden')) return;
    const hidden = [...groups.values()].filter(
      ({ id, fields }) => fields.visibility === 'HiddenMembership' && belonging.of([id]).length > 0,
    );
    const [first] = hidden;
    if (first === undefined) return;
    const { displayName } = first.fields;
    const name = typeof displayName === 'string' ? displayName : first.id;
    yield `The members of ${hidden.length} groups are hidden, first of ${name}: grant the application Member.Read.Hidden, or leave the groups out.`;
  }

  /** Ids of the users that match the filter; undefined when there is none. */
  async #matchingUsers(): Promise<ReadonlySet<string> | undefined> {
    const { userFilter } = this.#options;
    return userFilter === undefined ? undefined : await this.#filtered(userFilter);
  }

  /**
   * Ids of the users that the filter leaves out, asked for the other way round: the index that filters are evaluated by
   * may lack somebody for a while, and then neither query gives them. None where Graph cannot negate the filter.
   */
  async #unmatchedUsers(): Promise<ReadonlySet<string>> {
    const { userFilter } = this.#options;
    if (userFilter === undefined) return new Set();
    return await this.#filtered(`not (${userFilter})`).catch((error: unknown) => {
      if (error instanceof DirectoryError && error.reason === 'InvalidFilter') return new Set<string>();
      throw error;
    });
  }

  async #filtered($filter: string): Promise<Set<string>> {
    const parameters = { $filter, $select: 'id', $count: true, ...everyPage };
    return await this.#ids({ ...readUsers, path: '/users', filtered: true, headers: advanced, parameters });
  }

  async #assignedGroups(): Promise<ReadonlySet<string>> {
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

  async #countGroups(): Promise<number> {
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
    const ids = new Set([...(await this.#assignedGroups()), ...(groups.ids ?? []).map((id) => id.toLowerCase())]);
    for (const names of chunksOf(groups.names ?? [], valuesOfIn)) {
      const { value } = await count({ $filter: `displayName in (${names.map(quote).join(', ')})` });
      for (const group of value) ids.add(String((group as Fields).id).toLowerCase());
    }
    return ids.size;
  }

  /** Which of these users are deleted, for a while or for good. Whoever may read users sees all of them. */
  async #deletedUsers(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    try {
      const path = '/directory/deletedItems/microsoft.graph.user';
      const bin = await this.#ids({ ...readDeleted, path, parameters: { $select: 'id', ...everyPage } });
      const deleted = ids.filter((id) => bin.has(id));
      for (const chunk of chunksOf(
        ids.filter((id) => !bin.has(id)),
        lookupsAtOnce,
      )) {
        const users = await Promise.all(chunk.map(async (id) => ({ id, user: await this.#userOf(id) })));
        deleted.push(...users.filter(({ user }) => user === undefined).map(({ id }) => id));
      }
      return deleted;
    } catch (error) {
      if (error instanceof DirectoryError && error.reason === 'PermissionMissing') return [];
      throw error;
    }
  }

  async #isInRecycleBin(id: string): Promise<boolean> {
    const path = `/directory/deletedItems/${id}`;
    return (await this.#graph.get({ ...readDeleted, path, parameters: { $select: 'id' } })) !== undefined;
  }

  async #userOf(id: string): Promise<Fields | undefined> {
    return await this.#graph.get({ ...readUsers, path: `/users/${id}`, parameters: { $select: namesOfUser } });
  }

  /** The user with this address or user principal name. */
  async #userCalled(name: string): Promise<Fields | undefined> {
    const text = quote(name);
    const conditions = [
      ...[`mail eq ${text}`, `userPrincipalName eq ${text}`, `otherMails/any(a:a eq ${text})`],
      ...['SMTP', 'smtp'].map((type) => `proxyAddresses/any(a:a eq ${quote(`${type}:${name}`)})`),
    ];
    const parameters = { $filter: conditions.join(' or '), $select: namesOfUser, $count: true, $top: 1 };
    const { value } = await this.#graph.page({ ...readUsers, path: '/users', headers: advanced, parameters });
    return value[0] as Fields | undefined;
  }

  async #isWanted(id: string, user: Fields): Promise<boolean> {
    const { guests, userFilter } = this.#options;
    if (!guests && isGuest(user)) return false;
    if (userFilter === undefined) return true;
    return (await this.#filtered(`id eq '${id}' and (${userFilter})`)).has(id);
  }
}

const readDeleted = { what: 'deleted users', permission: 'User.Read.All' };
const noGuests = "not (userType eq 'Guest')";
const namesOfUser = 'id,userPrincipalName,userType';
/** https://learn.microsoft.com/graph/filter-query-parameter: `in` takes 15 values. */
const valuesOfIn = 15;
const lookupsAtOnce = 10;

/** A sentence of the evidence, as long as the status of a run allows. */
const shorten = (sentence: string) => truncate(sentence, 512);

/** As a literal of OData: https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html */
const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

const caseless = (name: string) => name.trim().toLowerCase();

function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
