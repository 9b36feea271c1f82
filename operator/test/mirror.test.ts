import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Database, openDatabase } from '../src/mirror/database.ts';
import { identity, leadingMirror, quiet } from '../src/mirror/fixture.ts';
import { checkMigrated, migrate } from '../src/mirror/migrate.ts';
import { Mirror } from '../src/mirror/mirror.ts';
import type { RowKey } from '../src/mirror/rows.ts';
import { aGroup, anOrganization, aPerson } from '../src/mirror/samples.ts';
import { administer, type Postgres, password, startPostgres, startWire } from './postgres.ts';

let postgres: Postgres;
/** Each test has a database of its own. */
let url: string;
let opened: Database[];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  url = await postgres.createDatabase();
  opened = [];
});
afterEach(() => Promise.all(opened.map((database) => database.close())));

async function open(at = url, statementTimeoutMs = 20_000): Promise<Database> {
  const database = await openDatabase(at, { logger: quiet, statementTimeoutMs });
  opened.push(database);
  return database;
}

async function leader(at = url, statementTimeoutMs?: number): Promise<Mirror> {
  const database = await open(at, statementTimeoutMs);
  await migrate(database);
  return leadingMirror(database);
}

const select = (text: string) => administer(url, text);
const names = async () => (await select('select name from roster.people order by name')).map(({ name }) => name);
const key = (name: string): RowKey => ({ namespace: 'acme', kind: 'User', name });

describe('opening', () => {
  const failure = async (at: string) =>
    checkMigrated(await open(at)).then(
      () => 'none',
      ({ reason, message }) => `${reason}: ${message}`,
    );

  it('says what is wrong with the login, the name or the address, without the password', async () => {
    const { host } = new URL(url);
    expect(await failure(url.replace(password, 'battery-staple'))).toBe(
      `DatabaseLoginRefused: The database at ${host}${new URL(url).pathname} refuses the login: password authentication failed for user "admin".`,
    );
    expect(await failure(url.replace(/[^/]+$/, 'nowhere'))).toBe(
      `DatabaseNotFound: There is no database at ${host}/nowhere: database "nowhere" does not exist.`,
    );
    expect(await failure(url.replace(/127.0.0.1:\d+/, '127.0.0.1:9'))).toMatch(
      /^DatabaseUnavailable: .*nothing listens/,
    );
    expect(await failure(`${url}?sslmode=verify-full`)).toMatch(/^DatabaseUnavailable: .*it does not speak TLS/);
  });

  it('says it when the user may not create the tables', async () => {
    await administer(url, "create role guest login password 'guest'");
    const guest = await open(url.replace(`admin:${password}`, 'guest:guest'));
    await expect(migrate(guest)).rejects.toMatchObject({
      reason: 'DatabaseNotAuthorized',
      message: expect.stringContaining('permission denied'),
    });
  });
});

describe('migrating', () => {
  it('is done once when several processes try at once', async () => {
    const databases = await Promise.all(Array.from({ length: 5 }, () => open()));
    const ran = await Promise.all(databases.map((database) => migrate(database)));
    expect(ran.filter((list) => list.length > 0)).toHaveLength(1);
    await Promise.all(databases.map((database) => checkMigrated(database)));
  });

  it('lets one installation adopt an empty database when two come at once', async () => {
    await migrate(await open());
    const two = ['one/roster', 'two/roster'].map(async (identity) =>
      Mirror.open(await open(), { identity, logger: quiet }),
    );
    const ends = await Promise.allSettled(two);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { reason: 'DatabaseOfOtherInstallation' },
    });
  });
});

