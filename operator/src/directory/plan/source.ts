import type { GroupSource, PersonSource } from '@roster/crds';
import type { GroupRecord } from '../record.ts';
import type { Candidate } from './candidate.ts';
import type { DirectorySettings } from './types.ts';

/**
 * What the directory says of a person, in the one form in which it is stored: no field without a value, `enabled` only
 * when false, `precedence` only when Declared. So the blocks of an unchanged person are equal.
 * A value that vanished from the directory stays as it was; what follows the directory all the same are the groups
 * and the state of the account (`enabled`, `expiresAt`), where saying nothing means enabled and without end.
 */
export function personSource(
  { record, person, address, domainAccount, precedence, keepsAccess, organizations }: Candidate,
  directory: DirectorySettings,
  groups: string[],
): PersonSource {
  const before = person?.object.spec.source;
  const firstName = cut(record.firstName, 100) ?? before?.firstName;
  const lastName = cut(record.lastName, 100) ?? before?.lastName;
  // People may choose another language later, and the directory does not bring the old one back.
  const language = before?.language ?? (person === undefined ? canonicalLanguage(record.language) : undefined);
  // Whose access is kept may get it back, but never lose it.
  const state = keepsAccess && (record.enabled === false || record.expiresAt !== undefined) ? before : record;
  const disabled = state?.enabled === false;
  const expiresAt = state?.expiresAt;

  const source: PersonSource = {
    directory: directory.name,
    authority: directory.authority,
    externalId: record.externalId,
  };
  if (firstName !== undefined) source.firstName = firstName;
  if (lastName !== undefined) source.lastName = lastName;
  if (address !== undefined) source.email = address;
  if (domainAccount !== undefined) source.domainAccount = domainAccount;
  if (language !== undefined) source.language = language;
  if (groups.length > 0) source.groups = groups;
  if (organizations !== undefined) source.organizations = organizations;
  if (disabled) source.enabled = false;
  if (expiresAt !== undefined) source.expiresAt = expiresAt;
  if (precedence === 'Declared') source.precedence = precedence;
  return source;
}

/** What the directory says of a group; a description that vanished stays. */
export function groupSource(
  record: GroupRecord,
  directory: DirectorySettings,
  before: GroupSource | undefined,
): GroupSource {
  const description = cut(record.description, 2048) ?? before?.description;
  const source: GroupSource = {
    directory: directory.name,
    authority: directory.authority,
    externalId: record.externalId,
    displayName: displayName(record, directory),
  };
  if (description !== undefined) source.description = description;
  return source;
}

/** Name of a group as people see it: with the prefix of the directory. */
export function displayName(record: GroupRecord, { groupPrefix }: DirectorySettings): string {
  return cut(`${groupPrefix ?? ''}${record.name}`, 200) ?? record.externalId;
}

/** The fields in which two blocks differ, sorted. */
export function differences<S extends PersonSource | GroupSource>(before: S, after: S): Extract<keyof S, string>[] {
  const changed: Extract<keyof S, string>[] = [];
  for (const field in after) {
    if (!equal(before[field], after[field])) changed.push(field);
  }
  for (const field in before) {
    if (before[field] !== undefined && !(field in after)) changed.push(field);
  }
  return changed.sort((a, b) => (a < b ? -1 : 1));
}

/** Whether two values of a block are equal; both are plain JSON, with lists in the same order when they are equal. */
function equal(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) return false;
  const entries = Object.entries(before);
  const other = after as Readonly<Record<string, unknown>>;
  return entries.length === Object.keys(after).length && entries.every(([key, value]) => equal(value, other[key]));
}

/** The first characters of a text, as the API server counts them: code points. */
function cut(text: string | undefined, characters: number): string | undefined {
  if (text === undefined || text.length <= characters) return text === '' ? undefined : text;
  return Array.from(text).slice(0, characters).join('').trimEnd();
}

/**
 * The first language of a list as RFC 2798 has it in preferredLanguage (`fr, en-gb;q=0.8`), as a BCP 47 tag in its
 * canonical form (`en-GB`); undefined for anything else.
 */
function canonicalLanguage(value: string | undefined): string | undefined {
  const tag = value?.split(/[,;]/, 1)[0]?.trim().replaceAll('_', '-');
  if (tag === undefined || tag.length > 35 || !/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/.test(tag)) return undefined;
  try {
    const [canonical] = Intl.getCanonicalLocales(tag);
    return canonical !== undefined && canonical.length <= 35 ? canonical : undefined;
  } catch {
    return undefined;
  }
}
