/**
 * Properties of the plan on small tenants in which much collides: few addresses, accounts, names and ids, for people
 * with and without a directory, groups, tombstones and claims.
 */
import {
  canonicalAccount,
  canonicalAddress,
  effectivePerson,
  Group,
  type Person,
  type PersonSource,
  type Recipient,
  User,
} from '@roster/crds';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { enforce } from '../enforcement.ts';
import { judge } from '../guard.ts';
import type { GroupRecord, PersonRecord } from '../record.ts';
import { group, missingOf, now, planOf, recipient, role, type Scene, source, unreadable, user } from './fixtures.ts';
import { type Effect, finish, lines, type PersonAction, type Plan, samples, type Tombstone } from './index.ts';
import { privilegeOf } from './privilege.ts';

// A thousand tenants take seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const ids = ['i1', 'i2', 'i3', 'i4', 'i5', 'i6'];
const address = fc.constantFrom('a@x.example', 'b@x.example', 'C@x.example', 'c@X.example', 'd@y.example');
const account = fc.constantFrom('CORP\\k1', 'corp\\K1', 'CORP\\k2');
const groupIds = fc.uniqueArray(fc.constantFrom('g1', 'g2', 'g3', 'g4'), { maxLength: 3 });
/** The value in `present` of six cases. */
const maybe = <T>(value: fc.Arbitrary<T>, present = 3) =>
  fc.oneof({ weight: 6 - present, arbitrary: fc.constant(undefined) }, { weight: present, arbitrary: value });
const rarely = <T>(value: fc.Arbitrary<T>) => maybe(value, 1);
const mostly = <T>(value: fc.Arbitrary<T>) => maybe(value, 5);
const precedence = fc.constantFrom('Directory' as const, 'Declared' as const);

/** Without the fields that are undefined; the type is for the caller to know. */
function defined<R>(fields: object): R {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as R;
}

const people: fc.Arbitrary<PersonRecord[]> = fc.array(
  fc
    .record({
      externalId: fc.constantFrom(...ids),
      email: mostly(fc.oneof({ weight: 9, arbitrary: address }, { weight: 1, arbitrary: fc.constant('broken@') })),
      lastName: maybe(fc.constantFrom('Doe', 'Roe')),
      domainAccount: maybe(account),
      onPremisesId: rarely(fc.constantFrom(...ids)),
      language: maybe(fc.constantFrom('fr', 'de', '?')),
      enabled: rarely(fc.boolean()),
      expiresAt: rarely(fc.constantFrom('2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z')),
      groups: groupIds,
    })
    .map((fields) => defined<PersonRecord>({ kind: 'Person', label: `uid=${fields.externalId}`, ...fields })),
  { maxLength: 6 },
);

const groups: fc.Arbitrary<GroupRecord[]> = fc.array(
  fc
    .record({
      externalId: fc.constantFrom('g1', 'g2', 'g3', 'g4'),
      name: fc.constantFrom('n1', 'N1', 'n2', 'n3'),
      description: maybe(fc.constantFrom('one', 'two')),
    })
    .map((fields) => defined<GroupRecord>({ kind: 'Group', label: `cn=${fields.externalId}`, ...fields })),
  { maxLength: 4 },
);

const block: fc.Arbitrary<PersonSource> = fc
  .record({
    directory: fc.constantFrom('corporate', 'corporate', 'corporate', 'branch'),
    externalId: fc.constantFrom(...ids),
    email: mostly(address.map((text) => text.toLowerCase())),
    lastName: maybe(fc.constantFrom('Doe', 'Roe')),
    domainAccount: maybe(account),
    groups: maybe(fc.constantFrom(['g1'], ['g1', 'g2'], ['g3'])),
    enabled: rarely(fc.constant(false as const)),
    missingSince: rarely(fc.constantFrom('2026-05-01T00:00:00Z', '2026-05-31T12:00:00Z')),
    organizations: rarely(fc.constantFrom([{ name: 'branch' }], [{ name: 'main', roles: ['keepers'] }])),
    precedence: maybe(fc.constant('Declared' as const), 2),
  })
  .map(({ externalId, ...fields }) => {
    const { email: _, ...bare } = source(externalId);
    return defined<PersonSource>({ ...bare, ...fields });
  });

