import {
  type AppRole,
  type Group,
  type KubernetesObject,
  type Organization,
  type ResourceType,
  Tenant,
} from '@roster/crds';
import { isPersonKind } from '../../mirror/index.ts';
import {
  ApiError,
  annotationsChanged,
  anyOf,
  type Controller,
  done,
  findCondition,
  generationChanged,
  isAlreadyExists,
  type Manager,
  type Request,
  type Result,
  requeueAfter,
} from '../../runtime/index.ts';
import type { Problem } from '../conditions.ts';
import { type Context, tenantName } from '../context.ts';
import { attempt, conclude } from '../mirrored.ts';
import { builtInObjects } from './builtin.ts';
import { confirmVanished, heldCondition, judge, trialCondition, type VanishedVerdict } from './decide.ts';
import { exists, keyOf, Vanishings } from './vanishings.ts';

/** A built-in object that is deleted comes back after so long. */
const repairMs = 1_000;
/** While things come and go, numbers are written this often, and what is held is judged anew. */
const countingMs = 10_000;

/** Sets a tenant up, mirrors its settings, and decides about what vanished from it. */
export function addTenantController(manager: Manager, context: Context) {
  const { tenants, organizations, roles, groups, users, recipients } = context.informers;
  const vanishings = new Vanishings(
    (namespace, judgeInMs) => controller.enqueueAfter({ namespace, name: tenantName }, judgeInMs),
    context.now,
    (namespace) => context.scope.excludes(namespace),
  );
  const controller: Controller = manager
    .controller({
      name: 'tenant',
      concurrency: 2,
      reconcile: (request) => reconcile(context, vanishings, request),
    })
    .watches(tenants, undefined, anyOf(generationChanged, annotationsChanged));
  // With it goes who could say what is meant, so its own row waits with the others.
  tenants.onEvent(({ type, object: { metadata } }) => {
    if (type === 'deleted') {
      vanishings.report({ namespace: metadata.namespace ?? '', kind: 'Tenant', name: metadata.name });
    }
  });
  const tenantOf = (object: KubernetesObject): Request => ({
    namespace: object.metadata.namespace ?? '',
    name: tenantName,
  });

  // A built-in object that somebody deletes comes back.
  for (const informer of [organizations, roles, groups]) {
    informer.onEvent((event) => {
      if (event.type === 'deleted') controller.enqueueAfter(tenantOf(event.object), repairMs);
    });
  }
  for (const informer of [users, recipients, groups, organizations, roles]) {
    informer.onEvent((event) => {
      if (event.type === 'updated' || (event.type === 'added' && event.initial)) return;
      const owner = tenants.cache.get(event.object.metadata.namespace ?? '', tenantName)?.spec.owner;
      const delay = event.object.metadata.name === owner ? 0 : countingMs;
      controller.enqueueAfter(tenantOf(event.object), delay);
    });
  }
  return { controller, vanishings };
}

async function reconcile(context: Context, vanishings: Vanishings, { namespace, name }: Request): Promise<Result> {
  const gatheredIn = vanishings.gatheredIn(namespace);
  if (gatheredIn > 0) return requeueAfter(gatheredIn);
  const tenant = context.informers.tenants.cache.get(namespace, name);
  const mirrored = await attempt(async () => {
    if (tenant !== undefined) await context.mirror.writeTenant(rowOf(tenant));
    // The Tenant tells of the database, though its own row may need nothing.
    context.mirror.assertAnswering();
    return settleVanished(context, vanishings, namespace, tenant);
  });
  if (tenant === undefined) return done;
  const passing = await ensureBuiltIns(context, tenant);
  const { users, recipients, groups } = context.informers;
  return conclude(context, Tenant, tenant, {
    problem: ownerProblem(context, tenant),
    passing,
    mirrored,
    // Through an outage of the database it stays as it was.
    stated: [
      mirrored.written ? heldCondition(mirrored.result) : findCondition(tenant.status?.conditions, 'MirrorHeld'),
      context.mirror.embedded ? trialCondition : undefined,
    ],
    facts: {
      users: users.cache.count(namespace),
      recipients: recipients.cache.count(namespace),
      groups: groups.cache.count(namespace),
    },
  });
}

function rowOf({ metadata, spec }: Tenant) {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    displayName: spec.displayName ?? metadata.namespace ?? '',
    defaultOrganization: spec.defaultOrganization,
    defaultLanguage: spec.defaultLanguage,
    ...(spec.seats === undefined ? {} : { seats: spec.seats }),
    ...(spec.owner === undefined ? {} : { owner: spec.owner }),
    ...(spec.publicURL === undefined ? {} : { publicURL: spec.publicURL }),
  };
}

