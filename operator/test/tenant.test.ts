/** A tenant and what belongs to it: the built-in objects, the owner, and what protects from deletion. */
import { AppRole, Group, Organization, Tenant, User } from '@roster/crds';
import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { namesInDatabase, peopleInDatabase, personInDatabase } from './contract.ts';
import { group, organization, recipient, tenant, user } from './objects.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

const builtInRoles = [
  ...['administrator-creator', 'administrator-explorer', 'administrator-viewer', 'administrators', 'developers'],
  ...['notify', 'on-demand', 'self-reporting', 'tenant-administrator-creator', 'tenant-administrator-explorer'],
  ...['tenant-administrator-viewer', 'users'],
];

let roster: Roster;
let namespaces: string[];
let acme: Administrator;

beforeAll(async () => {
  namespaces = [];
  for (let count = 0; count < 8; count++) namespaces.push(await createNamespace());
  roster = await openRoster({ namespaces: [...namespaces] });
  return () => roster.close();
});

/** The namespace of one test, which holds nothing yet. */
function emptyNamespace(): Administrator {
  acme = roster.within(namespaces.pop() ?? '');
  return acme;
}

afterEach(async () => {
  await statusesHold(acme);
});

const ready = { Ready: 'True Mirrored' };
const trial = { TrialDatabase: 'True EmbeddedDatabase' };
const inStep = { ...ready, ...trial, MirrorHeld: 'False InStep' };
const stalled = (reason: string) => ({ Ready: `False ${reason}`, Stalled: `True ${reason}` });

const isReady = () => acme.eventually(Tenant, 'tenant', (object) => expect(states(object)).toEqual(inStep));

describe('a tenant', () => {
  it('gets its default organization, the built-in roles and the group of everybody', async () => {
    emptyNamespace();
    await acme.apply(tenant({ displayName: 'Acme' }));
    await isReady();
    await acme.eventually(Organization, 'main', (main) => expect(states(main)).toMatchObject(ready));
    await acme.eventually(Group, 'all-users', (all) => expect(states(all)).toEqual(ready));
    for (const name of builtInRoles) {
      const role = await acme.eventually(AppRole, name, (object) => expect(states(object)).toEqual(ready));
      expect(role.spec.builtIn).toBe(true);
    }
    expect(await namesInDatabase(roster.database, acme.namespace, 'organizations')).toEqual(['main']);
    expect(await namesInDatabase(roster.database, acme.namespace, 'groups')).toEqual(['all-users']);
    expect(await namesInDatabase(roster.database, acme.namespace, 'roles')).toEqual(builtInRoles);

    // An administrator of the cluster may take a built-in role away; it comes back as it was.
    const before = (await acme.get(AppRole, 'notify')).spec;
    await acme.kubectl(['patch', 'approle', 'notify', '--type', 'merge', '-p', '{"spec":{"builtIn":false}}']);
    await acme.delete(AppRole, 'notify');
    await acme.eventually(AppRole, 'notify', ({ spec }) => expect(spec).toEqual(before));
  });

  it('is one in a namespace, and named tenant', async () => {
    emptyNamespace();
    const manifest = { ...tenant(), metadata: { name: 'acme' } };
    await expect(acme.kubectl(['apply', '-f', '-'], JSON.stringify(manifest))).rejects.toThrow(
      'a namespace has one Tenant, and its name is tenant',
    );
  });

  it('may name another default organization, which is created when absent', async () => {
    emptyNamespace();
    await acme.apply(tenant());
    const isDefault = { ...ready, DeletionProtected: 'True DefaultOrganization' };
    await acme.eventually(Organization, 'main', (main) => expect(states(main)).toEqual(isDefault));
    await acme.apply(tenant({ defaultOrganization: 'head-office' }));
    const office = await acme.eventually(Organization, 'head-office', (object) =>
      expect(states(object)).toEqual(isDefault),
    );
    expect(sentence(office, 'DeletionProtected')).toBe('it is the default organization of the tenant');
    await acme.eventually(Organization, 'main', (main) => expect(states(main)).toEqual(ready));
  });

  it('gives people its language until they have one', async () => {
    emptyNamespace();
    await acme.apply(tenant({ defaultLanguage: 'de' }), user('one'), user('other', { language: 'fr' }));
    const languages = async () =>
      (await peopleInDatabase(roster.database, acme.namespace)).map(({ language }) => language);
    await eventually(async () => expect(await languages()).toEqual(['de', 'fr']));
    await acme.apply(tenant({ defaultLanguage: 'pl' }));
    await eventually(async () => expect(await languages()).toEqual(['pl', 'fr']));
  });

  it('counts its people and groups', async () => {
    emptyNamespace();
    await acme.apply(tenant(), group('choir'), user('one'), user('other'), recipient('press'));
    await acme.eventually(Tenant, 'tenant', ({ status }) =>
      expect(status).toMatchObject({ users: 2, recipients: 1, groups: 2 }),
    );
    await acme.eventually(Group, 'all-users', ({ status }) => expect(status).toMatchObject({ members: 3 }));
    const [{ count } = { count: 0 }] = await membersOfEverybody();
    expect(count).toBe(3);
  });

  it('that is missing stalls people until it is there, and that goes leaves the database as it is', async () => {
    emptyNamespace();
    await acme.apply(organization('main'), user('jane'));
    const stateless = { Active: 'False TenantNotFound', ...stalled('TenantNotFound') };
    const jane = await acme.eventually(User, 'jane', (object) => expect(states(object)).toEqual(stateless));
    expect(sentence(jane, 'Ready')).toBe(
      `The namespace ${acme.namespace} has no Tenant named tenant. Create a Tenant named tenant in the namespace.`,
    );
    expect(await personInDatabase(roster.database, acme.namespace, 'jane')).toBeUndefined();

    const active = { Active: 'True Enabled', ...ready };
    await acme.apply(tenant());
    await acme.eventually(User, 'jane', (object) => expect(states(object)).toEqual(active));
    const row = await personInDatabase(roster.database, acme.namespace, 'jane');
    expect(row).toMatchObject({ active: true });

    await acme.delete(Tenant, 'tenant');
    await acme.eventually(User, 'jane', (object) => expect(states(object)).toEqual(stateless));
    expect(await personInDatabase(roster.database, acme.namespace, 'jane')).toEqual(row);
    await acme.apply(tenant());
    await acme.eventually(User, 'jane', (object) => expect(states(object)).toEqual(active));
    expect(await personInDatabase(roster.database, acme.namespace, 'jane')).toEqual(row);
  });
});