const organizations = fc.constantFrom(
  [{ name: 'main' }],
  [{ name: 'main' }],
  [{ name: 'main' }],
  [{ name: 'main', roles: ['users'] }],
  [{ name: 'branch' }],
  [{ name: 'main', roles: ['keepers'] }],
);

const users: fc.Arbitrary<User[]> = fc
  .array(
    fc.record({
      email: maybe(address),
      domainAccount: maybe(account),
      enabled: fc.constantFrom(true, true, true, false),
      roles: rarely(fc.constant(['tenant-administrator-creator'])),
      organizations,
      source: maybe(block, 4),
    }),
    { maxLength: 5 },
  )
  .map((specs) => specs.map((spec, index) => user(`u${index}`, defined(spec))));

const recipients: fc.Arbitrary<Recipient[]> = fc
  .array(fc.record({ email: maybe(address), source: maybe(block) }), { maxLength: 2 })
  .map((specs) => specs.map((spec, index) => recipient(`r${index}`, defined(spec))));

const existingGroups: fc.Arbitrary<Group[]> = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom('g1', 'g2', 'g3', 'by-hand'),
      organization: fc.constantFrom('main', 'main', 'main', 'branch'),
      declared: rarely(fc.constantFrom('n1', 'n4')),
      displayName: fc.constantFrom('n1', 'n2', 'n3', 'AD n1'),
    }),
    { selector: ({ name }) => name, maxLength: 4 },
  )
  .map((all) =>
    all.map(({ name, organization, declared, displayName }) => {
      const { email: _, ...identity } = source(name);
      const filled = name === 'by-hand' ? { displayName } : { source: { ...identity, displayName } };
      return group(name, { organization, ...filled, ...(declared === undefined ? {} : { displayName: declared }) });
    }),
  );

const scenes: fc.Arbitrary<Scene> = fc
  .record({
    directory: fc
      .record({
        importAs: fc.constantFrom('Users' as const, 'Users' as const, 'Recipients' as const),
        linking: fc.constantFrom('ByEmail' as const, 'ByEmail' as const, 'Approve' as const, 'Never' as const),
        createDisabled: rarely(fc.constant(true)),
        onlyMembersOf: rarely(fc.constantFrom(['g1'], ['n1', 'g2'])),
        takesOver: rarely(fc.constant('branch')),
        mappings: maybe(
          fc.constantFrom(
            [{ group: 'g1', organization: 'branch', roles: ['users'] }],
            [
              { group: 'n1', organization: 'main', roles: ['keepers'] },
              { group: 'g3', organization: 'branch' },
            ],
            [{ group: 'g2', organization: 'nowhere' }],
          ),
        ),
        whenMissing: maybe(
          fc.record({
            policy: fc.constantFrom('Disable' as const, 'Delete' as const, 'Delete' as const),
            gracePeriod: fc.constant('24h'),
          }),
        ),
        samePerson: rarely(fc.constantFrom(['i2'], ['i1', 'i3'])),
        newPerson: rarely(fc.constantFrom(['i4'], ['i1', 'i3'])),
        precedence,
        membership: fc.constantFrom('Nested' as const, 'Nested' as const, 'None' as const),
        groupPrefix: rarely(fc.constant('AD ')),
        emailDomains: rarely(fc.constant(['x.example'])),
        exclude: rarely(fc.constantFrom(['i1'], ['a@x.example'])),
        defaultRole: rarely(fc.constantFrom('users', 'keepers')),
      })
      .map((fields) => defined<NonNullable<Scene['directory']>>(fields)),
    people,
    groups,
    rejected: fc.array(fc.constantFrom(unreadable('Person', 'i2'), unreadable('Person'), unreadable('Group', 'g2')), {
      maxLength: 1,
    }),
    users,
    recipients,
    existingGroups,
    roles: fc.constant([role('keepers', { permissions: [{ resource: 'users', verbs: ['create'] }] })]),
    owner: rarely(fc.constant('u0')),
    tombstones: fc.array(
      fc.constantFrom(
        { email: 'a@x.example', kind: 'User' as const, name: 'late' },
        {
          email: 'b@x.example',
          kind: 'User' as const,
          name: 'late',
          authority: source('i1').authority,
          externalId: 'i1',
        },
      ),
      { maxLength: 1 },
    ),
    claims: rarely(fc.constantFrom(new Map([['d@y.example', { kind: 'User', name: 'unknown' }]]))),
    seats: rarely(fc.constantFrom({ viewer: 0 }, { viewer: 3, creator: 1 })),
    absences: fc.dictionary(
      fc.constantFrom(...ids),
      fc.constantFrom('Deleted' as const, 'OutOfBase' as const, 'FilteredOut' as const, 'NotVisible' as const),
    ),
  })
  .map(({ directory, ...scene }) => {
    const { mappings, importAs } = directory;
    // The schema refuses roles of recipients.
    const plain = mappings?.map(({ group: named, organization }) => ({ group: named, organization }));
    const suitable =
      importAs === 'Recipients' ? defined<typeof directory>({ ...directory, mappings: plain }) : directory;
    return defined<Scene>({ ...scene, directory: suitable });
  });

