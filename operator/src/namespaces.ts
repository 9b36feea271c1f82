import { setTimeout } from 'node:timers/promises';
import { Tenant } from '@roster/crds';
import { type Context, tenantName } from './controllers/context.ts';
import { installationLabel, installationOf } from './installation.ts';
import type { Manager } from './runtime/index.ts';

/** How often tenants of other installations are looked at, in milliseconds. */
const lookMs = 30_000;
/** An operator looks at a new Tenant within seconds; nobody has for so long, in milliseconds. */
const neglectMs = 30_000;

/** Tells on the Tenants which namespaces this installation takes up and leaves, and which nobody takes up. */
export function tellOfNamespaces(manager: Pick<Manager, 'add'>, context: Context, installation: string): void {
  manager.add({
    name: 'namespaces of other installations',
    needsLeader: true,
    async start(signal) {
      const end = context.scope.onChange((namespace, included) =>
        tellOfChange(context, installation, namespace, included),
      );
      const told = new Set<string | undefined>();
      while (!signal.aborted) {
        for (const tenant of neglected(context.informers.tenants.hidden?.list() ?? [], context.now())) {
          if (!told.has(tenant.metadata.uid)) tellOfNeglect(context, installation, tenant);
          told.add(tenant.metadata.uid);
        }
        await setTimeout(lookMs, undefined, { signal }).catch(() => undefined);
      }
      end();
    },
  });
}

function tellOfChange(
  { scope, informers: { tenants }, events, log }: Context,
  installation: string,
  namespace: string,
  included: boolean,
): void {
  const object = scope.cache.get('', namespace);
  const owner = object && installationOf(object);
  log.info({ namespace, installation: owner }, included ? 'namespace taken up' : 'namespace left to its installation');
  const tenant = (included ? tenants.cache : tenants.hidden)?.get(namespace, tenantName);
  if (tenant === undefined) return;
  if (included) {
    events.record(Tenant, tenant, 'Normal', 'TakenUp', `The installation ${installation} manages this namespace.`);
    return;
  }
  const sentence =
    `The installation ${installation} has left this namespace to the installation ${owner}, as its label ` +
    `${installationLabel} says. The database of ${installation} keeps its rows as they are.`;
  events.record(Tenant, tenant, 'Normal', 'Left', sentence);
}

/** Tenants whose status nobody has written, as the first of all operators would have. Pure. */
export function neglected(tenants: Iterable<Tenant>, now: Date): Tenant[] {
  return [...tenants].filter(({ metadata, status }) => {
    const age = now.getTime() - Date.parse(metadata.creationTimestamp ?? '');
    return (status?.observedGeneration ?? -1) < 0 && age >= neglectMs;
  });
}

function tellOfNeglect({ scope, events, log }: Context, installation: string, tenant: Tenant): void {
  const { namespace = '' } = tenant.metadata;
  const object = scope.cache.get('', namespace);
  if (object === undefined) return;
  const owner = installationOf(object);
  log.warn({ namespace, installation: owner }, 'nobody manages a Tenant, whose namespace is of another installation');
  const sentence =
    `Nobody manages this Tenant: its namespace belongs to the installation ${owner}, of which no operator has come. ` +
    `To have ${installation} manage it: kubectl label namespace ${namespace} ${installationLabel}=${installation} --overwrite`;
  events.record(Tenant, tenant, 'Warning', 'NotManaged', sentence);
}
