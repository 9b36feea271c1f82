import { mulberry32 } from '../random.ts';
import type { Difference, DirectoryObject, EntraDirectory } from './directory.ts';
import { badRequest, GraphError } from './error.ts';
import { parseSelect, type Query } from './query.ts';
import type { Schema } from './schema.ts';
import { StateTokens } from './statetoken.ts';

/** How untidy the answers are; the documentation promises none of the opposite. All of it never happens unless told. */
export interface Disorder {
  readonly seed: number;
  /** Objects in any order. */
  readonly shuffle?: boolean;
  /** Share of the objects that come again, later in the same round. */
  readonly duplicates?: number;
  /** Share of the unchanged objects that come although nothing changed, the removed among them. */
  readonly replays?: number;
  /** Share of the pages before which there is an empty one. */
  readonly emptyPages?: number;
  /** Members in one representation of a group; 1,000 unless told. */
  readonly membersAtOnce?: number;
}

/** Of a request for changes. */
export interface DeltaRequest {
  readonly query: Query;
  /** Objects a page at most, from 1 to 999. */
  readonly pageSize: number;
  /** Prefer: return=minimal. */
  readonly minimal: boolean;
  /** Whether the caller may see members of groups that hide them. */
  readonly hiddenMembers: boolean;
}

export interface DeltaPage {
  readonly value: readonly object[];
  /** Of the link to the next page or, at the end of a round, to the next changes. */
  readonly link: { readonly kind: '@odata.nextLink' | '@odata.deltaLink'; readonly token: string };
}

/** What a round tells of one object, on one page. */
interface Item {
  readonly id: string;
  readonly properties: Difference['properties'];
  /** Some of those who came or went. */
  readonly members: readonly string[];
}

/** What a client asked for in its first request, which its tokens carry. */
interface Scope {
  readonly collection: Schema['collection'];
  readonly select?: readonly string[] | undefined;
  readonly ids?: readonly string[] | undefined;
}

interface Round extends Scope {
  readonly pages: readonly (readonly Item[])[];
  /** The moment up to which the round tells everything. */
  readonly until: number;
}

/** What a token holds; times are milliseconds since 1970. */
interface State extends Scope {
  readonly issuedAt: number;
  /** Which synchronization it belongs to; see `reset`. */
  readonly generation: number;
  readonly since?: number;
  readonly round?: number;
  readonly page?: number;
}

/** Rounds whose pages can still be asked for: those of a few readers at a time. */
const roundsKept = 16;

/**
 * Delta queries over users and groups: https://learn.microsoft.com/graph/delta-query-overview.
 * Whoever follows the links, and applies what they tell in order, ends with what is in the directory.
 */
export class DeltaQueries {
  /** Milliseconds that tokens are good for: seven days for directory objects. */
  tokenLifetime = 7 * 86_400_000;
  disorder: Disorder = { seed: 1 };
  readonly #directory: EntraDirectory;
  readonly #now: () => number;
  readonly #tokens = new StateTokens();
  readonly #rounds = new Map<number, Round>();
  #lastRound = 0;
  #generation = 0;
  #resetBy: 'Gone' | 'BadRequest' = 'Gone';

  constructor(directory: EntraDirectory, now: () => number = Date.now) {
    this.#directory = directory;
    this.#now = now;
  }

  /**
   * Makes all tokens worthless: `Gone` as after a migration of the tenant (410 with a Location), `BadRequest` as if
   * they had expired (400 syncStateNotFound).
   */
  reset(by: 'Gone' | 'BadRequest'): void {
    this.#generation += 1;
    this.#resetBy = by;
  }

