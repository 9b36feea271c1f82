import type { Application, Permission } from './application.ts';
import type { DeltaQueries } from './delta.ts';
import type { DirectoryObject, EntraDirectory } from './directory.ts';
import { badRequest, denied, notFound, unsupportedQuery } from './error.ts';
import { type Filter, parseFilter } from './filter.ts';
import type { Caller } from './login.ts';
import { Paging } from './paging.ts';
import {
  type Option,
  parseCount,
  parsePreferences,
  parseQuery,
  parseSelect,
  parseTop,
  type Query,
  selected,
} from './query.ts';
import { groupSchema, type Schema, userSchema } from './schema.ts';

/** A GET below the version. */
export interface GraphRequest {
  /** For example /users/delta. */
  readonly path: string;
  readonly search: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly caller: Caller;
}

export interface GraphResponse {
  /** JSON, or text where it is a string. */
  readonly body: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GraphOptions {
  /** Of the server, without a slash at its end. */
  readonly url: string;
  readonly tenantID: string;
  readonly directory: EntraDirectory;
  readonly applications: ReadonlyMap<string, Application>;
  readonly delta: DeltaQueries;
  /** Ids of those whom the index of advanced queries lacks: https://learn.microsoft.com/graph/aad-advanced-queries. */
  readonly unindexed: ReadonlySet<string>;
}

type Handler = (request: GraphRequest, parameters: readonly (string | undefined)[]) => GraphResponse;

interface Route {
  readonly pattern: RegExp;
  /** Any of them allows the request. */
  readonly permissions: readonly Permission[];
  readonly handler: Handler;
}

/** Permissions by what they read: https://learn.microsoft.com/graph/permissions-reference. */
const reads = {
  users: ['User.Read.All', 'Directory.Read.All'],
  groups: ['GroupMember.Read.All', 'Group.Read.All', 'Directory.Read.All'],
  applications: ['Application.Read.All', 'Directory.Read.All'],
  organization: ['Organization.Read.All', 'Directory.Read.All'],
  deletedUsers: ['User.Read.All', 'Directory.Read.All'],
  deletedGroups: ['Group.Read.All', 'Directory.Read.All'],
} as const satisfies Readonly<Record<string, readonly Permission[]>>;

/** Of the kinds of objects that can be read; the rights to read others do not exist here. */
const schemas: ReadonlyMap<DirectoryObject['kind'], Schema> = new Map([
  ['user', userSchema],
  ['group', groupSchema],
]);

/** Options of lists of directory objects: https://learn.microsoft.com/graph/aad-advanced-queries. */
const listOptions: readonly Option[] = ['$count', '$filter', '$select', '$skiptoken', '$top'];

/** What Microsoft Graph v1.0 answers to reads of users, groups and what belongs to them. */
export class Graph {
  readonly #options: GraphOptions;
  readonly #paging = new Paging();
  readonly #routes: readonly Route[];

  constructor(options: GraphOptions) {
    this.#options = options;
    this.#routes = this.#table();
  }

  /** Throws GraphError. */
  get(request: GraphRequest): GraphResponse {
    const path = decoded(request.path);
    for (const { pattern, permissions, handler } of this.#routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      if (!isAllowed(request.caller, permissions)) throw denied();
      return handler(request, match.slice(1));
    }
    const segment = path.split('/')[1] ?? '';
    throw badRequest(`Resource not found for the segment '${segment}'.`);
  }

