import { describe, expect, it, vi } from 'vitest';
import { readAll } from '../reader.ts';
import type { DirectoryContents, PersonRecord } from '../record.ts';
import { TestTenant, useSnapshot } from './fixture.ts';

const db = useSnapshot();
const hour = 3_600_000;
const later = (milliseconds: number) => () => new Date(Date.now() + milliseconds);

/** Names of the groups of each person, by given name. */
function belonging({ people, groups }: DirectoryContents): Record<string, string[]> {
  const names = new Map(groups.map(({ externalId, name }) => [externalId, name]));
  const entries = people.map((person) => [person.firstName, person.groups.map((id) => names.get(id) ?? id).sort()]);
  return Object.fromEntries(entries);
}

function personOf({ people }: DirectoryContents, id: string): PersonRecord | undefined {
  return people.find(({ externalId }) => externalId === id);
}

describe('a read', () => {
  it('gives people and groups, and proves that it saw everything', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ada = tenant.user('ada', { preferredLanguage: 'en-GB' });
    const team = tenant.group('Team', ada);
    const { people, groups, rejected, evidence } = await tenant.read();
    expect(people).toEqual([
      {
        kind: 'Person',
        externalId: ada,
        label: 'ada@example.com',
        firstName: 'ada',
        lastName: 'Smith',
        email: 'ada@example.com',
        language: 'en-GB',
        groups: [team],
      },
    ]);
    expect(groups).toEqual([{ kind: 'Group', externalId: team, label: 'Team', name: 'Team' }]);
    expect(rejected).toEqual([]);
    expect(evidence).toEqual({
      complete: true,
      server: tenant.graph.url,
      authority: tenant.graph.tenantID,
      boundAs: tenant.graph.application.clientID,
      bases: [],
      pages: 2,
      entries: 2,
      doubts: [],
      remarks: ['Everything was read, because it is the first read.'],
    });
  });

  it('costs one page each for users and groups when nothing changed', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ids = Array.from({ length: 1_200 }, (_, n) => tenant.user(`user${n}`));
    tenant.group('Everybody', ...ids);
    const first = await tenant.read();
    expect(first.people).toHaveLength(1_200);
    expect(tenant.requests().length).toBeGreaterThan(2);
    const second = await tenant.read();
    expect(tenant.requests().map((path) => path.split('?')[0])).toEqual(['/v1.0/users/delta', '/v1.0/groups/delta']);
    expect(second).toEqual({ ...first, evidence: { ...first.evidence, pages: 2, remarks: [] } });
  });

  it('follows what changes: names, addresses, access, memberships', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const { directory } = tenant.graph;
    const [ada, bob] = [tenant.user('ada'), tenant.user('bob')];
    const team = tenant.group('Team', ada, bob);
    await tenant.read();
    directory.update(ada, { givenName: 'Augusta', mail: 'augusta@example.com', accountEnabled: false });
    directory.update(bob, { mail: null });
    directory.removeMember(team, bob);
    directory.update(team, { displayName: 'Crew' });
    const next = await tenant.read();
    expect(personOf(next, ada)).toMatchObject({ firstName: 'Augusta', email: 'augusta@example.com', enabled: false });
    expect(personOf(next, bob)).not.toHaveProperty('email');
    expect(belonging(next)).toEqual({ Augusta: ['Crew'], bob: [] });
    expect(next.evidence.remarks).toEqual([]);
  });

  it('follows who goes and comes back', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const { directory } = tenant.graph;
    const ids = ['ada', 'bob'].map((name) => tenant.user(name));
    const [ada = '', bob = ''] = ids;
    const [team, doomed] = [tenant.group('Team', ...ids), tenant.group('Doomed', ...ids)];
    const before = await tenant.read();
    directory.delete(ada);
    directory.delete(bob);
    directory.purge(bob);
    directory.delete(doomed);
    const without = await tenant.read();
    expect(without.people).toEqual([]);
    expect(without.groups.map(({ externalId }) => externalId)).toEqual([team]);
    directory.restore(ada);
    const back = await tenant.read();
    expect(back.people).toEqual([{ ...personOf(before, ada), groups: [team] }]);
  });

  it('computes the members of member groups, also of those that are not told of, and of groups in a circle', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const { directory } = tenant.graph;
    const [ada, bob, eve] = [tenant.user('ada'), tenant.user('bob'), tenant.user('eve')];
    const inner = tenant.group('Inner', bob);
    const middle = tenant.group('Middle', inner);
    const outer = tenant.group('Outer', ada, middle);
    directory.addMember(inner, outer);
    tenant.group('Other', eve);
    const groups = { names: ['OUTER '], assignedToApplication: false };
    expect(belonging(await tenant.read({ groups }))).toEqual({ ada: ['Outer'], bob: ['Outer'], eve: [] });
    const direct = await tenant.read({ groups, membership: 'Direct' });
    expect(belonging(direct)).toEqual({ ada: ['Outer'], bob: [], eve: [] });
    expect(belonging(await tenant.read({ groups: undefined }))).toEqual({
      ada: ['Inner', 'Middle', 'Outer'],
      bob: ['Inner', 'Middle', 'Outer'],
      eve: ['Other'],
    });
  });

  it('does not ask for groups without memberships', async () => {
    await using tenant = await TestTenant.start(db.snapshot, { permissions: ['User.Read.All'] });
    tenant.group('Team', tenant.user('ada'));
    const { people, groups, evidence } = await tenant.read({ membership: 'None' });
    expect([people.map((person) => person.groups), groups, evidence.complete]).toEqual([[[]], [], true]);
    expect(tenant.requests().filter((path) => path.includes('groups'))).toEqual([]);
  });

  it('leaves guests out unless they are wanted, and never takes their principal names for addresses', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ada = tenant.user('ada', { mail: null });
    const guest = tenant.user('eve', {
      userPrincipalName: 'eve_elsewhere.org#EXT#@example.com',
      userType: 'Guest',
      mail: null,
    });
    const attributes = { email: ['mail', 'userPrincipalName'] };
    const without = await tenant.read({ attributes });
    expect(without.people.map(({ externalId, email }) => [externalId, email])).toEqual([[ada, 'ada@example.com']]);
    const withGuests = await tenant.read({ attributes, guests: true });
    expect(personOf(withGuests, guest)).toBeDefined();
    expect(personOf(withGuests, guest)).not.toHaveProperty('email');
    expect(personOf(await tenant.read(), ada)).not.toHaveProperty('email');
  });

  it('leaves out whom the filter does not give, as Graph evaluates it', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ids = Array.from({ length: 1_100 }, (_, n) => tenant.user(`user${n}`));
    tenant.user('external', { userPrincipalName: 'external@other.example' });
    const read = await tenant.read({ userFilter: "endsWith(userPrincipalName,'@example.com')" });
    expect(read.people.map(({ externalId }) => externalId)).toEqual([...ids].sort());
    expect(read.evidence.complete).toBe(true);
  });

  it('tells of the groups that are named, given by id or assigned, and remarks which are not there', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ada = tenant.user('ada');
    const [named, given, assigned] = ['Named', 'Given', 'Assigned'].map((name) => tenant.group(name, ada));
    tenant.group('Unwanted', ada);
    tenant.graph.directory.assign(assigned ?? '');
    tenant.graph.directory.assign(ada);
    const absent = '99999999-9999-4999-8999-999999999999';
    const read = await tenant.read({
      groups: { names: ['named', 'Nobody'], ids: [given?.toUpperCase() ?? '', absent], assignedToApplication: true },
    });
    expect(new Set(read.groups.map(({ externalId }) => externalId))).toEqual(new Set([named, given, assigned]));
    expect(belonging(read)).toEqual({ ada: ['Assigned', 'Given', 'Named'] });
    expect(read.evidence.remarks).toContain(`There are no groups that are called Nobody, ${absent}.`);
    expect(read.evidence.complete).toBe(true);
  });

  it('passes the people of a group without a name on', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const inner = tenant.group(' ', tenant.user('ada'));
    tenant.group('Outer', inner);
    const read = await tenant.read();
    expect(read.rejected).toMatchObject([{ of: 'Group', externalId: inner, reason: 'GroupWithoutName' }]);
    expect(belonging(read)).toEqual({ ada: ['Outer'] });
  });

  it('rejects one record, and goes on', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.user('ada', { onPremisesSamAccountName: 'a'.repeat(130), onPremisesDomainName: 'corp.example.com' });
    const bob = tenant.user('bob', { onPremisesSamAccountName: 'bob', onPremisesDomainName: 'corp.example.com' });
    const { people, rejected } = await tenant.read();
    expect(people).toMatchObject([{ externalId: bob, domainAccount: 'CORP\\bob' }]);
    expect(rejected).toMatchObject([{ of: 'Person', label: 'ada@example.com', reason: 'InvalidValue' }]);
  });
});

