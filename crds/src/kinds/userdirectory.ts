import { z } from 'zod';
import {
  atomicList,
  baseStatus,
  count,
  duration,
  immutable,
  objectName,
  referableName,
  roleNames,
  rules,
  set,
  text,
  timestamp,
} from '../fields.ts';
import { conditionStatus, defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';

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

const urls = (description: string) =>
  z
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
      description,
      ...atomicList,
    });

const sameData =
  'Servers that hold the same data; a run reads one of them, and the next one when that cannot be reached.';

/** What Active Directory and other LDAP servers have in common. */
const connection = {
  urls: urls(sameData),
  startTLS: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether an ldap:// connection is upgraded to TLS before anything else is sent.' }),
  caBundle: text(
    65_536,
    "Certificates in PEM of the authorities that may have signed the server's. When absent, those of the operator's system.",
  ).optional(),
  credentials: z
    .object({
      secretRef: z.object({ name: objectName('Name of the Secret.') }).meta({
        description:
          'Secret in the same namespace with the keys username (a DN, for Active Directory also name@domain or DOMAIN\\name) and password. Its annotation roster.dev/hosts lists where they may be sent.',
      }),
    })
    .meta({ description: 'Account that the operator binds as; it binds anonymously when absent.' })
    .optional(),
  pageSize: z.int().min(1).max(1000).default(500).meta({ description: 'How many entries are asked for at a time.' }),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(600)
    .default(60)
    .meta({ description: 'How many seconds the server may stay silent before the read fails.' }),
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
      .meta({ description: 'Kind of server, which decides the attributes that are read where attributes names none.' }),
    users: z
      .object({
        ...search('people'),
        filter: filter('LDAP filter for people; (objectClass=inetOrgPerson) when absent.').optional(),
      })
      .default({})
      .meta({ description: 'Which entries are people.' }),
    groups: z
      .object({
        ...search('groups'),
        filter: filter(
          'LDAP filter for groups. When absent, the classes groupOfNames, groupOfUniqueNames and posixGroup.',
        ).optional(),
      })
      .default({})
      .meta({ description: 'Which entries are groups.' }),
  })
  .meta({ description: 'An LDAP server, for example OpenLDAP or 389 Directory Server.' });

const baseDNs = z
  .array(distinguishedName("A base DN; the domain's naming context when none is given."))
  .max(20)
  .meta({ description: 'Where people and groups are searched, with everything below.', ...set })
  .optional();

const activeDirectory = z
  .object({
    ...connection,
    baseDNs,
    additionalDomains: z
      .array(z.object({ urls: urls(sameData), baseDNs }))
      .max(20)
      .meta({
        description:
          'Further domains of the same forest, read with the same account. A read is complete only when all of them were read whole.',
        ...atomicList,
      })
      .optional(),
    includeServiceAccounts: z
      .boolean()
      .default(false)
      .meta({ description: 'Whether computers and managed service accounts count as people.' }),
    userFilter: filter(
      'LDAP filter that narrows the people further: both it and the built-in one, which leaves out computers and service accounts, must match.',
    ).optional(),
    groupFilter: filter('LDAP filter that narrows the groups.').optional(),
  })
  .meta({ description: 'A domain of Active Directory, read by LDAP.' });

const guid = (description: string) =>
  z
    .string()
    .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/)
    .max(36)
    .meta({ description });

const httpsURL = (description: string) =>
  z
    .string()
    .max(1024)
    .regex(/^https:\/\/[^\s/]+(\/[^\s]*)?$/)
    .meta({ description });

