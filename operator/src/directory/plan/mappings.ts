import type { PersonSource } from '@roster/crds';
import type { GroupRecord, PersonRecord } from '../record.ts';
import type { Organizations } from './candidate.ts';
import type { Notes } from './notes.ts';
import { administers } from './privilege.ts';
import { groupNameKey, type Tenant } from './tenant.ts';
import type { PlanInput } from './types.ts';

type Mapping = NonNullable<PlanInput['directory']['mappings']>[number];

/** Which organizations and roles follow from which groups. */
export interface Mappings {
  /** What the person's groups give, in the one form in which it is stored; undefined for nothing. */
  give(record: PersonRecord, before: PersonSource | undefined): Organizations | undefined;
}

/** The groups of the read by name or external id, whatever the case. */
export function groupFinder(groups: readonly GroupRecord[]): (named: string) => readonly string[] {
  const found = new Map<string, Set<string>>();
  const add = (key: string, externalId: string) => found.set(key, (found.get(key) ?? new Set()).add(externalId));
  for (const { externalId, name } of groups) {
    add(groupNameKey(name), externalId);
    add(groupNameKey(externalId), externalId);
  }
  return (named) => [...(found.get(groupNameKey(named)) ?? [])];
}

/**
 * Resolves the mappings of a directory. One that cannot be resolved gives nobody anything new, and takes nothing from those
 * who have it: a role deleted by mistake must not cost everybody an organization.
 */
export function resolveMappings(
  { directory, contents, existing }: PlanInput,
  tenant: Tenant,
  notes: Notes,
): Mappings | undefined {
  const { mappings = [] } = directory;
  if (mappings.length === 0) return undefined;
  const find = groupFinder(contents.groups);
  // A group that was read and could not be used may be the one.
  const hidden = contents.rejected.some(({ of }) => of === 'Group');
  const byGroup = new Map<string, Mapping[]>();
  const unresolved: Mapping[] = [];
  for (const mapping of mappings) {
    const problem = unusable(mapping, existing.organizations, tenant);
    const groups = find(mapping.group);
    const [group] = groups;
    if (problem !== undefined) {
      notes.setting(
        mapping.group,
        problem.reason,
        `The mapping of the group ${mapping.group} is left out: ${problem.message}.`,
      );
      unresolved.push(mapping);
    } else if (groups.length > 1) {
      const message = `The mapping of the group ${mapping.group} is left out: ${groups.length} groups have that name; give the id.`;
      notes.setting(mapping.group, 'MappedGroupNotUnique', message);
      unresolved.push(mapping);
    } else if (group === undefined) {
      const message = `The mapping of the group ${mapping.group} gives nobody anything: the directory has no such group.`;
      notes.setting(mapping.group, 'MappedGroupNotFound', message);
      if (hidden) unresolved.push(mapping);
    } else byGroup.set(group, [...(byGroup.get(group) ?? []), mapping]);
  }
  return {
    give: (record, before) => {
      const given = new Map<string, Set<string>>();
      const give = (organization: string, roles: readonly string[]) => {
        const present = given.get(organization) ?? new Set();
        for (const role of roles) present.add(role);
        given.set(organization, present);
      };
      for (const group of record.groups) {
        for (const { organization, roles = [] } of byGroup.get(group) ?? []) give(organization, roles);
      }
      for (const { organization, roles = [] } of unresolved) {
        const had = before?.organizations?.find(({ name }) => name === organization);
        if (had !== undefined)
          give(
            organization,
            roles.filter((role) => had.roles?.includes(role)),
          );
      }
      return given.size === 0 ? undefined : stored(given);
    },
  };
}

/** Why a mapping cannot be used, as the end of a sentence. */
function unusable(
  { organization, roles = [] }: Mapping,
  organizations: ReadonlySet<string> | undefined,
  tenant: Tenant,
) {
  if (!organizations?.has(organization)) {
    return { reason: 'OrganizationNotFound' as const, message: `there is no organization ${organization}` };
  }
  for (const name of roles) {
    const role = tenant.roles.get(name);
    if (role === undefined) return { reason: 'RoleNotFound' as const, message: `there is no role ${name}` };
    if (role.spec.scope !== 'Organization') {
      return { reason: 'RoleScopeMismatch' as const, message: `the role ${name} is for the whole tenant` };
    }
  }
  return undefined;
}

function stored(given: ReadonlyMap<string, ReadonlySet<string>>): Organizations {
  return [...given]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, roles]) => (roles.size === 0 ? { name } : { name, roles: [...roles].sort() }));
}

/**
 * The first role among those given with which people can give themselves every other right and that the person does not
 * hold by the same directory already, as the end of a sentence.
 */
export function grantOf(
  given: Organizations | undefined,
  before: Organizations | undefined,
  tenant: Tenant,
): string | undefined {
  for (const { name, roles = [] } of given ?? []) {
    const had = before?.find((organization) => organization.name === name)?.roles ?? [];
    const role = roles.find((one) => !had.includes(one) && administers(one, tenant.roles.get(one)));
    if (role !== undefined) return `the role ${role} in the organization ${name} gives administration rights`;
  }
  return undefined;
}
