import type { GroupSource, PersonSource } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import {
  type ApplyOptions,
  applyPlan,
  type Executable,
  type Holder,
  type Target,
  type Want,
  WriteRefused,
} from './apply.ts';
import type { CreateUser, GroupAction, PersonAction } from './plan/index.ts';
import type { GroupRecord, PersonRecord } from './record.ts';

const identity = { directory: 'corporate', authority: 'dc=example' };
const record = (name: string): PersonRecord => ({
  kind: 'Person',
  externalId: `id-${name}`,
  label: `uid=${name}`,
  groups: [],
});
const groupRecord = (name: string): GroupRecord => ({
  kind: 'Group',
  externalId: `id-${name}`,
  label: `cn=${name}`,
  name,
});
const source = (name: string): PersonSource => ({
  ...identity,
  externalId: `id-${name}`,
  email: `${name.toUpperCase()}@Example.com`,
});
const groupSource = (name: string): GroupSource => ({ ...identity, externalId: `id-${name}` });
const ref = (name: string) => ({ name, uid: `uid-${name}`, generation: 1 });
type Consequences = Partial<Pick<PersonAction, 'effects' | 'awaits'>>;

const createUser = (name: string, rest: Consequences = {}): CreateUser => ({
  action: 'Create',
  kind: 'User',
  name,
  spec: { enabled: true, passwordSetup: 'None', organizations: [{ name: 'main' }], source: source(name) },
  record: record(name),
  ...rest,
});
const createRecipient = (name: string): PersonAction => ({
  action: 'Create',
  kind: 'Recipient',
  name,
  spec: { enabled: true, organizations: [{ name: 'main' }], source: source(name) },
  record: record(name),
});
const link = (name: string, rest: Consequences = {}): PersonAction => ({
  action: 'Link',
  kind: 'User',
  ref: ref(name),
  source: source(name),
  record: record(name),
  ...rest,
});
const update = (name: string, rest: Consequences = {}): PersonAction => ({
  action: 'Update',
  kind: 'User',
  ref: ref(name),
  source: source(name),
  changed: ['email'],
  record: record(name),
  ...rest,
});
const takeOver = (name: string, former: string): PersonAction => ({
  action: 'TakeOver',
  kind: 'User',
  ref: ref(name),
  source: source(name),
  before: source(former),
  record: record(name),
});
const remove = (name: string): PersonAction => ({
  action: 'Delete',
  kind: 'User',
  ref: ref(name),
  source: source(name),
  record: record(name),
});
const createGroup = (name: string): GroupAction => ({
  action: 'Create',
  kind: 'Group',
  name,
  spec: { organization: 'main', source: groupSource(name) },
  record: groupRecord(name),
});
const updateGroup = (name: string): GroupAction => ({
  action: 'Update',
  kind: 'Group',
  ref: ref(name),
  source: groupSource(name),
  changed: ['description'],
  record: groupRecord(name),
});

const planOf = (people: readonly PersonAction[], groups: readonly GroupAction[] = []): Executable => ({
  people,
  groups,
});

/** Remembers what is written; `refused`, `forbidden` and `broken` name objects whose writes fail, `holders` who has which address. */
class MemoryTarget implements Target {
  readonly log: string[] = [];
  readonly wants: Want[][] = [];
  readonly refused = new Set<string>();
  readonly forbidden = new Set<string>();
  readonly broken = new Set<string>();
  readonly holders = new Map<string, Holder>();
  underWay = 0;
  mostUnderWay = 0;
  /** Writes wait here, where a test says so. */
  gate: Promise<void> = Promise.resolve();

  async createGroup(name: string): Promise<void> {
    await this.#write('create Group', name);
  }

  async createUser(name: string): Promise<void> {
    await this.#write('create User', name);
  }

  async createRecipient(name: string): Promise<void> {
    await this.#write('create Recipient', name);
  }

  async setSource(...[kind, { name }, source, replaces]: Parameters<Target['setSource']>): Promise<void> {
    const what = replaces === source.externalId ? 'update' : `put on ${replaces}`;
    await this.#write(`${replaces === undefined ? 'link' : what} ${kind}`, name);
  }

  async deletePerson(...[kind, { name }]: Parameters<Target['deletePerson']>): Promise<void> {
    await this.#write(`delete ${kind}`, name);
  }

  async reserve(wants: readonly Want[]): Promise<ReadonlyMap<string, Holder>> {
    this.log.push(`reserve ${wants.length}`);
    this.wants.push([...wants]);
    return new Map(wants.map((want) => [want.value, this.holders.get(want.value) ?? want]));
  }