/** The tenant when all of the plan is carried out. */
function applyToModel(scene: Scene, plan: Pick<Plan, 'people' | 'groups'>): Scene {
  const actions = [...plan.people, ...plan.groups];
  const after = <T extends Person | Group>(object: T): T[] => {
    const own = actions.find(
      (action) => 'ref' in action && action.ref.uid === object.metadata.uid && isKind(object, action.kind),
    );
    if (own === undefined || !('ref' in own)) return [object];
    return own.action === 'Delete' ? [] : [{ ...object, spec: { ...object.spec, source: own.source } }];
  };
  const created = plan.people.flatMap((action) => (action.action === 'Create' ? [action] : []));
  const buried = plan.people.flatMap((action): Tombstone[] => {
    if (action.action !== 'Delete') return [];
    const { kind, ref, source: last } = action;
    const spec = byKey(scene).get(`${kind} ${ref.name}`)?.spec;
    const email = spec && effectivePerson(spec).email;
    return [{ kind, name: ref.name, email: email ?? '', authority: last.authority, externalId: last.externalId }];
  });
  return {
    ...scene,
    tombstones: [...(scene.tombstones ?? []), ...buried],
    users: [
      ...(scene.users ?? []).flatMap(after),
      ...created.flatMap((action) => (action.kind === 'User' ? [user(action.name, action.spec)] : [])),
    ],
    recipients: [
      ...(scene.recipients ?? []).flatMap(after),
      ...created.flatMap((action) => (action.kind === 'Recipient' ? [recipient(action.name, action.spec)] : [])),
    ],
    existingGroups: [
      ...(scene.existingGroups ?? []).flatMap(after),
      ...plan.groups.flatMap((action) => (action.action === 'Create' ? [group(action.name, action.spec)] : [])),
    ],
  };
}

const isKind = ({ kind }: Person | Group, other: string) => kind === other;
const everybody = ({ users = [], recipients = [] }: Scene): Person[] => [...users, ...recipients];
const keyOf = ({ kind, metadata }: Person) => `${kind} ${metadata.name}`;
const byKey = (scene: Scene) => new Map(everybody(scene).map((person) => [keyOf(person), person]));

function holders(scene: Scene, key: 'email' | 'domainAccountKey'): Map<string, string[]> {
  const held = new Map<string, string[]>();
  for (const person of everybody(scene)) {
    const value = effectivePerson(person.spec)[key];
    if (value !== undefined) held.set(value, [...(held.get(value) ?? []), keyOf(person)]);
  }
  return held;
}

/** Whether the directory lets the person in. */
function mayEnter(spec: Person['spec']): boolean {
  const { enabledInDirectory, missingSince, expiresAt } = effectivePerson(spec);
  const ended = expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime();
  return enabledInDirectory && missingSince === undefined && !ended;
}

/** What a plan does and says, in an order of its own. */
function told(plan: Plan): string[] {
  return [...plan.people, ...plan.groups, ...plan.notes].map((part) => JSON.stringify(part)).sort();
}

