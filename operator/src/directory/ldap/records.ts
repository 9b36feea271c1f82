import { DirectoryError } from '../../errors.ts';
import type { GroupRecord, PersonRecord, RejectedRecord } from '../record.ts';
import { type EntryAttributes, InvalidText, multipleLines, singleLine, truncate } from './attributes.ts';
import type { AttributeMapping, Preset } from './presets.ts';

/** Lengths that the resources allow. Names are cut, since a cut name is still a name. */
const lengths = {
  personName: 100,
  groupName: 200,
  description: 2048,
  account: 128,
  identity: 128,
  label: 1024,
} as const;

/** What the entry of a person says. `groups` are the external ids of the groups they are in. */
export function personRecord(
  entry: EntryAttributes,
  preset: Preset,
  mapping: AttributeMapping,
  groups: readonly string[],
): PersonRecord | RejectedRecord {
  const externalId = identityOf(entry, preset);
  const label = labelOf(entry);
  try {
    const name = (names: readonly string[]) => tidy(entry.first(names), singleLine, lengths.personName);
    const domainAccount = tidy(entry.first(mapping.domainAccount), singleLine);
    if ((domainAccount?.length ?? 0) > lengths.account) {
      const message = `The domain account is longer than ${lengths.account} characters.`;
      return { kind: 'Rejected', of: 'Person', label, externalId, reason: 'InvalidValue', message };
    }
    const disabled = preset.disabled !== undefined && entry.first([preset.disabled])?.toLowerCase() === 'true';
    return {
      kind: 'Person',
      externalId,
      label,
      ...present('firstName', name(mapping.firstName)),
      ...present('lastName', name(mapping.lastName)),
      ...present('email', entry.first(mapping.email)),
      ...present('domainAccount', domainAccount),
      ...present('language', preferredLanguage(entry.first(mapping.language))),
      ...(disabled && { enabled: false }),
      groups,
    };
  } catch (error) {
    return rejected('Person', error, label, externalId);
  }
}

/** What the entry of a group says. */
export function groupRecord(
  entry: EntryAttributes,
  preset: Preset,
  mapping: AttributeMapping,
): GroupRecord | RejectedRecord {
  const externalId = identityOf(entry, preset);
  const label = labelOf(entry);
  try {
    const name = tidy(entry.first(mapping.groupName), singleLine, lengths.groupName);
    if (name === undefined) {
      const message = `The group has no value of ${mapping.groupName.join(', ')}.`;
      return { kind: 'Rejected', of: 'Group', label, externalId, reason: 'GroupWithoutName', message };
    }
    const description = tidy(entry.first(mapping.groupDescription), multipleLines, lengths.description);
    return { kind: 'Group', externalId, label, name, ...present('description', description) };
  } catch (error) {
    return rejected('Group', error, label, externalId);
  }
}

function rejected(of: 'Person' | 'Group', error: unknown, label: string, externalId: string): RejectedRecord {
  if (!(error instanceof InvalidText)) throw error;
  return { kind: 'Rejected', of, label, externalId, reason: 'InvalidValue', message: error.message };
}

/**
 * The id that the entry keeps. Where there is none the read ends: nobody could be recognised again.
 * @throws DirectoryError `IdentityMissing`
 */
export function identityOf(entry: EntryAttributes, preset: Preset): string {
  const id = entry.all(preset.identity)[0]?.trim().toLowerCase();
  if (!id || id.length > lengths.identity) {
    throw new DirectoryError('IdentityMissing', `${labelOf(entry)} shows no ${preset.identity}.`);
  }
  return id;
}

function labelOf(entry: EntryAttributes): string {
  return truncate(entry.dn, lengths.label);
}

function tidy(text: string | undefined, form: (text: string) => string, length = Number.POSITIVE_INFINITY) {
  const tidied = text === undefined ? '' : truncate(form(text), length);
  return tidied === '' ? undefined : tidied;
}

/** A field only where there is a value. */
function present<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: string });
}

/**
 * The language tag that a person prefers. RFC 2798 has preferredLanguage in the form of the HTTP header
 * Accept-Language (`fr, en-gb;q=0.8`). Anything else than a tag in it is no language.
 */
function preferredLanguage(value: string | undefined): string | undefined {
  const ranges = (value ?? '').split(',').map((range) => {
    const [tag = '', quality] = range.split(/;\s*q=/i);
    return { tag: tag.trim(), quality: quality === undefined ? 1 : Number(quality) };
  });
  const best = ranges.reduce((a, b) => (b.quality > a.quality ? b : a)).tag;
  return /^[a-z]{2,3}(-[a-z0-9]{1,8})*$/i.test(best) && best.length <= 35 ? best : undefined;
}
