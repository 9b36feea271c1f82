import { z } from 'zod';
import { baseStatus, referableName, text } from '../fields.ts';
import { defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';

export const Organization = defineKind({
  kind: 'Organization',
  plural: 'organizations',
  singular: 'organization',
  shortNames: ['org'],
  description: 'A part of the tenant with people, groups and content of its own. A person may belong to several.',
  spec: z.object({
    displayName: text(100, 'Name that people see; the name of the object when absent.').optional(),
    description: text(2048, 'What the organization is for.').optional(),
    theme: text(63, 'Name of the theme that its people see in the application.').optional(),
  }),
  status: z.object({ ...baseStatus }),
  rules: [referableName],
  conditions: [
    { type: 'Ready', description: 'True when the organization is in the database, and people can belong to it.' },
    { type: 'DeletionProtected', description: 'True when the organization cannot be deleted; the message says why.' },
    ...progressConditions,
  ],
  columns: [
    { name: 'Display-Name', type: 'string', jsonPath: '.spec.displayName', description: 'Name that people see.' },
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: [],
  sample: { metadata: { name: 'sales' }, spec: { displayName: 'Sales', description: 'People who sell.' } },
});
export type Organization = ObjectOf<typeof Organization>;
