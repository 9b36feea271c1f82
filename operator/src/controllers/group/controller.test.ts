import { Group, Organization, type Person, Recipient, type ResourceType, User } from '@roster/crds';
import { expect, it } from 'vitest';
import type { GroupRow } from '../../mirror/index.ts';
import type { Context } from '../context.ts';
import { personIndexes } from '../person/controller.ts';
import { Vanishings } from '../tenant/vanishings.ts';
import { Informed, ManualManager } from '../testing/engine.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import { group, now, organization } from '../testing/objects.ts';
import { addGroupController } from './controller.ts';

/** What the controller makes of a group: the row in the database and the status. */
async function reconciled(object: Group) {
  const api = new MemoryApi(object);
  const manager = new ManualManager();
  const rows: GroupRow[] = [];
  const informers = {
    groups: new Informed<Group>(Group, {}, object),
    organizations: new Informed<Organization>(Organization, {}, organization('main')),
    users: new Informed(User as ResourceType<Person>, personIndexes),
    recipients: new Informed(Recipient as ResourceType<Person>, personIndexes),
  };
  const mirror = { writeGroup: async (row: GroupRow) => void rows.push(row) };
  const context = { client: api, informers, mirror, now: () => now } as unknown as Context;
  addGroupController(manager.asManager, context, new Vanishings(() => {}));
  await manager.reconcile('group', object.metadata.name);
  return { row: rows[0], status: api.at(Group, object.metadata.name)?.status };
}

it.each([
  ['the declared one', 'Board', 'CORP Board', 'Board'],
  ['else that of the directory', undefined, 'CORP Board', 'CORP Board'],
  ['else that of the object', undefined, undefined, 'board'],
])('the name in force is %s', async (_, declared, inDirectory, expected) => {
  const object = group('board');
  const source = { directory: 'corporate', authority: 'dc=example,dc=com', externalId: '7', displayName: inDirectory };
  const { row, status } = await reconciled({ ...object, spec: { ...object.spec, displayName: declared, source } });
  expect(row?.displayName).toBe(expected);
  expect(status?.displayName).toBe(expected);
});