  async #write(what: string, name: string): Promise<void> {
    this.underWay++;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      await this.gate;
      if (this.refused.has(name)) throw new WriteRefused(`The server does not like ${name}.`);
      if (this.forbidden.has(name)) throw new WriteRefused(`Nobody may write ${name}.`, { forbidden: true });
      if (this.broken.has(name)) throw new Error(`broken at ${name}`);
      this.log.push(`${what} ${name}`);
    } finally {
      this.underWay--;
    }
  }
}

async function apply(plan: Executable, target: Target, options: Partial<ApplyOptions> = {}) {
  const progress: string[] = [];
  const applied = await applyPlan(plan, target, {
    signal: new AbortController().signal,
    concurrency: 4,
    progress: (done, total) => progress.push(`${done} of ${total}`),
    ...options,
  });
  return { ...applied, progress };
}
const many = (count: number) => Array.from({ length: count }, (_, index) => createUser(`user-${index}`));

describe('a plan is carried out', () => {
  it('with each action as what it is', async () => {
    const target = new MemoryTarget();
    const people = [createUser('a'), createRecipient('b'), link('c'), update('d'), takeOver('e', 'old'), remove('f')];
    const { written, failures } = await apply(planOf(people, [createGroup('x'), updateGroup('y')]), target);
    expect(target.log).toEqual([
      'create Group x',
      'update Group y',
      'reserve 2',
      'create User a',
      'create Recipient b',
      'link User c',
      'update User d',
      'put on id-old User e',
      'delete User f',
    ]);
    expect({ written, failures }).toEqual({ written: 8, failures: [] });
  });

  it('groups first, since people name them', async () => {
    const target = new MemoryTarget();
    const groups = Array.from({ length: 10 }, (_, index) => createGroup(`group-${index}`));
    await apply(planOf(many(10), groups), target, { concurrency: 3 });
    const firstPerson = target.log.findIndex((line) => line.includes('User'));
    const lastGroup = target.log.findLastIndex((line) => line.includes('Group'));
    expect(firstPerson).toBeGreaterThan(lastGroup);
  });

  it('with so many writes under way at a time, and no more', async () => {
    const target = new MemoryTarget();
    const gate = Promise.withResolvers<void>();
    target.gate = gate.promise;
    const applied = apply(planOf(many(20)), target, { concurrency: 7 });
    await expect.poll(() => target.underWay).toBe(7);
    gate.resolve();
    expect((await applied).written).toBe(20);
    expect(target.mostUnderWay).toBe(7);
  });

  it('and tells how far it is', async () => {
    const target = new MemoryTarget();
    target.refused.add('b');
    target.holders.set('c@example.com', { kind: 'User', name: 'other' });
    const people = [createUser('a'), createUser('b'), createUser('c')];
    const { progress } = await apply(planOf(people, [createGroup('x')]), target, { concurrency: 1 });
    expect(progress).toEqual(['1 of 4', '2 of 4', '3 of 4', '4 of 4']);
  });

  it('without asking for anything where there is nothing to do', async () => {
    const target = new MemoryTarget();
    expect(await apply(planOf([]), target)).toEqual({ written: 0, failures: [], progress: [] });
    expect(target.log).toEqual([]);
  });
});

describe('one record that is refused', () => {
  it.each<[string, PersonAction[], GroupAction[], object]>([
    ['person', [createUser('a'), update('bad')], [], { kind: 'User', record: 'uid=bad' }],
    ['group', [createUser('a')], [createGroup('bad')], { kind: 'Group', record: 'cn=bad' }],
  ])('does not stop the others: a %s', async (_, people, groups, expected) => {
    const target = new MemoryTarget();
    target.refused.add('bad');
    const { written, failures } = await apply(planOf(people, groups), target);
    expect(written).toBe(1);
    expect(target.log).toContain('create User a');
    expect(failures).toEqual([
      {
        action: 'Fail',
        name: 'bad',
        externalId: 'id-bad',
        reason: 'WriteRefused',
        message: 'The server does not like bad.',
        ...expected,
      },
    ]);
  });
});

describe('many records that are refused', () => {
  const names = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `user-${from + index}`);

  it('end it when the operator may write none of them', async () => {
    const target = new MemoryTarget();
    for (const name of names(0, 200)) target.forbidden.add(name);
    const progress: number[] = [];
    const applied = apply(planOf(many(200)), target, { progress: (done) => progress.push(done) });
    await expect(applied).rejects.toMatchObject({
      reason: 'WritesForbidden',
      message: expect.stringMatching(
        /^50 writes in a row were forbidden, the last one so: Nobody may write user-\d+\.$/,
      ),
    });
    expect(progress.length).toBe(49);
  });

  it('are failures while one in between is written', async () => {
    const target = new MemoryTarget();
    for (const name of [...names(0, 49), ...names(50, 99)]) target.forbidden.add(name);
    const { written, failures } = await apply(planOf(many(99)), target, { concurrency: 1 });
    expect({ written, failed: failures.length }).toEqual({ written: 1, failed: 98 });
  });

  it('are failures when it is for what they are', async () => {
    const target = new MemoryTarget();
    for (const name of names(0, 200)) target.refused.add(name);
    expect((await apply(planOf(many(200)), target)).failures).toHaveLength(200);
  });
});

