import { z } from 'zod';
import { baseStatus, email, groupNames, language, mapBy, objectName, referableName, rules, text } from '../fields.ts';
import { conditionStatus, defineKind, type ObjectOf, readyColumns, readyMessage } from '../kind.ts';
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
      email: email(
        'E-mail address; unique in the tenant, whatever its case. Absent when the directory gives it.',
      ).optional(),
      language: language("Language as a BCP 47 tag; the directory's or the tenant's when absent.").optional(),
      enabled: z.boolean().default(true).meta({ description: 'A disabled recipient gets no reports.' }),
      organizations: z
        .array(z.object({ name: objectName('Name of the Organization.') }))
        .max(100)
        .meta({ description: 'Organizations that the recipient belongs to.', ...mapBy('name') })
        .optional(),
      groups: groupNames(500, 'Groups that the recipient is in, beside those that the directory gives.').optional(),
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
