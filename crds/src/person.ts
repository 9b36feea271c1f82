import { canonicalAccount, canonicalAddress } from './address.ts';
import type { Recipient } from './kinds/recipient.ts';
import type { User } from './kinds/user.ts';

export type Person = User | Recipient;

/** Membership of an organization in force: roles sorted by name. */
export interface EffectiveMembership {
  readonly name: string;
  readonly roles: readonly string[];
}

/**
 * What is in force for a person once the declared fields and the directory's are put together.
 * Lists are sorted and without repetition, so that equal people compare equal.
 */
export interface EffectivePerson {
  readonly firstName?: string;
  readonly lastName?: string;
  readonly displayName: string;
  /** Canonical; absent when `invalidEmail` says why. */
  readonly email?: string;
  readonly invalidEmail?: string;
  /** As written, for display and sign-in. */
  readonly domainAccount?: string;
  /** By which domain accounts are compared. */
  readonly domainAccountKey?: string;
  readonly language?: string;
  /** Names of tenant-wide AppRoles. */
  readonly roles: readonly string[];
  readonly organizations: readonly EffectiveMembership[];
  readonly groups: readonly string[];
  /** Enabled by the administrator. */
  readonly enabled: boolean;
  /** Enabled in the directory; true for people without one. */
  readonly enabledInDirectory: boolean;
  readonly expiresAt?: string;
  readonly missingSince?: string;
}

/**
 * Merges `spec` with `spec.source`. Names, e-mail and domain account: by precedence, and the other side where
 * that one says nothing. Language: the declared one, then the directory's. Organizations, roles and groups: the
 * union. Enabled: only if both say so.
 */
export function effectivePerson(spec: Person['spec']): EffectivePerson {
  const source = spec.source;
  const declaredAccount = 'domainAccount' in spec ? spec.domainAccount : undefined;
  const pick = <T>(declared: T | undefined, directory: T | undefined): T | undefined =>
    source?.precedence === 'Declared' ? (declared ?? directory) : (directory ?? declared);

  const firstName = pick(spec.firstName, source?.firstName);
  const lastName = pick(spec.lastName, source?.lastName);
  const address = pick(spec.email, source?.email);
  const canonical = address === undefined ? { invalid: 'there is none' } : canonicalAddress(address);
  const domainAccount = pick(declaredAccount, source?.domainAccount)?.trim();
  const language = spec.language ?? source?.language;
  const names = [firstName, lastName].filter((name) => name !== undefined);
  return {
    ...optional({ firstName, lastName, language }),
    displayName: names.length > 0 ? names.join(' ') : (address ?? ''),
    ...(typeof canonical === 'string' ? { email: canonical } : { invalidEmail: canonical.invalid }),
    ...(domainAccount ? { domainAccount, domainAccountKey: canonicalAccount(domainAccount) } : {}),
    roles: 'roles' in spec ? sorted(spec.roles ?? []) : [],
    organizations: mergeOrganizations(spec.organizations ?? [], source?.organizations ?? []),
    groups: sorted([...(spec.groups ?? []), ...(source?.groups ?? [])]),
    enabled: spec.enabled,
    enabledInDirectory: source?.enabled ?? true,
    ...optional({ expiresAt: source?.expiresAt, missingSince: source?.missingSince }),
  };
}

type Membership = { readonly name: string; readonly roles?: readonly string[] | undefined };

function mergeOrganizations(declared: readonly Membership[], mapped: readonly Membership[]): EffectiveMembership[] {
  const roles = new Map<string, string[]>();
  for (const membership of [...declared, ...mapped]) {
    roles.set(membership.name, [...(roles.get(membership.name) ?? []), ...(membership.roles ?? [])]);
  }
  return sorted([...roles.keys()]).map((name) => ({ name, roles: sorted(roles.get(name) ?? []) }));
}

/** In code-unit order, without repetition: the same everywhere, whatever the locale. */
function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function optional<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
