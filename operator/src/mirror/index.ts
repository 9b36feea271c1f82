/** The application's database: what the controllers write, and what they ask of it. */
export type { Claims, ClaimType, Want } from './claims.ts';
export { type Database, type DatabaseOptions, type MirrorLogger, openDatabase } from './database.ts';
export { createFence, type Fence } from './fence.ts';
export { claimInstallation, type InstallationOptions } from './installation.ts';
export { checkMigrated, migrate } from './migrate.ts';
export { createMirror, type Mirror, type MirrorOptions, type MirrorStats, type Tombstone } from './mirror.ts';
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
  parseRowKey,
  type ResourceKind,
  type RoleRow,
  type RowKey,
  rowKey,
  type TenantRow,
  type Written,
  type WrittenPerson,
} from './rows.ts';
export { judgeVanishing, type Vanishing, type VanishingVerdict } from './vanishing.ts';
