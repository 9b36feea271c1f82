import { AppRole, Group, Organization, type Person, Recipient, type ResourceType, Tenant, User } from '@roster/crds';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { DatabaseError } from '../../errors.ts';
import { createMetrics } from '../../metrics.ts';
import type { PersonRow, WrittenPerson } from '../../mirror/index.ts';
import { Store, silentLogger } from '../../runtime/index.ts';
import type { Context } from '../context.ts';
import { Vanishings } from '../tenant/vanishings.ts';
import { Informed, ManualManager } from '../testing/engine.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import { at, brokenInvariants, now, organization, recipient, source, tenant, user } from '../testing/objects.ts';
import { addPersonController, personIndexes } from './controller.ts';
import { PeopleTally } from './tally.ts';

const found = (index: keyof typeof personIndexes, value: string, ...people: Person[]) => {
  const store = new Store<Person>(personIndexes);
  for (const person of people) store.set(person);
  return store.byIndex(index, value).map(({ metadata }) => metadata.name);
};

const jane = user('jane', {
  roles: ['tenant-administrator', 'auditors'],
  organizations: [{ name: 'main', roles: ['developers', 'auditors'] }],
  groups: ['board'],
  source: source({ groups: ['board', 'sellers'], organizations: [{ name: 'sales', roles: ['users'] }] }),
});

describe('people are found by', () => {
  it.each([
    ['organization', ['acme/main', 'acme/sales']],
    ['role', ['acme/tenant-administrator', 'acme/auditors', 'acme/developers', 'acme/users']],
    ['group', ['acme/board', 'acme/sellers']],
    ['directory', ['acme/corporate']],
  ] as const)('each %s that they or their directory name, once', (index, values) => {
    expect(personIndexes[index](jane)).toEqual(values);
    for (const value of values) expect(found(index, value, jane)).toEqual(['jane']);
  });

  it('nothing that they do not name', () => {
    const john = user('john', { organizations: undefined });
    for (const index of Object.values(personIndexes)) expect(index(john)).toEqual([]);
  });

  it('what recipients have, who hold no roles', () => {
    const press = recipient('press', { groups: ['board'] });
    expect(personIndexes.organization(press)).toEqual(['acme/main']);
    expect(personIndexes.group(press)).toEqual(['acme/board']);
    expect(personIndexes.role(press)).toEqual([]);
  });

  it('their namespace, too', () => {
    const other = user('jane', { groups: ['board'] }, { namespace: 'globex' });
    expect(found('group', 'globex/board', jane, other)).toEqual(['jane']);
    expect(found('group', 'acme/chess', jane, other)).toEqual([]);
  });
});

/** The controller of people between an API server in memory and a database that remembers what it is told. */
class World {
  readonly api = new MemoryApi();
  readonly users = new Informed(User as ResourceType<Person>, personIndexes);
  readonly rows: PersonRow[] = [];
  readonly vanished: string[] = [];
  /** What the database makes of a row. */
  answer: () => Promise<WrittenPerson> = async () => ({ written: true, id: '1' });
  readonly #manager = new ManualManager();

  constructor() {
    const informers = {
      users: this.users,
      recipients: new Informed(Recipient as ResourceType<Person>, personIndexes),
      tenants: new Informed<Tenant>(Tenant, {}, tenant()),
      organizations: new Informed<Organization>(Organization, {}, organization('main')),
      roles: new Informed<AppRole>(AppRole),
      groups: new Informed<Group>(Group),
    };
    const mirror = {
      writePerson: async (row: PersonRow) => {
        // The row comes before the status.
        expect(this.status('jane').conditions).toBeUndefined();
        this.rows.push(row);
        return this.answer();
      },
    };
    const context = { client: this.api, informers, mirror, log: silentLogger, now: () => now };
    const vanishings = new Vanishings(() => undefined);
    vanishings.report = ({ kind, name }) => void this.vanished.push(`${kind} ${name}`);
    const tally = new PeopleTally(createMetrics(new Registry(), { version: '1' }));
    addPersonController(this.#manager.asManager, context as unknown as Context, vanishings, tally);
  }

  add(object: User): void {
    this.api.put(object);
    this.users.cache.set(object);
  }

  reconcile(name = 'jane') {
    return this.#manager.reconcile('user', name);
  }

  status(name: string): NonNullable<User['status']> {
    return this.api.at(User, name)?.status ?? {};
  }

  get shown() {
    const { conditions } = this.status('jane');
    expect(brokenInvariants(conditions)).toEqual([]);
    return conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  }
}

describe('a person', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('is mirrored, and then said to be Ready', async () => {
    world.add(user('jane'));
    expect(await world.reconcile()).toEqual({});
    expect(world.rows).toMatchObject([{ kind: 'User', name: 'jane', email: 'jane@example.com' }]);
    expect(world.shown).toEqual(['Active=True Enabled', 'Ready=True Mirrored']);
  });

  it('is looked at again when the account ends, however far away that is', async () => {
    world.add(user('jane', { source: source({ expiresAt: at(86_400 * 365) }) }));
    expect(await world.reconcile()).toEqual({ requeueAfterMs: 86_400_000 * 365 + 1_000 });
  });

  it('is looked at then even if something else is wrong', async () => {
    world.add(user('jane', { groups: ['chess'], source: source({ expiresAt: at(60) }) }));
    expect(await world.reconcile()).toEqual({ requeueAfterMs: 61_000 });
    expect(world.shown).toContain('Stalled=True GroupNotFound');
  });

  it('with something wrong waits for a change', async () => {
    world.add(user('jane', { groups: ['chess'] }));
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'StalledError', message: 'GroupNotFound' });
  });

  it('whose address is taken waits for it, and learns whose it is', async () => {
    world.answer = async () => ({ written: true, id: '1', emailHolder: { kind: 'User', name: 'john' } });
    world.add(user('jane'));
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'StalledError', message: 'EmailNotUnique' });
    expect(world.status('jane').conditions?.[0]?.message).toBe('The address jane@example.com belongs to User john.');
  });

  it('is tried again when the database is back', async () => {
    world.answer = () => Promise.reject(new DatabaseError('DatabaseUnavailable', 'Down.'));
    world.add(user('jane', { source: source({ expiresAt: at(60) }) }));
    await expect(world.reconcile()).rejects.toMatchObject({ name: 'WaitingError', afterMs: 10_000 });
    expect(world.shown).toContain('Reconciling=True DatabaseUnavailable');
  });

  it('who is gone is reported', async () => {
    expect(await world.reconcile('john')).toEqual({});
    expect(world.vanished).toEqual(['User john']);
    expect(world.rows).toEqual([]);
  });
});
