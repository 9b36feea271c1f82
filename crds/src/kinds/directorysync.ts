import { z } from 'zod';
import { baseStatus, count, mapBy, objectName, referableName, rules, text, timestamp } from '../fields.ts';
import { defineKind, type ObjectOf, progressConditions } from '../kind.ts';

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
  // ds is taken by daemonsets.
  shortNames: ['dsync'],
  description:
    'One run of a UserDirectory: reads it, plans, and applies what changed. It runs once, like a Job. To start a run, create one, or set the annotation roster.dev/requestedAt on the directory to a new value.',
  spec: z
    .object({
      directory: objectName('Name of the UserDirectory to read.'),
      dryRun: z.boolean().default(false).meta({ description: 'Whether to read and plan only, and to change nobody.' }),
      person: text(
        1024,
        'Only this person is looked at and applied: an e-mail address, a DN or an external id. The status explains what is done about them.',
      ).optional(),
      approval: z
        .object({
          hash: text(64, 'The value of status.held.hash: what was looked at is what is approved.'),
          rejected: z
            .boolean()
            .default(false)
            .meta({ description: 'Whether the held changes are rejected, which ends the run.' }),
          by: text(
            253,
            'Who decided, for the record. Nobody verifies it: the audit log of the API server knows who wrote it.',
          ).optional(),
        })
        .meta({
          description:
            'Approves the changes that a held run did not make: it reads again and makes those that are approved and still due. Written once, by whoever has the verb approve.',
        })
        .optional(),
      ttlSecondsAfterFinished: z.int().min(0).max(31_536_000).optional().meta({
        description:
          "How many seconds after its end the run is deleted. When absent, the directory's history limits decide.",
      }),
    })
    .meta(
      rules(
        {
          rule: 'self.directory == oldSelf.directory && self.dryRun == oldSelf.dryRun && has(self.person) == has(oldSelf.person) && (!has(self.person) || self.person == oldSelf.person) && has(self.ttlSecondsAfterFinished) == has(oldSelf.ttlSecondsAfterFinished) && (!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished == oldSelf.ttlSecondsAfterFinished)',
          message: 'a run cannot be changed; create another DirectorySync',
        },
        {
          rule: '!has(oldSelf.approval) || (has(self.approval) && self.approval == oldSelf.approval)',
          message: 'an approval cannot be changed or taken back; create another DirectorySync',
          fieldPath: '.approval',
        },
      ),
    ),
  status: z.object({
    ...baseStatus,
    phase: z.enum(runPhases).meta({ description: 'How far the run is, or how it ended.' }).optional(),
    message: text(1024, 'What happened, in a sentence.').optional(),
    startedAt: timestamp('When the run began to read.').optional(),
    finishedAt: timestamp('When the run ended.').optional(),
    stages: z
      .array(
        z.object({
          name: z.enum(['Read', 'Plan', 'Apply']).meta({ description: 'Name of the stage.' }),
          seconds: z.number().min(0).meta({ description: 'How long the stage took, in seconds.' }),
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
        disabled: count('People who were not found and are disabled for that.'),
        deleted: count('People who were missing for longer than the grace period and are deleted.'),
        restored: count('People who were missing and are found again.'),
      })
      .meta({ description: 'The people, by what the run did by now; of a preview, by what it would do.' })
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
      .meta({ description: 'The groups, by what the run did by now; of a preview, by what it would do.' })
      .optional(),
    memberships: count(
      'Memberships of people in groups after the run; absent when it did not do all that it was to do.',
    ).optional(),
    failed: count('Writes that failed; the next run tries them again.').optional(),
    reasons: z
      .array(
        z.object({
          reason: reason.meta({ description: 'Why, in one CamelCase word.' }),
          action: text(32, 'What was done with the records, for example rejected.'),
          count: count('How many records it concerns.'),
        }),
      )
      .max(50)
      .meta({
        description: 'How many records were treated in which way, and why.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['reason', 'action'],
      })
      .optional(),
    samples: z
      .array(
        z.object({
          action: text(32, 'What was done with the record, for example rejected.'),
          reason: reason.meta({ description: 'Why, in one CamelCase word.' }).optional(),
          record: text(1024, 'The record in the directory, by its DN, user principal name or id.'),
          name: text(253, 'Name of the object concerned.').optional(),
          message: text(512, 'What happened, in a sentence.').optional(),
        }),
      )
      .max(20)
      .meta({
        description:
          'Some of the records that something is to be said of, held and rejected ones first. The database holds all of them.',
        'x-kubernetes-list-type': 'atomic',
      })
      .optional(),
    held: z
      .object({
        reason: reason.meta({ description: 'Which guard held them, in one CamelCase word.' }),
        message: text(1024, 'What is held, and what to do about it.'),
        count: count('How many changes are held.'),
        hash: text(64, 'Names exactly these changes; an approval repeats it.').optional(),
        expiresAt: timestamp('Until when they can be approved; absent where they cannot.').optional(),
      })
      .meta({ description: 'Changes that were not made, because they need approval or are unusually many.' })
      .optional(),
    evidence: z
      .object({
        complete: z
          .boolean()
          .meta({ description: 'Whether it is proved that everything was read. An incomplete read changes nobody.' }),
        server: text(1024, 'URL of the one server that was read.').optional(),
        authority: text(253, 'Who issued the ids of the records.').optional(),
        boundAs: text(1024, 'Account that the server took the operator for.').optional(),
        bases: z
          .array(text(1024, 'A base DN.'))
          .max(20)
          .meta({ description: 'Base DNs that were searched.', 'x-kubernetes-list-type': 'atomic' })
          .optional(),
        pages: count('How many pages the server answered with.').optional(),
        entries: count('How many entries were read.').optional(),
        doubts: z
          .array(text(512, 'A reason to doubt.'))
          .max(10)
          .meta({ description: 'Why the read is not proved to be complete.', 'x-kubernetes-list-type': 'atomic' })
          .optional(),
        remarks: z
          .array(text(512, 'Something that was left alone.'))
          .max(10)
          .meta({
            description: 'What was left alone or done otherwise, and makes nothing doubtful.',
            'x-kubernetes-list-type': 'atomic',
          })
          .optional(),
      })
      .meta({ description: 'What proves, or does not prove, that everything was read.' })
      .optional(),
    readSettings: text(
      64,
      'Hash of what decides who is found: servers, bases, filters, mappings and account of this run.',
    ).optional(),
  }),
  rules: [referableName],
  conditions: [
    { type: 'Ready', description: 'True when the run has succeeded, False when it has not.' },
    ...progressConditions,
  ],
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
    { name: 'Held', type: 'integer', jsonPath: '.status.held.count', description: 'Changes held for approval.' },
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
