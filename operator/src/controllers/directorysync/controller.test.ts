import {
  AppRole,
  DirectorySync,
  Group,
  Organization,
  type Person,
  Recipient,
  type ResourceType,
  Tenant,
  User,
  UserDirectory,
} from '@roster/crds';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { FoundEntry, OpenDirectory } from '../../directory/reader.ts';
import type { DirectoryContents, Evidence, PersonRecord, Whereabouts } from '../../directory/record.ts';
import { DatabaseError, DirectoryError } from '../../errors.ts';
import { createMetrics } from '../../metrics.ts';
import type { EffectCounts, SyncLine } from '../../mirror/index.ts';
import { ApiError, done, requeueAfter } from '../../runtime/index.ts';
import { RecordingLogger } from '../../runtime/testing/logger.ts';
import type { Context } from '../context.ts';
import { personIndexes } from '../person/controller.ts';
import { Informed, ManualManager } from '../testing/engine.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import {
  at,
  brokenInvariants,
  directory,
  now,
  organization,
  role,
  run,
  source,
  tenant,
  user,
} from '../testing/objects.ts';
import { addDirectorySyncController } from './controller.ts';

const evidence: Evidence = {
  complete: true,
  server: 'ldaps://ldap.example.com',
  authority: 'dc=example,dc=com',
  boundAs: 'cn=roster',
  bases: ['dc=example,dc=com'],
  pages: 1,
  entries: 2,
  doubts: [],
};
const entry = (id: string, rest: Partial<PersonRecord> = {}): PersonRecord => ({
  kind: 'Person',
  externalId: id,
  label: `uid=${id}`,
  email: `${id}@example.com`,
  groups: [],
  ...rest,
});
const contentsOf = (...people: PersonRecord[]): DirectoryContents => ({ people, groups: [], rejected: [], evidence });

const added = (sums: EffectCounts, counts: EffectCounts): EffectCounts =>
  new Map([...sums, ...[...counts].map(([effect, count]) => [effect, (sums.get(effect) ?? 0) + count] as const)]);

/** The controller of runs between an API server in memory, caches filled by hand, and a directory that says what it is told. */
class World {
  readonly api = new MemoryApi();
  readonly runs = new Informed<DirectorySync>(DirectorySync, {
    directory: ({ metadata, spec }) => [`${metadata.namespace}/${spec.directory}`],
  });
  readonly users = new Informed(User as ResourceType<Person>, personIndexes);
  readonly tenants = new Informed<Tenant>(Tenant, {}, tenant());
  readonly organizations = new Informed<Organization>(Organization, {}, organization('main'));
  readonly roles = new Informed<AppRole>(AppRole);
  readonly directories = new Informed<UserDirectory>(UserDirectory, {}, directory());
  readonly lines: SyncLine[] = [];
  readonly ends: string[] = [];
  readonly events: string[] = [];
  readonly metrics = createMetrics(new Registry(), { version: '1' });
  readonly log = new RecordingLogger();
  contents: DirectoryContents = contentsOf(entry('jane'), entry('john'));
  /** Waited for before anything is read. */
  reading: (signal: AbortSignal) => Promise<unknown> = async () => {};
  /** Where those are whom the directory does not give. */
  readonly whereabouts = new Map<string, Whereabouts>();
  /** Who is found by hand, by what they are looked for. */
  readonly found = new Map<string, FoundEntry>();
  /** Opened and closed connections. */
  readonly connections: ('opened' | 'closed')[] = [];
  /** What runs held, by uid. */
  readonly held = new Map<string, Set<string>>();
  /** What runs did within days. */
  readonly effects = new Map<string, EffectCounts>();
  onNote: (counts: EffectCounts) => void = () => {};
  storing: Promise<void> = Promise.resolve();
  readonly #manager = new ManualManager();

