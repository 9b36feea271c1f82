import { z } from 'zod';
import { baseStatus, immutable, referableName, rules, set, text } from '../fields.ts';
import { defineKind, type ObjectOf, progressConditions, readyColumns, readyMessage } from '../kind.ts';

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
  spec: z.object({
    displayName: text(100, 'Name that people see; the name of the object when absent.').optional(),
    description: text(2048, 'What the role is for, and who should hold it.').optional(),
    enabled: z.boolean().default(true).meta({ description: 'A disabled role gives no rights and takes no licence.' }),
    builtIn: z.boolean().default(false).meta({
      description:
        'Whether the operator made the role. Only the operator sets it, and nobody else can change such a role.',
    }),
    scope: z.enum(['Tenant', 'Organization']).meta({
      description: 'Whether the role is held in the whole tenant or in one organization.',
      ...rules(immutable('scope', 'create another role')),
    }),
    licence: z.enum(licences).default('Unlicensed').meta({ description: 'Licence that a holder of the role takes.' }),
    permissions: z
      .array(
        z.object({
          resource: word('What may be acted on, for example reports; * is everything.'),
          verbs: z
            .array(word('What may be done, for example read; * is everything.'))
            .min(1)
            .max(20)
            .meta({ description: 'What may be done with the resource.', ...set }),
          projects: z
            .array(text(63, 'Name of a project.'))
            .max(100)
            .meta({ description: 'Projects in which the permission holds; all projects when absent.', ...set })
            .optional(),
        }),
      )
      .max(100)
      .meta({
        description: 'What holders may do, one entry for each resource.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['resource'],
      })
      .default([]),
  }),
  status: z.object({ ...baseStatus }),
  rules: [referableName],
  conditions: [
    { type: 'Ready', description: 'True when the role is in force and in the database.' },
    ...progressConditions,
  ],
  columns: [
    { name: 'Display-Name', type: 'string', jsonPath: '.spec.displayName', description: 'Name that people see.' },
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
