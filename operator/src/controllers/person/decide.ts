import {
  type AppRole,
  type EffectivePerson,
  effectivePerson,
  type Group,
  type Organization,
  type Person,
  type Tenant,
} from '@roster/crds';
import type { PersonRow } from '../../mirror/index.ts';
import type { Problem } from '../conditions.ts';

/** All that is read to judge one person. */
export interface Observed {
  readonly kind: 'User' | 'Recipient';
  readonly person: Person;
  readonly tenant: Tenant | undefined;
  organization(name: string): Organization | undefined;
  role(name: string): AppRole | undefined;
  group(name: string): Group | undefined;
  readonly now: Date;
}

/** Whether the person may sign in or gets reports, and why not. */
export interface Activity {
  readonly active: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface Decision {
  /** What the database should hold; absent while it should be left as it is. */
  readonly row: PersonRow | undefined;
  readonly effective: EffectivePerson;
  readonly activity: Activity;
  /** The first problem counts; it waits for a change of the person or of what they name. */
  readonly problems: readonly Problem[];
  readonly owner: boolean;
  /** When time alone changes the decision. */
  readonly reviewAt: Date | undefined;
}

/**
 * Names of what does not exist stay in the row. The database joins by name, so they give nothing until what they name
 * is there, and then without a write: a deleted CRD must not empty the rows of everybody. Only a role of the wrong scope
 * and a group of another organization are left out.
 */
export function decide(observed: Observed): Decision {
  const { kind, person, tenant } = observed;
  const effective = effectivePerson(person.spec);
  if (tenant === undefined) {
    return {
      row: undefined,
      effective,
      activity: { active: false, reason: 'TenantNotFound', message: 'The namespace has no Tenant.' },
      problems: [
        { reason: 'TenantNotFound', message: `The namespace ${person.metadata.namespace} has no Tenant named tenant.` },
      ],
      owner: false,
      reviewAt: undefined,
    };
  }
  const problems: Problem[] = [];
  if (effective.invalidEmail !== undefined) {
    problems.push({ reason: 'InvalidEmail', message: `The e-mail address cannot be used: ${effective.invalidEmail}.` });
  }
  for (const { name } of effective.organizations) checkOrganization(observed, name, problems);
  const organizations = effective.organizations.map(({ name, roles }) => ({
    name,
    roles: roles.filter((role) => checkRole(observed, role, 'Organization', problems)),
  }));
  const belongsTo = new Set(organizations.map(({ name }) => name));
  const roles = effective.roles.filter((role) => checkRole(observed, role, 'Tenant', problems));
  const groups = effective.groups.filter((group) => checkGroup(observed, group, belongsTo, problems));

  const expiresAt = effective.expiresAt === undefined ? undefined : new Date(effective.expiresAt);
  const activity = judgeActivity(effective, expiresAt, observed.now);
  const row: PersonRow = {
    namespace: person.metadata.namespace ?? '',
    kind,
    name: person.metadata.name,
    uid: person.metadata.uid ?? '',
    ...defined({
      email: effective.email,
      domainAccount: effective.domainAccount,
      domainAccountKey: effective.domainAccountKey,
      firstName: effective.firstName,
      lastName: effective.lastName,
      expiresAt: effective.expiresAt,
      missingSince: effective.missingSince,
      directory: person.spec.source?.directory,
      authority: person.spec.source?.authority,
      externalId: person.spec.source?.externalId,
      inactiveReason: activity.active ? undefined : activity.reason,
    }),
    ...('passwordSetup' in person.spec ? { passwordSetup: person.spec.passwordSetup } : {}),
    displayName: effective.displayName,
    language: effective.language ?? tenant.spec.defaultLanguage,
    enabled: effective.enabled,
    active: activity.active,
    roles,
    organizations,
    groups,
  };
  return {
    row,
    effective,
    activity,
    problems,
    owner: kind === 'User' && tenant.spec.owner === person.metadata.name,
    reviewAt: expiresAt !== undefined && expiresAt > observed.now ? expiresAt : undefined,
  };
}

function checkOrganization(observed: Observed, name: string, problems: Problem[]): void {
  if (observed.organization(name) !== undefined) return;
  problems.push({ reason: 'OrganizationNotFound', message: `There is no organization ${name}.` });
}

/** Whether the role may be in the row. */
function checkRole(observed: Observed, name: string, scope: AppRole['spec']['scope'], problems: Problem[]): boolean {
  const role = observed.role(name);
  if (role === undefined) {
    problems.push({ reason: 'RoleNotFound', message: `There is no role ${name}.` });
    return true;
  }
  if (role.spec.scope === scope) return true;
  const where = scope === 'Tenant' ? 'in the whole tenant' : 'in an organization';
  problems.push({
    reason: 'RoleScopeMismatch',
    message: `The role ${name} has scope ${role.spec.scope} and cannot be held ${where}.`,
  });
  return false;
}

/** Whether the group may be in the row. */
function checkGroup(observed: Observed, name: string, belongsTo: ReadonlySet<string>, problems: Problem[]): boolean {
  const group = observed.group(name);
  if (group === undefined) {
    problems.push({ reason: 'GroupNotFound', message: `There is no group ${name}.` });
    return true;
  }
  if (belongsTo.has(group.spec.organization)) return true;
  problems.push({
    reason: 'GroupOfOtherOrganization',
    message: `The group ${name} belongs to the organization ${group.spec.organization}, which the person is not in.`,
  });
  return false;
}

function judgeActivity(effective: EffectivePerson, expiresAt: Date | undefined, now: Date): Activity {
  const inactive = (reason: string, message: string): Activity => ({ active: false, reason, message });
  if (!effective.enabled) return inactive('Disabled', 'Disabled by an administrator: spec.enabled is false.');
  if (!effective.enabledInDirectory) return inactive('DirectoryDisabled', 'The account is disabled in the directory.');
  if (effective.missingSince !== undefined) {
    // With whenMissing Keep, nobody's block says so.
    return inactive('Missing', `The directory has not had the person since ${effective.missingSince}.`);
  }
  if (expiresAt !== undefined && expiresAt <= now) {
    return inactive('Expired', `The account ended in the directory on ${expiresAt.toISOString()}.`);
  }
  if (effective.email === undefined) return inactive('InvalidEmail', 'There is no address that can be used.');
  return { active: true, reason: 'Enabled', message: 'Enabled.' };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined, so that optional fields are absent instead. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