  /** Answers a request for /users/delta or /groups/delta. Throws GraphError. */
  page(schema: Schema, request: DeltaRequest): DeltaPage {
    const { $skiptoken, $deltatoken, $select, $filter } = request.query;
    if ($skiptoken !== undefined) {
      if (Object.keys(request.query).length > 1) throw badRequest('$skiptoken takes no other query option.');
      const { round, page = 0, ...state } = this.#open($skiptoken, schema);
      const found = this.#rounds.get(round ?? 0);
      if (!found || state.since !== undefined) throw expired();
      return this.#page(found, round ?? 0, page, schema, request);
    }
    if ($filter !== undefined && $deltatoken !== undefined && $deltatoken !== 'latest') {
      throw badRequest('$filter belongs into the first request of a delta query.');
    }
    const select = parseSelect($select, schema, true);
    if ($deltatoken !== undefined && $deltatoken !== '' && $deltatoken !== 'latest') {
      const { since, ...scope } = this.#open($deltatoken, schema);
      if (since === undefined) throw expired();
      return this.#start({ ...scope, ...(select && { select }) }, since, schema, request);
    }
    const scope: Scope = { collection: schema.collection, select, ids: parseScopingFilter($filter) };
    if ($deltatoken === 'latest') return { value: [], link: this.#deltaLink(scope, this.#directory.clock) };
    return this.#start(scope, 0, schema, request);
  }

  #start(scope: Scope, since: number, schema: Schema, request: DeltaRequest): DeltaPage {
    const random = mulberry32(this.disorder.seed + this.#lastRound);
    const items = this.#items(scope, since, random);
    const pages = this.#paginate(items, request.pageSize, random);
    this.#lastRound += 1;
    const { collection, select, ids } = scope;
    const round = { collection, select, ids, pages, until: this.#directory.clock };
    this.#rounds.set(this.#lastRound, round);
    this.#rounds.delete(this.#lastRound - roundsKept);
    return this.#page(round, this.#lastRound, 0, schema, request);
  }

  #items(scope: Scope, since: number, random: () => number): Item[] {
    const { shuffle = false, duplicates = 0, replays = 0, membersAtOnce = 1000 } = this.disorder;
    const items: Item[] = [];
    const again: Item[] = [];
    const objects = this.#directory[scope.collection];
    for (const id of scope.ids ?? objects.keys()) {
      const object = objects.get(id);
      if (!object) continue;
      const isReplay = replays > 0 && random() < replays;
      const difference = this.#tracked(scope, object, isReplay ? Math.floor(random() * since) : since);
      // Who came and went before the first request, as an object or as a member, is of no interest.
      if (!difference || (since === 0 && object.state !== 'live' && !isReplay)) continue;
      const { properties } = difference;
      const members =
        since === 0 ? difference.members.filter((member) => this.#directory.isMember(id, member)) : difference.members;
      for (let at = 0; at === 0 || at < members.length; at += membersAtOnce) {
        const item = { id, properties, members: members.slice(at, at + membersAtOnce) };
        items.push(item);
        if (duplicates > 0 && random() < duplicates) again.push(item);
      }
    }
    items.push(...again);
    if (shuffle) shuffleInPlace(items, random);
    return items;
  }

  /** What is different, as far as the client selected it. */
  #tracked({ select }: Scope, object: DirectoryObject, since: number): Difference | undefined {
    const difference = this.#directory.differenceSince(since, object.id);
    if (!difference || object.state !== 'live') return difference;
    const members = select === undefined || select.includes('members') ? difference.members : [];
    const { properties } = difference;
    if (properties === 'all') return { properties, members };
    const changed = new Set([...properties].filter((name) => select === undefined || select.includes(name)));
    return changed.size > 0 || members.length > 0 ? { properties: changed, members } : undefined;
  }

  #paginate(items: readonly Item[], pageSize: number, random: () => number): Item[][] {
    const { emptyPages = 0, membersAtOnce = 1000 } = this.disorder;
    const pages: Item[][] = [];
    let page: Item[] = [];
    let members = 0;
    for (const item of items) {
      if (page.length === pageSize || (page.length > 0 && members + item.members.length > membersAtOnce)) {
        pages.push(page);
        page = [];
        members = 0;
      }
      page.push(item);
      members += item.members.length;
    }
    pages.push(page);
    return pages.flatMap((full) => (emptyPages > 0 && random() < emptyPages ? [[], full] : [full]));
  }

