import { z } from 'zod';
import { baseStatus, email, groupNames, language, mapBy, objectName, referableName, rules, text } from '../fields.ts';
import { conditionStatus, defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';
import { personSource } from '../source.ts';

export const Recipient = defineKind({
  kind: 'Recipient',
  plural: 'recipients',
  singular: 'recipient',
  shortNames: ['rcp'],
  description: 'A person who gets reports by e-mail and never signs in: no roles, no licence.',
  spec: z
    .object({
      firstName: text(100, 'Given name.').optional(),
      lastName: text(100, 'Family name.').optional(),
      email: email('E-mail address, unique in the tenant whatever its case. Needed unless source has one.').optional(),
      language: language(
        "Language as a BCP 47 tag, for example fr or de-CH. When absent, the directory's, else the tenant's.",
      ).optional(),
      enabled: z.boolean().default(true).meta({
        description:
          'Whether the recipient gets reports. A recipient disabled in the directory is disabled whatever stands here.',
      }),
      organizations: z
        .array(z.object({ name: objectName('Name of the Organization.') }))
        .max(100)
        .meta({
          description: 'Organizations that the recipient belongs to. At least one, here or in source.',
          ...mapBy('name'),
        })
        .optional(),
      groups: groupNames(
        500,
        'Groups that the recipient is in, in addition to those in source. Each belongs to one of the organizations.',
      ).optional(),
      source: personSource.optional(),
    })
    .meta(
      rules(
        {
          rule: 'has(self.email) || (has(self.source) && has(self.source.email))',
          message: 'a recipient needs an e-mail address: set email, or let a directory give one',
          fieldPath: '.email',
        },
        {
          rule: '(has(self.organizations) && self.organizations.size() > 0) || (has(self.source) && has(self.source.organizations) && self.source.organizations.size() > 0)',
          message: 'a recipient belongs to at least one organization: add one to organizations',
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
    { type: 'Active', description: 'True when the person gets reports; else the reason says why not.' },
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
    conditionStatus('Active', 'Active', 'Whether the person gets reports.'),
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: ['.spec.email', '.spec.source.directory', '.spec.source.externalId', '.status.email'],
  sample: {
    metadata: { name: 'press-office' },
    spec: { lastName: 'Press office', email: 'press@example.com', organizations: [{ name: 'main' }] },
  },
});
export type Recipient = ObjectOf<typeof Recipient>;
