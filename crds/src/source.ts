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
  directory: objectName('UserDirectory that wrote this block.'),
  authority: text(253, 'Forest, server or Entra tenant that issued externalId.'),
  externalId: text(128, 'Immutable id there: objectGUID, entryUUID, nsUniqueId or the Entra object id.'),
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
    domainAccount: text(128, 'Account for Windows sign-in: DOMAIN\\name.').optional(),
    language: language('Preferred language in the directory.').optional(),
    groups: groupNames(1000, 'Groups that the directory puts the person in.')
      .meta({ description: 'Groups that the directory puts the person in.', ...atomicList })
      .optional(),
    organizations: z
      .array(organizationMembership)
      .max(100)
      .meta({ description: 'Organizations and roles that follow from group mappings.', ...atomicList })
      .optional(),
    enabled: z.boolean().meta({ description: 'Whether the account is enabled in the directory.' }).optional(),
    expiresAt: timestamp('When the account ends in the directory.').optional(),
    missingSince: timestamp('First complete run that no longer found the person.').optional(),
    precedence: z
      .enum(['Directory', 'Declared'])
      .meta({
        description: 'Whose names and e-mail count where both the directory and the fields beside this block say one.',
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
    displayName: text(200, 'Name in the directory, with the prefix of the directory.').optional(),
    description: text(2048, 'Description in the directory; the first 2,048 characters.').optional(),
    missingSince: timestamp('First complete run that no longer found the group.').optional(),
  })
  .meta({
    description: 'What a directory says of the group. Written by synchronisation only; remove it to detach the group.',
    ...atomicObject,
  });

export type PersonSource = z.output<typeof personSource>;
export type GroupSource = z.output<typeof groupSource>;