/** Parts of a plan that do not speak of the record given. */
function toldWithout(plan: Plan, externalId: string): string[] {
  return [...plan.people, ...plan.groups, ...plan.notes]
    .filter(
      (part) => part.record?.externalId !== externalId && !('externalId' in part && part.externalId === externalId),
    )
    .map((part) => JSON.stringify(part))
    .sort();
}

/** Whether each person is taken over, by external id; in which form is left aside. */
function accepted(plan: Plan, except: ReadonlySet<string>): string[] {
  const refused = plan.notes.filter(({ action, kind }) => ['Reject', 'Exclude'].includes(action) && kind !== 'Group');
  const acted = plan.people.filter(({ action }) => ['Create', 'Link', 'TakeOver'].includes(action));
  return [...acted.map(({ action, record }) => ({ action, ...record })), ...refused]
    .filter(({ externalId = '' }) => !except.has(externalId))
    .map(({ action, externalId }) => `${externalId} ${action}`)
    .sort();
}

const check = (property: (scene: Scene, plan: Plan) => void, numRuns = 1000) =>
  fc.assert(
    fc.property(scenes, (scene) => property(scene, planOf(scene))),
    { numRuns },
  );

describe('once applied, there is nothing left to do', () => {
  const nothing = {
    rejected: expect.anything(),
    created: 0,
    linked: 0,
    updated: 0,
    disabled: 0,
    deleted: 0,
    restored: 0,
  };

  test('of what may be done unasked', () => {
    check((scene, plan) => {
      const verdict = finish(judge(plan));
      if (verdict.held !== undefined) return;
      const again = planOf(applyToModel(scene, verdict));
      expect([...again.people, ...again.groups]).toEqual([]);
      expect(again.memberships).toBe(plan.memberships);
    });
  });

  test('of what was approved, too', () => {
    check((scene, plan) => {
      // Who waits for an account that somebody gives up only by approval, or by going, gets it after that.
      const twice = (now: Scene, next: Plan) => {
        const after = applyToModel(now, next);
        return { after, again: planOf(after) };
      };
      const { after, again } = twice(scene, plan);
      const last = plan.people.some(
        ({ restriction, action }) => restriction !== undefined || action === 'TakeOver' || action === 'Delete',
      )
        ? twice(after, again).again
        : again;
      expect([...last.people, ...last.groups]).toEqual([]);
      expect(last.counts.people).toMatchObject({ ...nothing, rejected: last.counts.people.rejected });
    });
  });
});

