import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EntraDirectory } from '../../../../hack/graph/directory.ts';
import type { DirectoryContents } from '../record.ts';
import { TestTenant, useSnapshot } from './fixture.ts';

const db = useSnapshot();

/** What befalls a tenant; numbers choose among what there is. */
const step = fc.oneof(
  fc.record({ does: fc.constantFrom('user', 'group', 'read', 'reset'), a: fc.nat(9), b: fc.nat(9) }),
  fc.record({
    does: fc.constantFrom('join', 'leave', 'rename', 'delete', 'purge', 'restore'),
    a: fc.nat(9),
    b: fc.nat(9),
  }),
);
const disorder = fc.record({
  seed: fc.nat(),
  shuffle: fc.boolean(),
  duplicates: fc.constantFrom(0, 0.5),
  replays: fc.constantFrom(0, 0.5),
  emptyPages: fc.constantFrom(0, 0.5),
  membersAtOnce: fc.constantFrom(1, 2, 1000),
});

/** Every live user with the name and the groups that the directory itself has. */
function model(directory: EntraDirectory, ids: readonly string[]): Record<string, readonly [unknown, string[]]> {
  const groups = [...directory.groups.values()].filter(({ state }) => state === 'live');
  const around = (id: string): string[] =>
    groups.filter((group) => directory.isMember(group.id, id)).map((group) => group.id);
  const all = (id: string): Set<string> => {
    const found = new Set(around(id));
    for (const group of found) for (const outer of around(group)) found.add(outer);
    return found;
  };
  const users = ids.flatMap((id) => directory.user(id) ?? []);
  return Object.fromEntries(users.map(({ id, properties }) => [id, [properties.givenName, [...all(id)].sort()]]));
}

const told = ({ people }: DirectoryContents) =>
  Object.fromEntries(people.map(({ externalId, firstName, groups }) => [externalId, [firstName, [...groups].sort()]]));

it('whatever befalls a tenant, and however untidily it is told, a read gives what is there', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), disorder, async (steps, untidiness) => {
      await using tenant = await TestTenant.start(db.snapshot);
      const { directory, delta } = tenant.graph;
      delta.disorder = untidiness;
      const users: string[] = [];
      const groups: string[] = [];
      const pick = (list: readonly string[], n: number, state: string) => {
        const fitting = list.filter((id) => directory.find(id)?.state === state);
        return fitting[n % Math.max(1, fitting.length)];
      };
      const anybody = () => [...users, ...groups];
      for (const { does, a, b } of steps) {
        const [member, group] = [pick(anybody(), a, 'live'), pick(groups, b, 'live')];
        const deleted = pick(anybody(), a, 'deleted');
        if (does === 'user') users.push(tenant.user(`user${users.length}`));
        else if (does === 'group')
          groups.push(directory.createGroup({ displayName: 'g', groupTypes: b > 4 ? ['Unified'] : [] }));
        else if (does === 'read') await tenant.read();
        else if (does === 'reset') delta.reset(a > 4 ? 'Gone' : 'BadRequest');
        else if (deleted && does === 'restore') directory.restore(deleted);
        else if (deleted && does === 'purge') directory.purge(deleted);
        else if (member && does === 'rename') {
          directory.update(member, { [users.includes(member) ? 'givenName' : 'displayName']: `name${b}` });
        } else if (member && does === 'delete') directory.delete(member);
        else if (member && group && member !== group && does === 'join' && !directory.isMember(group, member)) {
          directory.addMember(group, member);
        } else if (member && group && does === 'leave' && directory.isMember(group, member)) {
          directory.removeMember(group, member);
        }
      }
      const read = await tenant.read();
      expect(read.evidence.complete).toBe(true);
      expect(told(read)).toEqual(model(directory, users));
    }),
    { numRuns: 15 },
  );
});
