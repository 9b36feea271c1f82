import { z } from 'zod';
import { baseStatus, count, immutable, mapBy, objectName, referableName, rules, text, timestamp } from '../fields.ts';
import { defineKind, type ObjectOf } from '../kind.ts';

export const runPhases = [
  'Pending',
  'Reading',
  'Planning',
  'Applying',
  'Succeeded',
  'Failed',
  'Held',
  'Aborted',
] as const;
export type RunPhase = (typeof runPhases)[number];

const reason = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z][A-Za-z0-9]*$/);

export const DirectorySync = defineKind({
  kind: 'DirectorySync',
  plural: 'directorysyncs',
  singular: 'directorysync',
  shortNames: ['ds'],
  description:
    'One run of a UserDirectory: reads it, plans, and applies what changed. It runs once, like a Job. Create one, or set the annotation roster.dev/requestedAt on the directory.',
  spec: z
    .object({
      directory: objectName('UserDirectory to read.'),
      dryRun: z.boolean().default(false).meta({ description: 'Read and plan only: nothing is written but the plan.' }),
      ttlSecondsAfterFinished: z
        .int()
        .min(0)
        .max(31_536_000)
        .optional()
        .meta({
          description: "Seconds after its end when the run is deleted; the directory's history limits when absent.",
        }),
    })
    .meta(rules(immutable('a run', 'create another DirectorySync'))),
  status: z.object({
    ...baseStatus,
    phase: z.enum(runPhases).meta({ description: 'How far it is, or how it ended.' }).optional(),
    message: text(1024, 'What happened, in a sentence.').optional(),
    startedAt: timestamp('When it began to read.').optional(),
    finishedAt: timestamp('When it ended.').optional(),
    stages: z
      .array(
        z.object({
          name: z.enum(['Read', 'Plan', 'Apply']).meta({ description: 'The stage.' }),
          seconds: z.number().min(0).meta({ description: 'How long it took.' }),
        }),
      )
      .max(8)
      .meta({ description: 'How long each stage took.', ...mapBy('name') })
      .optional(),
    people: z
      .object({
        found: count('People who match the filter.'),
        created: count('People who are new.'),
        linked: count('People who were there by hand and are now filled by the directory.'),
        updated: count('People who changed.'),
        unchanged: count('People with nothing to do.'),
        excluded: count('People whom the directory excludes, or whose address lies outside emailDomains.'),
        rejected: count('People who could not be taken over.'),
        missing: count('People of this directory who were not found, and are kept.'),
      })
      .meta({ description: 'The people of the plan, by what is done.' })
      .optional(),
    groups: z
      .object({
        found: count('Groups that match the filter.'),
        created: count('Groups that are new.'),
        updated: count('Groups that changed.'),
        unchanged: count('Groups with nothing to do.'),
        skipped: count('Groups without a synchronised person, which are not created.'),
        rejected: count('Groups that could not be taken over.'),
        missing: count('Groups of this directory that were not found, and are kept.'),
      })
      .meta({ description: 'The groups of the plan, by what is done.' })
      .optional(),
    memberships: count('Memberships of people in groups after the run.').optional(),
    failed: count('Writes that failed; the next run tries them again.').optional(),
    reasons: z
      .array(
        z.object({
          reason: reason.meta({ description: 'Why.' }),
          action: text(32, 'What was done about it.'),
          count: count('How many records.'),
        }),
      )
      .max(50)
      .meta({
        description: 'Records by reason.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['reason', 'action'],
      })
      .optional(),
    samples: z
      .array(
        z.object({
          action: text(32, 'What was done.'),
          reason: reason.meta({ description: 'Why.' }).optional(),
          record: text(1024, 'The record: its DN, or its id.'),
          name: text(253, 'The object concerned.').optional(),
          message: text(512, 'The same in a sentence.').optional(),
        }),
      )
      .max(20)
      .meta({
        description: 'At most 20 records of interest, rejected ones first. The database holds all.',
        'x-kubernetes-list-type': 'atomic',
      })
      .optional(),
    held: z
      .object({
        reason: reason.meta({ description: 'Which guard.' }),
        message: text(1024, 'What was held, and what to do.'),
        count: count('How many changes are held.'),
      })
      .meta({ description: 'What the guard held back.' })
      .optional(),
    evidence: z
      .object({
        complete: z
          .boolean()
          .meta({ description: 'Whether the read is proved to be whole. An incomplete read changes nobody.' }),
        server: text(1024, 'The one server that was read.').optional(),
        authority: text(253, 'Who issued the ids.').optional(),
        boundAs: text(1024, 'Who the server took the operator for.').optional(),
        bases: z
          .array(text(1024, 'A base DN.'))
          .max(20)
          .meta({ description: 'What was searched.', 'x-kubernetes-list-type': 'atomic' })
          .optional(),
        pages: count('Answers that the server gave.').optional(),
        entries: count('Entries that were read.').optional(),
        doubts: z
          .array(text(512, 'A reason to doubt.'))
          .max(10)
          .meta({ description: 'Why the read is not complete.', 'x-kubernetes-list-type': 'atomic' })
          .optional(),
      })
      .meta({ description: 'What proves that everything was read.' })
      .optional(),
  }),
  rules: [referableName],
  columns: [
    { name: 'Directory', type: 'string', jsonPath: '.spec.directory', description: 'Directory that is read.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'How far it is, or how it ended.' },
    { name: 'Found', type: 'integer', jsonPath: '.status.people.found', description: 'People found.' },
    { name: 'Created', type: 'integer', jsonPath: '.status.people.created', description: 'People created.' },
    { name: 'Updated', type: 'integer', jsonPath: '.status.people.updated', description: 'People updated.' },
    {
      name: 'Unchanged',
      type: 'integer',
      jsonPath: '.status.people.unchanged',
      description: 'People with nothing to do.',
    },
    { name: 'Rejected', type: 'integer', jsonPath: '.status.people.rejected', description: 'People rejected.' },
    { name: 'Dry-Run', type: 'boolean', jsonPath: '.spec.dryRun', description: 'Whether it only plans.', priority: 1 },
    { name: 'Started', type: 'date', jsonPath: '.status.startedAt', description: 'Time since it began.' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'What happened.', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
  ],
  selectableFields: ['.spec.directory', '.status.phase'],
  sample: { metadata: { name: 'corporate-now' }, spec: { directory: 'corporate' } },
});
export type DirectorySync = ObjectOf<typeof DirectorySync>;
export type DirectorySyncStatus = NonNullable<DirectorySync['status']>;