describe('with effects withheld', () => {
  const all = [
    'Link',
    'Mail',
    'Seat',
    'AddressChange',
    'LostMembership',
    'Creation',
    'Removal',
    'Restore',
    'Grant',
    'TakeOver',
  ] as const;
  const restricted = ['RestrictedLink', 'RestrictedChange', 'RestrictedRemoval'] as const;
  const withheld = fc.subarray<Effect>([...all, ...restricted], { minLength: 1 });
  const checkHeld = (property: (scene: Scene, after: Scene, withheld: ReadonlySet<Effect>) => void) =>
    fc.assert(
      fc.property(scenes, withheld, (scene, effects) => {
        const plan = planOf(scene);
        property(scene, applyToModel(scene, finish(enforce(plan, new Set(effects)))), new Set(effects));
      }),
      { numRuns: 1000 },
    );

  test('nobody suffers them', () => {
    checkHeld((scene, after, held) => {
      const people = byKey(after);
      for (const person of everybody(scene)) {
        const was = person.spec.source;
        const is = people.get(keyOf(person))?.spec;
        const ordinary = !isPrivileged(scene, person);
        if (is === undefined) {
          expect(held.has(ordinary ? 'Removal' : 'RestrictedRemoval')).toBe(false);
          continue;
        }
        const taken =
          was !== undefined &&
          `${is.source?.directory} ${is.source?.externalId}` !== `${was.directory} ${was.externalId}`;
        if (held.has('Link') && held.has('RestrictedLink') && was === undefined) expect(is.source).toBeUndefined();
        if (held.has('TakeOver') && was !== undefined) expect(is.source?.directory).toBe(was.directory);
        if (taken) continue;
        if (held.has('AddressChange') && held.has('RestrictedChange') && was !== undefined) {
          expect(effectivePerson(is).email).toBe(effectivePerson(person.spec).email);
        }
        if (held.has('LostMembership')) {
          expect(is.source?.groups ?? []).toEqual(expect.arrayContaining([...(was?.groups ?? [])]));
          const organizations = (source: PersonSource | undefined) =>
            source?.organizations?.map(({ name }) => name) ?? [];
          expect(organizations(is.source)).toEqual(expect.arrayContaining(organizations(was)));
        }
        if (held.has('Removal') && held.has('RestrictedRemoval') && was?.missingSince === undefined) {
          expect(is.source?.missingSince).toBeUndefined();
        }
        if (held.has('Restore') && held.has('RestrictedChange') && !mayEnter(person.spec)) {
          expect(mayEnter(is)).toBe(false);
        }
      }
      if (held.has('Creation')) expect(everybody(after).length).toBeLessThanOrEqual(everybody(scene).length);
    });
  });

  test('the state of ordinary accounts follows the directory when they end', () => {
    checkHeld((scene, after) => {
      const people = byKey(after);
      for (const action of planOf(scene).people) {
        if (action.action !== 'Update' || action.restriction !== undefined || action.source.enabled !== false) continue;
        expect(people.get(`${action.kind} ${action.ref.name}`)?.spec.source?.enabled).toBe(false);
      }
    });
  });

  test('nobody gets an address that somebody else still has', () => {
    checkHeld((scene, after) => {
      const before = holders(scene, 'email');
      for (const [address, now] of holders(after, 'email')) {
        if (now.length > 1) expect(before.get(address)).toEqual(expect.arrayContaining(now));
      }
    });
  });

  test('the rest is done at once', () => {
    checkHeld((scene, after, held) => {
      // Where somebody gained or lost great rights, more or less is due from then on.
      const people = byKey(after);
      const judgedAlike = everybody(scene).every((person) => {
        const is = people.get(keyOf(person));
        return is === undefined || isPrivileged(scene, person) === isPrivileged(after, is);
      });
      // A domain account that somebody has given up meanwhile is given to the next one.
      const isLeft = (action: PersonAction) => action.action !== 'Update' || action.changed.join() !== 'domainAccount';
      if (judgedAlike) expect(finish(enforce(planOf(after), held)).people.filter(isLeft)).toEqual([]);
    });
  });
});

test('the order of records and resources never matters', () => {
  const shuffled = scenes.chain((scene) =>
    fc.record({
      scene: fc.constant(scene),
      people: fc.shuffledSubarray([...(scene.people ?? [])], { minLength: scene.people?.length ?? 0 }),
      groups: fc.shuffledSubarray([...(scene.groups ?? [])], { minLength: scene.groups?.length ?? 0 }),
    }),
  );
  fc.assert(
    fc.property(shuffled, ({ scene, people, groups }) => {
      const plan = planOf(scene);
      const other = planOf({
        ...scene,
        people,
        groups,
        users: scene.users?.toReversed() ?? [],
        recipients: scene.recipients?.toReversed() ?? [],
        existingGroups: scene.existingGroups?.toReversed() ?? [],
      });
      expect(told(other)).toEqual(told(plan));
      expect(other.counts).toEqual(plan.counts);
      expect(other.facts).toEqual(plan.facts);
      expect(other.reasons).toEqual(plan.reasons);
      expect(samples(other, 5)).toEqual(samples(plan, 5));
    }),
    { numRuns: 1000 },
  );
});