  #table(): Route[] {
    const route = (pattern: RegExp, permissions: readonly Permission[], handler: Handler): Route => ({
      ...{ pattern, permissions, handler },
    });
    return [
      ...[userSchema, groupSchema].flatMap((schema): Route[] => {
        const { collection } = schema;
        const path = (rest: string) => new RegExp(`^/${collection}${rest}$`);
        return [
          route(path(''), reads[collection], (request) => this.#list(request, schema, this.#live(collection))),
          route(path('/\\$count'), reads[collection], (request) => this.#count(request, schema)),
          route(path('/(?:microsoft\\.graph\\.)?delta(?:\\(\\))?/?'), reads[collection], (request) =>
            this.#delta(request, schema),
          ),
          route(path("(?:/([^/()]+)|\\('([^']+)'\\))"), reads[collection], (request, [segment, key]) =>
            this.#one(request, schema, segment ?? key ?? ''),
          ),
        ];
      }),
      route(
        /^\/groups\/([^/]+)\/(members|transitiveMembers)(?:\/(microsoft\.graph\.(?:user|group)))?$/,
        reads.groups,
        (request, [id = '', relationship, type]) => this.#members(request, id, relationship === 'members', type),
      ),
      route(/^\/servicePrincipals\(appId='([^']+)'\)$/, reads.applications, (request, [clientID = '']) =>
        this.#servicePrincipal(request, clientID),
      ),
      route(
        /^\/servicePrincipals(?:\(appId='([^']+)'\)|\/([^/]+))\/appRoleAssignedTo$/,
        reads.applications,
        (request, [clientID, id]) => this.#assignedTo(request, clientID, id),
      ),
      route(/^\/directory\/deletedItems\/microsoft\.graph\.user$/, reads.deletedUsers, (request) =>
        this.#deletedItems(request, userSchema),
      ),
      route(/^\/directory\/deletedItems\/microsoft\.graph\.group$/, reads.deletedGroups, (request) =>
        this.#deletedItems(request, groupSchema),
      ),
      route(
        /^\/directory\/deletedItems\/([^/]+)$/,
        [...reads.deletedUsers, ...reads.deletedGroups],
        (request, [id = '']) => this.#deletedItem(request, id),
      ),
      route(/^\/organization$/, reads.organization, (request) => this.#organization(request)),
    ];
  }

  /** https://learn.microsoft.com/graph/api/user-list and https://learn.microsoft.com/graph/api/group-list */
  #list(request: GraphRequest, schema: Schema, objects: Iterable<DirectoryObject>): GraphResponse {
    const query = parseQuery(request.search, listOptions);
    const select = parseSelect(query.$select, schema, false);
    const matching = this.#matching(request, query, schema, objects);
    return this.#paged(request, query, matching, (object) => selected(object, schema, select), schema.collection);
  }

  /** https://learn.microsoft.com/graph/aad-advanced-queries: $count as a segment needs ConsistencyLevel: eventual. */
  #count(request: GraphRequest, schema: Schema): GraphResponse {
    const query = parseQuery(request.search, ['$filter']);
    if (!isEventual(request)) throw unsupportedQuery('$count is not currently supported.');
    const filter = query.$filter === undefined ? () => true : parseFilter(query.$filter, schema, true);
    return { body: `${this.#visible(request, this.#live(schema.collection)).filter(filter).length}` };
  }

