import { DirectoryError } from '../../errors.ts';
import type { GroupRecord, PersonRecord, RejectedRecord } from '../record.ts';
import { lengths, multipleLines, preferredLanguage, singleLine, tidy, truncate } from '../text.ts';
import { type EntryAttributes, InvalidText } from './attributes.ts';
import type { AttributeMapping, Preset } from './presets.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What the entry of a person says. `groups` are the external ids of the groups they are in. */
export function personRecord(
  entry: EntryAttributes,
  preset: Preset,
  mapping: AttributeMapping,
  groups: readonly string[],
): PersonRecord | RejectedRecord {
  const record: Writable<PersonRecord> = {
    kind: 'Person',
    externalId: identityOf(entry, preset),
    label: labelOf(entry),
    groups,
  };
  try {
    const firstName = tidy(entry.first(mapping.firstName), singleLine, lengths.personName);
    const lastName = tidy(entry.first(mapping.lastName), singleLine, lengths.personName);
    const email = entry.first(mapping.email);
    const domainAccount = tidy(entry.first(mapping.domainAccount), singleLine);
    const language = preferredLanguage(entry.first(mapping.language));
    if (firstName !== undefined) record.firstName = firstName;
    if (lastName !== undefined) record.lastName = lastName;
    if (email !== undefined) record.email = email;
    if (domainAccount !== undefined) record.domainAccount = domainAccount;
    if (language !== undefined) record.language = language;
    if (preset.disabled !== undefined && isTrue(entry.first([preset.disabled]))) record.enabled = false;
    if ((domainAccount?.length ?? 0) > lengths.account) {
      // Cut, it would be somebody else's.
      throw new InvalidValue(`The domain account is longer than ${lengths.account} characters.`);
    }
    return record;
  } catch (error) {
    return rejected('Person', error, record);
  }
}

/** What the entry of a group says. */
export function groupRecord(
  entry: EntryAttributes,
  preset: Preset,
  mapping: AttributeMapping,
): GroupRecord | RejectedRecord {
  const identity = { externalId: identityOf(entry, preset), label: labelOf(entry) };
  try {
    const name = tidy(entry.first(mapping.groupName), singleLine, lengths.groupName);
    if (name === undefined) {
      const message = `The group has no value of ${mapping.groupName.join(', ')}.`;
      return { kind: 'Rejected', of: 'Group', ...identity, reason: 'GroupWithoutName', message };
    }
    const record: Writable<GroupRecord> = { kind: 'Group', ...identity, name };
    const description = tidy(entry.first(mapping.groupDescription), multipleLines, lengths.description);
    if (description !== undefined) record.description = description;
    return record;
  } catch (error) {
    return rejected('Group', error, identity);
  }
}

/** A value that makes the record unusable; the other records go on. */
class InvalidValue extends Error {}

function rejected(
  of: 'Person' | 'Group',
  error: unknown,
  { externalId, label }: { readonly externalId: string; readonly label: string },
): RejectedRecord {
  if (!(error instanceof InvalidText || error instanceof InvalidValue)) throw error;
  return { kind: 'Rejected', of, label, externalId, reason: 'InvalidValue', message: error.message };
}

/** A Boolean of LDAP, RFC 4517 section 3.3.3. */
function isTrue(value: string | undefined): boolean {
  return value?.toUpperCase() === 'TRUE';
}

/**
 * The id that the entry keeps. Where there is none the read ends: nobody could be recognised again.
 * @throws DirectoryError `IdentityMissing`
 */
export function identityOf(entry: EntryAttributes, preset: Preset): string {
  const id = entry.values(preset.identity).next().value?.trim().toLowerCase();
  if (!id || id.length > lengths.identity) {
    throw new DirectoryError('IdentityMissing', `${labelOf(entry)} shows no ${preset.identity}.`);
  }
  return id;
}

/** Where a person would look for the entry. */
export function labelOf(entry: EntryAttributes): string {
  return truncate(entry.dn, lengths.label);
}
