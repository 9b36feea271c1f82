/** Several installations in one cluster: each works in the namespaces whose label names it, and in no other. */
import { Organization, Tenant, User } from '@roster/crds';
import { expect, it } from 'vitest';
import { EVENT } from '../src/runtime/events.ts';
import { establish } from './acme.ts';
import { everythingInDatabase, namesInDatabase, peopleInDatabase } from './contract.ts';
import { metric } from './metric.ts';
import { organization, user } from './objects.ts';
import { type Administrator, createNamespace, eventually, giveTo, type Roster, startRoster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

/** One that works in all namespaces that are its own; it has the name of its first one. */
async function install(): Promise<Roster> {
  return await startRoster({ namespaces: 'all' });
}

const tenantsOf = async ({ database }: Roster, ...tenants: readonly Administrator[]) => {
  const counts = tenants.map(async ({ namespace }) => (await peopleInDatabase(database, namespace)).length);
  return await Promise.all(counts);
};

const activeUsers = async (roster: Roster, { namespace }: Administrator) =>
  (await metric(roster, 'roster_people')).get(`namespace="${namespace}",kind="User",state="active"`);

const heldRows = async (roster: Roster, { namespace }: Administrator) =>
  (await metric(roster, 'roster_mirror_held')).get(`namespace="${namespace}"`);

const eventsAbout = async ({ client, namespace }: Administrator, reason: string) => {
  const { items } = await client.list(EVENT, { namespace });
  return items.filter((event) => event.reason === reason).map(({ message }) => message);
};

it('two installations share a cluster, and a namespace moves from one to the other and back', async () => {
  const [one, two] = [await install(), await install()];
  const [acme, globex, initech] = [
    one.within(one.namespace),
    two.within(two.namespace),
    one.within(await createNamespace()),
  ];
  await giveTo(one.namespace, initech.namespace, one.client);
  for (const tenant of [acme, globex, initech]) await establish(tenant);
  expect(await tenantsOf(one, acme, globex, initech)).toEqual([10, 0, 10]);
  expect(await tenantsOf(two, acme, globex, initech)).toEqual([0, 10, 0]);
  const before = await everythingInDatabase(one.database, initech.namespace);
  const { metadata } = await initech.get(User, 'user-1');

  await giveTo(two.namespace, initech.namespace, one.client);
  await eventually(async () => expect(await tenantsOf(two, acme, globex, initech)).toEqual([0, 10, 10]));
  await initech.apply(user('late'));
  await initech.delete(User, 'user-8');
  await eventually(async () => {
    const names = (await peopleInDatabase(two.database, initech.namespace)).map(({ name }) => name);
    expect(names).toContain('late');
    expect(names).not.toContain('user-8');
  });
  await statusesHold(initech);
  // Nothing of it is counted any more where it was, and nothing of its rows is touched.
  expect(await activeUsers(one, initech)).toBe(0);
  expect(await heldRows(one, initech)).toBeUndefined();
  expect(await everythingInDatabase(one.database, initech.namespace)).toEqual(before);
  await eventually(async () => {
    expect(await eventsAbout(initech, 'TakenUp')).toEqual([
      `The installation ${two.namespace} manages this namespace.`,
    ]);
    expect(await eventsAbout(initech, 'Left')).toEqual([
      expect.stringContaining(
        `The installation ${one.namespace} has left this namespace to the installation ${two.namespace}`,
      ),
    ]);
  });
  expect((await initech.get(User, 'user-1')).metadata.resourceVersion).toBe(metadata.resourceVersion);

  await giveTo(one.namespace, initech.namespace, one.client);
  // Who came and who went meanwhile.
  await eventually(async () => {
    const names = (await peopleInDatabase(one.database, initech.namespace)).map(({ name }) => name);
    expect(names).toContain('late');
    expect(names).not.toContain('user-8');
  });
  await statusesHold(initech);
  expect(states(await initech.get(Tenant, 'tenant'))).toMatchObject({ MirrorHeld: 'False InStep' });
  expect(await activeUsers(one, initech)).toBe(8);
});

it('what vanishes from a namespace in other hands is judged when it comes back, as if nobody had looked', async () => {
  const [one, two] = [await install(), await install()];
  const initech = one.within(one.namespace);
  await establish(initech);
  await giveTo(two.namespace, initech.namespace, one.client);
  await eventually(async () => expect(await tenantsOf(two, initech)).toEqual([10]));
  for (let number = 2; number <= 8; number++) await initech.delete(User, `user-${number}`);
  await initech.eventually(Tenant, 'tenant', (tenant) =>
    expect(states(tenant)).toMatchObject({ MirrorHeld: 'True ResourcesVanished' }),
  );
  await giveTo(one.namespace, initech.namespace, one.client);
  await eventually(async () => expect(await heldRows(one, initech)).toBe(7));
  const held = await initech.get(Tenant, 'tenant');
  expect(sentence(held, 'MirrorHeld')).toContain('7 of 10 people');
  expect(await tenantsOf(one, initech)).toEqual([10]);
});

it('a listed namespace of another installation is left alone', async () => {
  const [mine, theirs] = [await createNamespace(), await createNamespace()];
  const roster = await startRoster({ namespaces: [mine, theirs] });
  await giveTo(theirs, theirs, roster.client);
  const [acme, other] = [roster.within(mine), roster.within(theirs)];
  await establish(acme);
  await other.apply(organization('sales'));
  await acme.apply(user('jane'));
  await acme.eventually(User, 'jane', (jane) => expect(states(jane)).toMatchObject({ Ready: 'True Mirrored' }));
  expect(states(await other.get(Organization, 'sales'))).toEqual({});
  expect(await namesInDatabase(roster.database, theirs, 'organizations')).toEqual([]);
  await giveTo(mine, theirs, roster.client);
  await other.eventually(Organization, 'sales', (sales) => expect(states(sales).Ready).toBe('True Mirrored'));
});