  /**
   * https://learn.microsoft.com/graph/api/user-delta and https://learn.microsoft.com/graph/api/group-delta. Whether the
   * service heeds odata.maxpagesize for directory objects is not documented; as a preference it may be ignored (RFC 7240).
   */
  #delta(request: GraphRequest, schema: Schema): GraphResponse {
    const query = parseQuery(request.search, ['$deltatoken', '$filter', '$select', '$skiptoken']);
    const preferences = parsePreferences(request.headers.prefer);
    const size = preferences.get('odata.maxpagesize');
    const { value, link } = this.#options.delta.page(schema, {
      query,
      pageSize: parseTop(size),
      minimal: preferences.get('return') === 'minimal',
      hiddenMembers: request.caller.permissions.has('Member.Read.Hidden'),
    });
    const parameter = link.kind === '@odata.nextLink' ? '$skiptoken' : '$deltatoken';
    const applied = [
      ...(size ? [`odata.maxpagesize=${size}`] : []),
      ...(preferences.get('return') ? ['return=minimal'] : []),
    ];
    return {
      body: {
        '@odata.context': this.#context(schema.collection),
        [link.kind]: `${this.#base()}/${schema.collection}/delta?${parameter}=${link.token}`,
        value,
      },
      ...(applied.length > 0 && { headers: { 'preference-applied': applied.join(', ') } }),
    };
  }

  /** https://learn.microsoft.com/graph/api/user-get and https://learn.microsoft.com/graph/api/group-get */
  #one(request: GraphRequest, schema: Schema, id: string): GraphResponse {
    const query = parseQuery(request.search, ['$select']);
    const select = parseSelect(query.$select, schema, false);
    const { directory } = this.#options;
    const found = schema === userSchema ? directory.user(id) : directory.groups.get(id);
    if (found?.state !== 'live') throw notFound(id);
    const context = `${this.#context(schema.collection)}/$entity`;
    return { body: { '@odata.context': context, ...selected(found, schema, select) } };
  }

  /**
   * https://learn.microsoft.com/graph/api/group-list-members and group-list-transitivemembers. Whoever may not read an
   * object gets no more than its type and id: https://learn.microsoft.com/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects
   */
  #members(request: GraphRequest, groupID: string, direct: boolean, type: string | undefined): GraphResponse {
    const query = parseQuery(request.search, listOptions);
    const { directory } = this.#options;
    const group = directory.groups.get(groupID);
    if (group?.state !== 'live') throw notFound(groupID);
    const { permissions } = request.caller;
    const isHidden = group.properties.visibility === 'HiddenMembership' && !permissions.has('Member.Read.Hidden');
    const ids = isHidden ? [] : direct ? [...directory.members(groupID)] : this.#transitiveMembers(groupID);
    const members = ids
      .map((id) => directory.find(id) as DirectoryObject)
      .filter(({ kind }) => type === undefined || type === `microsoft.graph.${kind}`);
    const schema = type === groupSchema.type ? groupSchema : userSchema;
    const select = query.$select?.split(',').map((name) => name.trim());
    if (type !== undefined) parseSelect(query.$select, schema, false);
    if (query.$filter !== undefined && type === undefined) {
      throw unsupportedQuery('$filter on members needs the members cast to a type.');
    }
    const matching = this.#matching(request, query, schema, members);
    const represent = (object: DirectoryObject) => {
      const of = schemas.get(object.kind);
      const odataType = { '@odata.type': `#microsoft.graph.${object.kind}` };
      const known = select?.filter((name) => of !== undefined && Object.hasOwn(of.properties, name));
      if (of && isAllowed(request.caller, reads[of.collection]))
        return { ...odataType, ...selected(object, of, known) };
      const nothing = { id: object.id, properties: {} };
      return { ...odataType, ...selected(nothing, of ?? userSchema, known), id: object.id };
    };
    return this.#paged(request, query, matching, represent, 'directoryObjects');
  }

  #transitiveMembers(groupID: string): string[] {
    const { directory } = this.#options;
    const found = new Set<string>();
    const waiting = [groupID];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for (const id of directory.members(next)) {
        if (found.has(id)) continue;
        found.add(id);
        if (directory.groups.has(id)) waiting.push(id);
      }
    }
    return [...found];
  }

  /** https://learn.microsoft.com/graph/api/serviceprincipal-get */
  #servicePrincipal(request: GraphRequest, clientID: string): GraphResponse {
    parseQuery(request.search, ['$select']);
    const application = this.#options.applications.get(clientID);
    if (!application) throw notFound(clientID);
    const { servicePrincipalID: id, displayName } = application;
    return { body: { '@odata.context': this.#context('servicePrincipals'), id, appId: clientID, displayName } };
  }

  /** https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto */
  #assignedTo(request: GraphRequest, clientID: string | undefined, id: string | undefined): GraphResponse {
    const query = parseQuery(request.search, ['$count', '$skiptoken', '$top', '$select']);
    const { directory, applications } = this.#options;
    const application =
      applications.get(clientID ?? '') ?? [...applications.values()].find((one) => one.servicePrincipalID === id);
    if (!application) throw notFound(clientID ?? id ?? '');
    const assigned = [...directory.assigned].map((one) => directory.find(one) as DirectoryObject);
    const represent = (object: DirectoryObject) => ({
      id: Buffer.from(object.id).toString('base64url'),
      deletedDateTime: null,
      // Of an application that declares no roles: https://learn.microsoft.com/graph/api/resources/approleassignment.
      appRoleId: '00000000-0000-0000-0000-000000000000',
      createdDateTime: object.properties.createdDateTime ?? null,
      principalDisplayName: object.properties.displayName ?? null,
      principalId: object.id,
      principalType: object.kind === 'user' ? 'User' : 'Group',
      resourceDisplayName: application.displayName,
      resourceId: application.servicePrincipalID,
    });
    return this.#paged(request, query, assigned, represent, 'appRoleAssignments');
  }

  /** https://learn.microsoft.com/graph/api/directory-deleteditems-list */
  #deletedItems(request: GraphRequest, schema: Schema): GraphResponse {
    const objects = [...this.#options.directory[schema.collection].values()];
    return this.#list(
      request,
      schema,
      objects.filter(({ state }) => state === 'deleted'),
    );
  }

  /** https://learn.microsoft.com/graph/api/directory-deleteditems-get */
  #deletedItem(request: GraphRequest, id: string): GraphResponse {
    const query = parseQuery(request.search, ['$select']);
    const found = this.#options.directory.find(id);
    if (found?.state !== 'deleted') throw notFound(id);
    const schema = schemas.get(found.kind);
    if (!schema) throw notFound(id);
    if (!isAllowed(request.caller, found.kind === 'user' ? reads.deletedUsers : reads.deletedGroups)) throw denied();
    const select = parseSelect(query.$select, schema, false);
    const type = { '@odata.type': `#${schema.type}` };
    return {
      body: { '@odata.context': this.#context('directoryObjects'), ...type, ...selected(found, schema, select) },
    };
  }

  /** https://learn.microsoft.com/graph/api/organization-list */
  #organization(request: GraphRequest): GraphResponse {
    parseQuery(request.search, ['$select']);
    const verifiedDomains = [{ name: 'example.com', isDefault: true, isInitial: false, type: 'Managed' }];
    const organization = { id: this.#options.tenantID, displayName: 'Example', tenantType: 'AAD', verifiedDomains };
    return { body: { '@odata.context': this.#context('organization'), value: [organization] } };
  }

  #matching(
    request: GraphRequest,
    query: Query,
    schema: Schema,
    objects: Iterable<DirectoryObject>,
  ): DirectoryObject[] {
    const counted = parseCount(query.$count);
    if (counted && !isEventual(request)) {
      throw unsupportedQuery("$count is not supported because the 'ConsistencyLevel:eventual' header is missing.");
    }
    const filter: Filter = query.$filter === undefined ? () => true : parseFilter(query.$filter, schema, counted);
    return this.#visible(request, objects).filter(filter);
  }

  #paged<T extends { readonly id: string }>(
    { path, search }: GraphRequest,
    query: Query,
    list: readonly T[],
    represent: (item: T) => object,
    entity: string,
  ): GraphResponse {
    const page = this.#paging.page({ url: `${this.#base()}${path}`, search, query }, list, represent);
    return { body: { '@odata.context': this.#context(entity), ...page } };
  }

  /** Advanced queries are answered from an index, which follows the directory with a delay. */
  #visible(request: GraphRequest, objects: Iterable<DirectoryObject>): DirectoryObject[] {
    const { unindexed } = this.#options;
    return isEventual(request) ? [...objects].filter(({ id }) => !unindexed.has(id)) : [...objects];
  }

  *#live(collection: Schema['collection']): Generator<DirectoryObject> {
    for (const object of this.#options.directory[collection].values()) if (object.state === 'live') yield object;
  }

  #context(entity: string): string {
    return `${this.#base()}/$metadata#${entity}`;
  }

  #base(): string {
    return `${this.#options.url}/v1.0`;
  }
}

const isAllowed = ({ permissions }: Caller, any: readonly Permission[]): boolean =>
  any.some((permission) => permissions.has(permission));

const isEventual = ({ headers }: GraphRequest): boolean => headers.consistencylevel?.toLowerCase() === 'eventual';

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw badRequest(`Malformed path '${path}'.`);
  }
}
