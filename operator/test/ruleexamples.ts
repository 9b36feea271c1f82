/** An example of every rule in the definitions and policies: what it lets pass, and what it refuses. */
import { apiVersion, kinds } from '@roster/crds';
import { sample } from '@roster/crds/manifests';

export interface TestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: object;
  readonly status?: object;
}

/** A request about one object. A patch is a JSON merge patch of the whole object. */
export type TestRequest =
  | { readonly verb: 'create'; readonly object: TestObject }
  | { readonly verb: 'patch'; readonly object: TestObject; readonly patch: object }
  | { readonly verb: 'delete'; readonly object: TestObject };

/** Who has which rights: each of them those of the ClusterRole of that name, and the approver an editor's, too. */
export type Requester = 'editor' | 'operator' | 'approver';

export interface RuleExample {
  /** What tells the rule from others: `User spec.email` for one in a definition, else the name of the policy. */
  readonly rule: string;
  readonly message: string;
  /** What the person sees, where the policy makes a better message than the plain one. */
  readonly sentence?: string;
  /** What is there before. */
  readonly given?: readonly TestObject[];
  /** What an approver did to it. */
  readonly before?: TestRequest;
  readonly accepted: TestRequest;
  /** Who asks, an editor unless said. */
  readonly acceptedFrom?: Requester;
  readonly refused: TestRequest;
  readonly refusedFrom?: Requester;
}

const object = (kind: string, name: string, spec: object, status?: object): TestObject => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
  ...(status ? { status } : {}),
});
const create = (created: TestObject): TestRequest => ({ verb: 'create', object: created });
const patch = (patched: TestObject, spec: object): TestRequest => ({ verb: 'patch', object: patched, patch: { spec } });
const remove = (removed: TestObject): TestRequest => ({ verb: 'delete', object: removed });

const email = 'jane@example.com';
const organizations = [{ name: 'main' }];
const source = { directory: 'corporate', authority: 'dc=example,dc=com', externalId: '42' };
const user = (name: string, spec: object = {}, status?: object) =>
  object('User', name, { email, organizations, ...spec }, status);
const recipient = (spec: object) => object('Recipient', 'jane', { email, organizations, ...spec });
const tenant = (spec: object) => object('Tenant', 'tenant', spec);
const group = (name: string, spec: object = {}) => object('Group', name, { organization: 'main', ...spec });
const role = (name: string, spec: object = {}) => object('AppRole', name, { scope: 'Organization', ...spec });
const run = object('DirectorySync', 'run', { directory: 'corporate' });

const ldap = { urls: ['ldap://ldap.example.com'] };
const directory = (spec: object) => object('UserDirectory', 'corporate', { organization: 'main', ...spec });
const entraID = (credentials: object, spec: object = {}) => {
  const id = '00000000-0000-0000-0000-000000000000';
  return directory({ entraID: { clientID: id, tenantID: id, credentials, ...spec } });
};
const workload = { workloadIdentity: true };
const credentials = { secretRef: { name: 'corporate-directory' } };
const scheduled = (schedule: object) => directory({ ldap, schedule });

const hash = 'a'.repeat(64);
const removals = { reason: 'ManyRemovals', message: '40 people would go.', count: 40 };
const held = { phase: 'Held', held: { ...removals, hash } };
const withStatus = (status: object) => ({ ...run, status });
const approved = object('DirectorySync', 'run', { directory: 'corporate', approval: { hash } });

const longName = 'x'.repeat(63);
const namesOfObjects = kinds
  .filter(({ kind }) => kind !== 'Tenant')
  .map((kind): RuleExample => {
    const { spec } = sample(kind) as TestObject;
    return {
      rule: `${kind.kind} `,
      message: 'the name must have at most 63 characters, so that other objects can refer to it',
      accepted: create(object(kind.kind, longName, spec)),
      refused: create(object(kind.kind, `${longName}x`, spec)),
    };
  });

