import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { DatabaseError } from '../errors.ts';
import { Backlog } from './backlog.ts';
import type { Applied, Result, Stored } from './change.ts';
import { Claims, type ClaimType, type Conflict, type Freed, releaseOrphans } from './claims.ts';
import { type Database, type MirrorLogger, query } from './database.ts';
import { Effects } from './effects.ts';
import { EntraSnapshots } from './entrasnapshots.ts';
import { Fence } from './fence.ts';
import { Inventory } from './inventory.ts';
import { keyText, parseKey } from './key.ts';
import { checkMigrated } from './migrate.ts';
import {
  type AppliedPeople,
  type PersonResult,
  personDigest,
  readPeople,
  type StoredPerson,
  storePerson,
  writePeople,
} from './people.ts';
import { Plans } from './plans.ts';
import { groups, organizations, resourceTables, roles, tenants } from './resources.ts';
import {
  type GroupRow,
  isPersonKind,
  type MirroredKind,
  type OrganizationRow,
  type PersonRow,
  type RoleRow,
  type RowKey,
  type TenantRow,
  type Written,
  type WrittenPerson,
} from './rows.ts';
import { RowWriter, type RowWriterParts } from './rowwriter.ts';
import { readTable, storedDigest, type Table, writeTable } from './table.ts';
import { countBuried, purgePeople, purgeResources, readMissing, readTombstones, type Tombstone } from './tombstones.ts';
import { Waiting } from './waiting.ts';
import { Writer } from './writer.ts';

/** What is so now. */
export interface MirrorStats {
  /** Live rows that the mirror knows of. */
  readonly rows: number;
  /** Rows that wait to be written, through an outage too. */
  readonly waiting: number;
  /** Age of the oldest of them in seconds; 0 when none waits. */
  readonly lagSeconds: number;
}

/** Of the tables whose rows stand for resources. */
export const tableNames = ['tenants', 'organizations', 'roles', 'groups', 'people'] as const;
type TableName = (typeof tableNames)[number];

/** Is told what happens, for metrics. */
export interface MirrorObserver {
  /** A transaction of `rows` rows was committed, which changed `written` of them. */
  batch?(table: TableName, rows: number, written: number): void;
  /** The database refused a row. */
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

type FreedListener = (namespace: string, type: ClaimType, value: string, waiters: RowKey[]) => void;
type DriftListener = (keys: RowKey[]) => void;

const healthTimeoutMs = 3_000;

/**
 * The database as the controllers see it. Calls are level-driven and idempotent: whoever gets an error calls
 * again later with what is true then. Of several calls for one row that wait, the last one counts.
 *
 * Everything rejects with DatabaseError: DatabaseUnavailable (try again), NoLongerLeader (stop),
 * RowRejected (this row only).
 */
export class Mirror {
  readonly claims: Claims;
  readonly plans: Plans;
  readonly entraSnapshots: EntraSnapshots;
  readonly effects: Effects;
  readonly #database: Database;
  readonly #fence: Fence;
  readonly #writer: Writer;
  readonly #logger: MirrorLogger;
  readonly #observer: MirrorObserver;
  readonly #inventory = new Inventory();
  readonly #backlog = new Backlog();
  readonly #waiting = new Waiting();
  readonly #people: RowWriter<StoredPerson, PersonResult, AppliedPeople>;
  readonly #resources: ReadonlyMap<MirroredKind, RowWriter<Stored, Result, Applied<Result>>>;
  readonly #freedListeners: FreedListener[] = [];
  readonly #driftListeners: DriftListener[] = [];
  #reading: Promise<RowKey[]> | undefined;