  constructor() {
    const informers = {
      runs: this.runs,
      users: this.users,
      recipients: new Informed(Recipient as ResourceType<Person>, personIndexes),
      groups: new Informed<Group>(Group),
      roles: this.roles,
      tenants: this.tenants,
      organizations: this.organizations,
      directories: this.directories,
    };
    const mirror = {
      tombstones: async () => [],
      effects: {
        since: async () => [...this.effects.values()].reduce(added, new Map()),
        note: async ({ uid, startedAt }: { uid: string; startedAt: Date }, counts: EffectCounts) => {
          this.onNote(counts);
          this.effects.set(`${uid} ${startedAt.toISOString()}`, counts);
        },
      },
      claims: { holders: async () => new Map(), reserve: async () => new Map() },
      plans: {
        store: async (_: unknown, lines: Iterable<SyncLine>) => {
          await this.storing;
          this.lines.push(...lines);
        },
        add: async (_: unknown, lines: Iterable<SyncLine>) => void this.lines.push(...lines),
        hold: async ({ uid }: { uid: string }, keys: Iterable<string>) => void this.held.set(uid, new Set(keys)),
        held: async ({ uid }: { uid: string }) => this.held.get(uid) ?? new Set(),
        finish: async ({ uid }: { uid: string }, { phase }: { phase: string }) => {
          this.ends.push(`${uid} ${phase}`);
        },
      },
    };
    const events = {
      record: (...[{ kind }, { metadata }, level, reason]: Parameters<Context['events']['record']>) =>
        this.events.push(`${level} ${kind} ${metadata.name} ${reason}`),
    };
    const context = {
      client: this.api,
      informers,
      mirror,
      events,
      metrics: this.metrics,
      log: this.log,
      now: () => now,
    };
    addDirectorySyncController(this.#manager.asManager, context as unknown as Context, async (_, signal) => {
      await this.reading(signal);
      this.connections.push('opened');
      return this.#opened();
    });
  }

  #opened(): OpenDirectory {
    const { contents, whereabouts, found, connections } = this;
    return {
      test: () => Promise.reject(new Error('a run tests nothing')),
      async *read() {
        yield* contents.people;
        yield* contents.groups;
        yield* contents.rejected;
        return contents.evidence;
      },
      locate: async (ids) => new Map(ids.map((id) => [id, whereabouts.get(id) ?? 'NotVisible'])),
      find: async (person) => found.get(person),
      [Symbol.dispose]: () => void connections.push('closed'),
    };
  }

  /** Adds a run to the server and the cache. */
  add(object: DirectorySync): DirectorySync {
    this.api.put(object);
    this.runs.cache.set(object);
    return object;
  }

  /** Lets the cache see what the server holds. */
  catchUp(): void {
    for (const object of this.api.objects.values()) {
      if (object.kind === 'DirectorySync') this.runs.cache.set(object as DirectorySync);
    }
  }

  reconcile(name: string, signal = new AbortController().signal) {
    return this.#manager.reconcile('directorysync', name, signal);
  }

  statusOf(name: string): NonNullable<DirectorySync['status']> {
    const status = this.api.at(DirectorySync, name)?.status;
    expect(brokenInvariants(status?.conditions)).toEqual([]);
    return status ?? {};
  }

  get enqueued(): readonly string[] {
    return this.#manager.enqueued;
  }

  get writes(): string[] {
    return this.api.requests.filter((request) => !request.startsWith('get') && !request.includes('DirectorySync'));
  }
}