describe('what the application may read', () => {
  it('is the views, with nothing but the right to read them', async () => {
    const mirror = await leader();
    await mirror.writeOrganization(anOrganization('acme', 'main'));
    await mirror.writePerson(aPerson('acme', 'jane'));
    await administer(
      url,
      "create role application login password 'application'",
      'grant usage on schema roster_api to application',
      'grant select on all tables in schema roster_api to application',
    );
    const application = url.replace(`admin:${password}`, 'application:application');
    expect(await administer(application, 'select name, email, active from roster_api.users')).toEqual([
      { name: 'jane', email: 'jane@example.com', active: true },
    ]);
    expect(await administer(application, 'select kind from roster_api.organization_members')).toEqual([
      { kind: 'User' },
    ]);
    await expect(administer(application, 'select * from roster.people')).rejects.toThrow('permission denied');
    await expect(administer(application, 'update roster_api.roles set enabled = true')).rejects.toThrow(
      'permission denied',
    );
  });

  it('is announced when it changed, and only then', async () => {
    const mirror = await leader();
    const listener = new pg.Client({ connectionString: url });
    await listener.connect();
    const heard: number[] = [];
    listener.on('notification', ({ payload }) => void heard.push(Number(payload)));
    await listener.query('listen roster_changes');
    try {
      await mirror.writePerson(aPerson('acme', 'jane'));
      await expect.poll(() => heard.length).toBe(1);
      const [last] = await select('select max(changed)::int as changed from roster_api.changes');
      expect(heard).toEqual([last?.changed]);
      const forgetful = await Mirror.open(await open(), { identity, logger: quiet });
      await forgetful.mint();
      await forgetful.writePerson(aPerson('acme', 'jane'));
      await forgetful.writePerson(aPerson('acme', 'joe'));
      await expect.poll(() => heard.length).toBe(2);
      expect(heard[1]).toBeGreaterThan(heard[0] ?? 0);
    } finally {
      await listener.end();
    }
  });
});

describe('a leader who was deposed', () => {
  it('commits nothing, whatever it tries', async () => {
    const old = await leader();
    await old.writePerson(aPerson('acme', 'jane'));
    const next = await leadingMirror(await open());
    const tries = [
      old.writePerson(aPerson('acme', 'joe')),
      old.writeGroup(aGroup('acme', 'board')),
      old.bury([key('jane')]),
      old.claims.reserve('acme', [{ kind: 'User', name: 'new', value: 'x@example.com' }]),
      old.plans.store(
        { namespace: 'acme', name: 'run', uid: 'uid', directory: 'd', startedAt: new Date(), dryRun: false },
        [{ action: 'Create', kind: 'User', record: 'r' }],
      ),
      old.purge(new Date('2100-01-01')),
    ];
    for (const end of await Promise.allSettled(tries)) {
      expect(end).toMatchObject({ status: 'rejected', reason: { reason: 'NoLongerLeader' } });
    }
    expect(await names()).toEqual(['jane']);
    expect(await select('select * from roster.groups union all select * from roster.groups')).toEqual([]);
    expect(await select('select value from roster.claims')).toEqual([{ value: 'jane@example.com' }]);
    expect(await next.writePerson(aPerson('acme', 'jane'))).toMatchObject({ written: false });
  });

  it('finishes the transaction that the next one waits for', async () => {
    const old = await leader();
    const blocker = new pg.Client({ connectionString: url });
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table roster.people in exclusive mode');
    const last = old.writePerson(aPerson('acme', 'jane'));
    await waitingForLocks(1);
    const next = await Mirror.open(await open(), { identity, logger: quiet });
    const epoch = next.mint();
    await waitingForLocks(2);
    await blocker.query('rollback');
    await blocker.end();
    expect(await last).toMatchObject({ written: true });
    expect(await epoch).toBe(2);
    await expect(old.writePerson(aPerson('acme', 'joe'))).rejects.toMatchObject({ reason: 'NoLongerLeader' });
    expect(await names()).toEqual(['jane']);
  });

  it('cannot keep the next one waiting by freezing in a transaction', async () => {
    await using wire = await startWire(url);
    await leader(wire.url, 1_000);
    const frozen = Promise.withResolvers<void>();
    const hanging = opened[0]?.writer.transaction().execute(async (transaction) => {
      await sql`select * from roster.installation for share`.execute(transaction);
      await sql`insert into roster.groups (namespace, name, uid, display_name, organization, computed)
        values ('acme', 'zombie', '', '', '', false)`.execute(transaction);
      wire.freeze();
      await frozen.promise;
      await sql`select 1`.execute(transaction);
    });
    const end = Promise.allSettled([hanging]);
    await expect
      .poll(() =>
        select("select 1 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()"),
      )
      .toHaveLength(1);
    const next = await Mirror.open(await open(), { identity, logger: quiet });
    expect(await next.mint()).toBe(2);
    frozen.resolve();
    expect(await end).toMatchObject([{ status: 'rejected' }]);
    expect(await select('select * from roster.groups')).toEqual([]);
    await opened.shift()?.close();
  });

  async function waitingForLocks(sessions: number): Promise<void> {
    await expect
      .poll(() =>
        select("select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"),
      )
      .toHaveLength(sessions);
  }
});

