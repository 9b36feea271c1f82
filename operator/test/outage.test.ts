/** A database that is down: what people read meanwhile, and that nothing is lost when it is back. */
import { Group, Tenant, User } from '@roster/crds';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, migrate, openDatabase } from '../src/mirror/index.ts';
import { silentLogger } from '../src/runtime/index.ts';
import { namesInDatabase, personInDatabase } from './contract.ts';
import { metric } from './metric.ts';
import { group, tenant, user } from './objects.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { eventually, openRoster, type Roster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

let postgres: Postgres;
let database: Database;
let roster: Roster;

beforeAll(async () => {
  postgres = await startPostgres();
  // A server that is frozen is given up after one and a half times this.
  database = await openDatabase(postgres.url, { logger: silentLogger, statementTimeoutMs: 2_000 });
  await migrate(database);
  roster = await openRoster({ database });
});
afterAll(async () => {
  await roster?.close();
  await database?.close();
  await postgres?.stop();
});

const inDatabase = (name: string) => personInDatabase(database, roster.namespace, name);
const databaseUp = async () => (await metric(roster, 'roster_database_up')).get('');

const ready = { Ready: 'True Mirrored' };
const active = { ...ready, Active: 'True Enabled' };
const waiting = { Ready: 'False DatabaseUnavailable', Reconciling: 'True DatabaseUnavailable' };

const isActive = (name: string) => roster.eventually(User, name, (person) => expect(states(person)).toEqual(active));
const isWaiting = (name: string) =>
  roster.eventually(User, name, (person) => expect(states(person)).toMatchObject(waiting));
const tenantIs = (expected: Record<string, string>) =>
  roster.eventually(Tenant, 'tenant', (object) => expect(states(object)).toMatchObject(expected));

beforeEach(async () => {
  await roster.apply(tenant(), user('jane'), user('john'), user('leaver'));
  for (const name of ['jane', 'john', 'leaver']) await isActive(name);
  await tenantIs({ ...ready, MirrorHeld: 'False InStep' });
  await roster.apply(user('jane', { lastName: 'Doe' }));
  await isActive('jane');
});

describe('while the database', () => {
  it.each<[string, () => Promise<void>, () => Promise<void>, string]>([
    ['killed', () => postgres.kill(), () => postgres.start(), 'nothing listens there'],
    ['frozen', () => postgres.pause(), () => postgres.resume(), ''],
  ])('is %s, people and the Tenant wait for it, and lose nothing', async (kind, stop, start, why) => {
    const [joiner, choir] = [`joiner-${kind}`, `choir-${kind}`];
    const john = await roster.get(User, 'john');
    await stop();
    await roster.apply(user('jane', { lastName: 'Roe' }), user(joiner), group(choir));
    const jane = await isWaiting('jane');
    expect(sentence(jane, 'Ready')).toMatch(
      new RegExp(`^The database at 127\\.0\\.0\\.1:\\d+/roster_1 .*${why}.* Look after the database; everything is `),
    );
    await isWaiting(joiner);
    await roster.eventually(Group, choir, (object) => expect(states(object)).toEqual(waiting));
    // What the Tenant said about its rows is not in doubt.
    await tenantIs({ ...waiting, MirrorHeld: 'False InStep' });
    await roster.delete(User, 'leaver');
    await eventually(async () => expect(await databaseUp()).toBe(0));
    expect(await roster.get(User, 'john')).toEqual(john);

    await start();
    await isActive('jane');
    await isActive(joiner);
    await tenantIs(ready);
    await eventually(async () => expect(await databaseUp()).toBe(1));
    expect(await inDatabase('jane')).toMatchObject({ display_name: 'Roe', active: true });
    expect(await inDatabase(joiner)).toMatchObject({ active: true });
    expect(await namesInDatabase(database, roster.namespace, 'groups')).toContain(choir);
    await eventually(async () => expect(await inDatabase('leaver')).toBeUndefined());
    expect((await roster.get(User, 'john')).metadata.resourceVersion).toBe(john.metadata.resourceVersion);
    await statusesHold(roster);
  });
});

it('an operator that starts without its database waits for it', async () => {
  const namespaces = [roster.namespace];
  await roster.close();
  await postgres.kill();
  roster = await openRoster({ database, namespaces });
  await roster.apply(user('jane', { lastName: 'Low' }));
  const readyz = roster.metricsUrl.replace('metrics', 'readyz');
  await eventually(async () => expect(await (await fetch(readyz)).text()).toMatch(/database/));
  await postgres.start();
  await roster.eventually(User, 'jane', (jane) => {
    expect(states(jane)).toEqual(active);
    expect(jane.status?.displayName).toBe('Low');
  });
  expect(await inDatabase('jane')).toMatchObject({ display_name: 'Low' });
  expect(await databaseUp()).toBe(1);
});