describe('everything is read anew', () => {
  const remarks = async (tenant: TestTenant, options: Parameters<TestTenant['read']>[0]) =>
    (await tenant.read(options)).evidence.remarks;

  it('after a week, and not before', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.user('ada');
    await tenant.read();
    expect(await remarks(tenant, { now: later(7 * 24 * hour - hour) })).toEqual([]);
    expect(await remarks(tenant, { now: later(7 * 24 * hour + 1_000) })).toEqual([
      'Everything was read, because that is done once a week.',
    ]);
    expect(await remarks(tenant, {})).toEqual([]);
  });

  it.each(['Gone', 'BadRequest'] as const)('when Graph has forgotten where it stood (%s)', async (answer) => {
    await using tenant = await TestTenant.start(db.snapshot);
    const [ada, bob] = [tenant.user('ada'), tenant.user('bob')];
    await tenant.read();
    tenant.graph.directory.delete(ada);
    tenant.graph.directory.purge(ada);
    tenant.graph.delta.reset(answer);
    const read = await tenant.read();
    expect(read.people.map(({ externalId }) => externalId)).toEqual([bob]);
    expect(read.evidence.remarks).toEqual([
      'Everything was read, because Microsoft Graph no longer knew where the last read ended.',
    ]);
    expect(await remarks(tenant, {})).toEqual([]);
  });

  it.each([
    ['the properties', { attributes: { firstName: ['displayName'] } }],
    ['whether groups are read', { membership: 'None' }],
  ] as const)('after a change of %s', async (_, options) => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.user('ada');
    await tenant.read();
    expect(await remarks(tenant, options)).toEqual([
      'Everything was read, because the application, the tenant or what is asked for changed.',
    ]);
    expect(await remarks(tenant, options)).toEqual([]);
  });

  it('from another tenant', async () => {
    await using first = await TestTenant.start(db.snapshot);
    first.user('ada');
    await first.read();
    await using second = await TestTenant.start(db.snapshot);
    const bob = second.user('bob');
    expect((await second.read()).people.map(({ externalId }) => externalId)).toEqual([bob]);
  });

  it('but not after a change of filter, guests or selected groups, which work on the snapshot', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.user('ada');
    await tenant.read();
    const options = { userFilter: 'accountEnabled eq true', guests: true, groups: { assignedToApplication: false } };
    expect(await remarks(tenant, options)).toEqual([]);
  });
});

