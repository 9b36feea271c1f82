/** What a reader takes out of a directory, in terms that no longer depend on the kind of directory. */

/** One person as the directory has it now. Texts are trimmed and never empty; absent means the directory says nothing. */
export interface PersonRecord {
  readonly kind: 'Person';
  /** Immutable id within the authority: objectGUID, entryUUID, nsUniqueId or Entra id, in its usual text form. */
  readonly externalId: string;
  /** Where a person would look for the record: the DN as the server spells it, or the user principal name. For messages only. */
  readonly label: string;
  readonly firstName?: string;
  readonly lastName?: string;
  /** As the directory spells it; the plan makes it canonical. */
  readonly email?: string;
  readonly domainAccount?: string;
  readonly language?: string;
  /** False when the directory says that the account is disabled; absent where it does not say. */
  readonly enabled?: boolean;
  /** RFC 3339. */
  readonly expiresAt?: string;
  /** objectGUID of the same account in Active Directory, where a cloud directory knows it. */
  readonly onPremisesId?: string;
  /** External ids of the groups that the person is in, nested ones included where the directory asks for them. */
  readonly groups: readonly string[];
}

export interface GroupRecord {
  readonly kind: 'Group';
  readonly externalId: string;
  readonly label: string;
  readonly name: string;
  readonly description?: string;
}

/** An entry that matched the filter and cannot be used, with the reason word and sentence of the catalogue. */
export interface RejectedRecord {
  readonly kind: 'Rejected';
  readonly of: 'Person' | 'Group';
  readonly label: string;
  readonly externalId?: string;
  readonly reason: string;
  readonly message: string;
}

export type DirectoryRecord = PersonRecord | GroupRecord | RejectedRecord;

/**
 * Where an entry is that a complete read did not give. Deleted: the directory says so, or can show that there is none.
 * OutOfBase: it was moved out of what is read. FilteredOut: it no longer matches the filter. NotVisible: the account
 * may not see enough to tell, so nothing must follow from it.
 */
export type Whereabouts = 'Deleted' | 'OutOfBase' | 'FilteredOut' | 'NotVisible';

/** What proves that a read saw everything. Any doubt makes it incomplete, and an incomplete read changes nobody. */
export interface Evidence {
  readonly complete: boolean;
  /** The one server that was read. */
  readonly server: string;
  /** Who issued the external ids: the forest, the server's naming context, or the Entra tenant. */
  readonly authority: string;
  /** Who the server took the operator for (RFC 4532 "Who am I?"), or `anonymous`. */
  readonly boundAs: string;
  readonly bases: readonly string[];
  /** Answers (pages) that the server gave. */
  readonly pages: number;
  /** Entries that were read, people and groups together. */
  readonly entries: number;
  /** Sentences; empty when complete. */
  readonly doubts: readonly string[];
  /** Sentences about what was left alone or done otherwise, which makes nothing doubtful: referrals, smaller pages. */
  readonly remarks?: readonly string[];
}

/** All that one read gave: kept once, shared by everything that follows. */
export interface DirectoryContents {
  readonly people: readonly PersonRecord[];
  readonly groups: readonly GroupRecord[];
  readonly rejected: readonly RejectedRecord[];
  readonly evidence: Evidence;
}
