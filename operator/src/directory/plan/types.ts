import type {
  AppRole,
  DirectorySyncStatus,
  Group,
  GroupSource,
  Licence,
  PersonSource,
  Recipient,
  Tenant,
  User,
  UserDirectory,
} from '@roster/crds';
import type { DirectoryContents, GroupRecord, PersonRecord, RejectedRecord, Whereabouts } from '../record.ts';

export type PersonKind = 'User' | 'Recipient';

/** What the plan needs to know of the UserDirectory. */
export interface DirectorySettings
  extends Readonly<
    Pick<
      UserDirectory['spec'],
      | 'organization'
      | 'importAs'
      | 'defaultRole'
      | 'groupPrefix'
      | 'emailDomains'
      | 'exclude'
      | 'linking'
      | 'precedence'
      | 'passwordSetup'
      | 'onlyMembersOf'
      | 'mappings'
      | 'takesOver'
    > &
      Partial<Pick<UserDirectory['spec'], 'createDisabled' | 'whenMissing'>>
  > {
  /** Name of the UserDirectory. */
  readonly name: string;
  /** Who issued the external ids; as in the evidence of the read. */
  readonly authority: string;
  readonly membership: UserDirectory['spec']['groups']['membership'];
  /** Name of another UserDirectory that takes over the people of this one, which then brings nobody new. */
  readonly takenOverBy?: string | undefined;
  /** External ids of whom an administrator takes for the former holder of their address; that person goes on as they. */
  readonly samePerson?: readonly string[] | undefined;
  /** External ids of whom an administrator takes for somebody else than the deleted holder of their address. */
  readonly newPerson?: readonly string[] | undefined;
}

/** A person who was deleted a short while ago, and whose address nobody else may inherit yet. */
export interface Tombstone {
  readonly email: string;
  readonly kind: PersonKind;
  readonly name: string;
  readonly authority?: string | undefined;
  readonly externalId?: string | undefined;
}

/** What the tenant holds already. Each iterable is read once; nothing in it is modified. */
export interface ExistingTenant {
  readonly users: Iterable<User>;
  readonly recipients: Iterable<Recipient>;
  readonly groups: Iterable<Group>;
  /** By name, to know whose rights are too great to be linked unasked. */
  readonly roles: ReadonlyMap<string, AppRole>;
  /** Name of the User who owns the tenant. */
  readonly owner?: string | undefined;
  readonly tombstones: Iterable<Tombstone>;
  /** Who holds an address in the database, by canonical address. */
  readonly claims?: ReadonlyMap<string, { readonly kind: string; readonly name: string }> | undefined;
  /** Names of the organizations, which mappings may name. */
  readonly organizations?: ReadonlySet<string> | undefined;
  /** How many users may hold each licence. */
  readonly seats?: Tenant['spec']['seats'] | undefined;
}

export interface PlanInput {
  readonly directory: DirectorySettings;
  /** Of a complete read. */
  readonly contents: DirectoryContents;
  readonly existing: ExistingTenant;
  /** Where those are whom `missingPeople` names, by external id. Nobody is removed who is not in it. */
  readonly absences?: ReadonlyMap<string, Whereabouts> | undefined;
  readonly now: Date;
}

/** One state of an object: what an update is based on, so that a later change of its spec is never overwritten. */
export interface ObjectRef {
  readonly name: string;
  readonly uid: string;
  /** `metadata.generation`, which moves with the spec only: a status may be written in between. */
  readonly generation: number;
}

/**
 * What an action does that the guard counts and can hold. Those of the second half need approval, however few they are:
 * they touch people with great rights, or give such rights, or move people.
 */
export const effects = [
  'Creation',
  'Mail',
  'Seat',
  'Link',
  'AddressChange',
  'LostMembership',
  'Removal',
  'Restore',
  'RestrictedLink',
  'RestrictedChange',
  'RestrictedRemoval',
  'Grant',
  'TakeOver',
] as const;
export type Effect = (typeof effects)[number];

interface Consequences {
  /** Only the id of whom the directory no longer has. */
  readonly record: Pick<PersonRecord, 'externalId' | 'label'>;
  /** Absent when there are none. */
  readonly effects?: readonly Effect[];
  /** Why somebody is disabled or deleted. */
  readonly reason?: Exclude<Whereabouts, 'NotVisible'>;
  /** The licence that the person takes by it and did not before; only where the tenant's seats are limited. */
  readonly licence?: Licence;
  /** Why an effect needs approval, as the end of a sentence: `jane owns the tenant`. */
  readonly restriction?: string;
  /** Name of the person whose address this one gets: that person's own update comes first, or at the same time. */
  readonly awaits?: string;
}