describe('what the application may not see', () => {
  it('ends the read where it is users, and names the permission', async () => {
    await using tenant = await TestTenant.start(db.snapshot, { permissions: ['GroupMember.Read.All'] });
    await expect(tenant.read()).rejects.toMatchObject({
      reason: 'PermissionMissing',
      message: expect.stringContaining('The application may not read users: grant it User.Read.All (status 403'),
    });
  });

  it('makes the read incomplete where it is groups', async () => {
    await using tenant = await TestTenant.start(db.snapshot, { permissions: ['User.Read.All'] });
    tenant.user('ada');
    const { evidence } = await tenant.read();
    expect(evidence.complete).toBe(false);
    expect(evidence.doubts).toEqual([
      expect.stringContaining('may not read groups: grant it GroupMember.Read.All or Group.Read.All'),
    ]);
    expect(await db.snapshot.current()).toBeUndefined();
  });

  it('moves nothing where groups were readable before', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.group('Team', tenant.user('ada'));
    await tenant.read();
    const before = await db.snapshot.current();
    tenant.graph.application.permissions = ['User.Read.All'];
    tenant.user('bob');
    expect((await tenant.read()).evidence.complete).toBe(false);
    expect(await db.snapshot.current()).toEqual(before);
  });

  it('makes the read incomplete where it is assignments to the application', async () => {
    await using tenant = await TestTenant.start(db.snapshot, { permissions: ['User.Read.All', 'Group.Read.All'] });
    const { evidence } = await tenant.read({ groups: { assignedToApplication: true } });
    expect(evidence).toMatchObject({
      complete: false,
      doubts: [expect.stringContaining('grant it Application.Read.All')],
    });
  });

  it('makes the read incomplete where members are hidden, unless nobody asks for that group', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const { directory } = tenant.graph;
    const ada = tenant.user('ada');
    const secret = directory.createGroup({ displayName: 'Secret', visibility: 'HiddenMembership' });
    directory.addMember(secret, ada);
    const team = tenant.group('Team', ada);
    const { evidence } = await tenant.read();
    expect(evidence).toMatchObject({ complete: false, doubts: [expect.stringContaining('first of Secret')] });
    expect(evidence.doubts[0]).toContain('Member.Read.Hidden');

    const groups = { names: ['Team'], assignedToApplication: false };
    expect((await tenant.read({ groups })).evidence.complete).toBe(true);
    directory.addMember(team, secret);
    expect((await tenant.read({ groups })).evidence.complete).toBe(false);
    expect((await tenant.read({ groups, membership: 'Direct' })).evidence.complete).toBe(true);
  });

  it('is nothing with Member.Read.Hidden', async () => {
    const permissions = ['User.Read.All', 'Group.Read.All', 'Member.Read.Hidden'] as const;
    await using tenant = await TestTenant.start(db.snapshot, { permissions });
    const { directory } = tenant.graph;
    const secret = directory.createGroup({ displayName: 'Secret', visibility: 'HiddenMembership' });
    directory.addMember(secret, tenant.user('ada'));
    const read = await tenant.read();
    expect([read.evidence.complete, belonging(read)]).toEqual([true, { ada: ['Secret'] }]);
  });
});

