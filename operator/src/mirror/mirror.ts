import type { Claims, ClaimType } from './claims.ts';
import type { Database, MirrorLogger } from './database.ts';
import type { Fence } from './fence.ts';
import type { Plans } from './plans.ts';
import type {
  GroupRow,
  OrganizationRow,
  PersonRow,
  RoleRow,
  RowKey,
  TenantRow,
  Written,
  WrittenPerson,
} from './rows.ts';

/** An address of somebody who was deleted and may come back. */
export interface Tombstone {
  readonly kind: 'User' | 'Recipient';
  readonly name: string;
  /** Canonical. */
  readonly email: string;
  readonly authority?: string;
  readonly externalId?: string;
}

/** Counters since the start, and what is so now. */
export interface MirrorStats {
  /** Live rows that the mirror knows of. */
  readonly rows: number;
  /** Rows that wait to be written, through an outage too. */
  readonly waiting: number;
  /** Age of the oldest of them in seconds; 0 when none waits. */
  readonly lagSeconds: number;
  /** Rows of the last batch. */
  readonly lastBatchRows: number;
  readonly batches: number;
  readonly rowsWritten: number;
  readonly rowsUnchanged: number;
  readonly rowsRejected: number;
  /** Rows that did not hold what they should, and were reported for repair. */
  readonly driftFound: number;
}

/**
 * The database as the controllers see it. Calls are level-driven and idempotent: whoever gets an error calls
 * again later with what is true then. Of several calls for one key that wait, the last one counts.
 *
 * Rejects with DatabaseError: DatabaseUnavailable (try again), NoLongerLeader (stop), RowRejected (this row only).
 */
export interface Mirror {
  readonly claims: Claims;
  readonly plans: Plans;

  /** Reads what every row holds and releases claims without a row. Call it as leader, before the first write. */
  load(): Promise<void>;
  /**
   * Reads all rows again; the keys of those that do not hold what the mirror wrote (edited, missing or surplus),
   * for the controllers to look at anew.
   */
  compare(): Promise<RowKey[]>;
  /** Keys that `compare` would return, found when the database came back after an outage. */
  onDrift(listener: (keys: RowKey[]) => void): void;
  /** Keys of the live rows, as far as known. */
  keys(): IterableIterator<RowKey>;
  has(key: RowKey): boolean;
  /** Number of live people of a tenant, as far as known. */
  livePeople(namespace: string): number;

  writeTenant(row: TenantRow): Promise<Written>;
  writeOrganization(row: OrganizationRow): Promise<Written>;
  writeRole(row: RoleRow): Promise<Written>;
  writeGroup(row: GroupRow): Promise<Written>;
  writePerson(row: PersonRow): Promise<WrittenPerson>;
  /** Removes the row of a tenant, organization, role or group whose object is gone. */
  remove(key: RowKey): Promise<void>;

  /**
   * Turns people whose object is gone into tombstones: no sign-in, no memberships, claims freed, kept 30 days.
   * `confirmed` says that an administrator confirmed the removal, so that it does not count against the guard.
   */
  bury(keys: readonly RowKey[], options?: { readonly confirmed?: boolean }): Promise<void>;
  /** How many people of a tenant were buried since then, unconfirmed. */
  buriedSince(namespace: string, since: Date): Promise<number>;
  /** Addresses of deleted people who may come back. */
  tombstones(namespace: string): Promise<Tombstone[]>;
  /** Deletes for good what has been a tombstone for 30 days; the number of people deleted. */
  purge(now: Date): Promise<number>;

  /** Called after an address or account became free, with who wants it, longest waiting first. */
  onFreed(listener: (namespace: string, type: ClaimType, value: string, waiters: RowKey[]) => void): void;

  /** Resolves when the database answers within three seconds. */
  healthy(): Promise<void>;
  stats(): MirrorStats;
}

export interface MirrorOptions {
  readonly database: Database;
  readonly fence: Fence;
  readonly logger: MirrorLogger;
}

export function createMirror(_options: MirrorOptions): Mirror {
  throw new Error('not built yet');
}