describe('nobody gets what somebody else has', () => {
  test('addresses', () => {
    check((scene, plan) => {
      const before = holders(scene, 'email');
      for (const [address, after] of holders(applyToModel(scene, plan), 'email')) {
        if (after.length > 1) expect(before.get(address)).toEqual(expect.arrayContaining(after));
      }
    });
  });

  test('domain accounts, but for those that are declared twice by hand', () => {
    check((scene, plan) => {
      const before = holders(scene, 'domainAccountKey');
      const people = byKey(scene);
      const declares = (holder: string, account: string) => {
        const spec = people.get(holder)?.spec;
        return spec !== undefined && 'domainAccount' in spec && canonicalAccount(spec.domainAccount ?? '') === account;
      };
      for (const [account, after] of holders(applyToModel(scene, plan), 'domainAccountKey')) {
        const given = after.filter((holder) => !declares(holder, account));
        if (after.length > 1) expect(before.get(account) ?? []).toEqual(expect.arrayContaining(given));
      }
    });
  });

  test('name of a group in the organization', () => {
    const names = ({ existingGroups: all = [] }: Scene) =>
      all
        .filter(({ spec }) => spec.organization === 'main')
        .map(({ spec, metadata }) => [spec.displayName ?? spec.source?.displayName ?? metadata.name, metadata.name]);
    check((scene, plan) => {
      const before = Map.groupBy(names(scene), ([name = '']) => name.toLowerCase());
      for (const [name, after] of Map.groupBy(names(applyToModel(scene, plan)), ([key = '']) => key.toLowerCase())) {
        const objects = (all: string[][] = []) => all.map(([, object]) => object);
        if (after.length > 1) expect(objects(before.get(name))).toEqual(expect.arrayContaining(objects(after)));
      }
    });
  });
});

test('only the people of the directory are updated, and only people without one are linked', () => {
  check((scene, plan) => {
    for (const action of plan.people) {
      if (action.action === 'Create') continue;
      const person = byKey(scene).get(`${action.kind} ${action.ref.name}`);
      if (action.action === 'TakeOver') {
        const missing = scene.people?.every(({ externalId }) => externalId !== person?.spec.source?.externalId);
        if (person?.spec.source?.directory === 'corporate') expect(missing).toBe(true);
        else expect(person?.spec.source?.directory).toBe(scene.directory?.takesOver);
      } else if (action.action !== 'Link') {
        expect(person?.spec.source?.directory).toBe('corporate');
        expect(person?.spec.source?.externalId).toBe(action.record.externalId);
      } else {
        expect(person?.spec.source).toBeUndefined();
        expect(effectivePerson(person?.spec ?? { enabled: true }).email).toBe(action.source.email);
        expect(scene.directory?.linking).not.toBe('Never');
        if (scene.directory?.linking === 'Approve' || !person?.spec.enabled) {
          expect(action.effects).toContain('RestrictedLink');
        }
      }
      if (action.action === 'Delete' || action.action === 'Disable' || action.action === 'Restore') continue;
      expect(action.kind).toBe(scene.directory?.importAs === 'Users' ? 'User' : 'Recipient');
    }
  });
});

function rightsOf(scene: Scene) {
  const roles = new Map(scene.roles?.map((known) => [known.metadata.name, known]));
  return { roles: roles.set('users', role('users')), owner: scene.owner };
}

function isPrivileged(scene: Scene, person: Person): boolean {
  return privilegeOf(person.kind === 'User' ? 'User' : 'Recipient', person, rightsOf(scene)) !== undefined;
}

describe('people with great rights', () => {
  const generous = { floor: 1_000_000, percent: 100, cap: 1_000_000 };

  test('are changed by no directory unless that is approved, however generous the guard', () => {
    check((scene, plan) => {
      const after = byKey(applyToModel(scene, finish(judge(plan, { settings: generous }))));
      for (const person of everybody(scene)) {
        if (!isPrivileged(scene, person)) continue;
        const found = after.get(keyOf(person));
        if (found === undefined) throw new Error('somebody with great rights was deleted');
        const was = effectivePerson(person.spec);
        const is = effectivePerson(found.spec);
        expect(is.email).toBe(was.email);
        expect(is.domainAccountKey).toBe(was.domainAccountKey);
        const state = ['enabledInDirectory', 'expiresAt', 'missingSince'] as const;
        for (const field of state) expect(is[field]).toBe(was[field]);
        expect(found.spec.source?.externalId).toBe(person.spec.source?.externalId);
        if (person.spec.source === undefined) expect(found).toBe(person);
      }
    });
  });

  test('come to be so by no directory unless that is approved', () => {
    check((scene, plan) => {
      const after = applyToModel(scene, finish(judge(plan, { settings: generous })));
      const before = byKey(scene);
      for (const person of everybody(after)) {
        if (!isPrivileged(scene, person)) continue;
        const was = before.get(keyOf(person));
        expect(was !== undefined && isPrivileged(scene, was)).toBe(true);
      }
    });
  });

  test('are not locked out when they own the tenant, even if all is approved', () => {
    check((scene, plan) => {
      const after = byKey(applyToModel(scene, plan));
      const owner = scene.users?.find(({ metadata }) => metadata.name === scene.owner);
      if (owner === undefined) return;
      const found = after.get(keyOf(owner));
      if (mayEnter(owner.spec)) expect(found !== undefined && mayEnter(found.spec)).toBe(true);
    });
  });
});

