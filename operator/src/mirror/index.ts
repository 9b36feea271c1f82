/** The application's database: what the controllers write, and what they ask of it. */
export type { Claims, ClaimType, Want } from './claims.ts';
export { type Database, type DatabaseOptions, type MirrorLogger, openDatabase } from './database.ts';
export type { EffectCounts, Effects } from './effects.ts';
export type { EntraSnapshot, EntraSnapshots, SnapshotOwner } from './entrasnapshots.ts';
export { checkMigrated, migrate } from './migrate.ts';
export { Mirror, type MirrorObserver, type MirrorOptions, type MirrorStats, tableNames } from './mirror.ts';
export type { Plans, RunRecord, SyncLine } from './plans.ts';
export {
  type GroupRow,
  type Holder,
  isPersonKind,
  type MirroredKind,
  type ObjectRow,
  type OrganizationRow,
  type Permission,
  type PersonKind,
  type PersonRow,
  type ResourceKind,
  type RoleRow,
  type RowKey,
  type TenantRow,
  type Written,
  type WrittenPerson,
} from './rows.ts';
export type { Tombstone } from './tombstones.ts';
export { judgeVanishing, type Vanishing, type VanishingJudgement } from './vanishing.ts';