describe('an outage', () => {
  const write = (mirror: Mirror, name: string) => mirror.writePerson(aPerson('acme', name));
  const unavailable = { reason: 'DatabaseUnavailable' };
  /** As controllers do: again until it is done. */
  const written = (mirror: Mirror, name: string) =>
    vi.waitFor(() => write(mirror, name), { timeout: 30_000, interval: 100 });
  const terminateAll = () =>
    select(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'roster' and datname = current_database()",
    );

  it('of a killed server is told, and over when the server is back', async () => {
    const mirror = await leader();
    await write(mirror, 'before');
    await postgres.kill();
    await expect(write(mirror, 'during')).rejects.toMatchObject(unavailable);
    await expect(mirror.healthy()).rejects.toMatchObject(unavailable);
    await expect(mirror.compare()).rejects.toMatchObject(unavailable);
    await expect(mirror.tombstones('acme')).rejects.toMatchObject(unavailable);
    expect(mirror.stats()).toMatchObject({ waiting: 1 });
    expect(mirror.stats().lagSeconds).toBeGreaterThan(0);
    await postgres.start();
    await written(mirror, 'during');
    await mirror.healthy();
    expect(mirror.stats()).toMatchObject({ waiting: 0, lagSeconds: 0 });
    expect(await names()).toEqual(['before', 'during']);
  });

  it('of a frozen server is told too, though no connection breaks', async () => {
    const mirror = await leader(url, 2_000);
    await write(mirror, 'before');
    await postgres.pause();
    try {
      await expect(write(mirror, 'during')).rejects.toMatchObject(unavailable);
      await expect(mirror.healthy()).rejects.toMatchObject(unavailable);
    } finally {
      await postgres.resume();
    }
    await written(mirror, 'during');
    expect(await names()).toEqual(['before', 'during']);
  });

  it('in the middle of a statement, between statements, or while nothing is asked, loses nothing', async () => {
    const mirror = await leader();
    const blocker = new pg.Client({ connectionString: url });
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table roster.people in exclusive mode');
    const blocked = write(mirror, 'in-the-middle');
    await expect.poll(() => select("select 1 from pg_stat_activity where wait_event_type = 'Lock'")).toHaveLength(1);
    await Promise.all([expect(blocked).rejects.toMatchObject(unavailable), terminateAll()]);
    await blocker.end();
    await written(mirror, 'in-the-middle');

    const between = opened[0]?.writer.transaction().execute(async (transaction) => {
      await sql`select 1`.execute(transaction);
      await terminateAll();
      await expect
        .poll(() =>
          select("select 1 from pg_stat_activity where application_name = 'roster' and datname = current_database()"),
        )
        .toEqual([]);
      await sql`select 1`.execute(transaction);
    });
    await expect(between).rejects.toThrow();
    await written(mirror, 'between');

    await terminateAll();
    await written(mirror, 'idle');
    expect(await names()).toEqual(['between', 'idle', 'in-the-middle']);
  });

  it('that hides whether a transaction was committed does no harm', async () => {
    await using wire = await startWire(url);
    const mirror = await leader(wire.url);
    await write(mirror, 'first');
    wire.loseNextCommitAnswer();
    await expect(mirror.writePerson(aPerson('acme', 'first', { displayName: 'Renamed' }))).rejects.toMatchObject(
      unavailable,
    );
    expect(await select('select display_name from roster.people')).toEqual([{ display_name: 'Renamed' }]);
    // What was believed before must not hide that the row is another one now.
    expect(await write(mirror, 'first')).toMatchObject({ written: true });
    expect(await mirror.compare()).toEqual([]);
    await opened[0]?.close();
    opened.length = 0;
  });

  it('is followed by a look at all rows: the database may have come back from a backup', async () => {
    await using wire = await startWire(url);
    const mirror = await leader(wire.url);
    await Promise.all(['jane', 'joe', 'jim'].map((name) => write(mirror, name)));
    await mirror.writePerson(aPerson('acme', 'waiting', { email: 'jane@example.com' }));
    const drifted: string[] = [];
    mirror.onDrift((keys) => void drifted.push(...keys.map(({ name }) => name)));
    wire.cut();
    await select("delete from roster.people where name = 'joe'");
    await select("update roster.people set display_name = 'Old' where name = 'jim'");
    await vi.waitFor(() => mirror.healthy());
    await expect.poll(() => drifted.sort()).toEqual(['jim', 'joe', 'waiting']);
    expect(await write(mirror, 'joe')).toMatchObject({ written: true });
    await opened[0]?.close();
    opened.length = 0;
  });
});

