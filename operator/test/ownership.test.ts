/** Whose the database is: one installation's, and of its operators the leader's. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { User } from '@roster/crds';
import pg from 'pg';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { apiClient, freePort, startOperator } from '../../hack/stack.ts';
import { migrate, openDatabase } from '../src/mirror/index.ts';
import { silentLogger } from '../src/runtime/index.ts';
import { LEASE } from '../src/runtime/leader.ts';
import { personInDatabase } from './contract.ts';
import { tenant, user } from './objects.ts';
import { administer, type Postgres, startPostgres } from './postgres.ts';
import { administrator, createNamespace, eventually, sharedCluster, startRoster } from './roster.ts';
import { sentence, states } from './status.ts';

let postgres: Postgres;
let directory: string;

beforeAll(async () => {
  postgres = await startPostgres();
  directory = await mkdtemp(join(tmpdir(), 'roster-ownership-'));
  return async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
});

async function createDatabase() {
  const url = await postgres.createDatabase();
  const database = await openDatabase(url, { logger: silentLogger });
  onTestFinished(() => database.close());
  await migrate(database);
  return { url, database };
}

const active = { Active: 'True Enabled', Ready: 'True Mirrored' };

it('another installation is refused, until somebody adopts the database for it', async () => {
  const { url, database } = await createDatabase();
  const namespaces = [await createNamespace()] as const;
  const first = await startRoster({ database, namespaces });
  await first.apply(tenant(), user('jane'));
  await first.eventually(User, 'jane', (jane) => expect(states(jane)).toEqual(active));
  const before = await personInDatabase(database, namespaces[0], 'jane');

  const program = (...args: readonly string[]) =>
    promisify(execFile)(fileURLToPath(new URL('../../hack/roster', import.meta.url)), [...args], {
      env: {
        ...process.env,
        ROSTER_DATABASE: url,
        ROSTER_KUBECONFIG: sharedCluster().operatorKubeconfig,
        ROSTER_INSTALLATION: 'second',
      },
    });
  const refusal = `The database at ${new URL(url).host}${new URL(url).pathname} belongs to another installation of Roster. Correct the database URL; after a restore into a new cluster, take it over with roster migrate --adopt.`;
  await expect(program('operator', '--metrics-address', '127.0.0.1:0')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`roster: ${refusal}\n`),
  });
  await expect(program('migrate')).rejects.toMatchObject({ stderr: expect.stringContaining(refusal) });

  await program('migrate', '--adopt');
  await first.apply(user('jane', { lastName: 'Roe' }));
  const jane = await first.eventually(User, 'jane', (object) =>
    expect(states(object)).toMatchObject({
      Ready: 'False DatabaseOfOtherInstallation',
      Reconciling: 'True DatabaseOfOtherInstallation',
    }),
  );
  expect(sentence(jane, 'Ready')).toBe(refusal);
  expect(await personInDatabase(database, namespaces[0], 'jane')).toEqual(before);
  await first.close();

  const second = await startRoster({ database, namespaces, installation: 'second' });
  await second.eventually(User, 'jane', (object) => expect(states(object)).toEqual(active));
  expect(await personInDatabase(database, namespaces[0], 'jane')).toEqual({ ...before, display_name: 'Roe' });
});

it('an operator that was frozen in a transaction while another took over commits nothing when it wakes up', async () => {
  const { url } = await createDatabase();
  await administer(
    url,
    'create table writes (id serial, name text, operator text)',
    `create function note() returns trigger language plpgsql as $$ begin
      insert into public.writes (name, operator) values (new.name, current_setting('application_name'));
      return null; end $$`,
    'create trigger note after insert or update on roster.people for each row execute function note()',
  );
  const writes = async (name: string) =>
    (await administer(url, `select operator from writes where name = '${name}' order by id`)).map(
      (row) => row.operator,
    );

  const cluster = sharedCluster();
  const namespace = await createNamespace();
  const client = apiClient(cluster.kubeconfig, 'roster-test');
  onTestFinished(() => client.close());
  const acme = administrator(cluster, client, namespace);
  const isActive = (name: string) => acme.eventually(User, name, (person) => expect(states(person)).toEqual(active));
  const start = async (name: string) => {
    const metricsPort = await freePort();
    const operator = await startOperator({
      kubeconfig: cluster.operatorKubeconfig,
      database: `${url}?application_name=${name}`,
      metricsPort,
      log: join(directory, name),
      namespaces: [namespace],
      installation: namespace,
    });
    onTestFinished(() => operator.stop('SIGKILL'));
    await eventually(async () => expect((await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status).toBe(200));
    return operator;
  };

  const holder = async () =>
    (await client.get(LEASE, { namespace: 'roster-system', name: namespace })).spec?.holderIdentity;

  const first = await start('first');
  await acme.apply(tenant(), user('jane'));
  await isActive('jane');
  await start('second');

  // A lock makes its transaction wait, so that it is frozen in the middle of one.
  const lock = new pg.Client({ connectionString: url });
  await lock.connect();
  await lock.query('begin; lock table roster.people in exclusive mode');
  await acme.apply(user('caught'));
  await eventually(async () => {
    const waiting = `select from pg_stat_activity where application_name = 'first' and wait_event_type = 'Lock'`;
    expect(await administer(url, waiting)).toHaveLength(1);
  });
  const frozen = await holder();
  process.kill(first.pid, 'SIGSTOP');
  await lock.end();
  await acme.apply(user('jane', { lastName: 'Roe' }), user('late'));

  await eventually(async () => expect(await holder()).not.toBe(frozen));
  await eventually(async () => expect(await writes('late')).toEqual(['second']));
  for (const name of ['caught', 'jane', 'late']) await isActive(name);

  process.kill(first.pid, 'SIGCONT');
  await expect(first.failed).rejects.toThrow('the operator ended');
  expect(await readFile(join(directory, 'first'), 'utf8')).toMatch(/lease could not be renewed|lease is now held by/);
  expect(await writes('jane')).toEqual(['first', 'second']);
  expect(await writes('caught')).toEqual(['second']);
  expect(await writes('late')).toEqual(['second']);
  await acme.apply(user('jane', { lastName: 'Moe' }));
  await eventually(async () => expect(await writes('jane')).toEqual(['first', 'second', 'second']));
});
