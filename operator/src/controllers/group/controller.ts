import { Group, type Person } from '@roster/crds';
import {
  done,
  generationChanged,
  type InformerEvent,
  type Manager,
  type Request,
  type Result,
  requeueAfter,
} from '../../runtime/index.ts';
import type { Problem } from '../conditions.ts';
import type { Context } from '../context.ts';
import { attempt, conclude } from '../mirrored.ts';
import { allUsersGroup } from '../tenant/builtin.ts';
import type { Vanishings } from '../tenant/vanishings.ts';
import { affectedGroups, MemberChanges } from './memberchanges.ts';

/** Mirrors groups and counts their members. Who is in a group stands on the person. */
export function addGroupController(manager: Manager, context: Context, vanishings: Vanishings) {
  const { groups, organizations, users, recipients } = context.informers;
  const changes = new MemberChanges();
  const controller = manager
    .controller({
      name: 'group',
      concurrency: 8,
      reconcile: (request) => reconcile(context, vanishings, changes, request),
    })
    .watches(groups, undefined, generationChanged)
    .watches(
      organizations,
      ({ object: { metadata } }) =>
        groups.cache
          .byIndex('organization', `${metadata.namespace}/${metadata.name}`)
          .map((group) => ({ namespace: group.metadata.namespace ?? '', name: group.metadata.name })),
      (event) => event.type === 'deleted' || (event.type === 'added' && !event.initial),
    );
  const noteMembers = (event: InformerEvent<Person>) => {
    for (const request of affectedGroups(event)) controller.enqueueAfter(request, changes.note(request, context.now()));
  };
  users.onEvent(noteMembers);
  recipients.onEvent(noteMembers);
  return controller;
}

async function reconcile(
  context: Context,
  vanishings: Vanishings,
  changes: MemberChanges,
  request: Request,
): Promise<Result> {
  const { namespace, name } = request;
  const { groups, organizations } = context.informers;
  const group = groups.cache.get(namespace, name);
  if (group === undefined) {
    changes.forget(request);
    vanishings.report({ namespace, kind: 'Group', name });
    return done;
  }
  const { organization, source, description = source?.description } = group.spec;
  const displayName = group.spec.displayName ?? source?.displayName ?? name;
  const problem: Problem | undefined = organizations.cache.get(namespace, organization)
    ? undefined
    : { reason: 'OrganizationNotFound', message: `There is no organization ${organization}.` };
  const mirrored = await attempt(() =>
    context.mirror.writeGroup({
      namespace,
      name,
      uid: group.metadata.uid ?? '',
      displayName,
      organization,
      computed: name === allUsersGroup,
      ...(description === undefined ? {} : { description }),
      ...(source === undefined
        ? {}
        : { directory: source.directory, authority: source.authority, externalId: source.externalId }),
    }),
  );
  const settlesIn = changes.settlesIn(request, context.now());
  const members = settlesIn > 0 ? group.status?.members : countMembers(context, group);
  return conclude(context, Group, group, {
    problem,
    mirrored,
    facts: { displayName, ...(members === undefined ? {} : { members }) },
    ...(settlesIn > 0 ? { next: requeueAfter(settlesIn) } : {}),
  });
}

function countMembers({ informers: { users, recipients } }: Context, group: Group): number {
  const { namespace, name } = group.metadata;
  const [index, value] = name === allUsersGroup ? ['organization', group.spec.organization] : ['group', name];
  const key = `${namespace}/${value}`;
  return users.cache.countByIndex(index, key) + recipients.cache.countByIndex(index, key);
}