const entraID = z
  .object({
    clientID: guid('Application (client) ID of the app registration.'),
    tenantID: guid('Directory (tenant) ID.'),
    cloud: z
      .enum(['Global', 'USGovernment', 'China'])
      .default('Global')
      .meta({ description: 'National cloud that hosts the Entra tenant.' }),
    credentials: z
      .object({
        secretRef: z
          .object({ name: objectName('Name of the Secret.') })
          .meta({
            description:
              'Secret in the same namespace with the key clientSecret, or the keys tls.crt and tls.key. Its annotation roster.dev/hosts lists where they may be sent, roster.dev/expiresAt says when the clientSecret ends.',
          })
          .optional(),
        workloadIdentity: z
          .boolean()
          .default(false)
          .meta({ description: "Whether the federated token of the operator's pod is used instead of a Secret." }),
      })
      .meta({
        description: 'How the operator proves that it is the application.',
        ...rules({
          rule: 'has(self.secretRef) != self.workloadIdentity',
          message: 'name a Secret in secretRef, or set workloadIdentity to true, and not both',
        }),
      }),
    userFilter: text(
      1024,
      "Filter for people in the syntax of Microsoft Graph, for example department eq 'Sales'.",
    ).optional(),
    guests: z.boolean().default(false).meta({ description: 'Whether guest accounts are read.' }),
    groups: z
      .object({
        names: z
          .array(text(256, 'The display name of a group.'))
          .max(100)
          .meta({ description: 'Groups by name.', ...set })
          .optional(),
        ids: z
          .array(guid('The object id of a group.'))
          .max(100)
          .meta({ description: 'Groups by object id.', ...set })
          .optional(),
        assignedToApplication: z.boolean().default(false).meta({
          description:
            'Whether groups are taken over that are assigned to the application (Enterprise applications, Users and groups).',
        }),
      })
      .meta({
        description: 'Which groups are taken over: those that any of the fields names; all when absent.',
        ...rules({
          rule: '(has(self.names) && self.names.size() > 0) || (has(self.ids) && self.ids.size() > 0) || self.assignedToApplication',
          message:
            'name groups in names or ids, or set assignedToApplication to true; to take all groups over, remove groups',
        }),
      })
      .optional(),
    endpoints: z
      .object({
        login: httpsURL('Address of the token endpoint, without the directory ID.'),
        graph: httpsURL('Address of Microsoft Graph, without the version.'),
      })
      .meta({ description: 'Hosts other than those of the cloud, for a private cloud or a test.' })
      .optional(),
  })
  .meta({ description: 'Microsoft Entra ID, read through Microsoft Graph.' });

const timeOfDay = z
  .string()
  .max(5)
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/)
  .meta({ description: 'Time of day as HH:MM, in timeZone.' });

const schedule = z
  .object({
    every: duration('Time from one run to the next, 5m or more, for example 30m or 6h.')
      .meta(rules({ rule: "duration(self) >= duration('5m')", message: 'every must be 5m or more' }))
      .optional(),
    daily: z.object({ at: timeOfDay }).meta({ description: 'Once a day.' }).optional(),
    weekly: z
      .object({
        days: z
          .array(
            z
              .enum(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])
              .meta({ description: 'A day of the week.' }),
          )
          .min(1)
          .max(7)
          .meta({ description: 'On which days.', ...set }),
        at: timeOfDay,
      })
      .meta({ description: 'On some days of the week.' })
      .optional(),
    monthly: z
      .object({
        day: z.int().min(1).max(31).meta({ description: 'On which day; months without it are left out.' }).optional(),
        lastDay: z.boolean().default(false).meta({ description: 'Whether on the last day of the month.' }),
        at: timeOfDay,
      })
      .meta({
        description: 'Once a month.',
        ...rules({ rule: 'has(self.day) != self.lastDay', message: 'set day, or set lastDay to true, and not both' }),
      })
      .optional(),
    timeZone: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z][A-Za-z0-9_+/-]*$/)
      .default('Etc/UTC')
      .meta({ description: 'Name of a time zone in the IANA database, for example Europe/Paris.' }),
  })
  .meta({
    description: 'When runs start by themselves. When absent, runs start on request only.',
    ...rules({
      rule: '[has(self.every), has(self.daily), has(self.weekly), has(self.monthly)].filter(x, x).size() == 1',
      message: 'set exactly one of every, daily, weekly and monthly',
    }),
  });

