import { randomUUID } from 'node:crypto';
import { groupSchema, userSchema } from './schema.ts';

/** Values of properties; one that was never set is absent, which is not null. */
export type Properties = Readonly<Record<string, string | boolean | readonly string[] | null>>;

/** What is in groups besides users and groups: https://learn.microsoft.com/graph/api/resources/directoryobject. */
export type OtherKind = 'device' | 'orgContact' | 'servicePrincipal';

/** A user, a group or something else, also after its deletion, which delta queries go on telling. */
export interface DirectoryObject {
  readonly id: string;
  readonly kind: 'user' | 'group' | OtherKind;
  readonly properties: Properties;
  readonly state: 'live' | 'deleted' | 'gone';
}

/** Of a new user. */
export interface NewUser {
  readonly userPrincipalName: string;
  readonly displayName: string;
}

/** Of a new group. */
export interface NewGroup {
  readonly displayName: string;
}

/** What is different since some moment. */
export interface Difference {
  /** Names of properties, or `all` for an object that came, or came back, since. */
  readonly properties: 'all' | ReadonlySet<string>;
  /** Ids of those who came or went. */
  readonly members: readonly string[];
}

interface Stored extends DirectoryObject {
  properties: Properties;
  state: DirectoryObject['state'];
  /** When it was created, restored or removed. */
  since: number;
  /** When each property was last updated after that. */
  readonly updated: Map<string, number>;
  /** By id of a member: when it came, or, negative, when it went. */
  readonly members: Map<string, number>;
  /** When the last member came or went. */
  membersChanged: number;
  /** When anything of it changed last. */
  changed: number;
  /** The groups it is put back into when it is restored. */
  memberOf: readonly string[];
}

/**
 * The users and groups of a tenant, and when each of them changed: a logical clock that goes up by one a change, which
 * is what delta queries compare.
 */
export class EntraDirectory {
  readonly #users = new Map<string, Stored>();
  readonly #groups = new Map<string, Stored>();
  readonly #others = new Map<string, Stored>();
  readonly #principalNames = new Map<string, string>();
  readonly #assigned = new Set<string>();
  readonly #now: () => number;
  #clock = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The moment of the last change. */
  get clock(): number {
    return this.#clock;
  }

  get users(): ReadonlyMap<string, DirectoryObject> {
    return this.#users;
  }

  get groups(): ReadonlyMap<string, DirectoryObject> {
    return this.#groups;
  }

  /** Ids of the users and groups assigned to the enterprise application. */
  get assigned(): ReadonlySet<string> {
    return this.#assigned;
  }

  /** Any object that is or was there. */
  find(id: string): DirectoryObject | undefined {
    return this.#stored(id);
  }

  /** A live user by id or user principal name. */
  user(idOrName: string): DirectoryObject | undefined {
    const found = this.#users.get(idOrName) ?? this.#users.get(this.#principalNames.get(idOrName.toLowerCase()) ?? '');
    return found?.state === 'live' ? found : undefined;
  }