describe('conflicts with others who write', () => {
  /** The first transactions that write a person fail in this way. */
  const failing = (times: number, state: string) =>
    administer(
      url,
      'create sequence failures',
      `create function fail() returns trigger language plpgsql as $$ begin
        if nextval('failures') <= ${times} then raise exception 'again' using errcode = '${state}'; end if;
        return new;
      end $$`,
      'create trigger fail before insert on roster.people for each row execute function fail()',
    );

  it.each(['40001', '40P01'])('that end with %s are tried again', async (state) => {
    const mirror = await leader();
    await failing(3, state);
    expect(await mirror.writePerson(aPerson('acme', 'jane'))).toMatchObject({ written: true });
  });

  it('are not tried for ever', async () => {
    const mirror = await leader();
    await failing(5, '40001');
    await expect(mirror.writePerson(aPerson('acme', 'jane'))).rejects.toMatchObject({ reason: 'DatabaseUnavailable' });
    expect(await mirror.writePerson(aPerson('acme', 'jane'))).toMatchObject({ written: true });
  });
});

it('refuses bad rows alone, as PostgreSQL itself words it', async () => {
  const mirror = await leader();
  const rows = [
    aPerson('acme', 'good'),
    aPerson('acme', 'nul', { lastName: 'a\u0000' }),
    aPerson('acme', 'time', { expiresAt: 'jane@example.com' }),
    aPerson('acme', 'half', { displayName: '\udc00' }),
    aPerson('acme', 'null', { language: null as unknown as string }),
    aPerson('acme', 'long', { email: randomBytes(20_000).toString('base64') }),
    aPerson('acme', 'fine'),
  ];
  const ends = await Promise.allSettled(rows.map((row) => mirror.writePerson(row)));
  expect(
    ends.map((end) => (end.status === 'rejected' ? `${end.reason.reason}: ${end.reason.message}` : 'written')),
  ).toEqual([
    'written',
    'RowRejected: The database refuses User acme/nul: unsupported Unicode escape sequence (last_name).',
    'RowRejected: The database refuses User acme/time: invalid input syntax for type timestamp with time zone.',
    'RowRejected: The database refuses User acme/half: invalid input syntax for type json (display_name).',
    'RowRejected: The database refuses User acme/null: null value in column "language" of relation "people" violates not-null constraint (language).',
    expect.stringMatching(/^RowRejected: The database refuses User acme\/long: index row .*maximum/),
    'written',
  ]);
  expect(await names()).toEqual(['fine', 'good']);
});

it('reads 50,000 people with their groups, and finds the one that was edited', async () => {
  const mirror = await leader();
  await select(`
    with people as (
      insert into roster.people (namespace, kind, name, uid, display_name, language, enabled, active, roles)
      select 'acme', 'User', 'person-' || n, 'uid-' || n, 'Person ' || n, 'en', true, true, '{}'
      from generate_series(1, 50000) n returning id
    ), assignments as (
      insert into roster.assignments select id, 'main', '{}' from people
    )
    insert into roster.memberships select id, 'group-' || g from people, generate_series(1, 4) g`);
  await mirror.load();
  expect(mirror.count('acme', ['User'])).toBe(50_000);
  const person = aPerson('acme', 'person-31415', {
    uid: 'uid-31415',
    email: undefined,
    displayName: 'Person 31415',
    groups: ['group-4', 'group-3', 'group-2', 'group-1'],
  });
  expect(await mirror.writePerson(person)).toEqual({ written: false, id: undefined });
  await select("update roster.people set display_name = 'Edited' where name = 'person-31415'");
  expect(await mirror.compare()).toEqual([key('person-31415')]);
  expect(await mirror.writePerson(person)).toMatchObject({ written: true });
});

it('lets two people exchange addresses whose batches are apart', async () => {
  const mirror = await leader();
  const wanting = (name: string, email: string) => mirror.writePerson(aPerson('acme', name, { email }));
  await Promise.all([wanting('one', 'a@example.com'), wanting('two', 'b@example.com')]);
  const again: Promise<unknown>[] = [];
  mirror.onFreed((_namespace, _type, value, waiters) => {
    for (const { name } of waiters) again.push(wanting(name, value));
  });
  expect(await wanting('one', 'b@example.com')).toMatchObject({ emailHolder: { kind: 'User', name: 'two' } });
  await wanting('two', 'a@example.com');
  await Promise.all(again);
  expect(await select('select name, email from roster.people order by name')).toEqual([
    { name: 'one', email: 'b@example.com' },
    { name: 'two', email: 'a@example.com' },
  ]);
});
