import type { AppRole, DirectorySync, Group, Organization, Recipient, Tenant, User, UserDirectory } from '@roster/crds';
import type { RosterMetrics } from '../metrics.ts';
import type { Mirror } from '../mirror/index.ts';
import type { ApiClient, EventRecorder, Informer, Logger, NamespaceScope } from '../runtime/index.ts';
import type { Secrets } from './secrets.ts';

/** One informer a kind. */
export interface Informers {
  readonly tenants: Informer<Tenant>;
  readonly organizations: Informer<Organization>;
  readonly roles: Informer<AppRole>;
  readonly users: Informer<User>;
  readonly recipients: Informer<Recipient>;
  readonly groups: Informer<Group>;
  readonly directories: Informer<UserDirectory>;
  readonly runs: Informer<DirectorySync>;
}

/** What controllers work with. Everything in it is shared, and none of it belongs to one controller. */
export interface Context {
  readonly client: ApiClient;
  readonly informers: Informers;
  /** Namespaces of this installation; the informers show nothing of others. */
  readonly scope: NamespaceScope;
  readonly mirror: Mirror;
  readonly events: EventRecorder;
  readonly secrets: Secrets;
  readonly metrics: RosterMetrics;
  readonly log: Logger;
  readonly now: () => Date;
}

/** The name of the one Tenant of a namespace. */
export const tenantName = 'tenant';