describe('a run', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('reads, plans and writes, and its status on the server tells all of it', async () => {
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.writes).toEqual([
      expect.stringMatching(/^create User jane-[a-z2-7]{8}$/),
      expect.stringMatching(/^create User john-[a-z2-7]{8}$/),
    ]);
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Succeeded',
      message: '2 people found: 2 created. 0 groups with 0 memberships.',
      startedAt: at(0),
      finishedAt: at(0),
      stages: [{ name: 'Read' }, { name: 'Plan' }, { name: 'Apply' }],
      people: { found: 2, created: 2 },
      evidence: { complete: true, server: 'ldaps://ldap.example.com', entries: 2 },
      memberships: 0,
    });
    expect(world.events).toEqual(['Normal DirectorySync a Succeeded', 'Normal UserDirectory corporate Succeeded']);
    expect(world.lines.map(({ action, record }) => `${action} ${record}`).sort()).toEqual([
      'Create uid=jane',
      'Create uid=john',
    ]);
    expect(world.ends).toEqual(['uid-of-a Succeeded']);
  });

  it('shows how far it is', async () => {
    world.add(run('a'));
    await world.reconcile('a');
    const runs = world.api.history.filter((object): object is DirectorySync => object.kind === 'DirectorySync');
    expect(runs.map(({ status }) => [status?.phase, status?.message])).toEqual([
      ['Reading', 'Reading the directory.'],
      ['Planning', 'Read 2 entries; comparing them.'],
      ['Applying', 'Writing people and groups.'],
      ['Succeeded', '2 people found: 2 created. 0 groups with 0 memberships.'],
    ]);
    for (const { status } of runs) expect(brokenInvariants(status?.conditions)).toEqual([]);
  });

  it('that only plans writes nobody', async () => {
    world.add(run('a', undefined, { spec: { dryRun: true } }));
    await world.reconcile('a');
    expect(world.writes).toEqual([]);
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Succeeded',
      message: 'Nothing was changed. 2 people found: 2 created. 0 groups with 0 memberships.',
      people: { created: 2 },
    });
    expect((await world.metrics.changes.get()).values).toEqual([]);
  });

  it('with nothing to do writes nobody', async () => {
    world.contents = contentsOf(entry('jane'));
    const jane = user('jane', { email: undefined, source: source({ externalId: 'jane', email: 'jane@example.com' }) });
    world.users.cache.set(jane);
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.writes).toEqual([]);
    expect(world.lines).toEqual([]);
    expect(world.statusOf('a')).toMatchObject({ phase: 'Succeeded', people: { unchanged: 1 } });
    expect(world.statusOf('a').message).toBe('1 person found: 1 unchanged. 0 groups with 0 memberships.');
  });

  it('whose read is incomplete changes nobody, and shows the doubts', async () => {
    world.contents = {
      ...world.contents,
      evidence: { ...evidence, complete: false, doubts: ['The last page is missing.'] },
    };
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.writes).toEqual([]);
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Failed',
      message: expect.stringContaining('The last page is missing.'),
      evidence: { complete: false, doubts: ['The last page is missing.'] },
      stages: [{ name: 'Read' }],
    });
    expect(world.events).toContain('Warning DirectorySync a IncompleteRead');
  });

  it('that finds nobody where somebody was changes nobody', async () => {
    world.contents = contentsOf();
    world.users.cache.set(user('jane', { source: source() }));
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.writes).toEqual([]);
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Held',
      message: expect.stringMatching(/^Nobody matches, although this directory still had 1 person\. .*Check base DN/),
      held: { reason: 'EmptyAnswer', count: 1 },
    });
    expect(world.statusOf('a').held?.hash).toBeUndefined();
    expect(world.events).toContain('Warning UserDirectory corporate EmptyAnswer');
  });

  it('that cannot read says why', async () => {
    world.reading = () => Promise.reject(new DirectoryError('InvalidCredentials', 'The server refuses the password.'));
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Failed',
      message: expect.stringMatching(/^The server refuses the password\. Correct the credentials in the Secret/),
      finishedAt: at(0),
    });
  });

  it('fails when some writes were refused, and shows which', async () => {
    world.api.endings.push('answered', 'answered', 'answered', 'answered');
    world.api.endings.push(new ApiError(403, { message: 'a policy refuses it' }));
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.writes).toHaveLength(2);
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Failed',
      failed: 1,
      message: expect.stringMatching(/^1 of 2 writes failed\./),
      samples: [
        { action: 'Fail', reason: 'WriteRefused', message: 'a policy refuses it' },
        { action: 'Create' },
        { action: 'Create' },
      ],
    });
  });

  it('is held when the guard holds something, and does the rest', async () => {
    const people = Array.from({ length: 5 }, (_, index) => user(`user-${index}`));
    for (const person of people) world.users.cache.set(person);
    world.contents = contentsOf(entry('new'), ...people.map(({ metadata }) => entry(metadata.name)));
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.writes).toEqual([expect.stringMatching(/^create User new-/)]);
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Held',
      held: { reason: 'ManyLinks', count: 5 },
      people: { found: 6, created: 1, linked: 0 },
    });
    const { values } = await world.metrics.changes.get();
    const counted = values
      .filter(({ value }) => value > 0)
      .map(({ labels, value }) => [labels.kind, labels.action, value]);
    expect(counted).toEqual([['person', 'created', 1]]);
    expect(world.events).toContain('Warning UserDirectory corporate ChangesHeld');
  });

  it('that is unknown to the server is not carried out', async () => {
    world.runs.cache.set(run('a'));
    await expect(world.reconcile('a')).rejects.toThrow('DirectorySync a is not there');
    expect(world.writes).toEqual([]);
  });

  it('is carried out once, however late the cache is', async () => {
    world.add(run('a'));
    await world.reconcile('a');
    const { length } = world.api.requests;
    await world.reconcile('a');
    expect(world.api.requests.slice(length)).toEqual(['get DirectorySync a']);
  });

  it('is not taken for interrupted when the cache is behind its end', async () => {
    world.add(run('a', { phase: 'Applying' }));
    world.api.put(run('a', { phase: 'Succeeded', finishedAt: at(-1) }));
    await world.reconcile('a');
    expect(world.api.at(DirectorySync, 'a')?.status).toEqual({ phase: 'Succeeded', finishedAt: at(-1) });
  });

  it('that was interrupted ends as Failed with what it had learnt', async () => {
    world.add(run('a', { phase: 'Applying', startedAt: at(-60), stages: [{ name: 'Read', seconds: 1 }] }));
    await world.reconcile('a');
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Failed',
      message: expect.stringMatching(/^The operator ended while the run was under way\./),
      startedAt: at(-60),
      finishedAt: at(0),
      stages: [{ name: 'Read', seconds: 1 }],
    });
    expect(world.ends).toEqual(['uid-of-a Failed']);
    expect((await world.metrics.runs.get()).values).toMatchObject([{ labels: { result: 'Failed' }, value: 1 }]);
  });

  it('that meets a mistake ends, and the log has the mistake', async () => {
    const mistake = new TypeError('jane is not iterable');
    world.storing = Promise.reject(mistake);
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.statusOf('a')).toMatchObject({
      phase: 'Failed',
      message: expect.stringMatching(/^The run met an error that is not foreseen\. The log of the operator has it/),
      people: { found: 2 },
      finishedAt: at(0),
    });
    expect(JSON.stringify(world.statusOf('a'))).not.toContain('iterable');
    expect(world.events).toContain('Warning DirectorySync a UnexpectedError');
    expect(world.log.lines).toContainEqual({
      level: 'error',
      message: 'run failed unexpectedly',
      fields: { namespace: 'acme', directory: 'corporate', run: 'a', err: mistake },
    });
  });

  it('whose progress the server refuses ends', async () => {
    world.api.endings.push('answered', new ApiError(403, { message: 'not allowed' }));
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.statusOf('a').phase).toBe('Failed');
    expect(world.events).toContain('Warning DirectorySync a UnexpectedError');
  });

  it('outlasts a server that cannot answer, at its end too', async () => {
    const busy = new ApiError(500, { message: 'etcd has no leader' });
    world.contents = contentsOf();
    world.api.endings.push('answered', busy, 'answered', 'answered', 'answered', busy);
    world.add(run('a'));
    await world.reconcile('a');
    expect(world.api.endings).toEqual([]);
    expect(world.statusOf('a').phase).toBe('Succeeded');
  });

  it('of a deposed leader writes nothing more', async () => {
    world.storing = Promise.reject(new DatabaseError('NoLongerLeader', 'Another one leads.'));
    world.add(run('a'));
    await expect(world.reconcile('a')).rejects.toThrow('Another one leads.');
    expect(world.writes).toEqual([]);
    expect(world.statusOf('a').phase).toBe('Planning');
  });

  it('ends without a verdict when the operator ends: the next one finds it interrupted', async () => {
    const stop = new AbortController();
    world.reading = () => {
      stop.abort(new Error('the operator ends'));
      return Promise.reject(new DirectoryError('ConnectionLost', 'The connection was closed.'));
    };
    world.add(run('a'));
    await expect(world.reconcile('a', stop.signal)).rejects.toThrow('the operator ends');
    expect(world.statusOf('a').phase).toBe('Reading');
  });

  it('is deleted at the end of its time to live', async () => {
    const ended = { phase: 'Succeeded', finishedAt: at(-60) } as const;
    world.add(run('a', ended, { spec: { ttlSecondsAfterFinished: 60 } }));
    world.add(run('b', ended, { spec: { ttlSecondsAfterFinished: 90 } }));
    await world.reconcile('a');
    expect(world.api.at(DirectorySync, 'a')).toBeUndefined();
    expect(await world.reconcile('b')).toEqual({ requeueAfterMs: 30_000 });
  });

  it('is looked at again when it changed just before its deletion', async () => {
    const spec = { ttlSecondsAfterFinished: 60 };
    world.add(run('a', { phase: 'Succeeded', finishedAt: at(-60) }, { spec }));
    world.api.put(run('a', { phase: 'Succeeded', finishedAt: at(-60) }, { spec, resourceVersion: '2' }));
    expect(await world.reconcile('a')).toEqual(requeueAfter(1_000));
    world.catchUp();
    expect(await world.reconcile('a')).toEqual(done);
    expect(world.api.at(DirectorySync, 'a')).toBeUndefined();
  });
});

