import { z } from 'zod';
import {
  baseStatus,
  email,
  groupNames,
  language,
  mapBy,
  organizationMembership,
  referableName,
  roleNames,
  rules,
  text,
} from '../fields.ts';
import { conditionStatus, defineKind, type ObjectOf, readyColumns, readyMessage } from '../kind.ts';
import { personSource } from '../source.ts';

export const User = defineKind({
  kind: 'User',
  plural: 'users',
  singular: 'user',
  shortNames: ['ru'],
  description:
    'A person who signs in to the application. Declared by hand or in Git, filled by a UserDirectory, or both.',
  spec: z
    .object({
      firstName: text(100, 'Given name.').optional(),
      lastName: text(100, 'Family name.').optional(),
      email: email(
        'E-mail address; unique in the tenant, whatever its case. Absent when the directory gives it.',
      ).optional(),
      domainAccount: text(128, 'Account for Windows sign-in, DOMAIN\\name; unique in the tenant.').optional(),
      language: language("Language as a BCP 47 tag; the directory's or the tenant's when absent.").optional(),
      enabled: z.boolean().default(true).meta({ description: 'A disabled user can neither sign in nor get reports.' }),
      roles: roleNames('AppRoles of scope Tenant that the user holds.').optional(),
      organizations: z
        .array(organizationMembership)
        .max(100)
        .meta({ description: 'Organizations that the user belongs to, with the roles held in each.', ...mapBy('name') })
        .optional(),
      groups: groupNames(500, 'Groups that the user is in, beside those that the directory gives.').optional(),
      passwordSetup: z
        .enum(['Invite', 'None'])
        .default('None')
        .meta({ description: 'Invite mails a link for choosing a password; None leaves it to the sign-in page.' }),
      source: personSource.optional(),
    })
    .meta(
      rules(
        {
          rule: 'has(self.email) || (has(self.source) && has(self.source.email))',
          message: 'a user needs an e-mail address: set email, or let a directory give one',
          fieldPath: '.email',
        },
        {
          rule: '(has(self.organizations) && self.organizations.size() > 0) || (has(self.source) && has(self.source.organizations) && self.source.organizations.size() > 0)',
          message: 'a user belongs to at least one organization: add one to organizations',
        },
      ),
    ),
  status: z.object({
    ...baseStatus,
    email: text(254, 'Address in force, canonical.').optional(),
    displayName: text(254, 'Name in force.').optional(),
  }),
  rules: [referableName],
  columns: [
    { name: 'Email', type: 'string', jsonPath: '.status.email', description: 'Address in force.' },
    { name: 'Name', type: 'string', jsonPath: '.status.displayName', description: 'Name in force.' },
    {
      name: 'Directory',
      type: 'string',
      jsonPath: '.spec.source.directory',
      description: 'UserDirectory that fills it.',
    },
    conditionStatus('Active', 'Active', 'Whether the person may sign in.'),
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: ['.spec.email', '.spec.source.directory', '.spec.source.externalId', '.status.email'],
  sample: {
    metadata: { name: 'jane.doe' },
    spec: {
      firstName: 'Jane',
      lastName: 'Doe',
      email: 'jane.doe@example.com',
      organizations: [{ name: 'main', roles: ['developers'] }],
    },
  },
});
export type User = ObjectOf<typeof User>;
