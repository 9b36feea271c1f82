/** Small tenants and reads for the tests of the plan. */
import { type AppRole, apiVersion, type Group, type PersonSource, type Recipient, type User } from '@roster/crds';
import type { Evidence, GroupRecord, PersonRecord, RejectedRecord, Whereabouts } from '../record.ts';
import {
  type DirectorySettings,
  type ExistingTenant,
  finish,
  missingPeople,
  type Plan,
  type PlanInput,
  planDirectory,
  samples,
  type Tombstone,
} from './index.ts';

export const authority = 'dc=example,dc=com';

export const settings: DirectorySettings = {
  name: 'corporate',
  authority,
  organization: 'main',
  importAs: 'Users',
  defaultRole: 'users',
  membership: 'Nested',
  linking: 'ByEmail',
  precedence: 'Directory',
  passwordSetup: 'None',
};

/** Says what a record has beside its id; the address follows from the id unless told otherwise. */
type PersonFields = Partial<Omit<PersonRecord, 'kind' | 'externalId'>>;

export function entry(externalId: string, fields: PersonFields = {}): PersonRecord {
  return {
    kind: 'Person',
    externalId,
    label: `uid=${externalId}`,
    email: `${externalId}@example.com`,
    groups: [],
    ...fields,
  };
}

export function entryWithoutEmail(externalId: string, fields: PersonFields = {}): PersonRecord {
  const { email: _, ...record } = entry(externalId, fields);
  return record;
}

export function groupEntry(externalId: string, name = externalId, description?: string): GroupRecord {
  return {
    kind: 'Group',
    externalId,
    label: `cn=${externalId}`,
    name,
    ...(description === undefined ? {} : { description }),
  };
}

export function unreadable(of: RejectedRecord['of'], externalId?: string): RejectedRecord {
  return {
    kind: 'Rejected',
    of,
    label: `cn=${externalId ?? 'nameless'}`,
    reason: 'InvalidValue',
    message: 'A value is not valid text.',
    ...(externalId === undefined ? {} : { externalId }),
  };
}

let created = 0;

