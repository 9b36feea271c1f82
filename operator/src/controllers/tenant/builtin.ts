import { AppRole, apiVersion, Group, type Licence, Organization, type Tenant } from '@roster/crds';

/** The group whose members are all people of the default organization: computed by the database, never listed. */
export const allUsersGroup = 'all-users';

type RoleSpec = AppRole['spec'];
type Permission = RoleSpec['permissions'][number];

const everything: Permission[] = [{ resource: '*', verbs: ['*'] }];
const people: Permission[] = ['users', 'recipients', 'groups'].map((resource) => ({ resource, verbs: ['*'] }));
const content = ['projects', 'reports', 'filters', 'conditions', 'tasks'];
const onContent = (...verbs: string[]): Permission[] => content.map((resource) => ({ resource, verbs }));

const role = (
  displayName: string,
  scope: RoleSpec['scope'],
  licence: Licence,
  description: string,
  permissions: Permission[],
): RoleSpec => ({ displayName, description, enabled: true, builtIn: true, scope, licence, permissions });

const licensed = ['Creator', 'Explorer', 'Viewer'] as const;

/** The roles that every tenant has, by name. */
export const builtInRoles: Readonly<Record<string, RoleSpec>> = {
  ...Object.fromEntries(
    licensed.flatMap((licence) => [
      [
        `tenant-administrator-${licence.toLowerCase()}`,
        role(
          `Tenant Administrator (${licence})`,
          'Tenant',
          licence,
          'Administers the whole tenant: every organization, its people and its settings.',
          everything,
        ),
      ],
      [
        `administrator-${licence.toLowerCase()}`,
        role(
          `Administrator (${licence})`,
          'Organization',
          licence,
          'Administers one organization: its people, groups and content.',
          [...people, ...onContent('*')],
        ),
      ],
    ]),
  ),
  administrators: role(
    'Administrators',
    'Organization',
    'Creator',
    'Administer one organization: its people, groups and content.',
    [...people, ...onContent('*')],
  ),
  developers: role(
    'Developers',
    'Organization',
    'Creator',
    'Make reports and all that they need.',
    onContent('create', 'read', 'update', 'delete', 'execute'),
  ),
  users: role('Users', 'Organization', 'Explorer', 'Look at reports and run them.', onContent('read', 'execute')),
  notify: role('Notify', 'Organization', 'Unlicensed', 'Are told when reports are ready.', [
    { resource: 'notifications', verbs: ['read'] },
  ]),
  'on-demand': role('On-Demand', 'Organization', 'Viewer', 'Run reports on demand.', [
    { resource: 'reports', verbs: ['read', 'execute'] },
  ]),
  'self-reporting': role('Self-Reporting', 'Organization', 'Explorer', 'Make reports for themselves.', [
    { resource: 'reports', verbs: ['create', 'read', 'execute'] },
    { resource: 'filters', verbs: ['create', 'read'] },
  ]),
};

/** What the operator sees to in each tenant: created when absent, and never changed afterwards. */
export function builtInObjects(tenant: Tenant): (Organization | AppRole | Group)[] {
  const namespace = tenant.metadata.namespace ?? '';
  const organization = tenant.spec.defaultOrganization;
  return [
    { apiVersion, kind: Organization.kind, metadata: { name: organization, namespace }, spec: {} },
    ...Object.entries(builtInRoles).map(
      ([name, spec]): AppRole => ({ apiVersion, kind: AppRole.kind, metadata: { name, namespace }, spec }),
    ),
    {
      apiVersion,
      kind: Group.kind,
      metadata: { name: allUsersGroup, namespace },
      spec: { displayName: 'All users', description: 'Everybody in the default organization.', organization },
    },
  ];
}