const people = (['User', 'Recipient'] as const).flatMap((kind): RuleExample[] => {
  const person = (spec: object) => object(kind, 'jane', spec);
  const noun = kind.toLowerCase();
  return [
    {
      rule: `${kind} spec.email`,
      message: `a ${noun} needs an e-mail address: set email, or let a directory give one`,
      accepted: create(person({ organizations, source: { ...source, email } })),
      acceptedFrom: 'operator',
      refused: create(person({ organizations })),
    },
    {
      rule: `${kind} spec`,
      message: `a ${noun} belongs to at least one organization: add one to organizations`,
      accepted: create(person({ email, source: { ...source, organizations } })),
      acceptedFrom: 'operator',
      refused: create(person({ email, organizations: [] })),
    },
  ];
});

const definitions: readonly RuleExample[] = [
  ...namesOfObjects,
  ...people,
  {
    rule: 'Tenant ',
    message: 'a namespace has one Tenant, and its name is tenant',
    accepted: create(tenant({})),
    refused: create(object('Tenant', 'other', {})),
  },
  {
    rule: 'AppRole spec.scope',
    message: 'scope cannot be changed; create another role',
    given: [role('designers')],
    accepted: patch(role('designers'), { licence: 'Creator' }),
    refused: patch(role('designers'), { scope: 'Tenant' }),
  },
  {
    rule: 'Group spec.organization',
    message: 'organization cannot be changed; create a group in the other organization',
    given: [group('board')],
    accepted: patch(group('board'), { displayName: 'Board' }),
    refused: patch(group('board'), { organization: 'sales' }),
  },
  {
    rule: 'DirectorySync spec',
    message: 'a run cannot be changed; create another DirectorySync',
    given: [run],
    accepted: { verb: 'patch', object: run, patch: { metadata: { labels: { team: 'identity' } } } },
    refused: patch(run, { dryRun: true }),
  },
  ...[{ directory: 'other' }, { person: 'jane@example.com' }, { ttlSecondsAfterFinished: 60 }].map(
    (change): RuleExample => ({
      rule: 'DirectorySync spec',
      message: 'a run cannot be changed; create another DirectorySync',
      given: [withStatus(held)],
      accepted: patch(run, { approval: { hash } }),
      acceptedFrom: 'approver',
      // Not even together with an approval.
      refused: patch(run, { approval: { hash }, ...change }),
      refusedFrom: 'approver',
    }),
  ),
  ...[{ person: null }, { person: 'john@example.com' }, { ttlSecondsAfterFinished: null }].map(
    (change): RuleExample => {
      const ofOne = object('DirectorySync', 'run', {
        directory: 'corporate',
        person: 'jane@example.com',
        ttlSecondsAfterFinished: 60,
      });
      return {
        rule: 'DirectorySync spec',
        message: 'a run cannot be changed; create another DirectorySync',
        given: [ofOne],
        accepted: { verb: 'patch', object: ofOne, patch: { metadata: { labels: { team: 'identity' } } } },
        refused: patch(ofOne, change),
      };
    },
  ),
  ...[null, { rejected: true }, { hash: 'b'.repeat(64) }, { by: 'john' }].map(
    (change): RuleExample => ({
      rule: 'DirectorySync spec.approval',
      message: 'an approval cannot be changed or taken back; create another DirectorySync',
      given: [withStatus(held)],
      before: patch(run, { approval: { hash } }),
      accepted: { verb: 'patch', object: run, patch: { metadata: { labels: { team: 'identity' } } } },
      refused: patch(run, { approval: change }),
      refusedFrom: 'approver',
    }),
  ),
  {
    rule: 'UserDirectory spec',
    message: 'set exactly one of activeDirectory, ldap and entraID',
    accepted: create(directory({ ldap })),
    refused: create(directory({ ldap, activeDirectory: ldap })),
  },
  {
    rule: 'UserDirectory spec',
    message: 'the type of a directory cannot be changed; create another directory',
    given: [directory({ ldap })],
    accepted: patch(directory({}), { ldap: { urls: ['ldap://other.example.com'] } }),
    refused: patch(directory({}), { ldap: null, activeDirectory: ldap }),
  },
  {
    rule: 'UserDirectory spec.organization',
    message: 'organization cannot be changed; create another directory for the other organization',
    given: [directory({ ldap })],
    accepted: patch(directory({}), { suspend: true }),
    refused: patch(directory({}), { organization: 'sales' }),
  },
  {
    rule: 'UserDirectory spec.importAs',
    message: 'importAs cannot be changed; create another directory',
    given: [directory({ ldap })],
    accepted: patch(directory({}), { importAs: 'Users' }),
    refused: patch(directory({}), { importAs: 'Recipients' }),
  },
  {
    rule: 'UserDirectory spec.defaultRole',
    message: 'recipients have no roles: remove defaultRole',
    accepted: create(directory({ ldap, importAs: 'Users', defaultRole: 'users' })),
    refused: create(directory({ ldap, importAs: 'Recipients', defaultRole: 'users' })),
  },
  {
    rule: 'UserDirectory spec.passwordSetup',
    message: 'recipients do not sign in: leave passwordSetup at None',
    accepted: create(directory({ ldap, importAs: 'Users', passwordSetup: 'Invite' })),
    refused: create(directory({ ldap, importAs: 'Recipients', passwordSetup: 'Invite' })),
  },
  {
    rule: 'UserDirectory spec.mappings',
    message: 'recipients have no roles: remove roles from the mappings',
    accepted: create(
      directory({ ldap, importAs: 'Recipients', mappings: [{ group: 'Sales', organization: 'sales' }] }),
    ),
    refused: create(
      directory({
        ldap,
        importAs: 'Recipients',
        mappings: [
          { group: 'Sales', organization: 'sales' },
          { group: 'Board', organization: 'main', roles: ['users'] },
        ],
      }),
    ),
  },
  ...['ldap', 'activeDirectory'].flatMap((type) =>
    ['Disable', 'Delete'].map(
      (policy): RuleExample => ({
        rule: 'UserDirectory spec.whenMissing',
        message: 'an anonymous read proves nobody missing: set credentials, or leave whenMissing at Keep',
        accepted: create(directory({ [type]: { ...ldap, credentials }, whenMissing: { policy } })),
        refused: create(directory({ [type]: ldap, whenMissing: { policy } })),
      }),
    ),
  ),
  {
    rule: 'UserDirectory spec.whenMissing',
    message: 'an anonymous read proves nobody missing: set credentials, or leave whenMissing at Keep',
    given: [directory({ ldap: { ...ldap, credentials }, whenMissing: { policy: 'Delete' } })],
    accepted: patch(directory({}), { ldap: { credentials: null }, whenMissing: { policy: 'Keep' } }),
    refused: patch(directory({}), { ldap: { credentials: null } }),
  },
  {
    rule: 'UserDirectory spec.schedule',
    message: 'set exactly one of every, daily, weekly and monthly',
    accepted: create(scheduled({ daily: { at: '02:30' }, timeZone: 'Europe/Paris' })),
    refused: create(scheduled({ timeZone: 'Europe/Paris' })),
  },
  ...(
    [
      [{ weekly: { days: ['Monday', 'Friday'], at: '23:59' } }, { daily: { at: '00:00' } }],
      [{ monthly: { day: 31, at: '00:00' } }, { every: '6h' }],
    ] as const
  ).map(
    ([one, another]): RuleExample => ({
      rule: 'UserDirectory spec.schedule',
      message: 'set exactly one of every, daily, weekly and monthly',
      accepted: create(scheduled(one)),
      refused: create(scheduled({ ...one, ...another })),
    }),
  ),
  ...(
    [
      ['5m', '4m'],
      ['1h', '0h'],
    ] as const
  ).map(
    ([accepted, refused]): RuleExample => ({
      rule: 'UserDirectory spec.schedule.every',
      message: 'every must be 5m or more',
      accepted: create(scheduled({ every: accepted })),
      refused: create(scheduled({ every: refused })),
    }),
  ),
  {
    rule: 'UserDirectory spec.schedule.monthly',
    message: 'set day, or set lastDay to true, and not both',
    accepted: create(scheduled({ monthly: { day: 1, at: '02:30' } })),
    refused: create(scheduled({ monthly: { at: '02:30' } })),
  },
  {
    rule: 'UserDirectory spec.schedule.monthly',
    message: 'set day, or set lastDay to true, and not both',
    accepted: create(scheduled({ monthly: { lastDay: true, at: '02:30' } })),
    refused: create(scheduled({ monthly: { day: 31, lastDay: true, at: '02:30' } })),
  },
  {
    rule: 'UserDirectory spec.guard',
    message: 'floor must not be above cap: more than cap are always held',
    accepted: create(directory({ ldap, guard: { floor: 500 } })),
    refused: create(directory({ ldap, guard: { floor: 501 } })),
  },
  {
    rule: 'UserDirectory spec.takesOver',
    message: 'takesOver must name another directory, not this one',
    accepted: create(directory({ ldap, takesOver: 'former' })),
    refused: create(directory({ ldap, takesOver: 'corporate' })),
  },
  ...['ldap', 'activeDirectory'].map(
    (type): RuleExample => ({
      rule: `UserDirectory spec.${type}.startTLS`,
      message: 'startTLS upgrades ldap:// connections; with ldaps:// leave it out',
      accepted: create(directory({ [type]: { ...ldap, startTLS: true } })),
      refused: create(directory({ [type]: { urls: ['LDAPS://ldap.example.com'], startTLS: true } })),
    }),
  ),
  {
    rule: 'UserDirectory spec.activeDirectory.startTLS',
    message: 'startTLS upgrades ldap:// connections, of additional domains too; with ldaps:// leave it out',
    accepted: create(directory({ activeDirectory: { ...ldap, startTLS: true, additionalDomains: [ldap] } })),
    refused: create(
      directory({
        activeDirectory: { ...ldap, startTLS: true, additionalDomains: [ldap, { urls: ['ldaps://eu.example.com'] }] },
      }),
    ),
  },
  ...[{ names: ['Sales'] }, { ids: ['00000000-0000-0000-0000-000000000000'] }, { assignedToApplication: true }].map(
    (groups): RuleExample => ({
      rule: 'UserDirectory spec.entraID.groups',
      message:
        'name groups in names or ids, or set assignedToApplication to true; to take all groups over, remove groups',
      accepted: create(entraID(workload, { groups })),
      refused: create(entraID(workload, { groups: { names: [], ids: [] } })),
    }),
  ),
  {
    rule: 'UserDirectory spec.entraID.credentials',
    message: 'name a Secret in secretRef, or set workloadIdentity to true, and not both',
    accepted: create(entraID(workload)),
    refused: create(entraID({})),
  },
  {
    rule: 'UserDirectory spec.entraID.credentials',
    message: 'name a Secret in secretRef, or set workloadIdentity to true, and not both',
    accepted: create(entraID({ secretRef: { name: 'entra' } })),
    refused: create(entraID({ secretRef: { name: 'entra' }, workloadIdentity: true })),
  },
];