export const UserDirectory = defineKind({
  kind: 'UserDirectory',
  plural: 'userdirectories',
  singular: 'userdirectory',
  shortNames: ['ud'],
  description:
    'A directory whose people become users or recipients, and whose groups become groups, of an organization. It is read by DirectorySyncs and never written to. Deleting it leaves its people and groups as they are.',
  spec: z
    .object({
      activeDirectory: activeDirectory.optional(),
      ldap: ldap.optional(),
      entraID: entraID.optional(),
      organization: objectName('Name of the Organization that new people and groups are put in.').meta(
        rules(immutable('organization', 'create another directory for the other organization')),
      ),
      importAs: z
        .enum(['Users', 'Recipients'])
        .default('Users')
        .meta({
          description: 'What the people become.',
          ...rules(immutable('importAs', 'create another directory')),
        }),
      defaultRole: objectName('Name of the AppRole of scope Organization that new users get.').optional(),
      groupPrefix: text(50, 'Text put before the name of each group that comes from this directory.').optional(),
      groups: z
        .object({
          membership: z.enum(['None', 'Direct', 'Nested']).default('Nested').meta({
            description:
              'Which memberships are taken over: None, Direct as the groups list them, or Nested with the members of member groups.',
          }),
        })
        .default({ membership: 'Nested' })
        .meta({ description: 'How groups are taken over.' }),
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
        .meta({ description: 'Attributes that are read instead of those that are usual for the server.' })
        .optional(),
      emailDomains: z
        .array(
          z
            .string()
            .min(1)
            .max(253)
            .regex(/^[^@\s]+$/)
            .meta({ description: 'A domain, without @.' }),
        )
        .max(50)
        .meta({
          description:
            'Domains of e-mail addresses, without @. People with addresses in other domains are left out. When absent, nobody is left out for that.',
          ...set,
        })
        .optional(),
      exclude: z
        .array(text(254, 'An e-mail address or an external id.'))
        .max(500)
        .meta({ description: 'People who are left out, by e-mail address or by external id.', ...set })
        .optional(),
      onlyMembersOf: z
        .array(text(256, 'Name or external id of a group.'))
        .min(1)
        .max(20)
        .meta({
          description: 'Only people who are in one of these groups are taken over, for example those of a pilot.',
          ...set,
        })
        .optional(),
      createDisabled: z
        .boolean()
        .default(false)
        .meta({ description: 'Whether people whose account is disabled in the directory are created, too.' }),
      linking: z.enum(['ByEmail', 'Approve', 'Never']).default('ByEmail').meta({
        description:
          'Whether a person with the same e-mail address who has no directory yet is filled by this one: ByEmail, Approve, which holds each link until it is approved, or Never.',
      }),
      takesOver: objectName(
        'Name of the UserDirectory whose people this one takes over, matched by on-premises id, then by e-mail address. The takeover is held until it is approved. The other directory brings nobody new any more.',
      ).optional(),
      mappings: z
        .array(
          z.object({
            group: text(256, 'Name or external id of a group in the directory.'),
            organization: objectName('Name of the Organization that its members are put in.'),
            roles: roleNames('AppRoles of scope Organization that they hold there.').optional(),
          }),
        )
        .max(100)
        .meta({
          description:
            'Organizations and roles that follow from groups. Who leaves the group loses what this gave, and nothing else.',
          ...atomicList,
        })
        .optional(),
      precedence: z.enum(['Directory', 'Declared']).default('Directory').meta({
        description:
          'Whose names, e-mail address and domain account count where the directory and the resource both have one.',
      }),
      passwordSetup: z
        .enum(['Invite', 'None'])
        .default('None')
        .meta({ description: 'The passwordSetup that new users get.' }),
      suspend: z.boolean().default(false).meta({ description: 'Whether runs are paused: while true, none starts.' }),
      whenMissing: z
        .object({
          policy: z.enum(['Keep', 'Disable', 'Delete']).default('Keep').meta({
            description:
              'What is done with them: Keep does nothing, and lets those in again who were disabled for it; Disable disables them; Delete disables them and deletes them after gracePeriod. Who returns is restored.',
          }),
          gracePeriod: duration('How long after a person went missing Delete waits, for example 720h.').default('720h'),
        })
        .default({ policy: 'Keep', gracePeriod: '720h' })
        .meta({ description: 'What happens to people whom a complete run no longer finds.' }),
      schedule: schedule.optional(),
      guard: z
        .object({
          floor: z
            .int()
            .min(0)
            .max(1_000_000)
            .default(3)
            .meta({ description: 'Up to this many changes of a kind pass, unless they are half of what there is.' }),
          percent: z
            .int()
            .min(0)
            .max(100)
            .default(5)
            .meta({ description: 'Beyond the floor, up to this share of what there is may change, in per cent.' }),
          cap: z.int().min(0).max(1_000_000).default(500).meta({
            description:
              'More than this many changes of a kind are always held. It also bounds invitations by mail, and new people where the directory filled few before.',
          }),
        })
        .default({ floor: 3, percent: 5, cap: 500 })
        .meta({
          ...rules({
            rule: 'self.floor <= self.cap',
            message: 'floor must not be above cap: more than cap are always held',
          }),
          description:
            'How much may change within seven days before it is held for approval: removals, lost memberships, changed addresses, links and re-enabled accounts, each kind for itself. What concerns people with administration rights is held however little it is.',
        }),
      successfulRunsHistoryLimit: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .meta({ description: 'How many succeeded runs are kept; previews and runs of one person are counted apart.' }),
      failedRunsHistoryLimit: z.int().min(1).max(100).default(3).meta({
        description:
          'How many failed, held and aborted runs are kept; previews and runs of one person are counted apart.',
      }),
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
          rule: "self.importAs == 'Users' || self.passwordSetup == 'None'",
          message: 'recipients do not sign in: leave passwordSetup at None',
          fieldPath: '.passwordSetup',
        },
        {
          rule: "self.importAs == 'Users' || !has(self.mappings) || self.mappings.all(m, !has(m.roles))",
          message: 'recipients have no roles: remove roles from the mappings',
          fieldPath: '.mappings',
        },
        {
          rule: "self.whenMissing.policy == 'Keep' || (has(self.ldap) ? has(self.ldap.credentials) : has(self.activeDirectory) ? has(self.activeDirectory.credentials) : true)",
          message: 'an anonymous read proves nobody missing: set credentials, or leave whenMissing at Keep',
          fieldPath: '.whenMissing',
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
        {
          rule: '!has(self.activeDirectory) || !self.activeDirectory.startTLS || !has(self.activeDirectory.additionalDomains) || self.activeDirectory.additionalDomains.all(d, d.urls.all(u, !u.lowerAscii().startsWith("ldaps:")))',
          message: 'startTLS upgrades ldap:// connections, of additional domains too; with ldaps:// leave it out',
          fieldPath: '.activeDirectory.startTLS',
        },
      ),
    ),
  status: z.object({
    ...baseStatus,
    lastHandledRequestAt: text(63, 'Value of the annotation roster.dev/requestedAt that was last acted on.').optional(),
    lastHandledTestAt: text(
      63,
      'Value of the annotation roster.dev/testRequestedAt that was last acted on.',
    ).optional(),
    connection: z
      .object({
        server: text(1024, 'URL of the server that answered last.').optional(),
        boundAs: text(1024, 'Account that the server took the operator for, or anonymous.').optional(),
        testedAt: timestamp('When the connection was tested.'),
        secretVersion: text(63, 'The resourceVersion of the Secret that was used.').optional(),
        people: count('How many people match.').optional(),
        groups: count('How many groups match.').optional(),
        sample: z
          .array(text(1024, 'The DN or the user principal name of a person.'))
          .max(5)
          .meta({ description: 'The first people that match.', ...atomicList })
          .optional(),
      })
      .meta({ description: 'What the last test of the connection saw.' })
      .optional(),
    lastAttempt: z
      .object({
        run: objectName('Name of the DirectorySync.'),
        result: z.enum(['Succeeded', 'Failed', 'Held', 'Aborted']).meta({ description: 'How the run ended.' }),
        finishedAt: timestamp('When the run ended.'),
      })
      .meta({ description: 'The run that ended last.' })
      .optional(),
    schedule: z
      .object({
        inForce: text(256, 'The schedule in words, for example daily at 02:30, Europe/Paris.'),
        since: timestamp('Since when it is in force; times before that are not made up for.'),
      })
      .meta({ description: 'The schedule by which runs start.' })
      .optional(),
    lastScheduledAt: timestamp(
      'The time of the schedule that was last acted on; a run that belongs to it has its minute in the name.',
    ).optional(),
    nextRunAt: timestamp(
      'When the next run starts by the schedule; absent while none does: without a schedule, while suspended, and while the server refuses the account.',
    ).optional(),
    credentialsExpireAt: timestamp('When the certificate or the secret in use ends, where that is known.').optional(),
    lastSuccessAt: timestamp('When a run last succeeded.').optional(),
    missing: count('How many people of this directory the last successful run no longer found.').optional(),
    readSettings: text(
      64,
      'Hash of what decides who is found: servers, bases, filters and account of the last successful run.',
    ).optional(),
    people: count('How many people the last successful run found.').optional(),
    groups: count('How many groups the last successful run took over.').optional(),
    rejected: count('How many records the last successful run rejected.').optional(),
  }),
  rules: [
    referableName,
    {
      rule: '!has(self.spec.takesOver) || self.spec.takesOver != self.metadata.name',
      message: 'takesOver must name another directory, not this one',
      fieldPath: '.spec.takesOver',
    },
  ],
  conditions: [
    { type: 'Ready', description: 'True when the directory can be read and its last run, if any, succeeded.' },
    {
      type: 'Connected',
      description:
        'True when the server was reached and let the operator in; tested when the spec or the Secret changes, and on request.',
    },
    {
      type: 'CredentialsExpiring',
      description:
        'True when the certificate or the secret in use ends within 30 days, or has ended. Absent otherwise.',
    },
    { type: 'Synced', description: 'True when the last run succeeded; else the reason says how it ended.' },
    ...progressConditions,
  ],
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
    {
      name: 'Missing',
      type: 'integer',
      jsonPath: '.status.missing',
      description: 'People no longer found.',
      priority: 1,
    },
    { name: 'Next-Run', type: 'string', jsonPath: '.status.nextRunAt', description: 'When the next run starts.' },
    {
      name: 'Schedule',
      type: 'string',
      jsonPath: '.status.schedule.inForce',
      description: 'When runs start.',
      priority: 1,
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
  companions: [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'corporate-directory',
        annotations: { 'roster.dev/hosts': 'ldaps://ldap.example.com:636' },
      },
      stringData: { username: 'cn=roster,ou=services,dc=example,dc=com', password: 'change-me' },
    },
  ],
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
