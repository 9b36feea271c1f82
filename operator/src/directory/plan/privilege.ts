import type { AppRole, Person } from '@roster/crds';
import type { PersonKind } from './types.ts';

/** What decides whose rights are too great to fall to whoever has the address in a directory. */
export interface Rights {
  readonly roles: ReadonlyMap<string, AppRole>;
  readonly owner?: string | undefined;
}

/** Resources whose keepers can give themselves every other right. */
const administrative = new Set(['*', 'users', 'roles', 'approles']);
const harmlessVerbs = new Set(['read', 'get', 'list', 'view', 'watch']);

export function isOwner(kind: PersonKind, person: Person, { owner }: Rights): boolean {
  return kind === 'User' && person.metadata.name === owner;
}

/** Whether the API server refuses to delete the object; the condition says why. */
export function isDeletionProtected({ status }: Person): boolean {
  return status?.conditions?.some((one) => one.type === 'DeletionProtected' && one.status === 'True') ?? false;
}

/**
 * The right for which a directory must not take a person over, as the end of a sentence; undefined for ordinary people.
 * Fails closed: a role that cannot be looked at counts, and so does a disabled one, which may be enabled again.
 */
export function privilegeOf(kind: PersonKind, person: Person, rights: Rights): string | undefined {
  if (isOwner(kind, person, rights)) return 'owns the tenant';
  const { spec } = person;
  if ('roles' in spec && spec.roles !== undefined && spec.roles.length > 0) {
    return `holds the tenant role ${spec.roles[0]}`;
  }
  const memberships: readonly { readonly name: string; readonly roles?: readonly string[] | undefined }[] = [
    ...(spec.organizations ?? []),
    ...(spec.source?.organizations ?? []),
  ];
  for (const { name: organization, roles = [] } of memberships) {
    const role = roles.find((name) => administers(name, rights.roles.get(name)));
    if (role !== undefined) return `holds the role ${role} in the organization ${organization}`;
  }
  return undefined;
}

/** Whether its holders can give themselves every other right. A role that cannot be looked at does. */
export function administers(name: string, role: AppRole | undefined): boolean {
  if (role === undefined) return true;
  if (role.spec.builtIn && name.startsWith('administrator')) return true;
  return role.spec.permissions.some(
    ({ resource, verbs }) =>
      resource === '*' || (administrative.has(resource) && verbs.some((verb) => !harmlessVerbs.has(verb))),
  );
}
