import { z } from 'zod';
import { baseStatus, count, immutable, objectName, referableName, rules, set, text, timestamp } from '../fields.ts';
import { conditionStatus, defineKind, type ObjectOf, readyColumns, readyMessage } from '../kind.ts';

/** RFC 4512 attribute description without options, or a numeric OID. */
const attributeName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*$/);

const attributes = (description: string) =>
  z
    .array(attributeName.meta({ description: 'Name of an attribute.' }))
    .min(1)
    .max(5)
    .meta({ description: `${description} The first that has a value counts.`, 'x-kubernetes-list-type': 'atomic' })
    .optional();

const distinguishedName = (description: string) => text(1024, description);
const filter = (description: string) =>
  z
    .string()
    .min(3)
    .max(4096)
    .regex(/^\s*\(/)
    .meta({ description });

const urls = z
  .array(
    z
      .string()
      .max(1024)
      .regex(/^[Ll][Dd][Aa][Pp][Ss]?:\/\/[^\s/]+(\/[^\s]*)?$/)
      .meta({ description: 'ldap:// or ldaps:// with host and port; a base DN may follow as path.' }),
  )
  .min(1)
  .max(5)
  .meta({
    description: 'Servers that hold the same data; a run reads one of them.',
    'x-kubernetes-list-type': 'atomic',
  });

/** What Active Directory and other LDAP servers have in common. */
const connection = {
  urls,
  startTLS: z
    .boolean()
    .default(false)
    .meta({ description: 'Upgrade an ldap:// connection to TLS before anything is sent.' }),
  caBundle: text(65_536, "PEM certificates that sign the server's; the system's when absent.").optional(),
  credentials: z
    .object({ secretRef: z.object({ name: objectName('Name of the Secret.') }) })
    .meta({
      description:
        'Account to bind as: a Secret with the keys username (a DN, for Active Directory also name@domain or DOMAIN\\name) and password, whose annotation roster.dev/hosts lists where they may be sent. Anonymous when absent.',
    })
    .optional(),
  pageSize: z.int().min(1).max(1000).default(500).meta({ description: 'Entries asked for at a time.' }),
  timeoutSeconds: z.int().min(1).max(600).default(60).meta({ description: 'How long the server may stay silent.' }),
};

const search = (what: string) => ({
  baseDN: distinguishedName(
    `Where ${what} are searched, with everything below; the server's naming context when absent.`,
  ).optional(),
});

const ldap = z
  .object({
    ...connection,
    preset: z
      .enum(['OpenLDAP', '389DirectoryServer'])
      .default('OpenLDAP')
      .meta({ description: 'Server whose attribute names are the defaults.' }),
    users: z
      .object({
        ...search('people'),
        filter: filter('Who is read; (objectClass=inetOrgPerson) when absent.').optional(),
      })
      .default({})
      .meta({ description: 'Which entries are people.' }),
    groups: z
      .object({
        ...search('groups'),
        filter: filter(
          'Which groups are read; those of the classes groupOfNames, groupOfUniqueNames and posixGroup when absent.',
        ).optional(),
      })
      .default({})
      .meta({ description: 'Which entries are groups.' }),
  })
  .meta({ description: 'An LDAP server, for example OpenLDAP or 389 Directory Server.' });

const activeDirectory = z
  .object({
    ...connection,
    baseDNs: z
      .array(distinguishedName("A base DN; the domain's naming context when none is given."))
      .max(20)
      .meta({ description: 'Where people and groups are searched, with everything below.', ...set })
      .optional(),
    userFilter: filter(
      'Narrows the people, beside the built-in filter that leaves out computers and service accounts.',
    ).optional(),
    groupFilter: filter('Narrows the groups.').optional(),
  })
  .meta({ description: 'Active Directory.' });

const guid = (description: string) =>
  z
    .string()
    .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/)
    .max(36)
    .meta({ description });

