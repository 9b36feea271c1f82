import type { KindDefinition } from '../kind.ts';
import { AppRole } from './approle.ts';
import { DirectorySync } from './directorysync.ts';
import { Group } from './group.ts';
import { Organization } from './organization.ts';
import { Recipient } from './recipient.ts';
import { Tenant } from './tenant.ts';
import { User } from './user.ts';
import { UserDirectory } from './userdirectory.ts';

/** Every kind, in the order in which a person meets them. */
export const kinds: readonly KindDefinition[] = [
  Tenant,
  Organization,
  AppRole,
  User,
  Recipient,
  Group,
  UserDirectory,
  DirectorySync,
];
