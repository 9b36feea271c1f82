import { DirectoryError } from '../../errors.ts';
import type { ConnectionTest, DirectoryReader, FoundEntry, OpenDirectory } from '../reader.ts';
import type { DirectoryRecord, Evidence, Whereabouts } from '../record.ts';
import { truncate } from '../text.ts';
import { Belonging } from './belonging.ts';
import { isObjectID } from './changes.ts';
import { type SignIn, tokenSource } from './credentials.ts';
import { Graph } from './graph.ts';
import { permissionsOf } from './permissions.ts';
import { Queries, type QueryOptions } from './queries.ts';
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
import { hiddenMemberships, wantedGroups } from './scope.ts';
import type { Checkpoint, SnapshotObject, SnapshotStore } from './snapshot.ts';
import { bringUpToDate, GroupsForbidden, type Tracked } from './tracking.ts';

export interface EntraReaderOptions extends SignIn, QueryOptions {
  /** Where the usual properties do not fit. */
  readonly attributes?: { readonly [K in keyof PropertyMapping]?: readonly string[] | undefined } | undefined;
  readonly snapshots: SnapshotStore;
  readonly now: () => Date;
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

/** A tenant that somebody signed in to. */
class Tenant implements OpenDirectory {
  readonly #options: EntraReaderOptions;
  readonly #graph: Graph;
  readonly #queries: Queries;
  readonly #permissions: ReadonlySet<string> | undefined;
  readonly #mapping: PropertyMapping;
  #tracked: Tracked | undefined;

  constructor(options: EntraReaderOptions, graph: Graph, permissions: ReadonlySet<string> | undefined) {
    this.#options = options;
    this.#graph = graph;
    this.#queries = new Queries(graph, options);
    this.#permissions = permissions;
    const given = Object.entries(options.attributes ?? {}).filter(([, names]) => names !== undefined);
    this.#mapping = { ...defaultMapping, ...Object.fromEntries(given) };
  }

  [Symbol.dispose](): void {
    // Requests stand by themselves; the signal ends those that are under way.
  }

  async test(): Promise<ConnectionTest> {
    const { clientID, tenantID, endpoints } = this.#options;
    const { count, first } = await this.#queries.countUsers();
    return {
      ...{ server: endpoints.graph, boundAs: clientID, authority: tenantID },
      people: count,
      groups: await this.#queries.countGroups(),
      sample: first.map((user) => labelOf(String(user.id), user)),
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
    const matching = await this.#queries.matchingUsers();
    const assigned = await this.#queries.assignedGroups().catch((error: unknown) => {
      if (!(error instanceof DirectoryError && error.reason === 'PermissionMissing')) throw error;
      doubts.push(error.message);
      return new Set<string>();
    });

    const groups = membership === 'None' ? new Map<string, SnapshotObject>() : await this.#groups(checkpoint);
    const wanted = new Set(wantedGroups(groups, this.#options.groups, assigned, remarks));
    for (const group of groups.values()) {
      if (!wanted.has(group.id)) continue;
      const record = groupRecord(group, this.#mapping);
      // It cannot be told of, but still passes its people on.
      if (record.kind === 'Rejected') wanted.delete(group.id);
      entries++;
      yield record;
    }
    const belonging = new Belonging(groups, wanted, membership === 'Nested');
    doubts.push(...hiddenMemberships(groups, belonging, this.#permissions));

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
    const unmatched = known.size === 0 ? new Set<string>() : await this.#queries.unmatchedUsers();
    for (const [id, fields] of known) {
      const left = (!this.#options.guests && isGuest(fields)) || unmatched.has(id);
      if (left) found.set(id, 'FilteredOut');
    }
    const unknown = ids.filter((id) => !known.has(id));
    for (const id of await this.#queries.deletedUsers(unknown)) found.set(id, 'Deleted');
    return found;
  }

  async find(person: string): Promise<FoundEntry | undefined> {
    const name = person.trim();
    const id = isObjectID(name) ? name.toLowerCase() : undefined;
    const user = id === undefined ? await this.#queries.userCalled(name) : await this.#queries.userOf(id);
    if (user === undefined) {
      const isDeleted = id !== undefined && (await this.#queries.isInRecycleBin(id));
      return isDeleted ? { externalId: id, label: id, whereabouts: 'Deleted' } : undefined;
    }
    const externalId = String(user.id).toLowerCase();
    const entry = { externalId, label: labelOf(externalId, user) };
    const isWanted = (this.#options.guests || !isGuest(user)) && (await this.#queries.matches(externalId));
    return isWanted ? entry : { ...entry, whereabouts: 'FilteredOut' };
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
}

/** A sentence of the evidence, as long as the status of a run allows. */
const shorten = (sentence: string) => truncate(sentence, 512);