describe('a run that holds changes', () => {
  let world: World;
  const names = ['user-0', 'user-1', 'user-2', 'user-3', 'user-4'];
  beforeEach(() => {
    world = new World();
    for (const name of names) addUser(user(name));
    world.contents = contentsOf(...names.map((name) => entry(name)));
  });
  const addUser = (person: Person) => {
    world.users.cache.set(person);
    world.api.put(person);
  };
  /** Lets somebody decide about what the run holds, and carries it out. */
  const decided = async (approval: Partial<NonNullable<DirectorySync['spec']['approval']>> = {}) => {
    const held = world.api.at(DirectorySync, 'a') ?? expect.fail('there is no run a');
    const hash = held.status?.held?.hash ?? expect.fail('the run holds nothing that can be approved');
    world.add({ ...held, spec: { ...held.spec, approval: { hash, rejected: false, ...approval } } });
    await world.reconcile('a');
    return world.statusOf('a');
  };
  const holds = async () => {
    world.add(run('a'));
    await world.reconcile('a');
    world.catchUp();
    return world.statusOf('a');
  };

  it('says what can be approved, until when, and of whom', async () => {
    const status = await holds();
    expect(status).toMatchObject({
      phase: 'Held',
      held: {
        reason: 'ManyLinks',
        count: 5,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        expiresAt: at(86_400),
      },
      reasons: [{ action: 'Hold', reason: 'Link', count: 5 }],
      samples: expect.arrayContaining([
        {
          action: 'Hold',
          reason: 'Link',
          name: 'user-0',
          record: 'uid=user-0',
          message: 'Would be linked with this entry.',
        },
      ]),
    });
    expect(status.message).toMatch(
      / judges anew\. If it is meant, approve the run a until .*: kubectl patch directorysyncs\.roster\.dev -n acme a /,
    );
    expect(world.held.get('uid-of-a')?.size).toBe(5);
    expect(world.lines.filter(({ action }) => action === 'Hold')).toHaveLength(5);
    expect(await world.reconcile('a')).toEqual(requeueAfter(86_400_000));
  });

  it('has the same hash in another run and in a preview, which nobody can approve', async () => {
    const { held } = await holds();
    world.add(run('b'));
    await world.reconcile('b');
    expect(world.statusOf('b').held).toEqual(held);
    world.catchUp();
    world.add(run('c', undefined, { spec: { dryRun: true } }));
    await world.reconcile('c');
    expect(world.statusOf('c')).toMatchObject({ phase: 'Succeeded', held: { count: 5, hash: held?.hash } });
    expect(world.statusOf('c').held?.expiresAt).toBeUndefined();
    expect(world.statusOf('c').message).not.toContain('kubectl');
    expect(world.statusOf('c').message).toBe(
      `Nothing was changed. 5 people found: 5 linked. 0 groups with 0 memberships. Of these changes a run would hold 5: ${held?.message}`,
    );
    expect(world.statusOf('c')).toMatchObject({ people: { linked: 5 }, memberships: 0 });
    expect(world.held.has('uid-of-c')).toBe(false);
  });

  it('does when approved what is still due, and that counts for no later run', async () => {
    await holds();
    expect(world.writes).toEqual([]);
    world.contents = contentsOf(...names.slice(1).map((name) => entry(name)));
    expect(await decided({ by: 'ann' })).toMatchObject({
      phase: 'Succeeded',
      message: expect.stringMatching(/^Approved by ann\. 4 people found: /),
      people: { linked: 4 },
      startedAt: at(0),
    });
    expect(world.events).toContain('Normal DirectorySync a Approved');
    expect(world.statusOf('a').held).toBeUndefined();
    expect(world.writes.sort()).toEqual(names.slice(1).map((name) => `patch User ${name}`));
    expect([...world.effects.values()]).toEqual([]);
  });

  it('holds when approved what came in addition, for another run to have approved', async () => {
    await holds();
    const others = ['other-0', 'other-1', 'other-2', 'other-3'];
    for (const name of others) addUser(user(name));
    world.contents = contentsOf(...[...names, ...others].map((name) => entry(name)));
    const { phase, held, message } = await decided();
    expect(world.writes.sort()).toEqual(names.map((name) => `patch User ${name}`));
    expect([phase, held?.reason, held?.count, held?.hash, held?.expiresAt]).toEqual([
      'Held',
      'ManyLinks',
      4,
      undefined,
      undefined,
    ]);
    expect(message).toContain('What was approved is done; start another run to have the rest approved.');
    expect(message).not.toContain('kubectl');
    world.catchUp();
    expect(await world.reconcile('a')).toEqual(done);
  });

  it('does not begin when the database lost what was held', async () => {
    await holds();
    world.held.clear();
    const { phase, message } = await decided();
    expect(phase).toBe('Failed');
    expect(message).toMatch(/^The database no longer has what the run held\. Start another run/);
    expect(world.writes).toEqual([]);
  });

  it('waits for a database that is away, instead of wasting the approval', async () => {
    const { held } = await holds();
    const keys = world.held.get('uid-of-a') ?? new Set();
    world.held.get = () => {
      throw new DatabaseError('DatabaseUnavailable', 'It is away.');
    };
    const asked = world.enqueued.length;
    await expect(decided()).rejects.toThrow('It is away.');
    expect(world.statusOf('a')).toMatchObject({ phase: 'Held', held });
    expect(world.enqueued.slice(asked)).toEqual([]);
    world.held.get = () => keys;
    await world.reconcile('a');
    expect(world.statusOf('a').phase).toBe('Succeeded');
  });

  it('is held by an empty answer that nobody approved', async () => {
    world.users.cache.set(user('jane', { source: source() }));
    await holds();
    world.contents = contentsOf();
    const { phase, held } = await decided();
    expect([phase, held?.reason, held?.hash]).toEqual(['Held', 'EmptyAnswer', undefined]);
    expect(world.writes).toEqual([]);
  });

  it('does nothing when rejected, and keeps the hour of its end', async () => {
    const { finishedAt, held } = await holds();
    const status = await decided({ rejected: true, by: 'ann' });
    expect(status).toMatchObject({ phase: 'Aborted', finishedAt, held });
    expect(status.message).toMatch(/^What was held was rejected by ann; it was not done\./);
    expect(world.writes).toEqual([]);
    expect(world.events).toContain('Warning UserDirectory corporate ApprovalRejected');
    expect(world.ends.at(-1)).toBe('uid-of-a Aborted');
  });

  it('gives way to a newer run, however that one ended', async () => {
    await holds();
    world.contents = contentsOf(entry('somebody-else'));
    const before = world.api.at(DirectorySync, 'a');
    world.add({ ...(before as DirectorySync), status: { ...before?.status, finishedAt: at(-60) } });
    world.add(run('b'));
    await world.reconcile('b');
    world.catchUp();
    await world.reconcile('a');
    expect(world.statusOf('a')).toMatchObject({ phase: 'Aborted', finishedAt: at(-60) });
    expect(world.statusOf('a').message).toMatch(/^The run b has compared everything anew\./);
  });

  it('waits in its phase when approved while its directory is suspended', async () => {
    const { held } = await holds();
    world.directories.update(directory({ suspend: true }));
    const { phase, message, held: stillHeld } = await decided();
    const waits = 'Approved; it begins when the directory is no longer suspended.';
    expect([phase, message, stillHeld]).toEqual(['Held', waits, held]);
    world.catchUp();
    world.directories.update(directory({}, { generation: 2 }));
    expect(world.enqueued).toContain('a');
    await world.reconcile('a');
    expect(world.statusOf('a').phase).toBe('Succeeded');
  });

  it('is looked at when it is approved', async () => {
    await holds();
    const held = world.api.at(DirectorySync, 'a') as DirectorySync;
    const asked = world.enqueued.length;
    world.runs.update({ ...held, metadata: { ...held.metadata, generation: 2 } });
    expect(world.enqueued.slice(asked)).toContain('a');
  });

  it('cannot be approved when writes failed', async () => {
    world.contents = contentsOf(entry('new'), ...names.map((name) => entry(name)));
    world.api.endings.push(...Array.from({ length: 4 }, () => 'answered' as const));
    world.api.endings.push(new ApiError(403, { message: 'a policy refuses it' }));
    expect(await holds()).toMatchObject({ phase: 'Failed', held: { reason: 'ManyLinks', count: 5 } });
    expect(world.statusOf('a').held).not.toHaveProperty('hash');
    expect(world.statusOf('a').held).not.toHaveProperty('expiresAt');
  });
});

