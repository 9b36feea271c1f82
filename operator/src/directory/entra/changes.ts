import { DirectoryError } from '../../errors.ts';
import type { Fields, MembershipChange, ObjectChange, SnapshotChanges } from './snapshot.ts';

/**
 * What pages of delta queries told, each object and membership once. Pages may repeat objects, split one over several,
 * and come in any order of objects: https://learn.microsoft.com/graph/delta-query-overview. What is told of one object
 * later counts.
 */
export class Changes implements SnapshotChanges {
  readonly #users = new Map<string, ObjectChange>();
  readonly #groups = new Map<string, ObjectChange>();
  readonly #memberships = new Map<string, MembershipChange>();

  get users(): Iterable<ObjectChange> {
    return this.#users.values();
  }

  get groups(): Iterable<ObjectChange> {
    return this.#groups.values();
  }

  get memberships(): Iterable<MembershipChange> {
    return this.#memberships.values();
  }

  /** Takes the objects of a page of users; of each the properties that were selected. */
  addUsers(objects: readonly unknown[], selected: readonly string[]): void {
    for (const object of objects) note(this.#users, objectChange(object, selected));
  }

  /** Takes the objects of a page of groups, with the members that it tells of. */
  addGroups(objects: readonly unknown[], selected: readonly string[]): void {
    for (const object of objects) {
      const change = objectChange(object, selected);
      note(this.#groups, change);
      for (const membership of membershipChanges(change.id, object as DeltaObject)) {
        this.#memberships.set(`${membership.group} ${membership.member}`, membership);
      }
    }
  }
}

/** An object in an answer to a delta query. */
interface DeltaObject extends Fields {
  readonly '@removed'?: { readonly reason?: unknown };
  readonly 'members@delta'?: unknown;
}

function note(changes: Map<string, ObjectChange>, change: ObjectChange): void {
  const before = changes.get(change.id);
  if (change.state === 'Present' && before?.state === 'Present') {
    changes.set(change.id, { ...change, fields: { ...before.fields, ...change.fields } });
  } else {
    changes.set(change.id, change);
  }
}

function objectChange(object: unknown, selected: readonly string[]): ObjectChange {
  const id = idOf(object);
  const removed = (object as DeltaObject)['@removed'];
  // `changed` is the recycle bin, from which an object returns as it was: https://learn.microsoft.com/graph/delta-query-users
  if (removed !== undefined) return { id, state: removed.reason === 'deleted' ? 'Gone' : 'Removed' };
  const fields = object as Fields;
  const told = selected.filter((name) => fields[name] !== undefined);
  return { id, state: 'Present', fields: Object.fromEntries(told.map((name) => [name, fields[name]])) };
}

function* membershipChanges(group: string, { 'members@delta': members }: DeltaObject): Generator<MembershipChange> {
  if (members === undefined) return;
  if (!Array.isArray(members)) throw malformed('members that are no list');
  for (const member of members) {
    const type = (member as Fields | null)?.['@odata.type'];
    // Devices, contacts and applications are nobody's business here.
    if (type !== undefined && type !== '#microsoft.graph.user' && type !== '#microsoft.graph.group') continue;
    yield { group, member: idOf(member), isMember: (member as DeltaObject)['@removed'] === undefined };
  }
}

/** The object id, in the one spelling in which it is compared. */
function idOf(object: unknown): string {
  const id = typeof object === 'object' && object !== null ? (object as Fields).id : undefined;
  if (typeof id !== 'string' || !isObjectID(id)) throw malformed('an object without an object id');
  return id.toLowerCase();
}

/** Whether the text is a GUID, as all ids of Entra objects are. */
export function isObjectID(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

function malformed(what: string): DirectoryError {
  return new DirectoryError('ProtocolError', `Microsoft Graph answers a delta query with ${what}.`);
}
