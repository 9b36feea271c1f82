import { type Person, Recipient, type ResourceType, type Tenant, User } from '@roster/crds';
import type { PersonKind } from '../../mirror/index.ts';
import {
  type Cache,
  done,
  generationChanged,
  type Informer,
  type InformerEvent,
  type Manager,
  patchStatus,
  type Request,
  type Result,
  requestFor,
  requeueAfter,
  StalledError,
  WaitingError,
} from '../../runtime/index.ts';
import { type Context, tenantName } from '../context.ts';
import { attempt, retryMs } from '../mirrored.ts';
import type { Vanishings } from '../tenant/vanishings.ts';
import { type Decision, decide, type Observed } from './decide.ts';
import { type Mirrored, personStatus } from './status.ts';
import type { PeopleTally } from './tally.ts';

/** Users and recipients differ in their kind only. */
export function addPersonController(manager: Manager, context: Context, vanishings: Vanishings, tally: PeopleTally) {
  const { users, recipients } = context.informers;
  return {
    User: add(manager, {
      ...context,
      kind: 'User',
      type: User as ResourceType<Person>,
      informer: users as Informer<Person>,
      vanishings,
      tally,
    }),
    Recipient: add(manager, {
      ...context,
      kind: 'Recipient',
      type: Recipient as ResourceType<Person>,
      informer: recipients as Informer<Person>,
      vanishings,
      tally,
    }),
  };
}

interface Scope extends Context {
  readonly kind: PersonKind;
  readonly type: ResourceType<Person>;
  readonly informer: Informer<Person>;
  readonly vanishings: Vanishings;
  readonly tally: PeopleTally;
}

function add(manager: Manager, scope: Scope) {
  const { organizations, roles, groups, tenants } = scope.informers;
  const people = scope.informer.cache;
  return manager
    .controller({
      name: scope.kind.toLowerCase(),
      concurrency: 64,
      personal: true,
      reconcile: (request) => reconcile(scope, request),
    })
    .watches(scope.informer, undefined, generationChanged)
    .watches(organizations, whoNames(people, 'organization'), appearsOrGoes)
    .watches(roles, whoNames(people, 'role'), appearsOrGoes)
    .watches(groups, whoNames(people, 'group'), appearsOrGoes)
    .watches(tenants, (event) => affectedBy(people, event), generationChanged);
}

async function reconcile(scope: Scope, { namespace, name }: Request): Promise<Result> {
  const person = scope.informer.cache.get(namespace, name);
  if (person === undefined) {
    scope.tally.forget(scope.kind, namespace, name);
    scope.vanishings.report({ namespace, kind: scope.kind, name });
    return done;
  }
  const decision = decide(observe(scope, person));
  const mirrored = await mirror(scope, decision);
  const status = personStatus(person, decision, mirrored, scope.now());
  await patchStatus(scope.client, scope.type, person, status);
  scope.tally.count(scope.kind, namespace, name, status);

  if (!mirrored.written && mirrored.retried) throw new WaitingError(mirrored.problem.reason, retryMs);
  // Whoever expires is looked at then, stalled or not.
  if (decision.reviewAt !== undefined) return requeueAfter(decision.reviewAt.getTime() - scope.now().getTime() + 1000);
  const problem = status.conditions?.find(({ type }) => type === 'Stalled');
  if (problem !== undefined) throw new StalledError(problem.reason);
  return done;
}

function observe(scope: Scope, person: Person): Observed {
  const { tenants, organizations, roles, groups } = scope.informers;
  const namespace = person.metadata.namespace ?? '';
  return {
    kind: scope.kind,
    person,
    tenant: tenants.cache.get(namespace, tenantName),
    organization: (name) => organizations.cache.get(namespace, name),
    role: (name) => roles.cache.get(namespace, name),
    group: (name) => groups.cache.get(namespace, name),
    now: scope.now(),
  };
}

/** The row comes before the status: whoever reads `Ready=True` finds the person in the database. */
async function mirror(scope: Scope, { row, problems }: Decision): Promise<Mirrored> {
  if (row === undefined) {
    const problem = problems[0] ?? { reason: 'TenantNotFound' as const, message: 'There is no Tenant.' };
    return { written: false, problem, retried: false };
  }
  const mirrored = await attempt(() => scope.mirror.writePerson(row));
  if (!mirrored.written) return mirrored;
  const { emailHolder, domainAccountHolder } = mirrored.result;
  return {
    written: true,
    ...(emailHolder && { emailHolder: `${emailHolder.kind} ${emailHolder.name}` }),
    ...(domainAccountHolder && { domainAccountHolder: `${domainAccountHolder.kind} ${domainAccountHolder.name}` }),
  };
}

/** What others name matters when it comes or goes; people themselves are reconciled at the start anyway. */
const appearsOrGoes = ({ type, initial }: { readonly type: string; readonly initial?: boolean }): boolean =>
  type === 'deleted' || (type === 'added' && initial !== true);

function whoNames(people: Cache<Person>, index: 'organization' | 'role' | 'group') {
  return (event: {
    readonly object: { readonly metadata: { readonly namespace?: string; readonly name: string } };
  }) => {
    const { namespace, name } = event.object.metadata;
    return people.byIndex(index, `${namespace}/${name}`).map(requestFor);
  };
}

/** A Tenant that comes or goes concerns everybody; otherwise its owner and its language may. */
function affectedBy(people: Cache<Person>, event: InformerEvent<Tenant>): Iterable<Request> {
  if (event.type === 'added' && event.initial) return [];
  const namespace = event.object.metadata.namespace ?? '';
  if (event.type !== 'updated' || event.object.spec.defaultLanguage !== event.old.spec.defaultLanguage) {
    return [...people.list(namespace)].map(requestFor);
  }
  return [...owners(event.object, event.old)].map((name) => ({ namespace, name }));
}

function owners(...tenants: Tenant[]): Set<string> {
  return new Set(tenants.map(({ spec }) => spec.owner).filter((owner) => owner !== undefined));
}

/** By what people are found when something they name comes or goes. */
export const personIndexes = {
  organization: (person: Person) =>
    named(
      person,
      (person.spec.organizations ?? []).map(({ name }) => name),
      mapped(person),
    ),
  role: (person: Person) =>
    named(
      person,
      'roles' in person.spec ? (person.spec.roles ?? []) : [],
      [...(person.spec.organizations ?? []), ...(person.spec.source?.organizations ?? [])].flatMap((membership) =>
        'roles' in membership ? ((membership.roles ?? []) as string[]) : [],
      ),
    ),
  group: (person: Person) => named(person, person.spec.groups ?? [], person.spec.source?.groups ?? []),
  directory: (person: Person) =>
    person.spec.source === undefined ? [] : named(person, [person.spec.source.directory]),
};

const mapped = (person: Person) => (person.spec.source?.organizations ?? []).map(({ name }) => name);

function named(person: Person, ...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].map((name) => `${person.metadata.namespace}/${name}`);
}
