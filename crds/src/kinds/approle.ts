import { z } from 'zod';
import { baseStatus, referableName, set, text } from '../fields.ts';
import { defineKind, type ObjectOf, readyColumns, readyMessage } from '../kind.ts';

const word = (description: string) =>
  z
    .string()
    .min(1)
    .max(63)
    .regex(/^([a-z][a-z0-9-]*|\*)$/)
    .meta({ description });

export const licences = ['Creator', 'Explorer', 'Viewer', 'Unlicensed'] as const;
export type Licence = (typeof licences)[number];

export const AppRole = defineKind({
  kind: 'AppRole',
  plural: 'approles',
  singular: 'approle',
  shortNames: ['ar'],
  description:
    'What its holders may do in the application, and which licence that takes. Rights of several roles add up, and the highest licence counts. The operator creates the built-in roles.',
  spec: z
    .object({
      displayName: text(100, 'Name that people see; the name of the object when absent.').optional(),
      description: text(2048, 'Who should hold the role.').optional(),
      enabled: z.boolean().default(true).meta({ description: 'A disabled role gives no rights and takes no licence.' }),
      builtIn: z.boolean().default(false).meta({ description: 'Made by the operator, and not to be changed.' }),
      scope: z
        .enum(['Tenant', 'Organization'])
        .meta({ description: 'Whether it is held in the whole tenant or in one organization.' }),
      licence: z.enum(licences).default('Unlicensed').meta({ description: 'Licence that a holder needs.' }),
      permissions: z
        .array(
          z.object({
            resource: word('What may be acted on, for example reports; * is everything.'),
            verbs: z
              .array(word('What may be done, for example read; * is everything.'))
              .min(1)
              .max(20)
              .meta({ description: 'What may be done with it.', ...set }),
            projects: z
              .array(text(63, 'Name of a project.'))
              .max(100)
              .meta({ description: 'Projects in which that holds; all when absent.', ...set })
              .optional(),
          }),
        )
        .max(100)
        .meta({
          description: 'What holders may do.',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['resource'],
        })
        .default([]),
    })
    .meta({
      'x-kubernetes-validations': [
        {
          rule: '!oldSelf.builtIn || self == oldSelf',
          message: 'a built-in role cannot be changed; create a role of your own',
        },
        {
          rule: 'self.scope == oldSelf.scope',
          message: 'scope cannot be changed; create another role',
          fieldPath: '.scope',
        },
      ],
    }),
  status: z.object({ ...baseStatus }),
  rules: [referableName],
  columns: [
    { name: 'Name', type: 'string', jsonPath: '.spec.displayName', description: 'Name that people see.' },
    { name: 'Scope', type: 'string', jsonPath: '.spec.scope', description: 'Where it is held.' },
    { name: 'Licence', type: 'string', jsonPath: '.spec.licence', description: 'Licence that a holder needs.' },
    { name: 'Enabled', type: 'boolean', jsonPath: '.spec.enabled', description: 'Whether it gives rights.' },
    ...readyColumns,
    readyMessage,
  ],
  selectableFields: ['.spec.scope', '.spec.licence'],
  sample: {
    metadata: { name: 'report-designers' },
    spec: {
      displayName: 'Report designers',
      scope: 'Organization',
      licence: 'Creator',
      permissions: [{ resource: 'reports', verbs: ['read', 'create', 'update'] }],
    },
  },
});
export type AppRole = ObjectOf<typeof AppRole>;
