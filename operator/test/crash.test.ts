/** Operators that are killed at any moment of a first run: their successors bring everything to the same end. */

import { createHash, randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  apiVersion,
  DirectorySync,
  Group,
  type KubernetesObject,
  type ResourceType,
  Tenant,
  User,
  UserDirectory,
} from '@roster/crds';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { generateDirectory } from '../../hack/openldap/people.ts';
import { apiClient, freePort, type Part, startOperator } from '../../hack/stack.ts';
import { requestedAt } from '../src/controllers/userdirectory/requests.ts';
import { type ApiClient, Informer, isNotFound, silentLogger } from '../src/runtime/index.ts';
import { LEASE } from '../src/runtime/leader.ts';
import { tenant } from './objects.ts';
import { type OpenLDAP, password, startOpenLDAP, suffix } from './openldap.ts';
import { administer, type Postgres, startPostgres } from './postgres.ts';
import { type Administrator, administrator, createNamespace, sharedCluster, types } from './roster.ts';
import { states, statusesHold } from './status.ts';

const contents = generateDirectory({ suffix, people: 300, groups: 20, memberships: 3 });
const { made } = contents;
const kills = 10;
/** ROSTER_TEST_SEED repeats the moments of an earlier run. */
const seed = Number(process.env.ROSTER_TEST_SEED ?? randomInt(2 ** 31));

/** When to kill: after how many of a hundred changes that a first run makes, once at random in each tenth of them. */
const moments = Array.from({ length: kills }, (_, tenth) => Math.floor(((tenth + random(tenth)) / kills) * 95));

function random(index: number): number {
  return createHash('sha256').update(`${seed}/${index}`).digest().readUInt32BE() / 2 ** 32;
}

let server: OpenLDAP;
let postgres: Postgres;
let client: ApiClient;
let directory: string;
/** What a first run leaves that nobody disturbs, and after how many changes. */
let undisturbed: { readonly end: End; readonly changes: number };
let interruptions = 0;

// Side by side, since each waits ten seconds until the numbers of its tenant are counted.
vi.setConfig({ maxConcurrency: kills, testTimeout: 120_000 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roster-crash-'));
  // Many operators start here; the first leaves to the others what it has compiled.
  vi.stubEnv('NODE_COMPILE_CACHE', join(directory, 'compiled'));
  client = apiClient(sharedCluster().kubeconfig, 'roster-test');
  [server, postgres] = await Promise.all([startOpenLDAP({ entries: contents.entries(password) }), startPostgres()]);
  await using installation = await Installation.create();
  await installation.start();
  await installation.until(isComplete);
  await statusesHold(installation.administrator);
  undisturbed = { end: await installation.end(), changes: installation.changes };
  return async () => {
    await client.close();
    await Promise.all([server, postgres].map((each) => each[Symbol.asyncDispose]()));
    await rm(directory, { recursive: true });
  };
});

describe(`A first run whose operator is killed (ROSTER_TEST_SEED=${seed})`, { concurrent: true }, () => {
  it.for(moments)(
    'after %i percent of its changes ends as if it had not been',
    async (share, { expect, onTestFailed }) => {
      await using installation = await Installation.create();
      onTestFailed(async () => {
        console.error([...incompleteness(installation), await readFile(installation.log, 'utf8')].join('\n'));
      });
      await installation.start();
      const changes = Math.ceil((undisturbed.changes * share) / 100);
      await installation.until(() => installation.changes >= changes);
      await installation.kill();
      await installation.start();
      await installation.until(isComplete);
      expect(await installation.end()).toEqual(undisturbed.end);
      interruptions += installation
        .list(DirectorySync)
        .filter((run) => states(run).Ready?.endsWith('RunInterrupted')).length;
    },
  );
});

// The other half of the changes are rows and statuses, of which many follow the end of the run.
it('was often in the middle of its run', () => {
  expect(interruptions).toBeGreaterThanOrEqual(kills / 3);
});

/** A tenant with a database and an operator of its own, who is asked for a first run. */
class Installation implements AsyncDisposable {
  readonly administrator: Administrator;
  readonly log: string;
  /** Changes that the API server has told of. */
  changes = 0;
  readonly #database: string;
  /** All that there is, as the API server tells it; asking again and again would be work for it. */
  readonly #informers: readonly Informer<KubernetesObject>[];
  readonly #stop = new AbortController();
  readonly #told = new EventEmitter();
  #operator: Part | undefined;

  private constructor(namespace: string, database: string) {
    this.administrator = administrator(sharedCluster(), client, namespace);
    this.log = join(directory, namespace);
    this.#database = database;
    this.#informers = types.map((type) => new Informer(client, type, silentLogger, { namespaces: [namespace] }));
    for (const informer of this.#informers) {
      informer.onEvent(() => this.#told.emit('change', ++this.changes));
      void informer.run(this.#stop.signal);
    }
  }

  static async create(): Promise<Installation> {
    const installation = new Installation(await createNamespace(), await postgres.createDatabase());
    await installation.administrator.apply(tenant({ displayName: 'Acme' }), ...manifests());
    return installation;
  }

  async start(): Promise<void> {
    const { namespace } = this.administrator;
    this.#operator = await startOperator({
      kubeconfig: sharedCluster().operatorKubeconfig,
      database: this.#database,
      metricsPort: await freePort(),
      log: this.log,
      namespaces: [namespace],
      installation: namespace,
    });
  }