const notYours =
  "spec.source is written by a directory's synchronisation: leave it as it is, or remove it to detach the object (writing it needs the verb link)";
const protectedStatus = (status: string) => ({
  conditions: [
    {
      type: 'DeletionProtected',
      status,
      reason: 'OwnsContent',
      message: '3 reports belong to it; transfer them first',
      lastTransitionTime: '2030-01-01T00:00:00Z',
    },
  ],
});

const policies: readonly RuleExample[] = [
  ...[user('jane', { source }), recipient({ source }), group('board', { source })].map(
    (linked): RuleExample => ({
      rule: 'source',
      message: notYours,
      accepted: create(linked),
      acceptedFrom: 'operator',
      refused: create(linked),
    }),
  ),
  {
    rule: 'source',
    message: notYours,
    given: [user('jane', { source })],
    // Whoever may update the person may change what stands beside the block.
    accepted: patch(user('jane'), { language: 'fr' }),
    refused: patch(user('jane'), { source: { firstName: 'Janet' } }),
  },
  {
    rule: 'source',
    message: notYours,
    given: [user('jane', { source })],
    // Removing the block detaches the person.
    accepted: patch(user('jane'), { source: null }),
    refused: patch(user('jane'), { source: { externalId: '43' } }),
  },
  {
    rule: 'source',
    message: notYours,
    given: [user('jane')],
    accepted: patch(user('jane'), { source }),
    acceptedFrom: 'operator',
    refused: patch(user('jane'), { source }),
  },
  ...(['editor', 'operator'] as const).flatMap((refusedFrom) =>
    [{ hash }, { hash, rejected: true }].map(
      (approval): RuleExample => ({
        rule: 'approval',
        message: 'approving or rejecting held changes needs the verb approve on directorysyncs.roster.dev',
        given: [withStatus(held)],
        accepted: patch(run, { approval }),
        acceptedFrom: 'approver',
        refused: patch(run, { approval }),
        refusedFrom,
      }),
    ),
  ),
  {
    rule: 'approval',
    message: 'only a run that is Held can be approved or rejected',
    // A run that brings its approval along would be approved before anybody saw what it does.
    accepted: create(run),
    acceptedFrom: 'approver',
    refused: create(approved),
    refusedFrom: 'approver',
  },
  ...[
    {},
    { phase: 'Applying' },
    { ...held, phase: 'Succeeded' },
    { ...held, phase: 'Aborted' },
    { phase: 'Held', held: removals },
  ].map(
    (status): RuleExample => ({
      rule: 'approval',
      message: 'only a run that is Held can be approved or rejected',
      given: [withStatus(status)],
      accepted: { verb: 'patch', object: run, patch: { metadata: { labels: { team: 'identity' } } } },
      refused: patch(run, { approval: { hash } }),
      refusedFrom: 'approver',
    }),
  ),
  {
    rule: 'approval',
    message: 'the hash is not that of status.held: look at what is held now, and approve that',
    given: [withStatus(held)],
    accepted: patch(run, { approval: { hash } }),
    acceptedFrom: 'approver',
    refused: patch(run, { approval: { hash: 'b'.repeat(64) } }),
    refusedFrom: 'approver',
  },
  {
    rule: 'built-in-roles',
    message: 'built-in roles are created by the operator; leave builtIn out (setting it needs the verb bootstrap)',
    accepted: create(role('administrators', { builtIn: true })),
    acceptedFrom: 'operator',
    refused: create(role('administrators', { builtIn: true })),
  },
  {
    rule: 'built-in-roles',
    message: 'a built-in role cannot be changed; create a role of your own',
    given: [role('administrators', { builtIn: true })],
    accepted: patch(role('administrators'), { licence: 'Viewer' }),
    acceptedFrom: 'operator',
    refused: patch(role('administrators'), { licence: 'Viewer' }),
  },
  {
    rule: 'built-in-roles',
    message: 'a built-in role cannot be changed; create a role of your own',
    given: [role('administrators', { builtIn: true }), role('designers')],
    accepted: patch(role('designers'), { enabled: false }),
    refused: patch(role('administrators'), { builtIn: false }),
  },
  {
    rule: 'built-in-roles',
    message: 'a built-in role cannot be changed; create a role of your own',
    given: [role('administrators', { builtIn: true }), role('designers')],
    // Labels belong to whoever sorts the objects.
    accepted: {
      verb: 'patch',
      object: role('administrators'),
      patch: { metadata: { labels: { team: 'identity' } } },
    },
    refused: patch(role('designers'), { builtIn: true }),
  },
  {
    rule: 'built-in-roles',
    message: 'a built-in role cannot be deleted',
    given: [role('administrators', { builtIn: true }), role('designers')],
    accepted: remove(role('designers')),
    refused: remove(role('administrators')),
  },
  {
    rule: 'all-users',
    message: 'the group all-users is created by the operator; choose another name (it needs the verb bootstrap)',
    accepted: create(group('all-users')),
    acceptedFrom: 'operator',
    refused: create(group('all-users')),
  },
  {
    rule: 'all-users',
    message: 'the group all-users cannot be changed; create a group of your own',
    given: [group('all-users')],
    accepted: patch(group('all-users'), { displayName: 'Everybody' }),
    acceptedFrom: 'operator',
    refused: patch(group('all-users'), { displayName: 'Everybody' }),
  },
  {
    rule: 'all-users',
    message: 'the group all-users cannot be deleted',
    given: [group('all-users'), group('board')],
    accepted: remove(group('board')),
    refused: remove(group('all-users')),
  },
  {
    rule: 'tenant-owner',
    message: "the tenant's owner cannot be deleted; name another owner in the Tenant first",
    given: [tenant({ owner: 'jane' }), user('jane'), user('john')],
    accepted: remove(user('john')),
    refused: remove(user('jane')),
  },
  {
    rule: 'tenant-owner',
    message: "the tenant's owner cannot be disabled; name another owner in the Tenant first",
    given: [tenant({ owner: 'jane' }), user('jane'), user('john')],
    accepted: patch(user('john'), { enabled: false }),
    refused: patch(user('jane'), { enabled: false }),
  },
  {
    rule: 'tenant-owner',
    message: "the tenant's owner cannot be disabled; name another owner in the Tenant first",
    given: [tenant({ owner: 'jane' }), user('jane')],
    accepted: patch(user('jane'), { language: 'fr' }),
    refused: patch(user('jane'), { language: 'fr', enabled: false }),
  },
  {
    rule: 'tenant-owner',
    message: "the tenant's owner keeps the roles in spec.roles; name another owner in the Tenant first",
    given: [tenant({ owner: 'jane' }), user('jane', { roles: ['tenant-administrators'] })],
    accepted: patch(user('jane'), { roles: ['auditors', 'tenant-administrators'] }),
    refused: patch(user('jane'), { roles: ['auditors'] }),
  },
  {
    rule: 'tenant-owner',
    message: "the tenant's owner keeps the roles in spec.roles; name another owner in the Tenant first",
    given: [
      tenant({ owner: 'jane' }),
      user('jane', { roles: ['tenant-administrators'] }),
      user('john', { roles: ['tenant-administrators'] }),
    ],
    accepted: patch(user('john'), { roles: null }),
    refused: patch(user('jane'), { roles: null }),
  },
  {
    rule: 'deletion-protection',
    message: 'it cannot be deleted; the condition DeletionProtected says why',
    sentence: 'jane cannot be deleted: 3 reports belong to it; transfer them first',
    given: [user('jane', {}, protectedStatus('True')), user('john', {}, protectedStatus('False'))],
    accepted: remove(user('john')),
    refused: remove(user('jane')),
  },
  {
    rule: 'deletion-protection',
    message: 'it cannot be deleted; the condition DeletionProtected says why',
    sentence: 'jane cannot be deleted: 3 reports belong to it; transfer them first',
    given: [user('jane', {}, protectedStatus('True')), user('john')],
    accepted: remove(user('john')),
    refused: remove(user('jane')),
  },
  {
    rule: 'deletion-protection',
    message: 'it cannot be deleted; the condition DeletionProtected says why',
    sentence: 'sales cannot be deleted: 3 reports belong to it; transfer them first',
    given: [object('Organization', 'sales', {}, protectedStatus('True')), object('Organization', 'lab', {})],
    accepted: remove(object('Organization', 'lab', {})),
    refused: remove(object('Organization', 'sales', {})),
  },
  {
    rule: 'default-organization',
    message: 'the default organization cannot be deleted; name another defaultOrganization in the Tenant first',
    given: [tenant({}), object('Organization', 'main', {}), object('Organization', 'sales', {})],
    accepted: remove(object('Organization', 'sales', {})),
    refused: remove(object('Organization', 'main', {})),
  },
];

export const examples = { definitions, policies };
