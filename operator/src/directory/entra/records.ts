import type { GroupRecord, PersonRecord, RejectedRecord } from '../record.ts';
import { lengths, multipleLines, preferredLanguage, singleLine, tidy, truncate } from '../text.ts';
import type { Fields, SnapshotObject } from './snapshot.ts';

/** The properties that each field is read from; the first that has a value counts. */
export interface PropertyMapping {
  readonly firstName: readonly string[];
  readonly lastName: readonly string[];
  readonly email: readonly string[];
  /** When empty, the account in Active Directory that the user was synchronised from. */
  readonly domainAccount: readonly string[];
  readonly language: readonly string[];
  readonly groupName: readonly string[];
  readonly groupDescription: readonly string[];
}

/** https://learn.microsoft.com/graph/api/resources/user and .../group */
export const defaultMapping: PropertyMapping = {
  firstName: ['givenName'],
  lastName: ['surname'],
  email: ['mail'],
  domainAccount: [],
  language: ['preferredLanguage'],
  groupName: ['displayName'],
  groupDescription: ['description'],
};

/** The properties to ask for, `id` among them. */
export function userProperties(mapping: PropertyMapping): string[] {
  const { firstName, lastName, email, domainAccount, language } = mapping;
  return [...new Set([...alwaysOfUsers, ...firstName, ...lastName, ...email, ...domainAccount, ...language])];
}

const alwaysOfUsers = [
  'id',
  'userPrincipalName',
  'userType',
  'accountEnabled',
  'onPremisesSamAccountName',
  'onPremisesDomainName',
  'onPremisesImmutableId',
];

export function groupProperties({ groupName, groupDescription }: PropertyMapping): string[] {
  return [...new Set(['id', 'displayName', 'visibility', ...groupName, ...groupDescription])];
}

/**
 * Whether the user is a guest. Very old users have no type; the name tells of those who were invited from elsewhere:
 * https://learn.microsoft.com/entra/external-id/user-properties
 */
export function isGuest({ userType, userPrincipalName }: Fields): boolean {
  return userType === 'Guest' || (!text(userType) && isForeignName(userPrincipalName));
}

function isForeignName(userPrincipalName: unknown): boolean {
  return text(userPrincipalName)?.includes('#EXT#') ?? false;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What a user of the snapshot says. `groups` are the ids of the groups to tell of. */
export function personRecord(
  { id, fields }: SnapshotObject,
  mapping: PropertyMapping,
  groups: readonly string[],
): PersonRecord | RejectedRecord {
  const record: Writable<PersonRecord> = { kind: 'Person', externalId: id, label: labelOf(id, fields), groups };
  const firstName = tidy(first(fields, mapping.firstName), singleLine, lengths.personName);
  const lastName = tidy(first(fields, mapping.lastName), singleLine, lengths.personName);
  const email = first(
    fields,
    isGuest(fields) || isForeignName(fields.userPrincipalName) ? withoutPrincipalName(mapping.email) : mapping.email,
  );
  const account = tidy(
    mapping.domainAccount.length === 0 ? accountOnPremises(fields) : first(fields, mapping.domainAccount),
    singleLine,
  );
  const language = preferredLanguage(first(fields, mapping.language));
  const onPremisesId = objectGUID(fields.onPremisesImmutableId);
  if (firstName !== undefined) record.firstName = firstName;
  if (lastName !== undefined) record.lastName = lastName;
  if (email !== undefined) record.email = email;
  if (account !== undefined) record.domainAccount = account;
  if (language !== undefined) record.language = language;
  if (fields.accountEnabled === false) record.enabled = false;
  if (onPremisesId !== undefined) record.onPremisesId = onPremisesId;
  if ((account?.length ?? 0) > lengths.account) {
    // Cut, it would be somebody else's.
    const message = `The domain account is longer than ${lengths.account} characters.`;
    return { kind: 'Rejected', of: 'Person', externalId: id, label: record.label, reason: 'InvalidValue', message };
  }
  return record;
}

/** What a group of the snapshot says. */
export function groupRecord({ id, fields }: SnapshotObject, mapping: PropertyMapping): GroupRecord | RejectedRecord {
  const name = tidy(first(fields, mapping.groupName), singleLine, lengths.groupName);
  if (name === undefined) {
    const message = `The group has no value of ${mapping.groupName.join(', ')}.`;
    return { kind: 'Rejected', of: 'Group', externalId: id, label: id, reason: 'GroupWithoutName', message };
  }
  const record: Writable<GroupRecord> = { kind: 'Group', externalId: id, label: truncate(name, lengths.label), name };
  const description = tidy(first(fields, mapping.groupDescription), multipleLines, lengths.description);
  if (description !== undefined) record.description = description;
  return record;
}

/** By what a person would look for the user. */
export function labelOf(id: string, { userPrincipalName }: Fields): string {
  return tidy(text(userPrincipalName), singleLine, lengths.label) ?? id;
}

/** Of a guest it is made up of the address at home and this tenant, and mail to it goes nowhere. */
function withoutPrincipalName(properties: readonly string[]): readonly string[] {
  return properties.filter((name) => name !== 'userPrincipalName');
}

function first(fields: Fields, properties: readonly string[]): string | undefined {
  for (const name of properties) {
    const value = fields[name];
    const found = Array.isArray(value) ? firstOf(name, value) : text(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstOf(name: string, values: readonly unknown[]): string | undefined {
  const texts = values.flatMap((value) => text(value) ?? []);
  if (name !== 'proxyAddresses') return texts[0];
  // The primary address is the one with the type in capitals; other types (X500, SIP) are no addresses for mail:
  // https://learn.microsoft.com/exchange/recipients-in-exchange-online/manage-user-mailboxes/add-or-remove-email-addresses
  const address = texts.find((value) => value.startsWith('SMTP:')) ?? texts.find((value) => /^smtp:/i.test(value));
  return text(address?.slice('SMTP:'.length));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/**
 * `DOMAIN\name` of the account that the user was synchronised from. Graph tells of users only the DNS name of the
 * domain, whose first label is the NetBIOS name unless somebody chose otherwise.
 */
function accountOnPremises({ onPremisesSamAccountName, onPremisesDomainName }: Fields): string | undefined {
  const name = text(onPremisesSamAccountName);
  const domain = text(onPremisesDomainName)?.split('.')[0];
  return name === undefined || !domain ? undefined : `${domain.toUpperCase()}\\${name}`;
}

/**
 * The objectGUID of which onPremisesImmutableId is the Base64, in its usual text form: the first three parts are
 * little-endian ([MS-DTYP] section 2.3.4.2). Administrators may have chosen another source, which then is no GUID.
 */
export function objectGUID(immutableId: unknown): string | undefined {
  if (typeof immutableId !== 'string' || !/^[A-Za-z0-9+/]{22}==$/.test(immutableId)) return undefined;
  const bytes = Buffer.from(immutableId, 'base64');
  const part = (from: number, to: number) => bytes.subarray(from, to).toString('hex');
  const reversed = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).reverse().toString('hex');
  return [reversed(0, 4), reversed(4, 6), reversed(6, 8), part(8, 10), part(10, 16)].join('-');
}
