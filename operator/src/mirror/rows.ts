/**
 * What the controllers hand to the mirror: one row an object, in the words of the resources.
 * Lists may come in any order. Times are RFC 3339.
 */
import type { Licence } from '@roster/crds';

export type PersonKind = 'User' | 'Recipient';
export type ResourceKind = 'Tenant' | 'Organization' | 'AppRole' | 'Group';
export type MirroredKind = PersonKind | ResourceKind;

/** Which row: the object that it stands for. */
export interface RowKey {
  readonly namespace: string;
  readonly kind: MirroredKind;
  readonly name: string;
}

/** What every row says of its object. */
export interface ObjectRow {
  readonly namespace: string;
  readonly name: string;
  /** metadata.uid. */
  readonly uid: string;
}

export interface TenantRow extends ObjectRow {
  readonly displayName?: string | undefined;
  /** Name of the User who owns the tenant. */
  readonly owner?: string | undefined;
  readonly defaultOrganization: string;
  readonly defaultLanguage: string;
  readonly publicURL?: string | undefined;
  /** Seats by licence; a licence that is absent has no limit. */
  readonly seats?:
    | {
        readonly creator?: number | undefined;
        readonly explorer?: number | undefined;
        readonly viewer?: number | undefined;
      }
    | undefined;
}

export interface OrganizationRow extends ObjectRow {
  readonly displayName: string;
  readonly description?: string | undefined;
  readonly theme?: string | undefined;
}

export interface Permission {
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Projects in which it holds; all of them when absent. */
  readonly projects?: readonly string[] | undefined;
}

export interface RoleRow extends ObjectRow {
  readonly displayName: string;
  readonly description?: string | undefined;
  readonly enabled: boolean;
  readonly builtIn: boolean;
  readonly scope: 'Tenant' | 'Organization';
  readonly licence: Licence;
  readonly permissions: readonly Permission[];
}

export interface GroupRow extends ObjectRow {
  readonly displayName: string;
  readonly description?: string | undefined;
  /** Name of the Organization, which need not be mirrored yet. */
  readonly organization: string;
  /** Its members are all people of its organization, whatever people say. */
  readonly computed: boolean;
  readonly directory?: string | undefined;
  readonly authority?: string | undefined;
  readonly externalId?: string | undefined;
  readonly missingSince?: string | undefined;
}

export interface PersonRow extends ObjectRow {
  readonly kind: PersonKind;
  /** Canonical address that the person wants; absent when there is no valid one. */
  readonly email?: string | undefined;
  /** As written. */
  readonly domainAccount?: string | undefined;
  /** By which domain accounts are compared; absent together with `domainAccount`. */
  readonly domainAccountKey?: string | undefined;
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly displayName: string;
  /** As a BCP 47 tag; the tenant's already filled in. */
  readonly language: string;
  /** Enabled by the administrator. */
  readonly enabled: boolean;
  /** May sign in or get mail. */
  readonly active: boolean;
  /** Why not, in one word. */
  readonly inactiveReason?: string | undefined;
  readonly expiresAt?: string | undefined;
  readonly passwordSetup?: 'Invite' | 'None' | undefined;
  readonly directory?: string | undefined;
  readonly authority?: string | undefined;
  readonly externalId?: string | undefined;
  readonly missingSince?: string | undefined;
  /** Names of AppRoles held in the whole tenant; they need not be mirrored yet. */
  readonly roles: readonly string[];
  /** Organizations with the roles held there; they need not be mirrored yet. */
  readonly organizations: readonly { readonly name: string; readonly roles: readonly string[] }[];
  /** Names of Groups; they need not be mirrored yet. */
  readonly groups: readonly string[];
}

/** Who has an address or account. */
export interface Holder {
  readonly kind: PersonKind;
  readonly name: string;
}

export interface Written {
  /** Whether the database was changed; false when it held the row already. */
  readonly written: boolean;
}

export interface WrittenPerson extends Written {
  /** The row's own id; undefined when a later call for the same person overtook this one. */
  readonly id: string | undefined;
  /** Somebody else has the address: the row is stored without it, inactive for `EmailNotUnique`. */
  readonly emailHolder?: Holder;
  /** Somebody else has the domain account: the row is stored without it. */
  readonly domainAccountHolder?: Holder;
}

export function isPersonKind(kind: MirroredKind): kind is PersonKind {
  return kind === 'User' || kind === 'Recipient';
}