  #page(round: Round, id: number, page: number, schema: Schema, request: DeltaRequest): DeltaPage {
    const items = round.pages[page];
    if (!items) throw expired();
    const value = items.map((item) => this.#represent(item, round, schema, request));
    const isLast = page === round.pages.length - 1;
    return { value, link: isLast ? this.#deltaLink(round, round.until) : this.#nextLink(round, id, page + 1) };
  }

  /** https://learn.microsoft.com/graph/delta-query-overview#resource-representation-in-the-delta-query-response */
  #represent(item: Item, { select }: Scope, schema: Schema, { minimal, hiddenMembers }: DeltaRequest): object {
    const { id } = item;
    const object = this.#directory.find(id);
    if (object?.state !== 'live') {
      return { id, '@removed': { reason: object?.state === 'deleted' ? 'changed' : 'deleted' } };
    }
    const names = select ?? Object.keys(schema.properties);
    const isTold = (name: string) =>
      // What was never set is not there at all.
      object.properties[name] !== undefined && !(minimal && item.properties !== 'all' && !item.properties.has(name));
    const properties = Object.fromEntries(names.filter(isTold).map((name) => [name, object.properties[name]]));
    const isHidden = object.properties.visibility === 'HiddenMembership' && !hiddenMembers;
    const members = isHidden ? [] : item.members.map((member) => this.#representMember(id, member));
    return { ...properties, id, ...(members.length > 0 && { 'members@delta': members }) };
  }

  /** https://learn.microsoft.com/graph/delta-query-groups#deltalink-response */
  #representMember(groupID: string, id: string): object {
    const member = { '@odata.type': `#microsoft.graph.${this.#directory.find(id)?.kind ?? 'user'}`, id };
    return this.#directory.isMember(groupID, id) ? member : { ...member, '@removed': { reason: 'deleted' } };
  }

  #deltaLink(scope: Scope, since: number): DeltaPage['link'] {
    return { kind: '@odata.deltaLink', token: this.#seal(scope, { since }) };
  }

  #nextLink(scope: Scope, round: number, page: number): DeltaPage['link'] {
    return { kind: '@odata.nextLink', token: this.#seal({ collection: scope.collection }, { round, page }) };
  }

  #seal({ collection, select, ids }: Scope, position: Pick<State, 'since' | 'round' | 'page'>): string {
    const state: State = { collection, select, ids, issuedAt: this.#now(), generation: this.#generation, ...position };
    return this.#tokens.seal(state);
  }

  #open(token: string, schema: Schema): State {
    const state = this.#tokens.open(token) as State | undefined;
    if (state?.collection !== schema.collection) throw expired();
    if (state.generation !== this.#generation) throw this.#resetBy === 'Gone' ? gone(schema) : expired();
    if (this.#now() - state.issuedAt > this.tokenLifetime) throw expired();
    return state;
  }
}

/** https://learn.microsoft.com/graph/delta-query-overview#token-duration */
const expired = (): GraphError =>
  new GraphError(
    ...([400, 'syncStateNotFound'] as const),
    'The sync state generation is not found. The delta token is expired and data must be synchronized again.',
  );

/** https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset; the server completes the Location. */
const gone = ({ collection }: Schema): GraphError =>
  new GraphError(
    ...([410, 'resyncRequired'] as const),
    'The delta token is no longer valid, and the app must reset the sync state.',
    { location: `/v1.0/${collection}/delta?$deltatoken=` },
  );

/** Ids by which a delta query is scoped: `id eq '...' or id eq '...'`, 50 at most, and nothing else. */
export function parseScopingFilter(filter: string | undefined): string[] | undefined {
  if (filter === undefined) return undefined;
  const ids = filter.split(/\s+or\s+/).map((clause) => /^\s*id\s+eq\s+'([0-9a-f-]{36})'\s*$/i.exec(clause)?.[1]);
  if (ids.length > 50 || !ids.every((id) => id !== undefined)) {
    throw badRequest('Unsupported filter: delta queries are scoped by the ids of 50 objects at most.');
  }
  return [...new Set(ids.map((id) => id.toLowerCase()))];
}

function shuffleInPlace<T>(list: T[], random: () => number): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
}
