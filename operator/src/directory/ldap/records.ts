import { DirectoryError } from '../../errors.ts';
import type { GroupRecord, PersonRecord, RejectedRecord } from '../record.ts';
import { lengths, multipleLines, preferredLanguage, singleLine, tidy, truncate } from '../text.ts';
import { InvalidValue } from './account.ts';
import { type EntryAttributes, InvalidText } from './attributes.ts';
import type { AttributeMapping, Preset } from './presets.ts';
import type { Tally } from './tally.ts';

/** How entries are read. */
export interface Reading {
  readonly preset: Preset;
  readonly mapping: AttributeMapping;
  /** Completes the domain account of the entry with this DN. */
  readonly accountName?: ((account: string, dn: string) => string) | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What the entry of a person says. `groups` are the external ids of the groups they are in. */
export function personRecord(
  entry: EntryAttributes,
  { preset, mapping, accountName }: Reading,
  groups: readonly string[],
  tally: Tally,
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
    const email = addressOf(entry, mapping.email);
    const account = tidy(entry.first(mapping.domainAccount), singleLine);
    const domainAccount = account === undefined ? undefined : (accountName?.(account, entry.dn) ?? account);
    const language = preferredLanguage(entry.first(mapping.language));
    if (firstName !== undefined) record.firstName = firstName;
    if (lastName !== undefined) record.lastName = lastName;
    if (email !== undefined) record.email = email;
    if (domainAccount !== undefined) record.domainAccount = domainAccount;
    if (language !== undefined) record.language = language;
    if (preset.account !== undefined) {
      const state = preset.account.stateOf(entry);
      if (state === undefined) tally.doubt('HiddenAccount', entry.dn);
      Object.assign(record, state);
    }
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

function rejected(
  of: 'Person' | 'Group',
  error: unknown,
  { externalId, label }: { readonly externalId: string; readonly label: string },
): RejectedRecord {
  if (!(error instanceof InvalidText || error instanceof InvalidValue)) throw error;
  return { kind: 'Rejected', of, label, externalId, reason: 'InvalidValue', message: error.message };
}

/**
 * The address of the first attribute that has one. proxyAddresses of Active Directory has addresses of several kinds,
 * `SMTP:` before the one that mail is sent from and `smtp:` before others
 * (https://learn.microsoft.com/windows/win32/adschema/a-proxyaddresses).
 * @throws InvalidText
 */
function addressOf(entry: EntryAttributes, names: readonly string[]): string | undefined {
  for (const name of names) {
    if (name.toLowerCase() !== 'proxyaddresses') {
      const address = entry.first([name]);
      if (address !== undefined) return address;
      continue;
    }
    const addresses = [...entry.values(name)].filter((value) => /^smtp:./i.test(value));
    const address = addresses.find((value) => value.startsWith('SMTP:')) ?? addresses[0];
    if (address !== undefined) return address.slice('smtp:'.length).trim();
  }
  return undefined;
}

/**
 * The id that the entry keeps. Where there is none the read ends: nobody could be recognised again.
 * @throws DirectoryError `IdentityMissing`
 */
export function identityOf(entry: EntryAttributes, preset: Preset): string {
  const id = preset.identity.of(entry);
  if (!id || id.length > lengths.identity) {
    throw new DirectoryError('IdentityMissing', `${labelOf(entry)} shows no ${preset.identity.attribute}.`);
  }
  return id;
}

/** Where a person would look for the entry. */
export function labelOf(entry: EntryAttributes): string {
  return truncate(entry.dn, lengths.label);
}
