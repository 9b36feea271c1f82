/** What the operator tells those who run it, in metrics and logs, and what it keeps to itself. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';
import { type KubernetesObject, Recipient, type ResourceType, User, UserDirectory } from '@roster/crds';
import { sql } from 'kysely';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { openDatabase } from '../src/mirror/index.ts';
import { Branch, startDirectoryServer, sync } from './directory.ts';
import { metric } from './metric.ts';
import { recipient, tenant, user } from './objects.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster, types } from './roster.ts';
import { sentence, states } from './status.ts';

let roster: Roster;
let acme: Administrator;
/** Its directory refuses the password. */
let other: Administrator;
let branch: Branch;
/** Everything that was logged, one object a line. */
let log: string[];

const wrongPassword = 'battery-staple';
/** Of all people of these tests. */
const names = ['persephone', 'zebedee', 'balthazar', 'nicodemus', 'wilhelmina'];

beforeAll(async () => {
  log = [];
  const destination = new Writable({
    write(chunk, _, done) {
      log.push(...String(chunk).trimEnd().split('\n'));
      done();
    },
  });
  // Without the redaction of the program's own log: what is not written need not be struck out.
  const logger = pino({ level: 'debug', formatters: { level: (level) => ({ level }) } }, destination);
  const server = await startDirectoryServer();
  const namespaces = await Promise.all([createNamespace(), createNamespace()]);
  roster = await openRoster({ namespaces, log: logger });
  [acme, other] = namespaces.map((namespace) => roster.within(namespace)) as [Administrator, Administrator];
  branch = await Branch.grow(server, acme.namespace);
  await branch.addPerson('persephone');
  await branch.addPerson('zebedee', { mail: [] });
  await branch.addPerson('balthazar');
  await branch.addGroup('Choir', 'persephone');
  await acme.apply(
    tenant(),
    user('nicodemus', { enabled: false }),
    recipient('nicodemus'),
    recipient('wilhelmina'),
    ...branch.manifests({ defaultRole: 'users' }),
  );
  await other.apply(tenant(), ...branch.manifests({ secret: { password: wrongPassword } }));
  expect(await sync(acme)).toMatchObject({ status: { phase: 'Succeeded', people: { created: 2, rejected: 1 } } });
  expect(await sync(other)).toMatchObject({ status: { phase: 'Failed' } });
  await theDatabaseRefuses('wilhelmina');
  return async () => {
    await roster.close();
    await branch[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
});

/** PostgreSQL shows the whole row that it refuses. */
async function theDatabaseRefuses(name: string): Promise<void> {
  const alter = (change: string) => sql.raw(`alter table roster.people ${change}`).execute(roster.database.writer);
  const becomes = (state: string) =>
    acme.eventually(Recipient, name, (object) => expect(states(object).Ready).toBe(state));
  await becomes('True Mirrored');
  await alter(`add constraint refused check (name <> '${name}') not valid`);
  await acme.apply(recipient(name, { firstName: 'Mina' }));
  const refused = await becomes('False RowRejected');
  expect(sentence(refused, 'Ready')).not.toContain('Mina');
  await alter('drop constraint refused');
  await acme.apply(recipient(name, { firstName: 'Minna' }));
  await becomes('True Mirrored');
}

const scrape = async () => await (await fetch(roster.metricsUrl)).text();
const namesIn = (text: string) => names.filter((name) => text.includes(name));

/** The value of a metric for the directory of the tenant, with these further labels. */
async function ofDirectory(name: string, labels = '', tenant = acme): Promise<number | undefined> {
  const own = `namespace="${tenant.namespace}",directory="corporate"`;
  return (await metric(roster, `roster_directory_${name}`)).get(labels === '' ? own : `${own},${labels}`);
}

describe('metrics', () => {
  it('are as Prometheus wants them', async () => {
    expect(await promtool(await scrape())).toBe('');
  });

  it('are those of the documentation', async () => {
    const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const [, section = ''] = /^## Metrics$(.*?)^## /ms.exec(page) ?? [];
    const documented = [...section.matchAll(/`([a-z_]+)(?:\{([a-z,]+)\})?`/g)];
    const text = await scrape();
    const served = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(served).toEqual(expect.arrayContaining(documented.map(([, name]) => name)));
    const own = (list: readonly (string | undefined)[]) => new Set(list.filter((name) => name?.startsWith('roster_')));
    expect(own(documented.map(([, name]) => name))).toEqual(own(served));
    for (const [, name, labels] of documented) {
      for (const label of labels?.split(',') ?? []) {
        expect(text).toMatch(new RegExp(`^${name}(_count)?\\{[^}]*\\b${label}="`, 'm'));
      }
    }
  });

  it('tell what a run did', async () => {
    expect(await ofDirectory('connected')).toBe(1);
    expect(await ofDirectory('people')).toBe(3);
    expect(await ofDirectory('groups')).toBe(1);
    expect(await ofDirectory('rejected_records', 'reason="NoEmail"')).toBe(1);
    expect(await ofDirectory('held_changes')).toBe(0);
    expect(await ofDirectory('runs_total', 'result="Succeeded"')).toBe(1);
    expect(await ofDirectory('changes_total', 'kind="person",action="created"')).toBe(2);
    expect(await ofDirectory('changes_total', 'kind="group",action="created"')).toBe(1);
    for (const stage of ['Read', 'Plan', 'Apply']) {
      expect(await ofDirectory('stage_duration_seconds_count', `stage="${stage}"`), stage).toBe(1);
    }
    const { status } = await acme.eventually(UserDirectory, 'corporate', ({ status }) =>
      expect(status?.lastSuccessAt).toBeDefined(),
    );
    const lastSuccess = Date.parse(status?.lastSuccessAt ?? '') / 1000;
    await eventually(async () => expect(await ofDirectory('last_success_timestamp_seconds')).toBe(lastSuccess));
    expect(await ofDirectory('last_attempt_timestamp_seconds')).toBe(lastSuccess);
  });

  it('tell of a directory that refuses the credentials', async () => {
    expect(await ofDirectory('connected', '', other)).toBe(0);
    expect(await ofDirectory('runs_total', 'result="Failed"', other)).toBe(1);
    await eventually(async () => {
      expect(await ofDirectory('last_attempt_timestamp_seconds', '', other)).toBeGreaterThan(0);
    });
    expect(await ofDirectory('last_success_timestamp_seconds', '', other)).toBeUndefined();
  });

  it('count people by state', async () => {
    const people = async (kind: string, state: string) =>
      (await metric(roster, 'roster_people')).get(`namespace="${acme.namespace}",kind="${kind}",state="${state}"`);
    await eventually(async () => {
      expect(await people('User', 'active')).toBe(2);
      expect(await people('User', 'inactive')).toBe(1);
      expect(await people('Recipient', 'active')).toBe(1);
      // Both want one address.
      expect(await people('Recipient', 'stalled')).toBe(1);
    });
  });

  it('tell which build this is, and that its database answers', async () => {
    const build = `version="${packageJson.version}",node="${process.versions.node}"`;
    expect(await metric(roster, 'roster_build_info')).toEqual(new Map([[build, 1]]));
    expect(await metric(roster, 'roster_database_up')).toEqual(new Map([['', 1]]));
    expect((await metric(roster, 'roster_mirror_rows_written_total')).get('table="people"')).toBeGreaterThan(3);
  });

  it('have no more series for more people', async () => {
    const before = await series();
    for (let number = 0; number < 10; number++) await branch.addPerson(`persephone${number}`);
    await branch.addGroup('Board', 'persephone', 'persephone1');
    expect(await sync(acme)).toMatchObject({ status: { phase: 'Succeeded', people: { created: 10 } } });
    for (let number = 0; number < 5; number++) await acme.apply(user(`zebedee${number}`));
    await eventually(async () => {
      for (const person of await acme.list(User)) expect(states(person).Ready).toMatch('True');
    });
    expect(await series()).toEqual(before);
  });

  it('forget a directory that is gone', async () => {
    expect(await scrape()).toContain(`namespace="${other.namespace}",directory="corporate"`);
    await other.delete(UserDirectory, 'corporate');
    await eventually(async () => {
      expect(await scrape()).not.toContain(`namespace="${other.namespace}",directory="corporate"`);
    });
  });

  it('are served beside the answers of health', async () => {
    const answer = async (path: string) => (await fetch(new URL(path, roster.metricsUrl))).status;
    expect(await answer('/healthz')).toBe(200);
    expect(await answer('/readyz')).toBe(200);
  });
});

describe('nobody reads', () => {
  it('passwords and tokens in metrics, logs, events or resources', async () => {
    const config = new KubeConfig();
    config.loadFromFile(roster.cluster.operatorKubeconfig);
    const token = config.getCurrentUser()?.token ?? '';
    expect(token.length).toBeGreaterThan(20);
    const places = {
      metrics: await scrape(),
      log: log.join('\n'),
      events:
        (await acme.kubectl(['get', 'events', '-o', 'json'])) + (await other.kubectl(['get', 'events', '-o', 'json'])),
      resources: JSON.stringify([await everything(acme), await everything(other)]),
    };
    expect(places.events).toContain('InvalidCredentials');
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(1000);
      for (const secret of ['correct-horse', wrongPassword, token]) expect(text.includes(secret), place).toBe(false);
    }
  });

  it('the password of the database in what is said about it', async () => {
    const url = 'postgres://roster:staple-battery@127.0.0.1:1/roster';
    const said: string[] = [];
    const destination = new Writable({ write: (chunk, _, done) => done(void said.push(String(chunk))) });
    const logger = pino({ level: 'debug' }, destination);
    const database = await openDatabase(url, { logger });
    const outage = await openRoster({ database, log: logger });
    await eventually(async () => expect(said.join('')).toContain('waiting for the database'));
    const error = await outage.stop().then(() => 'none', String);
    await outage.close();
    await database.close();
    expect(said.join('')).toContain('127.0.0.1:1');
    expect(`${said.join('')} ${error}`).not.toContain('staple-battery');
  });

  it('who people are in metrics and above the level debug of the log', async () => {
    expect(namesIn(await scrape())).toEqual([]);
    const told = log.filter((line) => JSON.parse(line).level !== 'debug');
    expect(told.length).toBeGreaterThan(5);
    expect(told.filter((line) => namesIn(line).length > 0)).toEqual([]);
    expect(told.filter((line) => line.includes('@'))).toEqual([]);
  });
});

/** Names and labels of what grows with what there is; how the API server answered is told by its codes. */
async function series(): Promise<string[]> {
  const lines = (await scrape()).split('\n').filter((line) => /^(roster|controller_runtime|workqueue)_/.test(line));
  return lines.map((line) => line.slice(0, line.lastIndexOf(' ')));
}

async function everything(of: Administrator): Promise<KubernetesObject[]> {
  return (await Promise.all(types.map((type) => of.list(type as ResourceType<KubernetesObject>)))).flat();
}

/** What promtool finds wrong, line by line; nothing when all is well. */
async function promtool(metrics: string): Promise<string> {
  const { ROSTER_PROMTOOL: program } = process.env;
  if (program === undefined) {
    throw new Error(
      'There is no promtool: run ./hack/test, or let ROSTER_PROMTOOL name the one of an installed Prometheus.',
    );
  }
  return await new Promise((resolve) => {
    const child = execFile(program, ['check', 'metrics'], (error, output, complaints) => {
      resolve(output + complaints || (error?.message ?? ''));
    });
    child.stdin?.end(metrics);
  });
}
