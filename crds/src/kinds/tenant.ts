import { z } from 'zod';
import { baseStatus, count, email, language, objectName, text } from '../fields.ts';
import { conditionStatus, defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';

export const Tenant = defineKind({
  kind: 'Tenant',
  plural: 'tenants',
  singular: 'tenant',
  shortNames: ['tn'],
  description:
    'Makes its namespace a tenant: one customer of the reporting application, with people, organizations and settings of its own. There is one in a namespace, and it is named tenant.',
  spec: z.object({
    displayName: text(100, 'Name that people see; the name of the namespace when absent.').optional(),
    owner: objectName(
      'Name of the User who owns the tenant. The owner can be neither deleted nor disabled, and loses no role in spec.roles.',
    ).optional(),
    defaultOrganization: objectName(
      'Name of the Organization that the tenant always has. The operator creates it when it is absent, and it cannot be deleted.',
    ).default('main'),
    seats: z
      .object({
        creator: count('Seats for the licence Creator.').optional(),
        explorer: count('Seats for the licence Explorer.').optional(),
        viewer: count('Seats for the licence Viewer.').optional(),
      })
      .meta({ description: 'How many users may hold each licence; a licence that is not named has no limit.' })
      .optional(),
    mail: z
      .object({
        host: text(253, 'Host name of the SMTP server.'),
        port: z.int().min(1).max(65535).default(587).meta({ description: 'Port of the SMTP server.' }),
        security: z.enum(['TLS', 'StartTLS', 'None']).default('StartTLS').meta({
          description:
            'How the connection is protected: TLS from the first byte, an upgrade by STARTTLS, or not at all.',
        }),
        from: email('Address that mails are sent from.'),
        secretRef: z
          .object({ name: objectName('Name of the Secret.') })
          .meta({
            description:
              'Secret in the same namespace with the keys username and password. Its annotation roster.dev/hosts lists where they may be sent. Mail goes without sign-in when absent.',
          })
          .optional(),
      })
      .meta({ description: 'How mail leaves the tenant; without it nobody gets mail from Roster.' })
      .optional(),
    publicURL: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s]+$/)
      .meta({ description: 'URL of the application, for links in mails.' })
      .optional(),
    defaultLanguage: language('Language of people who name none, as a BCP 47 tag.').default('en'),
  }),
  status: z.object({
    ...baseStatus,
    users: count('How many users the tenant has.').optional(),
    recipients: count('How many recipients the tenant has.').optional(),
    groups: count('How many groups the tenant has.').optional(),
  }),
  rules: [
    {
      rule: "self.metadata.name == 'tenant'",
      message: 'a namespace has one Tenant, and its name is tenant',
    },
  ],
  conditions: [
    { type: 'Ready', description: 'True when the tenant is in the database, with its default organization and roles.' },
    {
      type: 'MirrorHeld',
      description:
        'True when so much vanished at once that the database was left as it was; the message says how to go on.',
    },
    {
      type: 'TrialDatabase',
      description:
        'True while the database is inside the operator, which is for a trial; absent with PostgreSQL. The message says what it lacks.',
    },
    ...progressConditions,
  ],
  columns: [
    { name: 'Users', type: 'integer', jsonPath: '.status.users', description: 'Users of the tenant.' },
    { name: 'Recipients', type: 'integer', jsonPath: '.status.recipients', description: 'Recipients of the tenant.' },
    { name: 'Groups', type: 'integer', jsonPath: '.status.groups', description: 'Groups of the tenant.' },
    conditionStatus('Held', 'MirrorHeld', 'Whether the database is left as it was, because too much vanished at once.'),
    { name: 'Owner', type: 'string', jsonPath: '.spec.owner', description: 'Owner of the tenant.', priority: 1 },
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: ['.spec.owner'],
  sample: {
    metadata: { name: 'tenant' },
    spec: { displayName: 'Acme Reporting', defaultOrganization: 'main', defaultLanguage: 'en' },
  },
});
export type Tenant = ObjectOf<typeof Tenant>;