describe('the guard of a run', () => {
  let world: World;
  const linked = (name: string, fields: Parameters<typeof source>[0] = {}) =>
    user(name, { email: undefined, source: source({ externalId: name, email: `${name}@example.com`, ...fields }) });
  beforeEach(() => {
    world = new World();
  });
  const phaseOf = async (name: string, spec: Partial<DirectorySync['spec']> = {}) => {
    world.catchUp();
    world.add(run(name, undefined, { spec }));
    await world.reconcile(name);
    return world.statusOf(name).phase;
  };
  const addUser = (person: Person) => {
    world.users.cache.set(person);
    world.api.put(person);
  };

  it('counts what the runs of seven days did', async () => {
    for (const name of ['a', 'b', 'c', 'd']) addUser(user(name));
    world.contents = contentsOf(entry('a'), entry('b'), entry('c'));
    expect(await phaseOf('first')).toBe('Succeeded');
    expect([...world.effects.values()]).toEqual([new Map([['Link', 3]])]);
    world.contents = contentsOf(entry('d'));
    world.directories.cache.set(
      directory({}, { status: { readSettings: world.statusOf('first').readSettings ?? '' } }),
    );
    expect(await phaseOf('second')).toBe('Held');
    world.effects.clear();
    expect(await phaseOf('third')).toBe('Succeeded');
  });

  it('counts invitations when they are made: those not made before a crash are counted by the run after it', async () => {
    world.directories.cache.set(directory({ passwordSetup: 'Invite' }));
    world.contents = contentsOf(entry('a'), entry('b'));
    const noted: EffectCounts[] = [];
    world.onNote = (counts) => noted.push(counts);
    expect(await phaseOf('first')).toBe('Succeeded');
    expect(noted.map((counts) => [counts.get('Creation'), counts.get('Mail')])).toEqual([
      [2, undefined],
      [2, 2],
    ]);
  });

  it('counts what was written, not what was refused', async () => {
    for (const name of ['a', 'b']) addUser(user(name));
    world.contents = contentsOf(entry('a'), entry('b'));
    world.api.endings.push('answered', 'answered', 'answered', 'answered');
    world.api.endings.push(new ApiError(403, { message: 'a policy refuses it' }));
    expect(await phaseOf('first')).toBe('Failed');
    expect([...world.effects.values()]).toEqual([new Map([['Link', 1]])]);
    expect(world.lines.at(-1)).toMatchObject({ action: 'Fail', message: 'a policy refuses it' });
  });

  it('counts all that was planned until it is known what was done', async () => {
    for (const name of ['a', 'b']) addUser(user(name));
    world.contents = contentsOf(entry('a'), entry('b'));
    const noted: EffectCounts[] = [];
    world.onNote = (counts) => void noted.push(counts, new Map([['writes', world.writes.length]]));
    expect(await phaseOf('first')).toBe('Succeeded');
    const both = new Map([['Link', 2]]);
    expect(noted).toEqual([both, new Map([['writes', 0]]), both, new Map([['writes', 2]])]);
  });

  it('holds removals after a change of what decides who is found, and lets them pass otherwise', async () => {
    const policy = { whenMissing: { policy: 'Disable', gracePeriod: '720h' } } as const;
    const names = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    for (const name of names) addUser(linked(name));
    world.contents = contentsOf(...names.slice(1).map((name) => entry(name)));
    world.whereabouts.set('user-0', 'Deleted');
    world.directories.cache.set(directory(policy, { status: { readSettings: 'others' } }));
    expect(await phaseOf('changed')).toBe('Held');
    expect(world.statusOf('changed').held).toMatchObject({ reason: 'ReadSettingsChanged', count: 1 });
    const { readSettings = '' } = world.statusOf('changed');
    world.directories.cache.set(directory(policy, { status: { readSettings } }));
    expect(await phaseOf('same')).toBe('Succeeded');
    expect(world.statusOf('same')).toMatchObject({ people: { disabled: 1 } });
  });

  it('takes a directory whose settings nobody knows any more for changed', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    for (const name of names) addUser(linked(name));
    world.contents = contentsOf(...names.slice(1).map((name) => entry(name)));
    world.whereabouts.set('user-0', 'Deleted');
    world.directories.cache.set(directory({ whenMissing: { policy: 'Disable', gracePeriod: '720h' } }));
    expect(await phaseOf('first')).toBe('Held');
  });

  it('holds an empty answer however few are left', async () => {
    const missing = Array.from({ length: 20 }, (_, index) => `gone-${index}`);
    for (const name of missing) addUser(linked(name, { missingSince: at(-60) }));
    addUser(linked('jane'));
    world.contents = contentsOf();
    world.whereabouts.set('jane', 'Deleted');
    world.directories.cache.set(directory({ whenMissing: { policy: 'Disable', gracePeriod: '720h' } }));
    expect(await phaseOf('first')).toBe('Held');
    expect(world.statusOf('first').held).toMatchObject({ reason: 'EmptyAnswer', count: 1, hash: expect.any(String) });
    expect(world.writes).toEqual([]);
  });

  it('takes an empty answer for one when nobody was left', async () => {
    addUser(linked('jane', { missingSince: at(-60) }));
    world.contents = contentsOf();
    world.directories.cache.set(directory({ whenMissing: { policy: 'Disable', gracePeriod: '720h' } }));
    expect(await phaseOf('first')).toBe('Succeeded');
  });

  it('holds an empty answer, with who would be removed for approval', async () => {
    addUser(linked('jane'));
    world.contents = contentsOf();
    world.whereabouts.set('jane', 'Deleted');
    world.directories.cache.set(directory({ whenMissing: { policy: 'Disable', gracePeriod: '720h' } }));
    expect(await phaseOf('first')).toBe('Held');
    const { held } = world.statusOf('first');
    expect(held).toMatchObject({ reason: 'EmptyAnswer', count: 1, hash: expect.any(String) });
    expect(world.writes).toEqual([]);
    world.held.set('uid-of-first', world.held.get('uid-of-first') ?? new Set());
    const before = world.api.at(DirectorySync, 'first') as DirectorySync;
    world.add({ ...before, spec: { ...before.spec, approval: { hash: held?.hash ?? '', rejected: false } } });
    await world.reconcile('first');
    expect(world.statusOf('first')).toMatchObject({ phase: 'Succeeded', people: { disabled: 1 } });
    expect(world.writes).toEqual(['patch User jane']);
  });
});

