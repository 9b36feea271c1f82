import type { Filter } from 'ldapts';
import { DirectoryError } from '../../errors.ts';
import { type AccountRules, disabledWhenTrue } from './account.ts';
import type { EntryAttributes } from './attributes.ts';
import { normalizeDN } from './dn.ts';
import { parseFilter } from './filter.ts';
import { type Identity, textIdentity, uuidForm } from './identity.ts';

/** The attributes that each field is read from; the first that has a value counts. */
export interface AttributeMapping {
  readonly firstName: readonly string[];
  readonly lastName: readonly string[];
  readonly email: readonly string[];
  readonly domainAccount: readonly string[];
  readonly language: readonly string[];
  readonly groupName: readonly string[];
  readonly groupDescription: readonly string[];
}

export type AttributeOverrides = { readonly [K in keyof AttributeMapping]?: readonly string[] | undefined };

/** What is particular to a kind of server. */
export interface Preset {
  readonly identity: Identity;
  readonly userFilter: Filter;
  readonly groupFilter: Filter;
  /** Attributes of a group that list its members. */
  readonly memberAttributes: readonly string[];
  /** Whether groupOfNames and groupOfUniqueNames may be without members, which RFC 4519 does not allow. */
  readonly emptyGroups: boolean;
  /** What a reference to another server means: a part of what is asked for, or other directories beside it. */
  readonly references: 'Doubt' | 'Remark';
  /** Absent where the directory has no state of accounts. */
  readonly account?: AccountRules;
  /** Attributes with names in the form of an e-mail address, by which people are looked for, too. */
  readonly signInNames?: readonly string[];
  /** Absent where every membership stands in the group. */
  readonly primaryGroup?: PrimaryGroup;
  readonly attributes: AttributeMapping;
}

/** A membership that stands in the member's entry instead of the group's. */
export interface PrimaryGroup {
  readonly memberAttributes: readonly string[];
  readonly groupAttributes: readonly string[];
  /** What names the group of a member. */
  ofMember(entry: EntryAttributes): string | undefined;
  /** What members call this group. */
  ofGroup(entry: EntryAttributes): string | undefined;
}

/** RFC 2798 (inetOrgPerson) and RFC 4519. Plain LDAP has no attribute for a Windows account. */
const attributes: AttributeMapping = {
  firstName: ['givenName'],
  lastName: ['sn'],
  email: ['mail'],
  domainAccount: [],
  language: ['preferredLanguage'],
  groupName: ['cn'],
  groupDescription: ['description'],
};

/** Classes of RFC 2798, RFC 4519 and RFC 2307, and their attributes. */
const common = {
  userFilter: parseFilter('(objectClass=inetOrgPerson)'),
  groupFilter: parseFilter('(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))'),
  memberAttributes: ['objectClass', 'member', 'uniqueMember', 'memberUid'],
  references: 'Doubt',
  attributes,
} as const;

export const presets: Readonly<Record<PresetName, Preset>> = {
  /** entryUUID: RFC 4530. */
  OpenLDAP: { ...common, identity: textIdentity('entryUUID', uuidForm), emptyGroups: false },
  /** https://docs.redhat.com/en/documentation/red_hat_directory_server: nsUniqueId, nsAccountLock. */
  '389DirectoryServer': {
    ...common,
    identity: textIdentity('nsUniqueId', /^[0-9a-f]{8}(?:-[0-9a-f]{8}){3}$/i),
    account: disabledWhenTrue('nsAccountLock'),
    emptyGroups: true,
  },
};

export type PresetName = 'OpenLDAP' | '389DirectoryServer';

/** The mapping with some of its lists replaced. */
export function overrideAttributes(mapping: AttributeMapping, overrides: AttributeOverrides): AttributeMapping {
  const given = Object.entries(overrides).filter(([, names]) => names !== undefined);
  return { ...mapping, ...Object.fromEntries(given) };
}

/** @throws DirectoryError `InvalidBaseDN`, naming the field that holds them. */
export function assertBases(field: string, bases: readonly string[]): void {
  for (const base of bases) {
    if (normalizeDN(base) === undefined) {
      throw new DirectoryError('InvalidBaseDN', `${base} of ${field} is not a distinguished name.`);
    }
  }
}