function metadata(name: string) {
  created += 1;
  return {
    name,
    namespace: 'acme',
    uid: `uid-of-${name}`,
    generation: created,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
}

export function user(name: string, spec: Partial<User['spec']> = {}): User {
  const complete = { enabled: true, passwordSetup: 'None' as const, organizations: [{ name: 'main' }], ...spec };
  return { apiVersion, kind: 'User', metadata: metadata(name), spec: complete };
}

export function recipient(name: string, spec: Partial<Recipient['spec']> = {}): Recipient {
  const complete = { enabled: true, organizations: [{ name: 'main' }], ...spec };
  return { apiVersion, kind: 'Recipient', metadata: metadata(name), spec: complete };
}

/** The block of a person of this directory. */
export function source(externalId: string, fields: Partial<PersonSource> = {}): PersonSource {
  return { directory: 'corporate', authority, externalId, email: `${externalId}@example.com`, ...fields };
}

/** A user whom this directory fills, named like the external id. */
export function linked(externalId: string, fields: Partial<PersonSource> = {}, spec: Partial<User['spec']> = {}): User {
  return user(externalId, { source: source(externalId, fields), ...spec });
}

export function group(name: string, spec: Partial<Group['spec']> = {}): Group {
  return { apiVersion, kind: 'Group', metadata: metadata(name), spec: { organization: 'main', ...spec } };
}

/** A group of this directory, named like the external id. */
export function linkedGroup(externalId: string, displayName = externalId, spec: Partial<Group['spec']> = {}): Group {
  return group(externalId, { source: { directory: 'corporate', authority, externalId, displayName }, ...spec });
}

export function role(name: string, spec: Partial<AppRole['spec']> = {}): AppRole {
  const complete: AppRole['spec'] = {
    enabled: true,
    builtIn: false,
    scope: 'Organization',
    licence: 'Viewer',
    permissions: [{ resource: 'reports', verbs: ['read'] }],
    ...spec,
  };
  return { apiVersion, kind: 'AppRole', metadata: metadata(name), spec: complete };
}

/** All that a plan starts from; what is left out is empty. */
export interface Scene {
  readonly directory?: Partial<DirectorySettings>;
  readonly people?: readonly PersonRecord[];
  readonly groups?: readonly GroupRecord[];
  readonly rejected?: readonly RejectedRecord[];
  readonly users?: readonly User[];
  readonly recipients?: readonly Recipient[];
  readonly existingGroups?: readonly Group[];
  readonly roles?: readonly AppRole[];
  readonly owner?: string;
  readonly tombstones?: readonly Tombstone[];
  readonly claims?: ReadonlyMap<string, { readonly kind: string; readonly name: string }>;
  readonly organizations?: readonly string[];
  readonly seats?: ExistingTenant['seats'];
  readonly absences?: Readonly<Record<string, Whereabouts>>;
  readonly boundAs?: Evidence['boundAs'];
  readonly now?: string;
}

export const now = new Date('2026-06-01T00:00:00Z');

export function planOf(scene: Scene): Plan {
  return planDirectory(inputOf(scene));
}

/** What the status of the run shows. */
export function samplesOf(scene: Scene) {
  return samples(planOf(scene));
}

/** Who would be looked up before the plan is made. */
export function missingOf(scene: Scene): readonly string[] {
  return finish(missingPeople(inputOf(scene)));
}

/** All that a plan is made from. */
export function inputOf(scene: Scene): PlanInput {
  const { people = [], groups = [], rejected = [], organizations = ['main', 'branch'] } = scene;
  return {
    directory: { ...settings, ...scene.directory },
    contents: {
      people,
      groups,
      rejected,
      evidence: {
        complete: true,
        server: 'ldaps://ldap.example.com',
        authority,
        boundAs: scene.boundAs ?? 'cn=roster,dc=example,dc=com',
        bases: [authority],
        pages: 1,
        entries: people.length + groups.length + rejected.length,
        doubts: [],
      },
    },
    existing: {
      users: scene.users ?? [],
      recipients: scene.recipients ?? [],
      groups: scene.existingGroups ?? [],
      roles: new Map([role('users'), ...(scene.roles ?? [])].map((known) => [known.metadata.name, known])),
      owner: scene.owner,
      tombstones: scene.tombstones ?? [],
      claims: scene.claims,
      organizations: new Set(organizations),
      seats: scene.seats,
    },
    absences: new Map(Object.entries(scene.absences ?? {})),
    now: scene.now === undefined ? now : new Date(scene.now),
  };
}

/** What happens to people, by external id: `Create`, `Link jane`, `Update jane: email`, `Reject NoEmail`, ... */
export function fates(plan: Plan): Record<string, string> {
  return told(plan, false);
}

/** What happens to groups, by external id. */
export function groupFates(plan: Plan): Record<string, string> {
  return told(plan, true);
}

function told({ people, groups, notes }: Plan, ofGroups: boolean): Record<string, string> {
  const parts = new Map<string, string[]>();
  const tell = (externalId: string, what: string) => parts.set(externalId, [...(parts.get(externalId) ?? []), what]);
  for (const action of ofGroups ? groups : people) {
    const changed = 'changed' in action ? `: ${action.changed.join(', ')}` : '';
    const name = 'ref' in action ? ` ${action.ref.name}` : '';
    tell(action.record.externalId, `${action.action}${name}${changed}`);
  }
  for (const { kind, action, reason, externalId } of notes) {
    if ((kind === 'Group') === ofGroups) tell(externalId ?? 'nameless', `${action} ${reason}`);
  }
  return Object.fromEntries([...parts].map(([externalId, all]) => [externalId, all.sort().join('; ')]));
}

/** The block that the plan writes for an external id. */
export function written(plan: Plan, externalId: string): PersonSource | undefined {
  const action = plan.people.find(({ record }) => record.externalId === externalId);
  return action === undefined || 'source' in action ? action?.source : action.spec.source;
}