describe('a run whose directory is deleted', () => {
  it('ends as Aborted, with what it had learnt, and writes nobody more', async () => {
    const world = new World();
    const opened = Promise.withResolvers<void>();
    world.reading = () => opened.promise;
    world.add(run('a'));
    const reconciled = world.reconcile('a');
    await expect.poll(() => world.api.at(DirectorySync, 'a')?.status?.phase).toBe('Reading');
    world.directories.delete(directory());
    opened.resolve();
    await reconciled;
    expect(world.writes).toEqual([]);
    expect(world.statusOf('a')).toMatchObject({ phase: 'Aborted', startedAt: at(0), finishedAt: at(0) });
    expect(world.statusOf('a').message).toMatch(/^The UserDirectory corporate was deleted\./);
    expect(world.events).toEqual(['Warning DirectorySync a DirectoryDeleted']);
    expect(world.ends).toEqual(['uid-of-a Aborted']);
    expect((await world.metrics.runs.get()).values).toEqual([]);
  });

  it('says how far it came, and counts what it did until then', async () => {
    const world = new World();
    world.contents = contentsOf(...Array.from({ length: 200 }, (_, index) => entry(`new-${index}`)));
    world.add(run('a'));
    const create = world.api.create.bind(world.api);
    world.api.create = (async (...args: Parameters<typeof create>) => {
      if (world.writes.length === 99) world.directories.delete(directory());
      return create(...args);
    }) as typeof create;
    await world.reconcile('a');
    const { phase, message, people: { found, created } = expect.fail('no counts'), ...rest } = world.statusOf('a');
    expect([phase, found, created]).toEqual(['Aborted', 200, world.writes.length]);
    expect(created).toBeLessThan(200);
    expect(message).toMatch(new RegExp(`was deleted\\. The run stopped after ${created} of 200 writes\\.`));
    expect(rest).not.toHaveProperty('memberships');
  });

  it('ends so as well when another one of the name takes its place', async () => {
    const world = new World();
    const opened = Promise.withResolvers<void>();
    world.reading = () => opened.promise;
    world.add(run('a'));
    const reconciled = world.reconcile('a');
    await expect.poll(() => world.api.at(DirectorySync, 'a')?.status?.phase).toBe('Reading');
    world.directories.update(directory({}, { generation: 2 }));
    world.directories.update(directory({}, { uid: 'another' }));
    opened.resolve();
    await reconciled;
    expect(world.statusOf('a').phase).toBe('Aborted');
  });

  it('goes on when its directory only changes', async () => {
    const world = new World();
    const opened = Promise.withResolvers<void>();
    world.reading = () => opened.promise;
    world.add(run('a'));
    const reconciled = world.reconcile('a');
    await expect.poll(() => world.api.at(DirectorySync, 'a')?.status?.phase).toBe('Reading');
    world.directories.update(directory({}, { generation: 2 }));
    opened.resolve();
    await reconciled;
    expect(world.statusOf('a').phase).toBe('Succeeded');
  });

  it('is looked at once more, with all that ended before', async () => {
    const world = new World();
    world.add(run('a', { phase: 'Succeeded', finishedAt: at(-86_400) }));
    world.add(run('b', { phase: 'Held', finishedAt: at(-60) }));
    world.directories.delete(directory());
    expect(world.enqueued).toEqual(['a', 'b']);
    await world.reconcile('a');
    await world.reconcile('b');
    expect(world.api.at(DirectorySync, 'a')).toBeUndefined();
    expect(world.statusOf('b')).toMatchObject({ phase: 'Aborted', finishedAt: at(-60) });
  });
});

