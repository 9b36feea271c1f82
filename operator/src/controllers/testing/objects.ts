/** Objects for tests, as the API server returns them. */
import {
  AppRole,
  apiVersion,
  type Condition,
  DirectorySync,
  type DirectorySyncStatus,
  Group,
  type KubernetesObject,
  Organization,
  type PersonSource,
  Recipient,
  Tenant,
  User,
  UserDirectory,
} from '@roster/crds';
import { Store } from '../../runtime/index.ts';

export const namespace = 'acme';
export const now = new Date('2026-03-01T12:00:00Z');

/** `now` and so many seconds, as Kubernetes writes times. */
export const at = (seconds: number): string =>
  new Date(now.getTime() + seconds * 1000).toISOString().replace('.000Z', 'Z');

type Meta = Partial<KubernetesObject['metadata']>;
type Kind = { readonly kind: string };

const head = (kind: Kind, name: string, metadata: Meta) => ({
  apiVersion,
  kind: kind.kind,
  metadata: {
    name,
    namespace,
    uid: `uid-of-${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: at(-3600),
    ...metadata,
  },
});

export const tenant = (spec: Partial<Tenant['spec']> = {}, metadata: Meta = {}): Tenant => ({
  ...head(Tenant, 'tenant', metadata),
  spec: { defaultOrganization: 'main', defaultLanguage: 'en', ...spec },
});

export const organization = (name: string): Organization => ({ ...head(Organization, name, {}), spec: {} });

export const role = (name: string, scope: AppRole['spec']['scope'] = 'Organization'): AppRole => ({
  ...head(AppRole, name, {}),
  spec: { enabled: true, builtIn: false, scope, licence: 'Viewer', permissions: [] },
});

export const group = (name: string, of = 'main'): Group => ({
  ...head(Group, name, {}),
  spec: { organization: of },
});

export const user = (name: string, spec: Partial<User['spec']> = {}, metadata: Meta = {}): User => ({
  ...head(User, name, metadata),
  spec: {
    email: `${name}@example.com`,
    enabled: true,
    passwordSetup: 'None',
    organizations: [{ name: 'main' }],
    ...spec,
  },
});

export const recipient = (name: string, spec: Partial<Recipient['spec']> = {}): Recipient => ({
  ...head(Recipient, name, {}),
  spec: { email: `${name}@example.com`, enabled: true, organizations: [{ name: 'main' }], ...spec },
});

export const source = (fields: Partial<PersonSource> = {}): PersonSource => ({
  directory: 'corporate',
  authority: 'dc=example,dc=com',
  externalId: '42',
  ...fields,
});

export const directory = (
  spec: Partial<UserDirectory['spec']> = {},
  { status, ...metadata }: Meta & { readonly status?: UserDirectory['status'] } = {},
): UserDirectory => ({
  ...head(UserDirectory, 'corporate', metadata),
  spec: {
    ...UserDirectory.spec.parse({ ...UserDirectory.sample.spec, defaultRole: undefined }),
    ...spec,
  },
  ...(status === undefined ? {} : { status }),
});

/** A run of `corporate`; without a status nobody has looked at it yet. */
export const run = (
  name: string,
  status?: DirectorySyncStatus,
  { spec = {}, ...metadata }: Meta & { readonly spec?: Partial<DirectorySync['spec']> } = {},
): DirectorySync => ({
  ...head(DirectorySync, name, metadata),
  spec: { directory: 'corporate', dryRun: false, ...spec },
  ...(status === undefined ? {} : { status }),
});

/** An interrupted run, as the controller of runs leaves it. */
export const interrupted = (name: string, finishedAt = at(-60), rest: Parameters<typeof run>[2] = {}): DirectorySync =>
  run(name, { phase: 'Failed', finishedAt, conditions: [condition('Ready', 'False', 'RunInterrupted')] }, rest);

export const condition = (
  type: string,
  status: Condition['status'],
  reason: string,
  rest: Partial<Condition> = {},
): Condition => ({ type, status, reason, message: '', lastTransitionTime: at(-7200), observedGeneration: 1, ...rest });

/** A cache that holds these objects. */
export function cacheOf<T extends KubernetesObject>(...objects: T[]): Store<T> {
  const store = new Store<T>();
  for (const object of objects) store.set(object);
  return store;
}

/** What must be so of the conditions of any object. */
export function brokenInvariants(conditions: readonly Condition[] | undefined): string[] {
  const of = (type: string) => conditions?.filter((one) => one.type === type) ?? [];
  const [ready] = of('Ready');
  const types = conditions?.map(({ type }) => type) ?? [];
  const waits = of('Stalled').length + of('Reconciling').length;
  return [
    of('Ready').length === 1 ? '' : 'Ready is there exactly once',
    new Set(types).size === types.length ? '' : 'each type is there once',
    types.join() === [...types].sort().join() ? '' : 'conditions are sorted by type',
    [...of('Stalled'), ...of('Reconciling')].every(({ status }) => status === 'True')
      ? ''
      : 'Stalled and Reconciling are there only while true',
    ready?.status === 'True' && waits > 0 ? 'what is Ready neither waits nor is worked on' : '',
    ready?.status === 'False' && waits !== 1 ? 'what is not Ready is either Stalled or Reconciling' : '',
    conditions?.every(({ reason }) => /^[A-Z][A-Za-z0-9]*$/.test(reason)) ? '' : 'reasons are CamelCase words',
    conditions?.every(({ message }) => message.length <= 1024) ? '' : 'messages fit the schema',
  ].filter((sentence) => sentence !== '');
}