export interface CreateUser extends Consequences {
  readonly action: 'Create';
  readonly kind: 'User';
  readonly name: string;
  readonly spec: User['spec'];
}

export interface CreateRecipient extends Consequences {
  readonly action: 'Create';
  readonly kind: 'Recipient';
  readonly name: string;
  readonly spec: Recipient['spec'];
}

/** The person was there without a directory, and gets the block. */
export interface LinkPerson extends Consequences {
  readonly action: 'Link';
  readonly kind: PersonKind;
  readonly ref: ObjectRef;
  readonly source: PersonSource;
}

/**
 * The block is replaced whole: fields that `source` does not have go. Disable: the person is missing from now on.
 * Restore: the person was, and is no more.
 */
export interface UpdatePerson extends Consequences {
  readonly action: 'Update' | 'Disable' | 'Restore';
  readonly kind: PersonKind;
  readonly ref: ObjectRef;
  readonly source: PersonSource;
  /** Fields of the block that differ, sorted. */
  readonly changed: readonly (keyof PersonSource)[];
  /** The block that is replaced; only where there are effects, since it is needed only to leave some of them out. */
  readonly before?: PersonSource;
}

/** The person's block becomes that of another entry: of this directory, or of the one that takes over from another. */
export interface TakeOverPerson extends Consequences {
  readonly action: 'TakeOver';
  readonly kind: PersonKind;
  readonly ref: ObjectRef;
  readonly source: PersonSource;
  readonly before: PersonSource;
}

/** The person has been missing for longer than the grace period. */
export interface DeletePerson extends Consequences {
  readonly action: 'Delete';
  readonly kind: PersonKind;
  readonly ref: ObjectRef;
  /** The block that the person has. */
  readonly source: PersonSource;
}

export type PersonAction = CreateUser | CreateRecipient | LinkPerson | UpdatePerson | TakeOverPerson | DeletePerson;

export interface CreateGroup {
  readonly action: 'Create';
  readonly kind: 'Group';
  readonly name: string;
  readonly spec: Group['spec'];
  readonly record: GroupRecord;
}

/** The block is replaced whole. */
export interface UpdateGroup {
  readonly action: 'Update';
  readonly kind: 'Group';
  readonly ref: ObjectRef;
  readonly source: GroupSource;
  readonly changed: readonly (keyof GroupSource)[];
  readonly record: GroupRecord;
}

export type GroupAction = CreateGroup | UpdateGroup;

/**
 * Something to say about a record or a person, with nothing to do:
 * Reject: it could not be taken over, and nothing of it changes. Exclude: the settings leave it out.
 * Keep: it is gone from the directory, and stays. Warn: it was taken over without the part that the message names.
 */
export interface Note {
  readonly action: 'Reject' | 'Exclude' | 'Keep' | 'Warn';
  readonly kind: PersonKind | 'Group';
  /** From the catalogue of errors. */
  readonly reason: string;
  readonly message: string;
  /** Absent for what the directory no longer has. */
  readonly record?: PersonRecord | GroupRecord | RejectedRecord;
  readonly externalId?: string;
  /** The object concerned, where there is one. */
  readonly name?: string;
}

/** What the guard judges a plan by, beside its actions. */
export interface GuardFacts {
  /** Users and recipients of the tenant before the run. */
  readonly people: number;
  /** Those of them that this directory fills. */
  readonly linked: number;
  /** Groups, organizations and roles that this directory gave to people before the run, all together. */
  readonly memberships: number;
  /** How many people have each of those of them that somebody loses, as `losses` names it. */
  readonly members: ReadonlyMap<string, number>;
}

/** All that a run will do, and why not more. Who is unchanged is only counted. */
export interface Plan {
  readonly people: readonly PersonAction[];
  readonly groups: readonly GroupAction[];
  readonly notes: readonly Note[];
  readonly counts: {
    readonly people: Readonly<NonNullable<DirectorySyncStatus['people']>>;
    readonly groups: Readonly<NonNullable<DirectorySyncStatus['groups']>>;
  };
  /** Records by action and reason, sorted. */
  readonly reasons: Readonly<NonNullable<DirectorySyncStatus['reasons']>>;
  /** Memberships that the accepted people have by this directory after the run. */
  readonly memberships: number;
  readonly facts: GuardFacts;
}

/** One line of the log of a run in the database. */
export interface PlanLine {
  readonly action: string;
  readonly kind: PersonKind | 'Group';
  /** The object concerned, where there is one. */
  readonly name?: string;
  /** The record's label, or its external id where the directory no longer has it. */
  readonly record: string;
  readonly externalId?: string;
  readonly reason?: string;
  readonly message?: string;
}