describe('an address', () => {
  it('is reserved in its canonical spelling before its person is created', async () => {
    const target = new MemoryTarget();
    await apply(planOf([createUser('a'), createRecipient('b')]), target);
    expect(target.wants).toEqual([
      [
        { value: 'a@example.com', kind: 'User', name: 'a' },
        { value: 'b@example.com', kind: 'Recipient', name: 'b' },
      ],
    ]);
    expect(target.log.indexOf('reserve 2')).toBeLessThan(target.log.indexOf('create User a'));
  });

  it('that somebody else has leaves its person uncreated, and names the holder', async () => {
    const target = new MemoryTarget();
    target.holders.set('a@example.com', { kind: 'Recipient', name: 'press' });
    const { written, failures } = await apply(planOf([createUser('a'), createUser('b')]), target);
    expect(target.log).toEqual(['reserve 2', 'create User b']);
    expect(written).toBe(1);
    expect(failures).toMatchObject([
      { name: 'a', reason: 'EmailTaken', message: 'The address belongs to Recipient press.' },
    ]);
  });

  it('that a person of the same name but another kind has is taken, too', async () => {
    const target = new MemoryTarget();
    target.holders.set('a@example.com', { kind: 'Recipient', name: 'a' });
    expect((await apply(planOf([createUser('a')]), target)).failures).toHaveLength(1);
  });

  it('that was reserved for the same person by an interrupted run is theirs', async () => {
    const target = new MemoryTarget();
    target.holders.set('a@example.com', { kind: 'User', name: 'a' });
    expect((await apply(planOf([createUser('a')]), target)).failures).toEqual([]);
  });

  it('is not reserved for who is there already, nor for who waits for its holder to give it up', async () => {
    const target = new MemoryTarget();
    target.holders.set('new@example.com', { kind: 'User', name: 'old' });
    const { failures } = await apply(planOf([createUser('new', { awaits: 'old' }), update('old'), link('c')]), target);
    expect(target.log.sort()).toEqual(['create User new', 'link User c', 'update User old']);
    expect(failures).toEqual([]);
  });

  it('is reserved together with thousands of others', async () => {
    const target = new MemoryTarget();
    await apply(planOf(many(5_001)), target, { concurrency: 64 });
    expect(target.wants.map(({ length }) => length)).toEqual([5_000, 1]);
  });
});

describe('it ends', () => {
  it('at the first failure that is not about one record, after what is under way', async () => {
    const target = new MemoryTarget();
    target.broken.add('user-1');
    const applied = apply(planOf(many(100)), target, { concurrency: 3 });
    await expect(applied).rejects.toThrow('broken at user-1');
    expect(target.underWay).toBe(0);
    expect(target.log).toContain('create User user-2');
    expect(target.log.length).toBeLessThan(8);
  });

  it('before people when a group fails that way', async () => {
    const target = new MemoryTarget();
    target.broken.add('x');
    await expect(apply(planOf(many(1), [createGroup('x')]), target)).rejects.toThrow('broken at x');
    expect(target.log).toEqual([]);
  });

  it('when addresses cannot be reserved', async () => {
    const target = new MemoryTarget();
    target.reserve = () => Promise.reject(new Error('no database'));
    await expect(apply(planOf(many(3)), target)).rejects.toThrow('no database');
    expect(target.log).toEqual([]);
  });

  it('when it is told to, after what is under way', async () => {
    const target = new MemoryTarget();
    const stop = new AbortController();
    const gate = Promise.withResolvers<void>();
    target.gate = gate.promise;
    const applied = apply(planOf(many(100)), target, { concurrency: 3, signal: stop.signal });
    await expect.poll(() => target.underWay).toBe(3);
    stop.abort(new Error('the operator ends'));
    gate.resolve();
    await expect(applied).rejects.toThrow('the operator ends');
    expect(target.log).toEqual(['reserve 100', 'create User user-0', 'create User user-1', 'create User user-2']);
  });

  it('before anything is reserved when it was told to', async () => {
    const target = new MemoryTarget();
    await expect(apply(planOf(many(1)), target, { signal: AbortSignal.abort(new Error('over')) })).rejects.toThrow(
      'over',
    );
    expect(target.log).toEqual([]);
  });
});
