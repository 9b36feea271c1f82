import type { AppRole, Organization, Tenant, UserDirectory } from '@roster/crds';
import type { Cache } from '../../runtime/index.ts';
import type { Problem } from '../conditions.ts';
import { tenantName } from '../context.ts';

type Lookup<T extends Organization | AppRole | Tenant> = { readonly cache: Pick<Cache<T>, 'get'> };

/** Where the objects are looked up that a directory names. */
export interface Referable {
  readonly tenants: Lookup<Tenant>;
  readonly organizations: Lookup<Organization>;
  readonly roles: Lookup<AppRole>;
}

/** What a directory names and is not there or not fit for it; until then it is neither connected to nor read. */
export function brokenReference(
  { metadata, spec }: UserDirectory,
  { tenants, organizations, roles }: Referable,
): Problem | undefined {
  const namespace = metadata.namespace ?? '';
  if (tenants.cache.get(namespace, tenantName) === undefined) {
    return { reason: 'TenantNotFound', message: `The namespace ${namespace} has no Tenant named tenant.` };
  }
  if (organizations.cache.get(namespace, spec.organization) === undefined) {
    return { reason: 'OrganizationNotFound', message: `There is no organization ${spec.organization}.` };
  }
  if (spec.defaultRole === undefined) return undefined;
  const role = roles.cache.get(namespace, spec.defaultRole);
  if (role === undefined) return { reason: 'RoleNotFound', message: `There is no role ${spec.defaultRole}.` };
  if (role.spec.scope !== 'Organization') {
    return { reason: 'RoleScopeMismatch', message: `The role ${spec.defaultRole} has scope ${role.spec.scope}.` };
  }
  return undefined;
}