  /** Looks again after each change. */
  async until(condition: (installation: this) => boolean): Promise<void> {
    const { signal } = this.#stop;
    while (!condition(this)) await Promise.race([once(this.#told, 'change', { signal }), this.#operator?.failed]);
  }

  /** Without a word of farewell; and then spares the test the 15 s for which the Lease of the dead would count. */
  async kill(): Promise<void> {
    await this.#operator?.stop('SIGKILL');
    const lease = { namespace: 'roster-system', name: this.administrator.namespace };
    await client.delete(LEASE, lease).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  /** What is there of a kind. */
  list<T extends KubernetesObject>({ kind }: ResourceType<T>): T[] {
    const informer = this.#informers.find(({ type }) => type.kind === kind);
    return [...(informer?.cache.list(this.administrator.namespace) ?? [])] as unknown as T[];
  }

  /** All that people and the application find, without what differs from one installation to the next. */
  async end(): Promise<End> {
    const kinds = types.filter(({ kind }) => kind !== DirectorySync.kind);
    const objects = kinds.flatMap((type) => this.list(type));
    return { objects: new Map(objects.map(comparable)), rows: await rows(this.#database) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#operator?.stop();
  }
}

function manifests(): KubernetesObject[] {
  const credentials = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'corporate', annotations: { 'roster.dev/hosts': server.urls.ldaps } },
    stringData: { username: server.username, password: server.password },
  };
  const corporate = {
    apiVersion,
    kind: 'UserDirectory',
    metadata: { name: 'corporate', annotations: { [requestedAt]: 'now' } },
    spec: {
      organization: 'main',
      defaultRole: 'users',
      passwordSetup: 'Invite',
      ldap: {
        urls: [server.urls.ldaps],
        caBundle: server.caBundle,
        credentials: { secretRef: { name: 'corporate' } },
        users: { baseDN: `ou=People,${suffix}` },
        groups: { baseDN: `ou=Groups,${suffix}` },
      },
    },
  };
  return [credentials, corporate];
}

/** What is to come until a run has succeeded, and everybody with an address is in force and counted everywhere. */
function* incompleteness(installation: Installation): Generator<string> {
  const expected = made.people - made.withoutMail.length - made.sharingAnAddress.length;
  for (const { status } of installation.list(UserDirectory)) {
    if (status?.lastAttempt?.result !== 'Succeeded') yield `the last attempt is ${status?.lastAttempt?.result}`;
  }
  const users = installation.list(User);
  if (users.length !== expected) yield `there are ${users.length} of ${expected} users`;
  for (const user of users) {
    if (!states(user).Ready?.startsWith('True')) yield `${user.metadata.name} is ${states(user).Ready}`;
  }
  const groups = installation.list(Group);
  for (const { metadata, status } of groups) {
    const isMember = ({ spec }: User) => metadata.name === 'all-users' || spec.source?.groups?.includes(metadata.name);
    const members = users.filter(isMember).length;
    if (status?.members !== members) yield `${metadata.name} counts ${status?.members} of ${members} members`;
  }
  for (const { status } of installation.list(Tenant)) {
    if (status?.users !== expected) yield `the tenant counts ${status?.users} of ${expected} users`;
    if (status?.groups !== groups.length) yield `the tenant counts ${status?.groups} of ${groups.length} groups`;
  }
}

const isComplete = (installation: Installation): boolean => incompleteness(installation).next().done === true;

interface End {
  /** By kind and name. */
  readonly objects: ReadonlyMap<string, unknown>;
  readonly rows: unknown;
}

/** Times and versions, and which run it was. */
const incomparable: ReadonlySet<string> = new Set([
  ...['lastTransitionTime', 'testedAt', 'secretVersion', 'lastAttempt', 'lastSuccessAt'],
]);

function comparable({ kind, metadata, ...rest }: KubernetesObject): [string, unknown] {
  const { name, labels, annotations } = metadata;
  // The sentence of a directory tells what its last run found already done.
  const differs = (key: string) => incomparable.has(key) || (kind === UserDirectory.kind && key === 'message');
  const omit = (key: string, value: unknown) => (differs(key) ? undefined : value);
  return [`${kind} ${name}`, JSON.parse(JSON.stringify({ labels, annotations, ...rest }, omit))];
}

/** What the database holds but ids, times and the plans of runs. */
async function rows(url: string): Promise<unknown> {
  const tables = ['tenants', 'organizations', 'roles', 'groups', 'people', 'claims', 'tombstones'];
  const statements = [
    ...tables.map((table) => `select '${table}' as source, to_jsonb(t) as row from roster.${table} t`),
    ...['assignments', 'memberships'].map(
      (table) => `select '${table}', to_jsonb(t) || jsonb_build_object('person', p.name)
        from roster.${table} t join roster.people p on p.id = t.person_id`,
    ),
  ];
  return await administer(
    url,
    `select source, row - '{id,namespace,uid,changed,taken_at,person_id}'::text[] as row
      from (${statements.join(' union all ')}) as everything order by source, row`,
  );
}
