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
import { conditionStatus, defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';
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
      email: email('E-mail address, unique in the tenant whatever its case. Needed unless source has one.').optional(),
      domainAccount: text(
        128,
        'Account for Windows sign-in, as DOMAIN\\name; unique in the tenant whatever its case.',
      ).optional(),
      language: language(
        "Language as a BCP 47 tag, for example fr or de-CH. When absent, the directory's, else the tenant's.",
      ).optional(),
      enabled: z.boolean().default(true).meta({
        description:
          'Whether the user may sign in and get reports. A user disabled in the directory is disabled whatever stands here.',
      }),
      roles: roleNames('AppRoles of scope Tenant that the user holds.').optional(),
      organizations: z
        .array(organizationMembership)
        .max(100)
        .meta({
          description:
            'Organizations that the user belongs to, with the roles held in each. At least one, here or in source.',
          ...mapBy('name'),
        })
        .optional(),
      groups: groupNames(
        500,
        'Groups that the user is in, in addition to those in source. Each belongs to one of the organizations.',
      ).optional(),
      passwordSetup: z.enum(['Invite', 'None']).default('None').meta({
        description:
          'How the user comes to a password: Invite mails a link for choosing one, None leaves it to the sign-in page.',
      }),
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
    email: text(254, 'E-mail address in force, in the spelling by which addresses are compared.').optional(),
    displayName: text(254, 'Full name in force; the e-mail address of a person without a name.').optional(),
  }),
  rules: [referableName],
  conditions: [
    { type: 'Ready', description: 'True when what is declared is in force and in the database.' },
    { type: 'Active', description: 'True when the person may sign in and get mail; else the reason says why not.' },
    { type: 'DeletionProtected', description: 'True when the user cannot be deleted; the message says why.' },
    ...progressConditions,
  ],
  columns: [
    { name: 'Email', type: 'string', jsonPath: '.status.email', description: 'Address in force.' },
    { name: 'Display-Name', type: 'string', jsonPath: '.status.displayName', description: 'Full name in force.' },
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