test('nobody is removed without a proof, nor found again and removed', () => {
  check((scene, plan) => {
    const found = new Set(scene.people?.map(({ externalId }) => externalId));
    const asked = new Set(missingOf(scene));
    for (const action of plan.people) {
      if (action.action !== 'Delete' && action.action !== 'Disable') continue;
      const { externalId } = action.record;
      expect(found.has(externalId)).toBe(false);
      expect(asked.has(externalId)).toBe(true);
      expect(['Deleted', 'OutOfBase', 'FilteredOut']).toContain(scene.absences?.[externalId]);
      expect(scene.directory?.whenMissing?.policy).toMatch(
        action.action === 'Delete' ? /^Delete$/ : /^(Disable|Delete)$/,
      );
      if (action.action === 'Delete') expect(action.source.missingSince).toBeDefined();
    }
    const unproved = planOf({ ...scene, absences: {} });
    expect(unproved.people.filter(({ action }) => action === 'Delete' || action === 'Disable')).toEqual([]);
  });
});

test('nobody is lost or doubled by a takeover', () => {
  check((scene, plan) => {
    const after = applyToModel(scene, plan);
    const identities = everybody(after).flatMap(({ spec: { source: one } }) =>
      one === undefined ? [] : [`${one.authority} ${one.externalId}`],
    );
    const before = everybody(scene).flatMap(({ spec: { source: one } }) =>
      one === undefined ? [] : [`${one.authority} ${one.externalId}`],
    );
    const twice = (all: string[]) => new Set(all.filter((one, index) => all.indexOf(one) !== index));
    for (const identity of twice(identities)) expect(twice(before)).toContain(identity);
    const taken = plan.people.flatMap((action) => (action.action === 'TakeOver' ? [action.ref.uid] : []));
    expect(new Set(taken).size).toBe(taken.length);
  });
});

test('a rejected record changes nothing for those with whom it contests nothing', () => {
  check((scene, plan) => {
    const rejected = plan.notes.flatMap(({ action, record }) =>
      action === 'Reject' && record?.kind === 'Person' ? [record] : [],
    );
    for (const record of rejected) {
      const others = scene.people?.filter((other) => other !== record) ?? [];
      const without = planOf({ ...scene, people: others });
      const involved = contesting(record, scene);
      expect(accepted(without, involved)).toEqual(accepted(plan, involved));
      // Groups and accounts may pass to those who were refused with it; where there is none, nothing at all differs.
      // And whom a rejected entry would be by an administrator's word is not missing.
      const isNamed = scene.directory?.samePerson?.includes(record.externalId);
      if (isNamed || others.some(({ externalId }) => involved.has(externalId))) continue;
      expect(toldWithout(without, record.externalId)).toEqual(toldWithout(plan, record.externalId));
    }
  }, 800);
});