describe('a run whose directory cannot be read yet', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.add(run('a'));
  });
  const waitsFor = async (message: string) => {
    const asked = world.enqueued.length;
    await world.reconcile('a');
    expect(world.statusOf('a')).toMatchObject({ phase: 'Pending', message });
    world.catchUp();
    expect(world.enqueued.slice(asked)).toEqual([]);
  };

  it('says what is missing, and is looked at when that is there', async () => {
    world.tenants.delete(tenant());
    world.organizations.delete(organization('main'));
    world.directories.update(directory({ defaultRole: 'users' }));
    await waitsFor('The namespace acme has no Tenant named tenant.');
    world.tenants.add(tenant());
    expect(world.enqueued).toEqual(['a']);
    await waitsFor('There is no organization main.');
    world.organizations.add(organization('main'));
    expect(world.enqueued).toEqual(['a', 'a']);
    await waitsFor('There is no role users.');
    world.roles.add(role('users'));
    expect(world.enqueued).toEqual(['a', 'a', 'a']);
    await world.reconcile('a');
    expect(world.statusOf('a').phase).toBe('Succeeded');
  });

  it('is looked at when the directory names something else, and when it is no longer suspended', async () => {
    world.directories.update(directory({ organization: 'moon', suspend: true }));
    await waitsFor('The directory corporate is suspended.');
    world.directories.update(directory({ organization: 'moon' }, { generation: 2 }));
    expect(world.enqueued).toEqual(['a']);
    await waitsFor('There is no organization moon.');
    world.directories.update(directory({}, { generation: 3 }));
    expect(world.enqueued).toEqual(['a', 'a']);
  });
});

