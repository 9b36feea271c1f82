import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeltaQueries, type DeltaRequest, type Disorder, parseScopingFilter } from './delta.ts';
import { EntraDirectory, type Properties } from './directory.ts';
import type { GraphError } from './error.ts';
import type { Query } from './query.ts';
import { groupSchema, type Schema, userSchema } from './schema.ts';

const usual: DeltaRequest = { query: {}, pageSize: 100, minimal: false, hiddenMembers: true };

interface Told {
  readonly id: string;
  readonly '@removed'?: { readonly reason: string };
  readonly 'members@delta'?: readonly { readonly id: string; readonly '@removed'?: object }[];
}

/** A client that does what the documentation says: it follows links and applies what they tell, in order. */
class Follower {
  readonly objects = new Map<string, Record<string, unknown>>();
  readonly members = new Map<string, Set<string>>();
  readonly #queries: DeltaQueries;
  readonly #schema: Schema;
  readonly #request: DeltaRequest;
  #query: Query;

  constructor(queries: DeltaQueries, schema: Schema, request: DeltaRequest = usual) {
    this.#queries = queries;
    this.#schema = schema;
    this.#request = request;
    this.#query = request.query;
  }

  /** Reads a round to its end; `between` happens before each further page. Gives what came, page by page. */
  round(between: () => void = () => {}): Told[][] {
    const pages: Told[][] = [];
    for (;;) {
      const { value, link } = this.#queries.page(this.#schema, { ...this.#request, query: this.#query });
      pages.push(value as Told[]);
      for (const told of value) this.#apply(told as Told);
      this.#query = { [link.kind === '@odata.nextLink' ? '$skiptoken' : '$deltatoken']: link.token };
      if (link.kind === '@odata.deltaLink') return pages;
      between();
    }
  }

  #apply({ id, '@removed': removed, 'members@delta': members = [], ...properties }: Told): void {
    if (removed) {
      this.objects.delete(id);
      this.members.delete(id);
      return;
    }
    this.objects.set(id, { ...this.objects.get(id), ...properties });
    const known = this.members.get(id) ?? new Set();
    this.members.set(id, known);
    for (const member of members) {
      if (member['@removed']) known.delete(member.id);
      else known.add(member.id);
    }
  }
}

const ada = { userPrincipalName: 'ada@example.com', displayName: 'Ada' };
const grace = { userPrincipalName: 'grace@example.com', displayName: 'Grace' };

function start(disorder: Partial<Disorder> = {}, now?: () => number) {
  const directory = new EntraDirectory(now);
  const queries = new DeltaQueries(directory, now);
  queries.disorder = { seed: 1, ...disorder };
  return { directory, queries };
}

const refusal = (action: () => unknown): Pick<GraphError, 'status' | 'code' | 'message' | 'headers'> => {
  try {
    action();
  } catch (error) {
    return error as GraphError;
  }
  throw new Error('was not refused');
};

