import { z } from 'zod';
import { baseStatus, count, immutable, objectName, referableName, rules, text } from '../fields.ts';
import { defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';
import { groupSource } from '../source.ts';

export const Group = defineKind({
  kind: 'Group',
  plural: 'groups',
  singular: 'group',
  shortNames: ['rg'],
  description:
    'People of one organization who get reports or permissions together. Who is a member stands on each person, in spec.groups.',
  spec: z.object({
    displayName: text(
      200,
      'Name that people see. When absent, the name in the directory, else the name of the object.',
    ).optional(),
    description: text(2048, 'What the group is for.').optional(),
    organization: objectName(
      'Name of the Organization that the group belongs to. Only its people can be members.',
    ).meta(rules(immutable('organization', 'create a group in the other organization'))),
    source: groupSource.optional(),
  }),
  status: z.object({
    ...baseStatus,
    displayName: text(
      200,
      'Name in force: the declared one, the one in the directory, or the name of the object.',
    ).optional(),
    members: count('How many people are in the group.').optional(),
  }),
  rules: [referableName],
  conditions: [
    { type: 'Ready', description: 'True when the group is in the database, and people can be members.' },
    ...progressConditions,
  ],
  columns: [
    { name: 'Display-Name', type: 'string', jsonPath: '.status.displayName', description: 'Name in force.' },
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