describe('of several runs in a tenant', () => {
  let world: World;
  const gate = () => {
    const opened = Promise.withResolvers<void>();
    world.reading = async (signal) => {
      await opened.promise;
      signal.throwIfAborted();
    };
    return opened.resolve;
  };
  beforeEach(() => {
    world = new World();
    world.add(run('a'));
    world.add(run('b', undefined, { creationTimestamp: at(-60) }));
  });

  it('the others wait, and say for whom', async () => {
    const open = gate();
    const first = world.reconcile('a');
    await world.reconcile('b');
    expect(world.statusOf('b')).toMatchObject({ phase: 'Pending', message: 'Waiting for the run a to end.' });
    open();
    await first;
    world.catchUp();
    await world.reconcile('b');
    expect(world.statusOf('b').phase).toBe('Succeeded');
  });

  it('one that is deleted is stopped before it writes, and only then the next begins', async () => {
    const open = gate();
    const first = world.reconcile('a');
    await expect.poll(() => world.api.at(DirectorySync, 'a')?.status?.phase).toBe('Reading');
    world.api.objects.delete('DirectorySync a');
    world.runs.delete(run('a'));
    await world.reconcile('b');
    expect(world.statusOf('b')).toMatchObject({ phase: 'Pending', message: 'Waiting for the run a to end.' });
    const asked = world.enqueued.length;
    open();
    await first;
    expect(world.writes).toEqual([]);
    expect(world.enqueued.slice(asked)).toEqual(['b']);
    world.catchUp();
    await world.reconcile('b');
    expect(world.statusOf('b').phase).toBe('Succeeded');
  });
});
