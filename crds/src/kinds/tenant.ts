import { z } from 'zod';
import { baseStatus, count, email, language, objectName, text } from '../fields.ts';
import { defineKind, type ObjectOf, readyColumns, readyMessage } from '../kind.ts';

export const Tenant = defineKind({
  kind: 'Tenant',
  plural: 'tenants',
  singular: 'tenant',
  shortNames: ['tn'],
  description:
    'Makes its namespace a tenant: one customer of the reporting application, with people, organizations and settings of its own. There is one in a namespace, and it is named tenant.',
  spec: z.object({
    displayName: text(100, 'Name that people see.').optional(),
    owner: objectName('User that owns the tenant: cannot be deleted, disabled or demoted.').optional(),
    defaultOrganization: objectName('Organization that exists from the start; created when it is absent.').default(
      'main',
    ),
    seats: z
      .object({
        creator: count('Seats for the licence Creator.').optional(),
        explorer: count('Seats for the licence Explorer.').optional(),
        viewer: count('Seats for the licence Viewer.').optional(),
      })
      .meta({ description: 'Seats bought for each licence; a licence that is not named has no limit.' })
      .optional(),
    mail: z
      .object({
        host: text(253, 'Host name of the SMTP server.'),
        port: z.int().min(1).max(65535).default(587).meta({ description: 'Port of the SMTP server.' }),
        security: z
          .enum(['TLS', 'StartTLS', 'None'])
          .default('StartTLS')
          .meta({ description: 'TLS from the first byte, STARTTLS, or none.' }),
        from: email('Sender of what Roster mails.'),
        secretRef: z
          .object({ name: objectName('Name of the Secret.') })
          .meta({
            description:
              'Secret with the keys username and password; annotation roster.dev/hosts names where they may be sent.',
          })
          .optional(),
      })
      .meta({ description: 'How mail leaves the tenant; without it nobody gets mail from Roster.' })
      .optional(),
    publicURL: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s]+$/)
      .meta({ description: 'Address of the application, as links in mails need it.' })
      .optional(),
    defaultLanguage: language('Language of people who name none, as a BCP 47 tag.').default('en'),
  }),
  status: z.object({
    ...baseStatus,
    users: count('Users of the tenant.').optional(),
    recipients: count('Recipients of the tenant.').optional(),
    groups: count('Groups of the tenant.').optional(),
    mirroredAt: z
      .string()
      .meta({ description: 'When the database was last compared with the resources.', format: 'date-time' })
      .optional(),
  }),
  rules: [
    {
      rule: "self.metadata.name == 'tenant'",
      message: 'a namespace has one Tenant, and its name is tenant',
    },
  ],
  columns: [
    { name: 'Users', type: 'integer', jsonPath: '.status.users', description: 'Users of the tenant.' },
    { name: 'Recipients', type: 'integer', jsonPath: '.status.recipients', description: 'Recipients of the tenant.' },
    { name: 'Groups', type: 'integer', jsonPath: '.status.groups', description: 'Groups of the tenant.' },
    {
      name: 'Held',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="MirrorHeld")].status',
      description: 'Whether so much vanished at once that the database was left as it was.',
    },
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
