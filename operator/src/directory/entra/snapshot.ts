/**
 * The snapshot of an Entra tenant: every user, group and direct membership, as the directory's delta queries told.
 * Who keeps it is told page by page; whoever reads sees only snapshots that are whole.
 */

/** What Microsoft Graph says of one object, property by property; null is a property without a value. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * What a delta query told of one object. Present: these properties are so now, others are as before. Removed: it was
 * deleted and may be restored. Gone: it was deleted for good.
 */
export type ObjectChange =
  | { readonly id: string; readonly state: 'Present'; readonly fields: Fields }
  | { readonly id: string; readonly state: 'Removed' | 'Gone' };

/** Whether an object, user or group, is a direct member of a group now. */
export interface MembershipChange {
  readonly group: string;
  readonly member: string;
  readonly isMember: boolean;
}

/** Each user, group and membership at most once. */
export interface SnapshotChanges {
  readonly users: Iterable<ObjectChange>;
  readonly groups: Iterable<ObjectChange>;
  readonly memberships: Iterable<MembershipChange>;
}

/** Where the next delta queries go on: URLs of Microsoft Graph. */
export interface DeltaLinks {
  readonly users: string;
  /** Absent when groups are not read. */
  readonly groups?: string | undefined;
}

/** A whole snapshot, at one moment. */
export interface Checkpoint {
  readonly id: string;
  /** Grows each time the snapshot is moved. */
  readonly version: number;
  /** What was asked for, and as whom: another selection needs another snapshot. */
  readonly selection: string;
  readonly links: DeltaLinks;
  /** When everything was read. */
  readonly completedAt: Date;
}

/** An object of the snapshot, with the groups that list it. Ids are GUIDs in lower case. */
export interface SnapshotObject {
  readonly id: string;
  readonly fields: Fields;
  readonly groups: readonly string[];
}

/** Keeps the snapshot of one directory. Everything rejects with DatabaseError. */
export interface SnapshotStore {
  /** The last whole snapshot. */
  current(): Promise<Checkpoint | undefined>;
  /** Begins another one, which nobody sees until it is completed; gives its id. */
  begin(selection: string): Promise<string>;
  fill(id: string, changes: SnapshotChanges): Promise<void>;
  /** Puts it in the place of the current one, with the links from which it goes on, in one transaction. */
  complete(id: string, links: DeltaLinks): Promise<void>;
  /** Forgets one that was begun and not completed. */
  discard(id: string): Promise<void>;
  /**
   * Applies changes and moves the links, in one transaction. False when it was moved or replaced since then: nothing
   * is written, and the changes are to be asked for again.
   */
  move(from: Checkpoint, changes: SnapshotChanges, links: DeltaLinks): Promise<boolean>;
  /**
   * Whether it is still the current one. As long as it is not replaced, each object that is read of it is as it was at
   * some moment, and none is passed over; one that was replaced is deleted bit by bit.
   */
  isCurrent(id: string): Promise<boolean>;
  /** In pages; without those that were deleted. */
  users(id: string): AsyncGenerator<readonly SnapshotObject[]>;
  groups(id: string): AsyncGenerator<readonly SnapshotObject[]>;
  /** Those of these users that the snapshot has, by id. */
  find(id: string, users: readonly string[]): Promise<ReadonlyMap<string, Fields>>;
}
