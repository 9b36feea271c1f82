/** What of the database goes when resources do, and what waits for somebody to say that it is meant. */
import { Group, Recipient, type ResourceType, Tenant, User } from '@roster/crds';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../src/mirror/index.ts';
import { silentLogger } from '../src/runtime/index.ts';
import { acme, establish } from './acme.ts';
import { everythingInDatabase, personInDatabase } from './contract.ts';
import { metric } from './metric.ts';
import { user } from './objects.ts';
import { type Administrator, createNamespace, eventually, giveTo, openRoster, type Roster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

/** One operator after another, for as many tenants as there are tests, as tenants take their time to be counted. */
let roster: Roster;
let database: Database;
let tenants: Administrator[];
let namespaces: string[];

beforeAll(async () => {
  database = await openDatabase('pglite:memory', { logger: silentLogger });
  namespaces = await Promise.all(Array.from({ length: 10 }, () => createNamespace()));
  roster = await openRoster({ database, namespaces });
  tenants = namespaces.slice(1).map((namespace) => roster.within(namespace));
  await Promise.all(tenants.map(establish));
  return async () => {
    await roster.close();
    await database.close();
  };
});

/** A tenant that no other test has. */
function nextTenant(): Administrator {
  const tenant = tenants.pop();
  if (tenant === undefined) throw new Error('there are more tests than tenants');
  return tenant;
}

const contents = ({ namespace }: Administrator) => everythingInDatabase(database, namespace);

const heldRows = async ({ namespace }: Administrator) =>
  (await metric(roster, 'roster_mirror_held')).get(`namespace="${namespace}"`);

/** Waits for the hold and returns what the Tenant says about it. */
async function held(tenant: Administrator): Promise<string> {
  const object = await tenant.eventually(Tenant, 'tenant', (found) =>
    expect(states(found)).toMatchObject({ MirrorHeld: 'True ResourcesVanished', Ready: 'True Mirrored' }),
  );
  return sentence(object, 'MirrorHeld') ?? '';
}

async function inStep(tenant: Administrator): Promise<void> {
  await tenant.eventually(Tenant, 'tenant', (object) =>
    expect(states(object)).toMatchObject({ MirrorHeld: 'False InStep', Ready: 'True Mirrored' }),
  );
  expect(await heldRows(tenant)).toBe(0);
  await statusesHold(tenant);
}

/** At once, as far as the operator can see. */
async function vanish(tenant: Administrator, type: ResourceType, ...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => tenant.delete(type, name)));
}

const restore = (tenant: Administrator, ...names: readonly string[]) =>
  tenant.apply(...acme.filter(({ metadata }) => names.includes(metadata.name)));

/** Does what the sentence tells to do. */
async function confirm(tenant: Administrator, message: string): Promise<void> {
  const [, command = ''] = /kubectl (annotate .*)$/.exec(message) ?? [];
  await tenant.kubectl(command.split(' '));
}

const isGone = (tenant: Administrator, name: string) =>
  eventually(async () => expect(await personInDatabase(database, tenant.namespace, name)).toBeUndefined());

const groupsAreGone = (tenant: Administrator, ...names: readonly string[]) =>
  eventually(async () => {
    const { groups } = await contents(tenant);
    expect(groups.map(({ name }) => name)).not.toEqual(expect.arrayContaining([...names]));
  });