describe('what cannot be asked', () => {
  it('is a filter that is none, told with the sentence of Graph', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const error = await tenant.read({ userFilter: 'accountEnabled equals true' }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ reason: 'InvalidFilter', message: expect.stringContaining('Syntax error') });
    await expect((await tenant.open({ userFilter: 'accountEnabled equals true' })).test()).rejects.toMatchObject({
      reason: 'InvalidFilter',
    });
  });

  it('is a property that users do not have', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    await expect(tenant.read({ attributes: { email: ['eMail'] } })).rejects.toMatchObject({
      reason: 'UnknownAttribute',
      message: expect.stringContaining("'eMail'"),
    });
  });
});

describe('another run at the same time', () => {
  it('that moves the snapshot first makes this one ask again, and nothing gets lost', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ada = tenant.user('ada');
    await tenant.read();
    const bob = tenant.user('bob');
    const { snapshot } = db;
    const move = vi.spyOn(snapshot, 'move').mockImplementationOnce(async (...told) => {
      await tenant.read();
      return await snapshot.move(...told);
    });
    const read = await tenant.read();
    expect(read.people.map(({ externalId }) => externalId).sort()).toEqual([ada, bob].sort());
    expect(await Promise.all(move.mock.results.map(({ value }) => value as Promise<boolean>))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  const meanwhile = async (tenant: TestTenant, options: Parameters<TestTenant['read']>[0]) => {
    using directory = await tenant.open();
    const records = directory.read();
    await records.next();
    await tenant.read(options);
    while (!(await records.next()).done);
  };

  it("that moves it while it is read is in nobody's way", async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.user('ada');
    await meanwhile(tenant, {});
  });

  it('that replaces it while it is read ends the read', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    tenant.user('ada');
    await expect(meanwhile(tenant, { now: later(8 * 24 * hour) })).rejects.toMatchObject({ reason: 'ServerBusy' });
  });
});

describe('locate', () => {
  it('tells where people are whom a read did not give', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const { directory } = tenant.graph;
    const names = ['present', 'filtered', 'guest', 'deleted', 'purged', 'unseen'];
    const [present = '', filtered = '', guest = '', deleted = '', purged = ''] = names
      .slice(0, 5)
      .map((name) => tenant.user(name, { userType: name === 'guest' ? 'Guest' : 'Member' }));
    directory.update(filtered, { accountEnabled: false });
    const options = { userFilter: 'accountEnabled eq true' };
    await tenant.read(options);
    directory.delete(deleted);
    directory.delete(purged);
    directory.purge(purged);
    using opened = await tenant.open(options);
    await readAll(opened);
    // It came after the snapshot was brought up to date.
    const unseen = tenant.user('unseen');
    const never = '99999999-9999-4999-8999-999999999999';
    const found = await opened.locate([present, filtered, guest, deleted, purged, unseen, never, 'no id']);
    expect(Object.fromEntries(found)).toEqual({
      [present]: 'NotVisible',
      [filtered]: 'FilteredOut',
      [guest]: 'FilteredOut',
      [deleted]: 'Deleted',
      [purged]: 'Deleted',
      [never]: 'Deleted',
      [unseen]: 'NotVisible',
      'no id': 'NotVisible',
    });
  });

  it('takes nobody for left out whom neither the filter nor its opposite gives', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    // Without a department it is neither so nor not so.
    const ada = tenant.user('ada', { accountEnabled: false });
    using opened = await tenant.open({ userFilter: 'accountEnabled eq true' });
    tenant.graph.fault = ({ path }) =>
      path.includes('not%20') ? { kind: 'status', status: 400, code: 'Request_UnsupportedQuery' } : undefined;
    expect(Object.fromEntries(await opened.locate([ada]))).toEqual({ [ada]: 'NotVisible' });
  });

  it('proves nothing without the permission', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ada = tenant.user('ada');
    await tenant.read();
    tenant.graph.directory.delete(ada);
    using opened = await tenant.open();
    tenant.graph.fault = ({ path }) => (path.includes('deletedItems') ? { kind: 'status', status: 403 } : undefined);
    expect(Object.fromEntries(await opened.locate([ada]))).toEqual({ [ada]: 'NotVisible' });
  });
});