describe('a follower of the links', () => {
  const index = fc.nat(30);
  const change = fc.oneof(
    fc.record({ kind: fc.constant('createUser' as const), index }),
    fc.record({ kind: fc.constant('createGroup' as const), index, unified: fc.boolean() }),
    fc.record({ kind: fc.constant('update' as const), index, value: fc.option(fc.string(), { nil: null }) }),
    fc.record({ kind: fc.constant('addMember' as const), index, member: index }),
    fc.record({ kind: fc.constant('removeMember' as const), index, member: index }),
    fc.record({ kind: fc.constant('delete' as const), index }),
    fc.record({ kind: fc.constant('restore' as const), index }),
    fc.record({ kind: fc.constant('purge' as const), index }),
  );
  type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
  const disorder = fc.record({
    seed: fc.nat(1000),
    shuffle: fc.boolean(),
    duplicates: fc.constantFrom(0, 0.5),
    replays: fc.constantFrom(0, 0.5),
    emptyPages: fc.constantFrom(0, 0.5),
    membersAtOnce: fc.constantFrom(1, 2, 1000),
  });
  let names = 0;

  /** Does nothing where the change does not apply to the object that the index happens to name. */
  function make(directory: EntraDirectory, { index: at, ...change }: Change): void {
    const all = [...directory.users.values(), ...directory.groups.values()];
    const object = all[at % Math.max(1, all.length)];
    const live = (ids: Iterable<{ id: string; state: string }>) => [...ids].filter(({ state }) => state === 'live');
    const groups = live(directory.groups.values());
    const group = groups[at % Math.max(1, groups.length)];
    names += 1;
    if (change.kind === 'createUser') {
      directory.createUser({ userPrincipalName: `user${names}@example.com`, displayName: `User ${names}` });
    } else if (change.kind === 'createGroup') {
      directory.createGroup({ displayName: `Group ${names}`, groupTypes: change.unified ? ['Unified'] : [] });
    } else if (change.kind === 'addMember' || change.kind === 'removeMember') {
      const members = live(all);
      const member = members[change.member % Math.max(1, members.length)];
      if (!group || !member) return;
      const isMember = directory.isMember(group.id, member.id);
      if (change.kind === 'addMember' && !isMember) directory.addMember(group.id, member.id);
      if (change.kind === 'removeMember' && isMember) directory.removeMember(group.id, member.id);
    } else if (object?.state === 'live') {
      if (change.kind === 'update') directory.update(object.id, { displayName: change.value, mail: null });
      if (change.kind === 'delete') directory.delete(object.id);
    } else if (object?.state === 'deleted') {
      if (change.kind === 'restore') directory.restore(object.id);
      if (change.kind === 'purge') directory.purge(object.id);
    }
  }

  function expectSame(directory: EntraDirectory, users: Follower, groups: Follower, select?: readonly string[]): void {
    const live = (objects: ReadonlyMap<string, { id: string; state: string; properties: Properties }>) =>
      [...objects.values()].filter(({ state }) => state === 'live');
    const told = ({ properties }: { properties: Properties }) =>
      Object.fromEntries(Object.entries(properties).filter(([name]) => select?.includes(name) ?? true));
    for (const [follower, objects] of [
      ...([[users, directory.users]] as const),
      ...([[groups, directory.groups]] as const),
    ]) {
      expect(follower.objects).toEqual(new Map(live(objects).map((object) => [object.id, told(object)])));
    }
    for (const { id } of live(directory.groups)) {
      expect(groups.members.get(id)).toEqual(new Set(directory.members(id)));
    }
  }

  test('ends with what is in the directory, however untidily it is told', { timeout: 60_000 }, () => {
    const rounds = fc.array(fc.tuple(fc.array(change, { maxLength: 15 }), fc.array(change, { maxLength: 6 })), {
      minLength: 1,
      maxLength: 5,
    });
    const select = fc.constantFrom(undefined, ['displayName', 'members']);
    fc.assert(
      fc.property(
        disorder,
        rounds,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        select,
        (untidy, all, pageSize, minimal, names) => {
          const { directory, queries } = start(untidy);
          const ofUsers = names?.filter((name) => name !== 'members');
          const request = (of: readonly string[] | undefined): DeltaRequest => ({
            ...{ ...usual, pageSize, minimal },
            query: of ? { $select: of.join(',') } : {},
          });
          const users = new Follower(queries, userSchema, request(ofUsers));
          const groups = new Follower(queries, groupSchema, request(names));
          for (const [before, during] of all) {
            for (const one of before) make(directory, one);
            const meanwhile = [...during];
            const between = () => {
              const next = meanwhile.pop();
              if (next) make(directory, next);
            };
            groups.round(between);
            users.round(between);
          }
          // What changed while they read, they learn in the next round.
          groups.round();
          users.round();
          expectSame(directory, users, groups, names);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('tells everything first, then only what changed, and nothing when nothing did', () => {
  const { directory, queries } = start();
  const id = directory.createUser(ada);
  directory.createUser(grace);
  const follower = new Follower(queries, userSchema);
  expect(follower.round().flat()).toHaveLength(2);
  expect(follower.round()).toEqual([[]]);
  directory.update(id, { surname: 'King' });
  expect(follower.round().flat()).toMatchObject([{ id, surname: 'King', displayName: 'Ada' }]);
});

test('leaves out what was never set, and tells null where something was taken away', () => {
  const { directory, queries } = start();
  const id = directory.createUser(ada);
  const follower = new Follower(queries, userSchema, { ...usual, query: { $select: 'displayName,mail' } });
  expect(follower.round()).toEqual([[{ id, displayName: 'Ada' }]]);
  directory.update(id, { mail: null });
  expect(follower.round()).toEqual([[{ id, displayName: 'Ada', mail: null }]]);
});

test('tells only changed properties when less is preferred', () => {
  const { directory, queries } = start();
  const id = directory.createUser(ada);
  const follower = new Follower(queries, userSchema, { ...usual, minimal: true });
  follower.round();
  directory.update(id, { surname: 'King' });
  expect(follower.round()).toEqual([[{ id, surname: 'King' }]]);
});

test('tells nothing of changes to what was not selected', () => {
  const { directory, queries } = start();
  const user = directory.createUser(ada);
  const group = directory.createGroup({ displayName: 'Engines' });
  const users = new Follower(queries, userSchema, { ...usual, query: { $select: 'mail' } });
  const groups = new Follower(queries, groupSchema, { ...usual, query: { $select: 'displayName' } });
  users.round();
  groups.round();
  directory.update(user, { surname: 'King' });
  directory.addMember(group, user);
  expect(users.round()).toEqual([[]]);
  expect(groups.round()).toEqual([[]]);
});

test('tells the deleted as changed, which can be undone, and the purged as deleted', () => {
  const { directory, queries } = start();
  const id = directory.createUser(ada);
  const group = directory.createGroup({ displayName: 'Engines' });
  directory.addMember(group, id);
  const users = new Follower(queries, userSchema);
  const groups = new Follower(queries, groupSchema, { ...usual, query: { $select: 'members' } });
  users.round();
  groups.round();
  directory.delete(id);
  expect(users.round()).toEqual([[{ id, '@removed': { reason: 'changed' } }]]);
  const member = { '@odata.type': '#microsoft.graph.user', id };
  const gone = { ...member, '@removed': { reason: 'deleted' } };
  expect(groups.round()).toEqual([[{ id: group, 'members@delta': [gone] }]]);
  directory.restore(id);
  expect(users.round()).toMatchObject([[{ id, userPrincipalName: 'ada@example.com' }]]);
  expect(groups.round()).toEqual([[{ id: group, 'members@delta': [member] }]]);
  directory.delete(id);
  directory.purge(id);
  expect(users.round()).toEqual([[{ id, '@removed': { reason: 'deleted' } }]]);
  directory.delete(group);
  expect(groups.round()).toEqual([[{ id: group, '@removed': { reason: 'deleted' } }]]);
});

test('tells all members of a group that is restored', () => {
  const { directory, queries } = start();
  const id = directory.createUser(ada);
  const group = directory.createGroup({ displayName: 'Engines', groupTypes: ['Unified'] });
  directory.addMember(group, id);
  const follower = new Follower(queries, groupSchema);
  follower.round();
  directory.delete(group);
  expect(follower.round()).toEqual([[{ id: group, '@removed': { reason: 'changed' } }]]);
  directory.restore(group);
  follower.round();
  expect(follower.members.get(group)).toEqual(new Set([id]));
});

test('splits the members of a group over pages, with its properties on each', () => {
  const { directory, queries } = start({ membersAtOnce: 2 });
  const id = directory.createGroup({ displayName: 'Engines' });
  for (let number = 0; number < 5; number++) {
    const name = { userPrincipalName: `user${number}@example.com`, displayName: 'User' };
    directory.addMember(id, directory.createUser(name));
  }
  const follower = new Follower(queries, groupSchema, { ...usual, query: { $select: 'displayName,members' } });
  const pages = follower.round();
  expect(pages.map((page) => page.map((told) => told['members@delta']?.length))).toEqual([[2], [2], [1]]);
  expect(pages.flat().every((told) => 'displayName' in told && told.id === id)).toBe(true);
});

test('has no members for groups without any, nor for hidden ones', () => {
  const { directory, queries } = start();
  const id = directory.createGroup({ displayName: 'Engines' });
  expect(new Follower(queries, groupSchema).round()[0]?.[0]).not.toHaveProperty('members@delta');
  const user = directory.createUser(ada);
  directory.addMember(id, user);
  directory.update(id, { visibility: 'HiddenMembership' });
  expect(new Follower(queries, groupSchema).round()[0]?.[0]).toHaveProperty('members@delta');
  const blind = { ...usual, hiddenMembers: false };
  expect(new Follower(queries, groupSchema, blind).round()[0]?.[0]).not.toHaveProperty('members@delta');
});

test('gives full pages of the size asked for, and the same page again to who asks again', () => {
  const { directory, queries } = start();
  for (let number = 0; number < 5; number++) {
    directory.createUser({ userPrincipalName: `user${number}@example.com`, displayName: 'User' });
  }
  const request = { ...usual, pageSize: 2 };
  const first = queries.page(userSchema, request);
  const next = { ...request, query: { $skiptoken: first.link.token } };
  expect(queries.page(userSchema, next).value).toEqual(queries.page(userSchema, next).value);
  expect(new Follower(queries, userSchema, request).round().map((page) => page.length)).toEqual([2, 2, 1]);
});

test('starts from now with the latest token', () => {
  const { directory, queries } = start();
  directory.createUser(ada);
  const follower = new Follower(queries, userSchema, { ...usual, query: { $deltatoken: 'latest' } });
  expect(follower.round()).toEqual([[]]);
  const id = directory.createUser(grace);
  expect(follower.round()).toMatchObject([[{ id }]]);
});

test('is scoped by ids', () => {
  const { directory, queries } = start();
  const id = directory.createUser(ada);
  directory.createUser(grace);
  const query = { $filter: `id eq '${id}'`, $select: 'displayName' };
  const follower = new Follower(queries, userSchema, { ...usual, query });
  expect(follower.round()).toEqual([[{ id, displayName: 'Ada' }]]);
  directory.createUser({ userPrincipalName: 'radia@example.com', displayName: 'Radia' });
  expect(follower.round()).toEqual([[]]);
});

test('takes scoping filters of 50 ids and no others', () => {
  const clause = "id eq '477e9fc6-5de7-4406-bb2a-7e5c83c9ffff'";
  const distinct = (count: number) =>
    Array.from({ length: count }, (_, at) => `id eq '477e9fc6-5de7-4406-bb2a-${String(at).padStart(12, '0')}'`);
  expect(parseScopingFilter(clause)).toHaveLength(1);
  expect(parseScopingFilter(distinct(50).join(' or '))).toHaveLength(50);
  for (const filter of [distinct(51).join(' or '), "displayName eq 'Ada'", `${clause} and ${clause}`, 'id eq 1', '']) {
    expect(refusal(() => parseScopingFilter(filter))).toMatchObject({ status: 400, code: 'BadRequest' });
  }
});

describe('tokens', () => {
  test('expire, or are forgotten, as syncStateNotFound', () => {
    let now = 0;
    const { queries } = start({}, () => now);
    const follower = new Follower(queries, userSchema);
    follower.round();
    now = queries.tokenLifetime;
    follower.round();
    now += queries.tokenLifetime + 1;
    const expired = { status: 400, code: 'syncStateNotFound' };
    expect(refusal(() => follower.round())).toMatchObject(expired);
    const other = new Follower(queries, userSchema);
    other.round();
    queries.reset('BadRequest');
    expect(refusal(() => other.round())).toMatchObject(expired);
    expect(refusal(() => queries.page(userSchema, { ...usual, query: { $deltatoken: 'made.up' } }))).toMatchObject(
      expired,
    );
    expect(refusal(() => queries.page(userSchema, { ...usual, query: { $skiptoken: 'made.up' } }))).toMatchObject(
      expired,
    );
  });

  test('are gone after a migration, with where to begin again', () => {
    const { queries } = start();
    const follower = new Follower(queries, groupSchema);
    follower.round();
    queries.reset('Gone');
    expect(refusal(() => follower.round())).toMatchObject({
      ...{ status: 410, code: 'resyncRequired', headers: { location: '/v1.0/groups/delta?$deltatoken=' } },
    });
    expect(new Follower(queries, groupSchema, { ...usual, query: { $deltatoken: '' } }).round()).toEqual([[]]);
  });

  test('of one collection, or of the other kind, are not taken', () => {
    const { directory, queries } = start();
    directory.createUser(ada);
    directory.createUser(grace);
    const first = queries.page(userSchema, { ...usual, pageSize: 1 }).link.token;
    const last = queries.page(userSchema, usual).link.token;
    const wrong = { status: 400, code: 'syncStateNotFound' };
    expect(refusal(() => queries.page(groupSchema, { ...usual, query: { $deltatoken: last } }))).toMatchObject(wrong);
    expect(refusal(() => queries.page(userSchema, { ...usual, query: { $skiptoken: last } }))).toMatchObject(wrong);
    expect(refusal(() => queries.page(userSchema, { ...usual, query: { $deltatoken: first } }))).toMatchObject(wrong);
  });

  test('of a page take no other options, those of a round another selection', () => {
    const { directory, queries } = start();
    const id = directory.createUser(ada);
    directory.createUser(grace);
    const page = queries.page(userSchema, { ...usual, pageSize: 1 }).link.token;
    const both = { $skiptoken: page, $select: 'displayName' };
    expect(refusal(() => queries.page(userSchema, { ...usual, query: both }))).toMatchObject({ status: 400 });
    const round = queries.page(userSchema, usual).link.token;
    directory.update(id, { mail: 'ada@example.com' });
    const other = queries.page(userSchema, { ...usual, query: { $deltatoken: round, $select: 'mail' } });
    expect(other.value).toEqual([{ id, mail: 'ada@example.com' }]);
  });
});