  private constructor(database: Database, fence: Fence, { logger, observer = {} }: MirrorOptions) {
    this.#database = database;
    this.#fence = fence;
    this.#logger = logger;
    this.#observer = observer;
    this.#writer = new Writer(database, fence, logger, () => void this.#lookAround());
    this.claims = new Claims(database, this.#writer);
    this.plans = new Plans(database, this.#writer);
    this.entraSnapshots = new EntraSnapshots(database, this.#writer);
    this.effects = new Effects(database, this.#writer);
    const parts: RowWriterParts = { writer: this.#writer, inventory: this.#inventory, backlog: this.#backlog };
    const rejected = (kind: MirroredKind) => observer.rejected?.(kind);
    this.#people = new RowWriter(parts, writePeople, { committed: (applied) => this.#wrotePeople(applied), rejected });
    this.#resources = new Map(
      resourceTables.map((table) => {
        const committed = (applied: Applied<Result>) => this.#wrote(table.name, applied);
        return [table.kind, new RowWriter(parts, writeTable(table), { committed, rejected })];
      }),
    );
  }

  /**
   * Makes sure that the tables are there and that the database is this installation's; an empty one is adopted by
   * the first who comes. Rejects with DatabaseError DatabaseNotMigrated, DatabaseTooNew, DatabaseOfOtherInstallation.
   */
  static async open(database: Database, options: MirrorOptions): Promise<Mirror> {
    await checkMigrated(database);
    const { identity, adopt = false } = options;
    return new Mirror(database, await Fence.erect(database, { identity, adopt }), options);
  }

  /**
   * Begins a new epoch and ends all others: until then nothing can be written, and who was leader before never again.
   * Afterwards read the Lease again: only who still holds it may go on.
   */
  async mint(): Promise<number> {
    return await this.#fence.mint();
  }

  /** Reads what every row holds and releases claims without a row. Call it as leader, before the first write. */
  async load(): Promise<void> {
    await this.#read(true);
  }

  /**
   * Reads all rows again; those that do not hold what the mirror wrote (edited, missing or surplus), for the
   * controllers to look at anew. Who asks while it is being done gets the same answer.
   */
  async compare(): Promise<RowKey[]> {
    return await this.#read(false);
  }

  /**
   * Called with rows to look at anew after the database was away: those that `compare` finds, since it may have come
   * back from a backup, and people who wait for an address, since the news that it is free may have got lost.
   */
  onDrift(listener: DriftListener): void {
    this.#driftListeners.push(listener);
  }

  /** Called after an address or account became free, with who wants it, longest waiting first. */
  onFreed(listener: FreedListener): void {
    this.#freedListeners.push(listener);
  }

  /** The live rows, as far as known: what of them has no object has vanished. */
  *keys(): Generator<RowKey> {
    for (const key of this.#inventory.keys()) yield parseKey(key);
  }

  /** Whether there is a live row, as far as known. */
  has(key: RowKey): boolean {
    return this.#inventory.has(keyText(key));
  }

  /** The database is inside this process, for a trial. */
  get embedded(): boolean {
    return this.#database.type === 'PGlite';
  }

  /** Number of live rows of a tenant that are of these kinds, as far as known. */
  count(namespace: string, kinds: readonly MirroredKind[]): number {
    const prefixes = kinds.map((kind) => keyText({ namespace, kind, name: '' }));
    let count = 0;
    for (const key of this.#inventory.keys()) if (prefixes.some((prefix) => key.startsWith(prefix))) count++;
    return count;
  }

  async writeTenant(row: TenantRow): Promise<Written> {
    return await this.#writeResource(tenants, row);
  }

  async writeOrganization(row: OrganizationRow): Promise<Written> {
    return await this.#writeResource(organizations, row);
  }

  async writeRole(row: RoleRow): Promise<Written> {
    return await this.#writeResource(roles, row);
  }

  async writeGroup(row: GroupRow): Promise<Written> {
    return await this.#writeResource(groups, row);
  }

  async writePerson(row: PersonRow): Promise<WrittenPerson> {
    const stored = storePerson(row);
    const key = keyText(stored);
    // Who waits for an address never gets here: the row holds something else than is wanted.
    if (this.#people.holds(key, personDigest(stored))) return { written: false, id: undefined };
    const { written, id, conflicts } = await this.#people.write(key, { stored });
    const emailHolder = holderOf(conflicts, 'email');
    const domainAccountHolder = holderOf(conflicts, 'domainAccount');
    return { written, id, ...(emailHolder && { emailHolder }), ...(domainAccountHolder && { domainAccountHolder }) };
  }

  /**
   * Takes away the rows of objects that are gone. People become tombstones: no sign-in, no memberships, claims freed,
   * kept 30 days. `confirmed` says that somebody judged it already, so that it does not count against the guard.
   */
  async bury(keys: readonly RowKey[], { confirmed = false }: { readonly confirmed?: boolean } = {}): Promise<void> {
    const ends = keys.map(async (key) => {
      const writer = isPersonKind(key.kind) ? this.#people : this.#resources.get(key.kind);
      await writer?.write(keyText(key), { gone: { ...key, confirmed } });
    });
    const failed = (await Promise.allSettled(ends)).find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** How many people of a tenant were buried since then without confirmation, and have not come back. */
  async buriedSince(namespace: string, since: Date): Promise<number> {
    return await countBuried(this.#database, namespace, since);
  }

  /** People of a tenant whom a directory no longer has, and who could not sign in any more. */
  async missing(namespace: string): Promise<RowKey[]> {
    return await readMissing(this.#database, namespace);
  }

  /** Addresses of deleted people who may come back. */
  async tombstones(namespace: string): Promise<Tombstone[]> {
    return await readTombstones(this.#database, namespace);
  }

  /** Deletes for good what has been a tombstone for 30 days; the number of people deleted. */
  async purge(now: Date): Promise<number> {
    for (let purged = 0; ; ) {
      const { deleted, more } = await this.#writer.run((transaction) => purgePeople(transaction, now));
      purged += deleted;
      if (more) continue;
      await this.#writer.run((transaction) => purgeResources(transaction, now));
      return purged;
    }
  }

  /** Resolves when the database answers within three seconds; rejects with DatabaseError. */
  async healthy(): Promise<void> {
    const end = new AbortController();
    const tooLate = delay(healthTimeoutMs, undefined, { signal: end.signal }).then(
      () => {
        throw new DatabaseError('DatabaseUnavailable', `The database at ${this.#database.location} does not answer.`);
      },
      () => undefined,
    );
    try {
      await Promise.race([query(this.#database, (session) => sql`select 1`.execute(session)), tooLate]);
      this.#writer.noteAnswer();
    } catch (error) {
      this.#writer.noteFailure(error);
      throw error;
    } finally {
      end.abort();
    }
  }

  /** Throws what the last query said, while the database is away: for who has nothing to write, and yet tells of it. */
  assertAnswering(): void {
    const { trouble } = this.#writer;
    if (trouble !== undefined) throw trouble;
  }

  stats(): MirrorStats {
    return { rows: this.#inventory.size, waiting: this.#backlog.size, lagSeconds: this.#backlog.lagSeconds };
  }

  async #writeResource<Row>(table: Table<Row>, row: Row): Promise<Written> {
    const stored = table.store(row);
    const key = keyText(stored);
    const writer = this.#resources.get(table.kind);
    if (writer === undefined || writer.holds(key, storedDigest(table.columns, stored))) return { written: false };
    const { written } = await writer.write(key, { stored });
    return { written };
  }

  #wrote(table: TableName, { results }: Applied<Result>): void {
    const written = [...results.values()].filter((result) => result.written).length;
    this.#observer.batch?.(table, results.size, written);
  }

  #wrotePeople(applied: AppliedPeople): void {
    this.#wrote('people', applied);
    for (const [key, { conflicts }] of applied.results) this.#waiting.update(key, conflicts);
    this.#tellFreed(applied.freed);
  }

  #tellFreed(freed: readonly Freed[]): void {
    for (const claim of freed) {
      const waiters = this.#waiting.of(claim).map(parseKey);
      if (waiters.length === 0) continue;
      for (const listener of this.#freedListeners) listener(claim.namespace, claim.type, claim.value, waiters);
    }
  }

  async *#readAll() {
    for (const table of resourceTables) yield* readTable(this.#database, table);
    yield* readPeople(this.#database);
  }

  /** One reading at a time: whoever asks meanwhile gets its result. */
  #read(atStart: boolean): Promise<RowKey[]> {
    const read = async () => {
      const differing = await this.#inventory.replace(this.#readAll());
      if (!atStart && differing.length > 0) this.#observer.drift?.(differing.length);
      await this.#releaseOrphans(atStart);
      return differing.map(parseKey);
    };
    this.#reading ??= read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #releaseOrphans(atStart: boolean): Promise<void> {
    await this.#writer.run(
      (transaction) => releaseOrphans(transaction, atStart),
      (freed) => this.#tellFreed(freed),
    );
  }

  async #lookAround(): Promise<void> {
    try {
      const differing = (await this.compare()).map(keyText);
      const keys = [...new Set([...differing, ...this.#waiting.everybody()])].map(parseKey);
      if (keys.length > 0) for (const listener of this.#driftListeners) listener(keys);
    } catch (error) {
      // When it is away again, its next return begins this anew; a deposed leader has nothing to repair.
      this.#writer.noteFailure(error);
      this.#logger.warn({ err: error }, 'could not compare rows');
    }
  }
}

function holderOf(conflicts: readonly Conflict[], type: ClaimType) {
  return conflicts.find((conflict) => conflict.type === type)?.holder;
}