const entraID = z
  .object({
    clientID: guid('Application (client) ID of the app registration.'),
    tenantID: guid('Directory (tenant) ID.'),
    cloud: z
      .enum(['Global', 'USGovernment', 'China'])
      .default('Global')
      .meta({ description: 'Cloud that hosts the tenant.' }),
    credentials: z
      .object({
        secretRef: z
          .object({ name: objectName('Name of the Secret.') })
          .meta({ description: 'Secret with the key clientSecret, or the keys tls.crt and tls.key.' })
          .optional(),
        workloadIdentity: z
          .boolean()
          .default(false)
          .meta({ description: "Use the federated token of the operator's pod instead of a Secret." }),
      })
      .meta({ description: 'How the operator proves that it is the application.' }),
    userFilter: text(1024, 'Filter as Microsoft Graph knows it.').optional(),
    guests: z.boolean().default(false).meta({ description: 'Whether guest accounts are read.' }),
  })
  .meta({ description: 'Microsoft Entra ID, read through Microsoft Graph.' });

export const UserDirectory = defineKind({
  kind: 'UserDirectory',
  plural: 'userdirectories',
  singular: 'userdirectory',
  shortNames: ['ud'],
  description:
    'A directory whose people and groups become users or recipients and groups of one organization. It is read by DirectorySyncs and never written to. Deleting it leaves its people and groups as they are.',
  spec: z
    .object({
      activeDirectory: activeDirectory.optional(),
      ldap: ldap.optional(),
      entraID: entraID.optional(),
      organization: objectName('Organization that new people and groups are put in.').meta({
        description: 'Organization that new people and groups are put in.',
        'x-kubernetes-validations': [immutable('organization', 'create another directory for the other organization')],
      }),
      importAs: z
        .enum(['Users', 'Recipients'])
        .default('Users')
        .meta({
          description: 'What the people become.',
          'x-kubernetes-validations': [immutable('importAs', 'create another directory')],
        }),
      defaultRole: objectName('AppRole of scope Organization that new users get.').optional(),
      groupPrefix: text(50, 'Put before the name of each group that comes from this directory.').optional(),
      groups: z
        .object({
          membership: z
            .enum(['None', 'Direct', 'Nested'])
            .default('Nested')
            .meta({ description: 'No groups at all, members as listed, or also the members of member groups.' }),
        })
        .default({ membership: 'Nested' })
        .meta({ description: 'Which memberships are taken over.' }),
      attributes: z
        .object({
          firstName: attributes('Attributes for the given name.'),
          lastName: attributes('Attributes for the family name.'),
          email: attributes('Attributes for the e-mail address.'),
          domainAccount: attributes('Attributes for the domain account.'),
          language: attributes('Attributes for the language.'),
          groupName: attributes("Attributes for a group's name."),
          groupDescription: attributes("Attributes for a group's description."),
        })
        .meta({ description: 'Which attributes are read, where the defaults do not fit.' })
        .optional(),
      emailDomains: z
        .array(text(253, 'A domain, without @.'))
        .max(50)
        .meta({ description: 'Only addresses in these domains are taken over; all when absent.', ...set })
        .optional(),
      exclude: z
        .array(text(254, 'An e-mail address or an external id.'))
        .max(500)
        .meta({ description: 'People who are left out, by e-mail address or external id.', ...set })
        .optional(),
      linking: z
        .enum(['ByEmail', 'Never'])
        .default('ByEmail')
        .meta({ description: 'Whether a person with the same address who has no directory yet is taken over.' }),
      precedence: z
        .enum(['Directory', 'Declared'])
        .default('Directory')
        .meta({ description: 'Whose names and e-mail count where both say one.' }),
      passwordSetup: z
        .enum(['Invite', 'None'])
        .default('None')
        .meta({ description: 'What new users get as passwordSetup.' }),
      suspend: z.boolean().default(false).meta({ description: 'While true, no run starts.' }),
      whenMissing: z
        .object({
          policy: z
            .enum(['Keep'])
            .default('Keep')
            .meta({ description: 'What happens to people who are no longer found: they are kept.' }),
        })
        .default({ policy: 'Keep' })
        .meta({ description: 'People who are no longer found.' }),
      successfulRunsHistoryLimit: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .meta({ description: 'Succeeded runs that are kept.' }),
      failedRunsHistoryLimit: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .meta({ description: 'Failed, held and aborted runs that are kept.' }),
    })
    .meta(
      rules(
        {
          rule: '[has(self.activeDirectory), has(self.ldap), has(self.entraID)].filter(x, x).size() == 1',
          message: 'set exactly one of activeDirectory, ldap and entraID',
        },
        {
          rule: 'has(self.activeDirectory) == has(oldSelf.activeDirectory) && has(self.ldap) == has(oldSelf.ldap) && has(self.entraID) == has(oldSelf.entraID)',
          message: 'the type of a directory cannot be changed; create another directory',
        },
        {
          rule: "self.importAs == 'Users' || !has(self.defaultRole)",
          message: 'recipients have no roles: remove defaultRole',
          fieldPath: '.defaultRole',
        },
        {
          rule: '!has(self.ldap) || !self.ldap.startTLS || self.ldap.urls.all(u, !u.lowerAscii().startsWith("ldaps:"))',
          message: 'startTLS upgrades ldap:// connections; with ldaps:// leave it out',
          fieldPath: '.ldap.startTLS',
        },
        {
          rule: '!has(self.activeDirectory) || !self.activeDirectory.startTLS || self.activeDirectory.urls.all(u, !u.lowerAscii().startsWith("ldaps:"))',
          message: 'startTLS upgrades ldap:// connections; with ldaps:// leave it out',
          fieldPath: '.activeDirectory.startTLS',
        },
      ),
    ),
  status: z.object({
    ...baseStatus,
    lastHandledRequestAt: text(63, 'Value of the annotation roster.dev/requestedAt that was last acted on.').optional(),
    connection: z
      .object({
        server: text(1024, 'URL of the server that answered.'),
        boundAs: text(1024, 'Who the server took the operator for; empty text is not possible, anonymous is said so.'),
        testedAt: timestamp('When it was tried.'),
        secretVersion: text(63, 'resourceVersion of the Secret that was used.').optional(),
      })
      .meta({ description: 'What the last test of the connection saw.' })
      .optional(),
    lastAttempt: z
      .object({
        run: objectName('Name of the DirectorySync.'),
        result: z.enum(['Succeeded', 'Failed', 'Held', 'Aborted']).meta({ description: 'How it ended.' }),
        finishedAt: timestamp('When it ended.'),
      })
      .meta({ description: 'The run that ended last.' })
      .optional(),
    lastSuccessAt: timestamp('When a run last succeeded.').optional(),
    people: count('People that the last successful run found.').optional(),
    groups: count('Groups that the last successful run took over.').optional(),
    rejected: count('Records that the last successful run rejected.').optional(),
  }),
  rules: [referableName],
  columns: [
    {
      name: 'Organization',
      type: 'string',
      jsonPath: '.spec.organization',
      description: 'Organization that people are put in.',
    },
    { name: 'People', type: 'integer', jsonPath: '.status.people', description: 'People found last.' },
    { name: 'Groups', type: 'integer', jsonPath: '.status.groups', description: 'Groups taken over last.' },
    { name: 'Rejected', type: 'integer', jsonPath: '.status.rejected', description: 'Records rejected last.' },
    {
      name: 'Last-Result',
      type: 'string',
      jsonPath: '.status.lastAttempt.result',
      description: 'How the last run ended.',
    },
    {
      name: 'Last-Success',
      type: 'date',
      jsonPath: '.status.lastSuccessAt',
      description: 'Time since the last success.',
    },
    conditionStatus('Connected', 'Connected', 'Whether the server can be read.'),
    {
      name: 'Suspended',
      type: 'boolean',
      jsonPath: '.spec.suspend',
      description: 'Whether runs are paused.',
      priority: 1,
    },
    {
      name: 'Server',
      type: 'string',
      jsonPath: '.status.connection.server',
      description: 'Server that answered.',
      priority: 1,
    },
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: ['.spec.organization', '.spec.importAs'],
  sample: {
    metadata: { name: 'corporate' },
    spec: {
      ldap: {
        urls: ['ldaps://ldap.example.com:636'],
        credentials: { secretRef: { name: 'corporate-directory' } },
        users: { baseDN: 'ou=people,dc=example,dc=com' },
        groups: { baseDN: 'ou=groups,dc=example,dc=com' },
      },
      organization: 'main',
      importAs: 'Users',
      defaultRole: 'users',
    },
  },
});
export type UserDirectory = ObjectOf<typeof UserDirectory>;
