import type { Claims, ClaimType } from './claims.ts';
import type { Database, MirrorLogger } from './database.ts';
import type { Plans } from './plans.ts';
import type {
  GroupRow,
  MirroredKind,
  OrganizationRow,
  PersonKind,
  PersonRow,
  RoleRow,
  RowKey,
  TenantRow,
  Written,
  WrittenPerson,
} from './rows.ts';

/** An address of somebody who was deleted and may come back. */
export interface Tombstone {
  readonly kind: PersonKind;
  readonly name: string;
  /** Canonical. */
  readonly email: string;
  readonly authority?: string;
  readonly externalId?: string;
}

/** What is so now. */
export interface MirrorStats {
  /** Live rows that the mirror knows of. */
  readonly rows: number;
  /** Rows that wait to be written, through an outage too. */
  readonly waiting: number;
  /** Age of the oldest of them in seconds; 0 when none waits. */
  readonly lagSeconds: number;
}

/** Is told what happens, for metrics. */
export interface MirrorObserver {
  /** A transaction of `rows` rows was committed, which changed `written` of them. */
  batch?(table: 'tenants' | 'organizations' | 'roles' | 'groups' | 'people', rows: number, written: number): void;
  rejected?(kind: MirroredKind): void;
  /** So many rows did not hold what the mirror had written. */
  drift?(rows: number): void;
}

export interface MirrorOptions {
  /** uid of the namespace kube-system, a slash, and the name of the installation. */
  readonly identity: string;
  /** Takes over a database that belongs to another installation, as after a restore into a new cluster. */
  readonly adopt?: boolean;
  readonly logger: MirrorLogger;
  readonly observer?: MirrorObserver;
}

/**
 * The database as the controllers see it. Calls are level-driven and idempotent: whoever gets an error calls
 * again later with what is true then. Of several calls for one key that wait, the last one counts.
 *
 * Everything rejects with DatabaseError: DatabaseUnavailable (try again), NoLongerLeader (stop),
 * RowRejected (this row only).
 */
export class Mirror {
  declare readonly claims: Claims;
  declare readonly plans: Plans;

  /**
   * Makes sure that the tables are there and that the database is this installation's; an empty one is adopted by
   * the first who comes. Rejects with DatabaseError DatabaseNotMigrated, DatabaseTooNew, DatabaseOfOtherInstallation.
   */
  static async open(_database: Database, _options: MirrorOptions): Promise<Mirror> {
    throw new Error('not built yet');
  }

  /**
   * Begins a new epoch and ends all others: until then nothing can be written, and who was leader before never again.
   * Afterwards read the Lease again: only who still holds it may go on.
   */
  async mint(): Promise<number> {
    throw new Error('not built yet');
  }

  /** Reads what every row holds and releases claims without a row. Call it as leader, before the first write. */
  async load(): Promise<void> {
    throw new Error('not built yet');
  }

  /**
   * Reads all rows again; those that do not hold what the mirror wrote (edited, missing or surplus), for the
   * controllers to look at anew.
   */
  async compare(): Promise<RowKey[]> {
    throw new Error('not built yet');
  }

  /** Called with what `compare` would return, found when the database came back after an outage. */
  onDrift(_listener: (keys: RowKey[]) => void): void {
    throw new Error('not built yet');
  }

  /** Called after an address or account became free, with who wants it, longest waiting first. */
  onFreed(_listener: (namespace: string, type: ClaimType, value: string, waiters: RowKey[]) => void): void {
    throw new Error('not built yet');
  }

  /** The live rows, as far as known: what of them has no object has vanished. */
  keys(): IterableIterator<RowKey> {
    throw new Error('not built yet');
  }

  /** Number of live people of a tenant, as far as known. */
  countPeople(_namespace: string): number {
    throw new Error('not built yet');
  }

  async writeTenant(_row: TenantRow): Promise<Written> {
    throw new Error('not built yet');
  }

  async writeOrganization(_row: OrganizationRow): Promise<Written> {
    throw new Error('not built yet');
  }

  async writeRole(_row: RoleRow): Promise<Written> {
    throw new Error('not built yet');
  }

  async writeGroup(_row: GroupRow): Promise<Written> {
    throw new Error('not built yet');
  }

  async writePerson(_row: PersonRow): Promise<WrittenPerson> {
    throw new Error('not built yet');
  }

  /**
   * Takes away the rows of objects that are gone. People become tombstones: no sign-in, no memberships, claims freed,
   * kept 30 days. `confirmed` says that an administrator confirmed it, so that it does not count against the guard.
   */
  async bury(_keys: readonly RowKey[], _options?: { readonly confirmed?: boolean }): Promise<void> {
    throw new Error('not built yet');
  }

  /** How many people of a tenant were buried since then without confirmation, and have not come back. */
  async buriedSince(_namespace: string, _since: Date): Promise<number> {
    throw new Error('not built yet');
  }

  /** Addresses of deleted people who may come back. */
  async tombstones(_namespace: string): Promise<Tombstone[]> {
    throw new Error('not built yet');
  }

  /** Deletes for good what has been a tombstone for 30 days; the number of people deleted. */
  async purge(_now: Date): Promise<number> {
    throw new Error('not built yet');
  }

  /** Resolves when the database answers within three seconds. */
  async healthy(): Promise<void> {
    throw new Error('not built yet');
  }

  stats(): MirrorStats {
    throw new Error('not built yet');
  }
}