describe('find', () => {
  it('finds a person by address, other address, principal name and id', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const ada = tenant.user('ada', {
      userPrincipalName: "o'ada@example.com",
      otherMails: ['ada@home.example'],
      proxyAddresses: ['SMTP:ada@example.com', 'smtp:countess@example.com'],
    });
    using opened = await tenant.open();
    const found = { externalId: ada, label: "o'ada@example.com" };
    for (const person of [
      'ada@example.com',
      "o'ada@example.com",
      'ada@home.example',
      'countess@example.com',
      ada.toUpperCase(),
    ]) {
      expect([person, await opened.find(person)]).toEqual([person, found]);
    }
    expect(await opened.find('nobody@example.com')).toBeUndefined();
    expect(await opened.find('99999999-9999-4999-8999-999999999999')).toBeUndefined();
  });

  it('says why a read does not give somebody', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const [guest, disabled] = [
      tenant.user('eve', { userType: 'Guest' }),
      tenant.user('bob', { accountEnabled: false }),
    ];
    const deleted = tenant.user('old');
    tenant.graph.directory.delete(deleted);
    using opened = await tenant.open({ userFilter: 'accountEnabled eq true' });
    expect(await opened.find(guest)).toMatchObject({ whereabouts: 'FilteredOut' });
    expect(await opened.find(disabled)).toMatchObject({ whereabouts: 'FilteredOut' });
    expect(await opened.find(deleted)).toMatchObject({ whereabouts: 'Deleted' });
    expect(await opened.find(tenant.user('ada'))).not.toHaveProperty('whereabouts');
  });
});

describe('a test of the connection', () => {
  it('counts people and groups, gives the first five, and reads nothing else', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    for (let n = 0; n < 7; n++) tenant.user(`user${n}`);
    tenant.user('guest', { userType: 'Guest' });
    tenant.user('off', { accountEnabled: false });
    for (const name of ['A', 'B', 'C']) tenant.group(name);
    using opened = await tenant.open({ userFilter: 'accountEnabled eq true' });
    const seen = await opened.test();
    expect(seen).toMatchObject({
      server: tenant.graph.url,
      boundAs: tenant.graph.application.clientID,
      authority: tenant.graph.tenantID,
      people: 7,
      groups: 3,
    });
    expect(seen.sample).toHaveLength(5);
    expect(tenant.requests()).toHaveLength(2);
    expect(await db.snapshot.current()).toBeUndefined();
  });

  it('counts the groups that are named, given by id or assigned once', async () => {
    await using tenant = await TestTenant.start(db.snapshot);
    const [a, b] = [tenant.group('A'), tenant.group('B')];
    tenant.group('C');
    tenant.graph.directory.assign(a);
    const count = async (options: Parameters<TestTenant['open']>[0]) => {
      using opened = await tenant.open(options);
      return (await opened.test()).groups;
    };
    expect(await count({ groups: { names: ['a', 'none'], ids: [b], assignedToApplication: true } })).toBe(2);
    expect(await count({ groups: { assignedToApplication: false } })).toBe(0);
    expect(await count({ membership: 'None' })).toBe(0);
  });

  it('names the permission that is missing', async () => {
    await using tenant = await TestTenant.start(db.snapshot, { permissions: ['User.Read.All'] });
    using opened = await tenant.open();
    await expect(opened.test()).rejects.toMatchObject({
      reason: 'PermissionMissing',
      message: expect.stringContaining('GroupMember.Read.All'),
    });
  });
});
