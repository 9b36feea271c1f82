import { z } from 'zod';
import { baseStatus, count, immutable, objectName, referableName, text } from '../fields.ts';
import { defineKind, type ObjectOf, readyColumns, readyMessage } from '../kind.ts';
import { groupSource } from '../source.ts';

export const Group = defineKind({
  kind: 'Group',
  plural: 'groups',
  singular: 'group',
  shortNames: ['rg'],
  description:
    'People of one organization who get reports or permissions together. Who is in it stands on the person, in spec.groups.',
  spec: z.object({
    displayName: text(200, 'Name that people see; the name in the directory or of the object when absent.').optional(),
    description: text(2048, 'What the group is for.').optional(),
    organization: objectName('Organization that the group belongs to; only its people can be members.').meta({
      description: 'Organization that the group belongs to; only its people can be members.',
      'x-kubernetes-validations': [immutable('organization', 'create a group in the other organization')],
    }),
    source: groupSource.optional(),
  }),
  status: z.object({
    ...baseStatus,
    displayName: text(200, 'Name in force.').optional(),
    members: count('People in the group.').optional(),
  }),
  rules: [referableName],
  columns: [
    { name: 'Name', type: 'string', jsonPath: '.status.displayName', description: 'Name in force.' },
    {
      name: 'Organization',
      type: 'string',
      jsonPath: '.spec.organization',
      description: 'Organization it belongs to.',
    },
    { name: 'Members', type: 'integer', jsonPath: '.status.members', description: 'People in the group.' },
    {
      name: 'Directory',
      type: 'string',
      jsonPath: '.spec.source.directory',
      description: 'UserDirectory that fills it.',
    },
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: ['.spec.organization', '.spec.source.directory', '.spec.source.externalId'],
  sample: { metadata: { name: 'board' }, spec: { displayName: 'Board', organization: 'main' } },
});
export type Group = ObjectOf<typeof Group>;
