import type { AppRole, Tenant } from '@roster/crds';
import { expect, it } from 'vitest';
import { cacheOf, directory, organization, role, tenant } from '../testing/objects.ts';
import { brokenReference } from './references.ts';

const caches = ({ tenants = [tenant()], roles = [role('users')] }: { tenants?: Tenant[]; roles?: AppRole[] } = {}) => ({
  tenants: { cache: cacheOf(...tenants) },
  organizations: { cache: cacheOf(organization('main')) },
  roles: { cache: cacheOf(...roles) },
});

it('finds nothing wrong where all is there', () => {
  expect(brokenReference(directory(), caches())).toBeUndefined();
  expect(brokenReference(directory({ defaultRole: 'users' }), caches())).toBeUndefined();
});

it('needs a Tenant', () => {
  expect(brokenReference(directory(), caches({ tenants: [] }))).toEqual({
    reason: 'TenantNotFound',
    message: 'The namespace acme has no Tenant named tenant.',
  });
  expect(brokenReference(directory({}, { namespace: 'globex' }), caches())).toMatchObject({ reason: 'TenantNotFound' });
});

it('needs the organization', () => {
  expect(brokenReference(directory({ organization: 'moon' }), caches())).toEqual({
    reason: 'OrganizationNotFound',
    message: 'There is no organization moon.',
  });
});

it('needs the default role', () => {
  expect(brokenReference(directory({ defaultRole: 'kings' }), caches())).toEqual({
    reason: 'RoleNotFound',
    message: 'There is no role kings.',
  });
});

it('needs a default role that can be held in an organization', () => {
  const roles = [role('users', 'Tenant')];
  expect(brokenReference(directory({ defaultRole: 'users' }), caches({ roles }))).toEqual({
    reason: 'RoleScopeMismatch',
    message: 'The role users has scope Tenant.',
  });
});
