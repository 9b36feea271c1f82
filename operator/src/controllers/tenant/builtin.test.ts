import { AppRole, Group, Organization } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { tenant } from '../testing/objects.ts';
import { allUsersGroup, builtInObjects, builtInRoles } from './builtin.ts';

const kinds = { Organization, AppRole, Group };
const objects = builtInObjects(tenant({ defaultOrganization: 'head-office' }));
const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);

it.each(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object] as const))(
  '%s is an object that the API server takes',
  (_, { kind, metadata, spec }) => {
    expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    expect(metadata.name.length).toBeLessThanOrEqual(63);
    expect(metadata.namespace).toBe('acme');
    const schema = kinds[kind as keyof typeof kinds].spec;
    // Nothing is left out of what is said, and nothing unknown is said.
    expect(schema.parse(spec)).toEqual(spec);
  },
);

it('have names of their own', () => {
  const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
});

it('are the default organization of the tenant and the group of its people', () => {
  expect(ofKind('Organization').map(({ metadata }) => metadata.name)).toEqual(['head-office']);
  expect(ofKind('Group')).toMatchObject([{ metadata: { name: allUsersGroup }, spec: { organization: 'head-office' } }]);
});

describe('built-in roles', () => {
  it('are those of the product', () => {
    expect(ofKind('AppRole').map(({ metadata }) => metadata.name)).toEqual(Object.keys(builtInRoles));
    expect(Object.keys(builtInRoles).sort()).toEqual([
      'administrator-creator',
      'administrator-explorer',
      'administrator-viewer',
      'administrators',
      'developers',
      'notify',
      'on-demand',
      'self-reporting',
      'tenant-administrator-creator',
      'tenant-administrator-explorer',
      'tenant-administrator-viewer',
      'users',
    ]);
  });

  it('are marked as such and give rights', () => {
    for (const role of Object.values(builtInRoles)) {
      expect(role).toMatchObject({ builtIn: true, enabled: true });
      expect(role.permissions.length).toBeGreaterThan(0);
      expect(new Set(role.permissions.map(({ resource }) => resource)).size).toBe(role.permissions.length);
    }
  });

  it('are held in the whole tenant only where they administer it', () => {
    for (const [name, { scope, permissions }] of Object.entries(builtInRoles)) {
      expect(scope).toBe(name.startsWith('tenant-administrator-') ? 'Tenant' : 'Organization');
      expect(permissions.some(({ resource }) => resource === '*')).toBe(scope === 'Tenant');
    }
  });

  it('come in each licence where they administer', () => {
    for (const licence of ['Creator', 'Explorer', 'Viewer'] as const) {
      for (const name of ['tenant-administrator', 'administrator']) {
        expect(builtInRoles[`${name}-${licence.toLowerCase()}`]?.licence).toBe(licence);
      }
    }
    expect(builtInRoles.notify?.licence).toBe('Unlicensed');
  });
});
