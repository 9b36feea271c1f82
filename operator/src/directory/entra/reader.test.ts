import { describe, expect, it } from 'vitest';
import { TestTenant, useSnapshot } from './fixture.ts';

const db = useSnapshot();

describe('a read', () => {
  it('gives people and groups, with the members of member groups', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const [ada, bob] = [tenant.user('ada'), tenant.user('bob')];
    const inner = tenant.group('Inner', bob);
    const outer = tenant.group('Outer', ada, inner);
    const { people, groups, rejected, evidence } = await tenant.read();
    expect(evidence).toEqual({
      complete: true,
      server: tenant.graph.url,
      authority: tenant.graph.tenantID,
      boundAs: tenant.graph.application.clientID,
      bases: [],
      pages: 2,
      entries: 4,
      doubts: [],
      remarks: ['Everything was read, because it is the first read.'],
    });
    expect(rejected).toEqual([]);
    expect(new Map(people.map((person) => [person.externalId, new Set(person.groups)]))).toEqual(
      new Map([
        [ada, new Set([outer])],
        [bob, new Set([inner, outer])],
      ]),
    );
    expect(groups.map(({ externalId, name }) => [externalId, name]).sort()).toEqual(
      [
        [inner, 'Inner'],
        [outer, 'Outer'],
      ].sort(),
    );
  });
});
