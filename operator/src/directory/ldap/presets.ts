import { parseFilter } from './filter.ts';

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

/** What is particular to a kind of server. */
export interface Preset {
  /** Attribute with the id that an entry keeps when it is renamed or moved. */
  readonly identity: string;
  /** Attribute that is `true` when the account is disabled. */
  readonly disabled?: string;
  /** Whether groupOfNames and groupOfUniqueNames may be without members, which RFC 4519 does not allow. */
  readonly emptyGroups: boolean;
  readonly attributes: AttributeMapping;
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

export const presets = {
  /** entryUUID: RFC 4530. */
  OpenLDAP: { identity: 'entryUUID', emptyGroups: false, attributes },
  /** https://docs.redhat.com/en/documentation/red_hat_directory_server: nsUniqueId, nsAccountLock. */
  '389DirectoryServer': { identity: 'nsUniqueId', disabled: 'nsAccountLock', emptyGroups: true, attributes },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof presets;

export const defaultUserFilter = parseFilter('(objectClass=inetOrgPerson)');
export const defaultGroupFilter = parseFilter(
  '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
);

/** The mapping with some of its lists replaced. */
export function overrideAttributes(
  mapping: AttributeMapping,
  overrides: { readonly [K in keyof AttributeMapping]?: readonly string[] | undefined },
): AttributeMapping {
  const given = Object.entries(overrides).filter(([, names]) => names !== undefined);
  return { ...mapping, ...Object.fromEntries(given) };
}
