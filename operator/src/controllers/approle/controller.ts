import { AppRole } from '@roster/crds';
import { done, generationChanged, type Manager, type Request, type Result } from '../../runtime/index.ts';
import type { Context } from '../context.ts';
import { attempt, conclude } from '../mirrored.ts';
import type { Vanishings } from '../tenant/vanishings.ts';

/** Mirrors roles. What follows from a role for its holders is a view of the database: no person is written. */
export function addAppRoleController(manager: Manager, context: Context, vanishings: Vanishings) {
  return manager
    .controller({ name: 'approle', concurrency: 4, reconcile: (request) => reconcile(context, vanishings, request) })
    .watches(context.informers.roles, undefined, generationChanged);
}

async function reconcile(context: Context, vanishings: Vanishings, { namespace, name }: Request): Promise<Result> {
  const role = context.informers.roles.cache.get(namespace, name);
  if (role === undefined) {
    vanishings.report({ namespace, kind: 'AppRole', name });
    return done;
  }
  const { displayName, description, enabled, scope, licence, permissions, builtIn } = role.spec;
  const mirrored = await attempt(() =>
    context.mirror.writeRole({
      namespace,
      name,
      uid: role.metadata.uid ?? '',
      displayName: displayName ?? name,
      ...(description === undefined ? {} : { description }),
      enabled,
      scope,
      licence,
      permissions,
      builtIn,
    }),
  );
  return conclude(context, AppRole, role, { problem: undefined, mirrored });
}