  createUser(properties: NewUser & Properties, id: string = randomUUID()): string {
    this.#takePrincipalName(properties.userPrincipalName, id);
    const usual = { accountEnabled: true, userType: 'Member', ...this.#created() };
    this.#users.set(id, this.#create(id, 'user', { ...usual, ...properties }));
    return id;
  }

  createGroup(properties: NewGroup & Properties, id: string = randomUUID()): string {
    const usual = { mailEnabled: false, securityEnabled: true, groupTypes: [], ...this.#created() };
    this.#groups.set(id, this.#create(id, 'group', { ...usual, ...properties }));
    return id;
  }

  /** Somebody or something that can be in groups, and that is told of in no other way. */
  createOther(kind: OtherKind, id: string = randomUUID()): string {
    this.#others.set(id, this.#create(id, kind, {}));
    return id;
  }

  update(id: string, changes: Properties): void {
    const object = this.#live(id);
    requireKnown(object.kind, changes);
    if (typeof changes.userPrincipalName === 'string') {
      this.#principalNames.delete(principalName(object));
      this.#takePrincipalName(changes.userPrincipalName, id);
    }
    const now = this.#tick(object);
    for (const name of Object.keys(changes)) object.updated.set(name, now);
    object.properties = { ...object.properties, ...changes };
  }

  addMember(groupID: string, memberID: string): void {
    const group = this.#live(groupID);
    this.#live(memberID);
    if (this.isMember(groupID, memberID)) throw new Error(`${memberID} is in ${groupID} already`);
    group.membersChanged = this.#tick(group);
    group.members.set(memberID, group.membersChanged);
  }

  removeMember(groupID: string, memberID: string): void {
    const group = this.#live(groupID);
    if (!this.isMember(groupID, memberID)) throw new Error(`${memberID} is not in ${groupID}`);
    this.#leave(group, memberID);
  }

  isMember(groupID: string, memberID: string): boolean {
    return (this.#groups.get(groupID)?.members.get(memberID) ?? -1) > 0;
  }

  /** Direct members, which are live. */
  *members(groupID: string): Generator<string> {
    for (const [id, changed] of this.#groups.get(groupID)?.members ?? []) if (changed > 0) yield id;
  }

  /**
   * Deletes softly, which restore undoes, memberships included; security groups are gone at once:
   * https://learn.microsoft.com/graph/api/resources/directory.
   */
  delete(id: string): void {
    const object = this.#live(id);
    const restorable = object.kind === 'user' || includes(object.properties.groupTypes, 'Unified');
    const groups = [...this.#groups.values()].filter((group) => this.isMember(group.id, id));
    for (const group of groups) this.#leave(group, id);
    object.memberOf = groups.map((group) => group.id);
    if (restorable) this.#deleteSoftly(object);
    else this.#purge(object);
  }

  /** Deletes for good what is deleted softly. */
  purge(id: string): void {
    const object = this.#stored(id);
    if (object?.state !== 'deleted') throw new Error(`${id} is not among the deleted`);
    this.#purge(object);
  }

  restore(id: string): void {
    const object = this.#stored(id);
    if (object?.state !== 'deleted') throw new Error(`${id} is not among the deleted`);
    const { deletedDateTime: _, ...properties } = object.properties;
    const name = properties.userPrincipalName;
    if (typeof name === 'string') {
      // Put before it by the deletion.
      const restored = name.slice(withoutHyphens(id).length);
      this.#takePrincipalName(restored, id);
      object.properties = { ...properties, userPrincipalName: restored };
    } else {
      object.properties = properties;
    }
    object.state = 'live';
    object.since = this.#tick(object);
    object.updated.clear();
    for (const [member, changed] of object.members) if (changed > 0) object.members.set(member, object.since);
    object.membersChanged = object.since;
    for (const groupID of object.memberOf) {
      if (this.#groups.get(groupID)?.state === 'live') this.addMember(groupID, id);
    }
    object.memberOf = [];
  }

  /** Assigns a user or a group to the enterprise application. */
  assign(id: string): void {
    this.#live(id);
    this.#assigned.add(id);
  }

  unassign(id: string): void {
    this.#assigned.delete(id);
  }

  /** What is different since a moment of the clock, or undefined when nothing is. */
  differenceSince(moment: number, id: string): Difference | undefined {
    const object = this.#stored(id);
    if (!object || object.changed <= moment) return undefined;
    const isNew = object.since > moment;
    const properties = new Set<string>();
    for (const [name, changed] of object.updated) if (changed > moment) properties.add(name);
    const members: string[] = [];
    if (object.membersChanged > moment) {
      for (const [member, changed] of object.members) {
        if (Math.abs(changed) > moment) members.push(member);
      }
    }
    return { properties: isNew ? 'all' : properties, members };
  }

  #created(): Properties {
    return { createdDateTime: new Date(this.#now()).toISOString() };
  }

  #create(id: string, kind: Stored['kind'], properties: Properties): Stored {
    if (this.find(id)) throw new Error(`${id} is taken`);
    requireKnown(kind, properties);
    const object: Stored = {
      ...{ id, kind, properties, state: 'live', since: 0, updated: new Map(), changed: 0 },
      ...{ members: new Map(), membersChanged: 0, memberOf: [] },
    };
    object.since = this.#tick(object);
    return object;
  }

  #deleteSoftly(object: Stored): void {
    const name = object.properties.userPrincipalName;
    this.#principalNames.delete(principalName(object));
    object.properties = {
      ...object.properties,
      // Frees the name for others.
      ...(typeof name === 'string' && { userPrincipalName: `${withoutHyphens(object.id)}${name}` }),
      deletedDateTime: new Date(this.#now()).toISOString(),
    };
    object.state = 'deleted';
    object.since = this.#tick(object);
    this.#assigned.delete(object.id);
  }

  #purge(object: Stored): void {
    this.#assigned.delete(object.id);
    this.#principalNames.delete(principalName(object));
    object.state = 'gone';
    object.since = this.#tick(object);
    object.properties = {};
    object.members.clear();
    object.updated.clear();
  }

  #leave(group: Stored, memberID: string): void {
    group.membersChanged = this.#tick(group);
    group.members.set(memberID, -group.membersChanged);
  }

  #stored(id: string): Stored | undefined {
    return this.#users.get(id) ?? this.#groups.get(id) ?? this.#others.get(id);
  }

  #live(id: string): Stored {
    const object = this.#stored(id);
    if (object?.state !== 'live') throw new Error(`there is no ${id}`);
    return object;
  }

  #takePrincipalName(name: string, id: string): void {
    const owner = this.#principalNames.get(name.toLowerCase());
    if (owner !== undefined && owner !== id) throw new Error(`${name} is taken`);
    this.#principalNames.set(name.toLowerCase(), id);
  }

  #tick(object: Stored): number {
    this.#clock += 1;
    object.changed = this.#clock;
    return this.#clock;
  }
}

const principalName = ({ properties: { userPrincipalName: name } }: DirectoryObject): string =>
  typeof name === 'string' ? name.toLowerCase() : '';

const withoutHyphens = (id: string): string => id.replaceAll('-', '');

const includes = (value: Properties[string] | undefined, item: string): boolean =>
  Array.isArray(value) && value.includes(item);

function requireKnown(kind: DirectoryObject['kind'], properties: Properties): void {
  const known = kind === 'user' ? userSchema.properties : kind === 'group' ? groupSchema.properties : {};
  const unknown = Object.keys(properties).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) throw new Error(`a ${kind} has no ${unknown}`);
}