/** External ids of all whose addresses or ids are tied to those of the record, however indirectly. */
function contesting(record: PersonRecord, scene: Scene): Set<string> {
  const canonical = (texts: readonly (string | undefined)[]) =>
    texts.map((text) => canonicalAddress(text ?? '')).filter((found) => typeof found === 'string');
  const keys = (other: PersonRecord) => {
    const own = [other.externalId, ...(other.onPremisesId === undefined ? [] : [other.onPremisesId])];
    const address = canonical([other.email]);
    // Those whom the entry is, links or takes over.
    const known = everybody(scene).filter(
      ({ spec }) =>
        own.includes(spec.source?.externalId ?? '') ||
        canonical([spec.email, spec.source?.email]).some((one) => address.includes(one)),
    );
    return [...own, ...address, ...known.flatMap(({ spec }) => canonical([spec.email, spec.source?.email]))];
  };
  const tied = new Set(keys(record));
  for (let size = 0; size !== tied.size; ) {
    size = tied.size;
    for (const other of scene.people ?? []) {
      const all = keys(other);
      if (all.some((key) => tied.has(key))) for (const key of all) tied.add(key);
    }
  }
  return new Set(ids.filter((id) => tied.has(id)));
}

test('every record and every person of the directory is accounted for', () => {
  check((scene, plan) => {
    const { people: counts, groups: groupCounts } = plan.counts;
    const read = (of: 'Person' | 'Group') => scene.rejected?.filter((record) => record.of === of).length ?? 0;
    expect(counts.found).toBe((scene.people?.length ?? 0) + read('Person'));
    const records: ReadonlySet<unknown> = new Set(scene.people);
    const restored = plan.people.filter(({ action, record }) => action === 'Restore' && records.has(record)).length;
    expect(counts.found).toBe(
      counts.created + counts.linked + counts.updated + restored + counts.unchanged + counts.excluded + counts.rejected,
    );
    expect(counts.restored + counts.disabled + counts.deleted + counts.missing).toBeGreaterThanOrEqual(restored);
    expect(groupCounts.found).toBe((scene.groups?.length ?? 0) + read('Group'));
    expect(groupCounts.found).toBe(
      groupCounts.created + groupCounts.updated + groupCounts.unchanged + groupCounts.skipped + groupCounts.rejected,
    );
    expect([...lines(plan)]).toHaveLength(plan.people.length + plan.groups.length + plan.notes.length);
    const acted = plan.people.map(({ record }) => record);
    const refused = plan.notes.filter(({ action }) => action === 'Reject' || action === 'Exclude');
    for (const { record } of refused) expect(acted).not.toContain(record);
  });
});

test('memberships name groups of the organization that exist or are created', () => {
  check((scene, plan) => {
    const after = applyToModel(scene, plan);
    const there = new Map(after.existingGroups?.map(({ metadata, spec }) => [metadata.name, spec.organization]));
    for (const action of plan.people) {
      // The groups of who is missing stay in the block as they were.
      if (!('groups' in action.record)) continue;
      const names = (action.action === 'Create' ? action.spec.source : action.source)?.groups ?? [];
      expect(names).toEqual([...new Set(names)].sort());
      for (const name of names) expect(there.get(name)).toBe('main');
    }
    for (const action of plan.groups) {
      if (action.action !== 'Create') continue;
      const members = everybody(after).filter(({ spec }) => spec.source?.groups?.includes(action.name));
      expect(members.length).toBeGreaterThan(0);
    }
  });
});

test('whatever the directory says, what is written fits the schema', () => {
  const text = (maxLength: number) => fc.string({ unit: 'grapheme', minLength: 1, maxLength });
  const wild = fc.record({
    firstName: text(150),
    lastName: text(150),
    language: text(10),
    domainAccount: text(150),
    externalId: text(150),
    email: fc.oneof(fc.emailAddress(), text(20)),
    groups: fc.constant(['g']),
  });
  fc.assert(
    fc.property(wild, text(400), text(3000), text(50), (fields, name, description, groupPrefix) => {
      const plan = planOf({
        directory: { groupPrefix },
        people: [{ kind: 'Person', label: 'x', ...fields }],
        groups: [{ kind: 'Group', externalId: 'g', label: 'g', name, description }],
      });
      for (const action of plan.people) {
        if (action.action === 'Create') expect(User.spec.safeParse(action.spec).error).toBeUndefined();
      }
      for (const action of plan.groups) {
        if (action.action === 'Create') expect(Group.spec.safeParse(action.spec).error).toBeUndefined();
      }
    }),
  );
});