/** Buries what vanished, or holds it. Rows come back by themselves when their resources do. */
async function settleVanished(
  { informers, mirror, metrics, events, log, now }: Context,
  vanishings: Vanishings,
  namespace: string,
  tenant: Tenant | undefined,
): Promise<VanishedVerdict> {
  if (tenant !== undefined) await buryMissing({ informers, mirror }, vanishings, namespace);
  const vanished = vanishings.pending(namespace, informers, mirror);
  if (vanished.length === 0) {
    if (tenant === undefined) metrics.mirrorHeld.remove({ namespace });
    else metrics.mirrorHeld.set({ namespace }, 0);
    return { hold: false, confirmed: false };
  }
  const sevenDaysAgo = new Date(now().getTime() - 7 * 24 * 3_600_000);
  const verdict = judge({
    namespace,
    vanished,
    tenantExists: tenant !== undefined,
    confirmed: tenant?.metadata.annotations?.[confirmVanished],
    defaultOrganization: tenant?.spec.defaultOrganization,
    owner: tenant?.spec.owner,
    live: (kinds) => mirror.count(namespace, kinds),
    buriedLastSevenDays: await mirror.buriedSince(namespace, sevenDaysAgo),
  });
  metrics.mirrorHeld.set({ namespace }, verdict.hold ? vanished.length : 0);
  if (verdict.hold) {
    log.warn({ namespace, rows: vanished.length }, 'the mirror is held: too many vanished at once');
    if (tenant !== undefined) events.record(Tenant, tenant, 'Warning', 'ResourcesVanished', verdict.message);
    return verdict;
  }
  // Who came back while the database was asked has written the row again.
  const gone = vanished.filter((row) => !exists(informers, row));
  await mirror.bury(gone, { confirmed: verdict.confirmed });
  vanishings.settle(namespace, vanished);
  return verdict;
}

/**
 * Who was deleted after a directory no longer had them could not sign in any more, and the guard of the run has judged
 * it: to judge it again would hold what everybody knows.
 */
async function buryMissing(
  { informers, mirror }: Pick<Context, 'informers' | 'mirror'>,
  vanishings: Vanishings,
  namespace: string,
): Promise<void> {
  const vanished = vanishings.pending(namespace, informers, mirror);
  if (!vanished.some(({ kind }) => isPersonKind(kind))) return;
  const missing = new Set((await mirror.missing(namespace)).map(keyOf));
  const expected = vanished.filter((row) => missing.has(keyOf(row)) && !exists(informers, row));
  await mirror.bury(expected, { confirmed: true });
  vanishings.settle(namespace, expected);
}

/** What cannot be created, because its CRD is gone for example, keeps neither the others nor the status. */
async function ensureBuiltIns({ client, informers, events }: Context, tenant: Tenant): Promise<Problem | undefined> {
  const types: Record<string, { cache: { get(namespace: string, name: string): unknown }; type: ResourceType }> = {
    Organization: informers.organizations,
    AppRole: informers.roles,
    Group: informers.groups,
  };
  const missing = builtInObjects(tenant).filter(({ kind, metadata }) => {
    return types[kind ?? '']?.cache.get(metadata.namespace ?? '', metadata.name) === undefined;
  });
  let created = 0;
  let problem: Problem | undefined;
  for (const object of missing) {
    const type = types[object.kind ?? '']?.type as ResourceType<Organization | AppRole | Group>;
    try {
      await client.create(type, object);
      created++;
    } catch (error) {
      if (isAlreadyExists(error)) continue;
      if (!(error instanceof ApiError)) throw error;
      const sentence = `${object.kind} ${object.metadata.name} cannot be created: ${error.message.replace(/\.$/, '')}.`;
      problem ??= { reason: 'BuiltInsMissing', message: sentence };
    }
  }
  if (created > 0) events.record(Tenant, tenant, 'Normal', 'BuiltInsCreated', `Created ${created} built-in objects.`);
  return problem;
}

function ownerProblem({ informers }: Context, { metadata, spec }: Tenant): Problem | undefined {
  if (spec.owner === undefined || informers.users.cache.get(metadata.namespace ?? '', spec.owner)) return undefined;
  return { reason: 'OwnerNotFound', message: `There is no user ${spec.owner} in this namespace.` };
}
