import { z } from 'zod';
import {
  atomicList,
  atomicObject,
  email,
  groupNames,
  language,
  objectName,
  organizationMembership,
  text,
  timestamp,
} from './fields.ts';

/** The parts by which a synchronised object is recognised again. Never its name, DN or address. */
const identity = {
  directory: objectName('Name of the UserDirectory that wrote this block.'),
  authority: text(253, 'Who issued externalId: a forest, a server or an Entra tenant.'),
  externalId: text(128, 'Id that never changes there: objectGUID, entryUUID, nsUniqueId or the Entra object id.'),
};

/**
 * What a directory says of a person. One atomic block that only a sync writes, so that neither Git
 * nor kubectl has a part of it to fight over. Absent `enabled` means enabled.
 */
export const personSource = z
  .object({
    ...identity,
    firstName: text(100, 'Given name in the directory.').optional(),
    lastName: text(100, 'Family name in the directory.').optional(),
    email: email('E-mail address in the directory.').optional(),
    domainAccount: text(128, 'Account for Windows sign-in, as DOMAIN\\name.').optional(),
    language: language('Preferred language in the directory, as a BCP 47 tag.').optional(),
    groups: groupNames(1000, 'Groups that the directory puts the person in.')
      .meta({ description: 'Groups that the directory puts the person in.', ...atomicList })
      .optional(),
    organizations: z
      .array(organizationMembership)
      .max(100)
      .meta({ description: 'Organizations and roles that follow from group mappings.', ...atomicList })
      .optional(),
    enabled: z
      .boolean()
      .meta({ description: 'Whether the account is enabled in the directory; it is when absent.' })
      .optional(),
    expiresAt: timestamp('When the account ends in the directory.').optional(),
    missingSince: timestamp('When a complete run first no longer found the person.').optional(),
    precedence: z
      .enum(['Directory', 'Declared'])
      .meta({
        description:
          'Whose names, e-mail address and domain account count where this block and the fields beside it both have one; the directory when absent.',
      })
      .optional(),
  })
  .meta({
    description:
      'What a directory says of the person. Written by synchronisation only; remove it to detach the person.',
    ...atomicObject,
  });

/** What a directory says of a group. */
export const groupSource = z
  .object({
    ...identity,
    displayName: text(200, 'Name in the directory, after the groupPrefix of the UserDirectory.').optional(),
    description: text(2048, 'Description in the directory; the first 2,048 characters.').optional(),
    missingSince: timestamp('When a complete run first no longer found the group.').optional(),
  })
  .meta({
    description: 'What a directory says of the group. Written by synchronisation only; remove it to detach the group.',
    ...atomicObject,
  });

export type PersonSource = z.output<typeof personSource>;
export type GroupSource = z.output<typeof groupSource>;
