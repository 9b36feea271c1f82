/** Roster's API: the kinds, their types, and what their fields mean together. */
export { canonicalAccount, canonicalAddress, type InvalidAddress } from './address.ts';
export { apiVersion, group, type Kind, type KindDefinition, version } from './kind.ts';
export { kinds } from './kinds/all.ts';
export { AppRole, type Licence, licences } from './kinds/approle.ts';
export { DirectorySync, type DirectorySyncStatus, type RunPhase, runPhases } from './kinds/directorysync.ts';
export { Group } from './kinds/group.ts';
export { Organization } from './kinds/organization.ts';
export { Recipient } from './kinds/recipient.ts';
export { Tenant } from './kinds/tenant.ts';
export { User } from './kinds/user.ts';
export { UserDirectory } from './kinds/userdirectory.ts';
export type { Condition, KubernetesObject, ObjectMeta, OwnerReference, Resource, ResourceType } from './object.ts';
export { type EffectiveMembership, type EffectivePerson, effectivePerson, type Person } from './person.ts';
export { type Policy, policies } from './policies.ts';
export type { GroupSource, PersonSource } from './source.ts';