describe.concurrent('what is deleted', () => {
  it('by hand goes, and has the same row when it is restored', async () => {
    const tenant = nextTenant();
    const before = await contents(tenant);
    await vanish(tenant, User, 'user-2');
    await vanish(tenant, Group, 'band');
    await isGone(tenant, 'user-2');
    await groupsAreGone(tenant, 'band');
    await inStep(tenant);

    await restore(tenant, 'user-2', 'band');
    await eventually(async () => expect(await contents(tenant)).toEqual(before));
    await inStep(tenant);
  });

  it('among much else stays in the database until it is restored', async () => {
    const tenant = nextTenant();
    const before = await contents(tenant);
    await Promise.all([vanish(tenant, User, 'user-2', 'user-3', 'user-4'), vanish(tenant, Recipient, 'press')]);
    expect(await held(tenant)).toMatch(
      /^4 of 10 people vanished within seven days, and at most 3 may without confirmation\. All that vanished stays /,
    );
    expect(await heldRows(tenant)).toBe(4);
    expect(await contents(tenant)).toEqual(before);
    await eventually(async () =>
      expect(await tenant.kubectl(['get', 'events', '-o', 'jsonpath={.items[*].reason}'])).toContain(
        'ResourcesVanished',
      ),
    );

    await restore(tenant, 'user-2', 'user-3', 'user-4', 'press');
    await inStep(tenant);
    expect(await contents(tenant)).toEqual(before);
  });

  it('goes when somebody confirms exactly that', async () => {
    const tenant = nextTenant();
    const before = await contents(tenant);
    await vanish(tenant, Group, 'band', 'choir');
    const ofGroups = await held(tenant);
    expect(ofGroups).toMatch(
      /^2 of 3 groups vanished at once, and half of them or more may not without confirmation\. All that vanished /,
    );
    await vanish(tenant, User, 'user-5');
    await eventually(async () => expect(await heldRows(tenant)).toBe(3));
    await confirm(tenant, ofGroups);
    await eventually(async () => expect(await held(tenant)).not.toBe(ofGroups));
    expect(await contents(tenant)).toEqual(before);

    await confirm(tenant, await held(tenant));
    await isGone(tenant, 'user-5');
    await groupsAreGone(tenant, 'band', 'choir');
    await tenant.eventually(Tenant, 'tenant', (object) =>
      expect(states(object)).toMatchObject({ MirrorHeld: 'False InStep' }),
    );
    expect(await heldRows(tenant)).toBe(0);

    await restore(tenant, 'user-5', 'band', 'choir');
    await eventually(async () => expect(await contents(tenant)).toEqual(before));
    await inStep(tenant);
  });

  it('piece by piece is held as well', async () => {
    const tenant = nextTenant();
    for (const name of ['user-2', 'user-3', 'user-4']) {
      await vanish(tenant, User, name);
      await isGone(tenant, name);
    }
    await vanish(tenant, User, 'user-5');
    expect(await held(tenant)).toContain('4 of 10 people vanished within seven days, and at most 3 may');
    expect(await personInDatabase(database, tenant.namespace, 'user-5')).toMatchObject({ active: true });
    await statusesHold(tenant);
  });

  it('after a directory no longer had them goes, however many they are', async () => {
    const tenant = nextTenant();
    const names = ['user-2', 'user-3', 'user-4', 'user-5', 'user-6'];
    const source = (externalId: string) => ({ directory: 'corporate', authority: 'dc=example', externalId });
    const missing = names.map((name) =>
      user(name, { source: { ...source(name), missingSince: '2026-01-01T00:00:00Z' } }),
    );
    await tenant.apply(...missing);
    for (const name of names) {
      await eventually(async () =>
        expect(await personInDatabase(database, tenant.namespace, name)).toMatchObject({ inactive_reason: 'Missing' }),
      );
    }
    await vanish(tenant, User, ...names);
    for (const name of names) await isGone(tenant, name);
    await inStep(tenant);
    // They do not count as deleted by accident either.
    await vanish(tenant, User, 'user-7');
    await isGone(tenant, 'user-7');
    await inStep(tenant);
  });

  it('together with the Tenant stays in the database, until there is one again to say what is meant', async () => {
    const tenant = nextTenant();
    const before = await contents(tenant);
    await vanish(tenant, Tenant, 'tenant');
    await vanish(tenant, User, 'user-7');
    await eventually(async () => expect(await heldRows(tenant)).toBe(2));
    expect(await contents(tenant)).toEqual(before);

    await restore(tenant, 'tenant');
    await isGone(tenant, 'user-7');
    await restore(tenant, 'user-7');
    await eventually(async () => expect(await contents(tenant)).toEqual(before));
    await inStep(tenant);
  });

  it('with its whole namespace stays in the database and takes its rows back', async () => {
    const tenant = nextTenant();
    const before = await contents(tenant);
    const { people, organizations, roles, groups } = before;
    await tenant.kubectl(['delete', 'namespace', tenant.namespace]);
    const rows = [people, organizations, roles, groups, ['tenant']].flat().length;
    await eventually(async () => expect(await heldRows(tenant)).toBe(rows));
    expect(await contents(tenant)).toEqual(before);

    await tenant.kubectl(['create', 'namespace', tenant.namespace]);
    await giveTo(namespaces[0] ?? '', tenant.namespace, tenant.client);
    await establish(tenant);
    expect(await contents(tenant)).toEqual(before);
    expect(await heldRows(tenant)).toBe(0);
  });
});

describe('an operator that starts', () => {
  it('finds what was deleted while nobody looked, and leaves namespaces alone that it is not told of', async () => {
    const [emptied, unnamed] = [nextTenant(), nextTenant()];
    const before = [await contents(emptied), await contents(unnamed)];
    await roster.close();
    const people = Array.from({ length: 7 }, (_, index) => `user-${index + 2}`);
    await vanish(emptied, User, ...people);
    await vanish(emptied, Group, 'band', 'choir');
    roster = await openRoster({
      database,
      namespaces: namespaces.filter((namespace) => namespace !== unnamed.namespace),
    });
    expect(await held(emptied)).toMatch(
      /^7 of 10 people vanished within .* confirmation\. 2 of 3 groups vanished at once, .* confirmation\. All that /,
    );
    expect(await heldRows(emptied)).toBe(9);
    await eventually(async () => expect(await heldRows(unnamed)).toBeGreaterThan(10));
    expect([await contents(emptied), await contents(unnamed)]).toEqual(before);

    await roster.close();
    roster = await openRoster({ database, namespaces });
    expect(await held(emptied)).toContain('7 of 10 people');
    await restore(emptied, 'band', 'choir', ...people);
    await inStep(emptied);
    await inStep(unnamed);
    expect([await contents(emptied), await contents(unnamed)]).toEqual(before);
  });
});
