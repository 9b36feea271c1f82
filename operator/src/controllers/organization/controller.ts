import { Organization, type Person } from '@roster/crds';
import {
  done,
  eachState,
  generationChanged,
  type InformerEvent,
  type Manager,
  type Request,
  type Result,
} from '../../runtime/index.ts';
import { type Context, tenantName } from '../context.ts';
import { attempt, conclude } from '../mirrored.ts';
import type { Vanishings } from '../tenant/vanishings.ts';
import { protection } from './protection.ts';

/** Mirrors organizations, and protects those from deletion that have people. */
export function addOrganizationController(manager: Manager, context: Context, vanishings: Vanishings) {
  const { organizations, users, recipients, tenants } = context.informers;
  return manager
    .controller({
      name: 'organization',
      concurrency: 4,
      reconcile: (request) => reconcile(context, vanishings, request),
    })
    .watches(organizations, undefined, generationChanged)
    .watches(users, (event) => firstOrLast(context, event))
    .watches(recipients, (event) => firstOrLast(context, event))
    .watches(
      tenants,
      eachState(({ metadata, spec }) => [{ namespace: metadata.namespace ?? '', name: spec.defaultOrganization }]),
      generationChanged,
    );
}

async function reconcile(context: Context, vanishings: Vanishings, { namespace, name }: Request): Promise<Result> {
  const organization = context.informers.organizations.cache.get(namespace, name);
  if (organization === undefined) {
    vanishings.report({ namespace, kind: 'Organization', name });
    return done;
  }
  const { displayName, description, theme } = organization.spec;
  const mirrored = await attempt(() =>
    context.mirror.writeOrganization({
      namespace,
      name,
      uid: organization.metadata.uid ?? '',
      displayName: displayName ?? name,
      ...(description === undefined ? {} : { description }),
      ...(theme === undefined ? {} : { theme }),
    }),
  );
  return conclude(context, Organization, organization, {
    problem: undefined,
    mirrored,
    stated: [
      protection({
        isDefault: context.informers.tenants.cache.get(namespace, tenantName)?.spec.defaultOrganization === name,
        people: countPeople(context.informers, namespace, name),
      }),
    ],
  });
}

function countPeople({ users, recipients }: Context['informers'], namespace: string, name: string): number {
  const key = `${namespace}/${name}`;
  return users.cache.countByIndex('organization', key) + recipients.cache.countByIndex('organization', key);
}

/** Only the first person who comes and the last who goes make a difference. */
function firstOrLast({ informers }: Context, event: InformerEvent<Person>): Request[] {
  const states = event.type === 'updated' ? [event.object, event.old] : [event.object];
  const names = states.flatMap(({ spec }) => [...(spec.organizations ?? []), ...(spec.source?.organizations ?? [])]);
  const namespace = event.object.metadata.namespace ?? '';
  return [...new Set(names.map(({ name }) => name))]
    .filter((name) => countPeople(informers, namespace, name) <= 1)
    .map((name) => ({ namespace, name }));
}