async function membersOfEverybody(): Promise<{ count: number }[]> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count
    from roster_api.group_members m join roster_api.groups g on g.id = m.group_id
    where g.tenant = ${acme.namespace} and g.computed`.execute(roster.database.reader);
  return rows;
}

describe('deletion', () => {
  it('of the owner is refused until the tenant names another', async () => {
    emptyNamespace();
    await acme.apply(tenant({ owner: 'boss' }));
    const ownerless = await acme.eventually(Tenant, 'tenant', (object) =>
      expect(states(object)).toEqual({ MirrorHeld: 'False InStep', ...trial, ...stalled('OwnerNotFound') }),
    );
    expect(sentence(ownerless, 'Ready')).toBe(
      'There is no user boss in this namespace. Create the user, or name another owner.',
    );
    await acme.apply(user('boss'), user('heir'));
    await isReady();
    const isOwner = { ...ready, Active: 'True Enabled', DeletionProtected: 'True TenantOwner' };
    const boss = await acme.eventually(User, 'boss', (object) => expect(states(object)).toEqual(isOwner));
    expect(sentence(boss, 'DeletionProtected')).toBe(
      'this user owns the tenant; name another owner in the Tenant first',
    );

    await letEdit('colleague');
    // Of two policies that refuse it, whichever answers.
    await expect(deleteAs('colleague', 'user.roster.dev', 'boss')).rejects.toThrow(
      /(the tenant's owner cannot be deleted|this user owns the tenant); name another owner in the Tenant first/,
    );

    await acme.apply(tenant({ owner: 'heir' }));
    await acme.eventually(User, 'heir', (object) => expect(states(object)).toEqual(isOwner));
    await acme.eventually(User, 'boss', (object) =>
      expect(states(object)).toEqual({ ...ready, Active: 'True Enabled' }),
    );
    await deleteAs('colleague', 'user.roster.dev', 'boss');
    await eventually(async () =>
      expect(await personInDatabase(roster.database, acme.namespace, 'boss')).toBeUndefined(),
    );
    await isReady();
  });

  it('of an organization is refused while people belong to it', async () => {
    emptyNamespace();
    await acme.apply(tenant(), organization('sales'));
    await acme.eventually(Organization, 'sales', (object) => expect(states(object)).toEqual(ready));
    await acme.apply(recipient('press', { organizations: [{ name: 'sales' }] }));
    const sales = await acme.eventually(Organization, 'sales', (object) =>
      expect(states(object)).toEqual({ ...ready, DeletionProtected: 'True HasPeople' }),
    );
    expect(sentence(sales, 'DeletionProtected')).toBe('people belong to it; move or delete them first');
    await letEdit('colleague');
    await expect(deleteAs('colleague', 'organization', 'sales')).rejects.toThrow(
      'sales cannot be deleted: people belong to it; move or delete them first',
    );
    await expect(deleteAs('colleague', 'organization', 'main')).rejects.toThrow('default organization');

    await acme.apply(recipient('press'));
    await acme.eventually(Organization, 'sales', (object) => expect(states(object)).toEqual(ready));
    await deleteAs('colleague', 'organization', 'sales');
    await eventually(async () =>
      expect(await namesInDatabase(roster.database, acme.namespace, 'organizations')).toEqual(['main']),
    );
  });
});

/** Lets an ordinary user edit the tenant, and waits until the authorizer knows. */
async function letEdit(person: string): Promise<void> {
  await acme.kubectl(['create', 'rolebinding', person, '--clusterrole', 'roster-editor', '--user', person]);
  await eventually(() => acme.kubectl(['auth', 'can-i', 'delete', 'users.roster.dev', '--as', person]));
}

const deleteAs = (person: string, kind: string, name: string) => acme.kubectl(['delete', kind, name, '--as', person]);
