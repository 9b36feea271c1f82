import { describe, expect, test } from 'vitest';
import { type GraphFixture, startGraph } from '../../operator/test/graph.ts';
import type { Permission } from './application.ts';
import { Reader } from './testing/client.ts';

const eventual = { ConsistencyLevel: 'eventual' };

async function start(permissions?: readonly Permission[]) {
  const graph = await startGraph({ ...(permissions && { permissions }) });
  return Object.assign(graph, { reader: new Reader(graph) });
}

/** Ada, disabled Grace and a guest; Engines with Ada and, nested, Looms with Grace. */
function fill({ directory }: GraphFixture) {
  const ada = directory.createUser({
    userPrincipalName: 'ada@example.com',
    displayName: 'Ada',
    mail: 'ada@example.com',
  });
  const grace = directory.createUser({
    ...{ userPrincipalName: 'grace@example.com', displayName: 'Grace', accountEnabled: false },
  });
  const guest = directory.createUser({
    userPrincipalName: 'radia_partner.example#EXT#@example.onmicrosoft.com',
    ...{ displayName: 'Radia', userType: 'Guest', mail: 'radia@partner.example' },
  });
  const engines = directory.createGroup({ displayName: 'Engines' });
  const looms = directory.createGroup({ displayName: 'Looms' });
  directory.addMember(engines, ada);
  directory.addMember(engines, looms);
  directory.addMember(looms, grace);
  return { ada, grace, guest, engines, looms };
}

describe('a list of users', () => {
  test('has the default properties, or the selected ones, null where there is no value', async () => {
    await using graph = await start();
    const { ada } = fill(graph);
    const { body } = await graph.reader.get('/users');
    expect(body.value[0]).toEqual({
      ...{ id: ada, displayName: 'Ada', mail: 'ada@example.com', userPrincipalName: 'ada@example.com' },
      ...{ givenName: null, surname: null, jobTitle: null, mobilePhone: null, officeLocation: null },
      ...{ preferredLanguage: null, businessPhones: [] },
    });
    const selected = await graph.reader.get('/users?$select=id,accountEnabled,proxyAddresses');
    expect(selected.body.value[1]).toEqual({ id: expect.any(String), accountEnabled: false, proxyAddresses: [] });
  });

  test('comes in pages of 100, or of as many as 999', async () => {
    await using graph = await start();
    for (let number = 0; number < 1000; number++) {
      graph.directory.createUser({ userPrincipalName: `user${number}@example.com`, displayName: 'User' });
    }
    expect((await graph.reader.get('/users')).body.value).toHaveLength(100);
    const first = await graph.reader.get('/users?$select=id&$top=999&$count=true', eventual);
    expect(first.body.value).toHaveLength(999);
    expect(first.body['@odata.count']).toBe(1000);
    const second = await graph.reader.get(first.body['@odata.nextLink'], eventual);
    expect(second.body.value).toHaveLength(1);
    expect(second.body).not.toHaveProperty('@odata.count');
    expect(second.body).not.toHaveProperty('@odata.nextLink');
    expect(Object.keys(second.body.value[0])).toEqual(['id']);
    for (const top of ['0', '1000', '-1', 'all', '']) {
      expect((await graph.reader.get(`/users?$top=${top}`)).status).toBe(400);
    }
  });

  test('goes on after somebody is gone, and ends where nobody knows the place', async () => {
    await using graph = await start();
    const { ada, grace, guest } = fill(graph);
    const first = await graph.reader.get('/users?$top=2&$select=id');
    graph.directory.delete(ada);
    const second = await graph.reader.get(first.body['@odata.nextLink']);
    expect(second.body.value).toEqual([{ id: guest }]);
    graph.directory.delete(grace);
    const { status, body } = await graph.reader.get(first.body['@odata.nextLink']);
    expect([status, body.error.code]).toEqual([400, 'Directory_ExpiredPageToken']);
    expect((await graph.reader.get('/users?$skiptoken=made.up')).status).toBe(400);
  });

  test('is filtered, and counted, as an advanced query where it takes one', async () => {
    await using graph = await start();
    const { ada, grace } = fill(graph);
    const ids = async (filter: string) => {
      const query = `$select=id&$count=true&$filter=${encodeURIComponent(filter)}`;
      const { body } = await graph.reader.get(`/users?${query}`, eventual);
      return body.value.map(({ id }: { id: string }) => id);
    };
    expect(await ids("userType eq 'Member'")).toEqual([ada, grace]);
    expect(await ids("accountEnabled ne false and userType eq 'Member'")).toEqual([ada]);
    expect(await ids("endsWith(mail,'@example.com')")).toEqual([ada]);
    const refused = await graph.reader.get("/users?$filter=endsWith(mail,'@example.com')", eventual);
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'Request_UnsupportedQuery' } } });
    expect((await graph.reader.get('/users?$count=true')).status).toBe(400);
    expect((await graph.reader.get('/users/$count')).status).toBe(400);
    expect((await graph.reader.get('/users/$count', eventual)).body).toBe(3);
    const counted = await graph.reader.get("/users/$count?$filter=userType eq 'Guest'", eventual);
    expect(counted.body).toBe(1);
  });

  test('does not find in advanced queries whom their index lacks', async () => {
    await using graph = await start();
    const { ada, grace, guest } = fill(graph);
    graph.unindexed.add(ada);
    const ids = async (query: string, headers = {}) => {
      const { body } = await graph.reader.get(`/users?$select=id${query}`, headers);
      return body.value.map(({ id }: { id: string }) => id);
    };
    expect(await ids('')).toEqual([ada, grace, guest]);
    expect(await ids('&$count=true', eventual)).toEqual([grace, guest]);
    expect(await ids("&$count=true&$filter=not(userType eq 'Guest')", eventual)).toEqual([grace]);
    expect((await graph.reader.get('/users/$count', eventual)).body).toBe(2);
  });

  test.each([
    '$skip=1',
    '$expand=memberOf',
    '$orderby=displayName',
    '$search="displayName:Ada"',
    'top=1',
    '$shape=round',
  ])('does not take %s', async (option) => {
    await using graph = await start();
    expect((await graph.reader.get(`/users?${option}`)).status).toBe(400);
  });

  test.each(['$select=shoeSize', '$select=members', '$select=', '$top=1&$top=2', '$count=yes'])(
    'does not take %s, which makes no sense',
    async (query) => {
      await using graph = await start();
      expect(await graph.reader.get(`/users?${query}`)).toMatchObject({
        ...{ status: 400, body: { error: { code: 'BadRequest', message: expect.any(String) } } },
      });
    },
  );
});

describe('delta queries', () => {
  test('take the page size from a preference, and say so', async () => {
    await using graph = await start();
    fill(graph);
    const { headers, body } = await graph.reader.get('/users/delta?$select=id', { Prefer: 'odata.maxpagesize=2' });
    expect(body.value).toHaveLength(2);
    expect(body['@odata.nextLink']).toMatch(/\/v1\.0\/users\/delta\?\$skiptoken=/);
    expect(headers.get('preference-applied')).toBe('odata.maxpagesize=2');
    expect((await graph.reader.get('/users/delta', { Prefer: 'odata.maxpagesize=1000' })).status).toBe(400);
  });

  test.each([
    '$top=5',
    '$expand=members',
    '$orderby=displayName',
    '$search="x"',
    '$count=true',
    '$skip=1',
    '$shape=round',
  ])('do not take %s', async (option) => {
    await using graph = await start();
    for (const collection of ['users', 'groups']) {
      expect((await graph.reader.get(`/${collection}/delta?${option}`)).status).toBe(400);
    }
  });

  test('tell where to begin again when the tenant was migrated', async () => {
    await using graph = await start();
    const { deltaLink } = await graph.reader.all('/users/delta');
    graph.delta.reset('Gone');
    const { status, headers, body } = await graph.reader.get(deltaLink);
    expect([status, body.error.code]).toEqual([410, 'resyncRequired']);
    const location = headers.get('location') ?? '';
    expect(location).toBe(`${graph.url}/v1.0/users/delta?$deltatoken=`);
    expect((await graph.reader.get(location)).status).toBe(200);
  });

  test('show members of hidden memberships only with the right to', async () => {
    for (const [permissions, seen] of [
      [['GroupMember.Read.All'], false],
      [['GroupMember.Read.All', 'Member.Read.Hidden'], true],
    ] as const) {
      await using graph = await start(permissions);
      const { engines } = fill(graph);
      graph.directory.update(engines, { visibility: 'HiddenMembership' });
      const { value } = await graph.reader.all('/groups/delta?$select=visibility,members');
      expect('members@delta' in (value[0] as object)).toBe(seen);
      expect((await graph.reader.get(`/groups/${engines}/members`)).body.value.length > 0).toBe(seen);
    }
  });
});

test('finds one user by id or by name, and one group', async () => {
  await using graph = await start();
  const { ada, guest, engines } = fill(graph);
  const found = async (path: string) => (await graph.reader.get(path)).body.id;
  expect(await found(`/users/${ada}`)).toBe(ada);
  expect(await found('/users/ADA@example.com')).toBe(ada);
  expect(await found("/users('ada@example.com')")).toBe(ada);
  expect(await found(`/users/${encodeURIComponent('radia_partner.example#EXT#@example.onmicrosoft.com')}`)).toBe(guest);
  expect(await found(`/groups/${engines}`)).toBe(engines);
  for (const path of ['/users/nobody@example.com', `/users/${engines}`, `/groups/${ada}`]) {
    expect(await graph.reader.get(path)).toMatchObject({
      status: 404,
      body: { error: { code: 'Request_ResourceNotFound' } },
    });
  }
});

describe('members of a group', () => {
  test('are direct or transitive, of one type or of any', async () => {
    await using graph = await start();
    const { ada, grace, engines, looms } = fill(graph);
    graph.directory.addMember(looms, engines); // A cycle.
    const ids = async (path: string) => {
      const { body } = await graph.reader.get(`/groups/${engines}/${path}`);
      return body.value.map(({ id }: { id: string }) => id).sort();
    };
    expect(await ids('members')).toEqual([ada, looms].sort());
    expect(await ids('members/microsoft.graph.user')).toEqual([ada]);
    expect(await ids('transitiveMembers/microsoft.graph.user')).toEqual([ada, grace].sort());
    expect(await ids('transitiveMembers')).toEqual([ada, grace, engines, looms].sort());
    expect((await graph.reader.get('/groups/nothing/members')).status).toBe(404);
  });

  test('can be devices and such, of whom nothing is told but type and id', async () => {
    await using graph = await start();
    const { engines } = fill(graph);
    const id = graph.directory.createOther('device');
    graph.directory.addMember(engines, id);
    const type = '#microsoft.graph.device';
    const { body } = await graph.reader.get(`/groups/${engines}/members?$select=id,displayName`);
    expect(body.value).toContainEqual({ '@odata.type': type, id });
    const delta = await graph.reader.all('/groups/delta?$select=members');
    const [first] = delta.value as { 'members@delta': object[] }[];
    expect(first?.['members@delta']).toContainEqual({ '@odata.type': type, id });
    expect((await graph.reader.get(`/users/${id}`)).status).toBe(404);
  });

  test('have no more than type and id for who may not read users', async () => {
    await using graph = await start(['GroupMember.Read.All']);
    const { ada, engines, looms } = fill(graph);
    const { body } = await graph.reader.get(`/groups/${engines}/members?$select=id,displayName`);
    expect(body.value).toEqual([
      { '@odata.type': '#microsoft.graph.user', id: ada, displayName: null },
      { '@odata.type': '#microsoft.graph.group', id: looms, displayName: 'Looms' },
    ]);
  });
});

test('lists what is assigned to the application', async () => {
  await using graph = await start();
  const { ada, engines } = fill(graph);
  graph.directory.assign(engines);
  graph.directory.assign(ada);
  const { clientID, servicePrincipalID } = graph.application;
  const byApplication = await graph.reader.get(`/servicePrincipals(appId='${clientID}')/appRoleAssignedTo`);
  expect(byApplication.body.value).toMatchObject([
    { principalId: engines, principalType: 'Group', resourceId: servicePrincipalID },
    { principalId: ada, principalType: 'User', principalDisplayName: 'Ada' },
  ]);
  const byId = await graph.reader.get(`/servicePrincipals/${servicePrincipalID}/appRoleAssignedTo?$top=1`);
  expect(byId.body.value).toHaveLength(1);
  expect(byId.body['@odata.nextLink']).toBeDefined();
  expect((await graph.reader.get(`/servicePrincipals(appId='${clientID}')`)).body).toMatchObject({ appId: clientID });
  expect((await graph.reader.get(`/servicePrincipals(appId='${ada}')/appRoleAssignedTo`)).status).toBe(404);
});

test('keeps the deleted until they are restored or purged', async () => {
  await using graph = await start();
  const { ada, engines } = fill(graph);
  graph.directory.delete(ada);
  expect((await graph.reader.get(`/users/${ada}`)).status).toBe(404);
  const item = await graph.reader.get(`/directory/deletedItems/${ada}?$select=id,userPrincipalName,deletedDateTime`);
  expect(item.body).toMatchObject({
    ...{ '@odata.type': '#microsoft.graph.user', id: ada, deletedDateTime: expect.any(String) },
    userPrincipalName: `${ada.replaceAll('-', '')}ada@example.com`,
  });
  const list = await graph.reader.get("/directory/deletedItems/microsoft.graph.user?$filter=mail eq 'ada@example.com'");
  expect(list.body.value).toMatchObject([{ id: ada }]);
  graph.directory.restore(ada);
  expect((await graph.reader.get(`/directory/deletedItems/${ada}`)).status).toBe(404);
  expect((await graph.reader.get('/users/ada@example.com')).body.id).toBe(ada);
  expect(graph.directory.isMember(engines, ada)).toBe(true);
  graph.directory.delete(ada);
  graph.directory.purge(ada);
  expect((await graph.reader.get(`/directory/deletedItems/${ada}`)).status).toBe(404);
  expect((await graph.reader.get('/directory/deletedItems/microsoft.graph.user')).body.value).toEqual([]);
});

test('tells of the organization', async () => {
  await using graph = await start(['Organization.Read.All']);
  expect((await graph.reader.get('/organization')).body.value).toMatchObject([{ id: graph.tenantID }]);
});

describe('permissions', () => {
  const paths = [
    ...[
      '/users',
      '/users/delta',
      '/users/{user}',
      '/groups',
      '/groups/delta',
      '/groups/{group}',
      '/groups/{group}/members',
    ],
    ...["/servicePrincipals(appId='{application}')/appRoleAssignedTo", '/directory/deletedItems/{deleted}'],
    ...[
      '/directory/deletedItems/microsoft.graph.user',
      '/directory/deletedItems/microsoft.graph.group',
      '/organization',
    ],
  ];
  const users = ['/users', '/users/delta', '/users/{user}', '/directory/deletedItems/{deleted}'];
  const groups = ['/groups', '/groups/delta', '/groups/{group}', '/groups/{group}/members'];
  const [deletedUsers, deletedGroups] = paths.slice(9);

  test.each<[Permission, (string | undefined)[]]>([
    ['User.Read.All', [...users, deletedUsers]],
    ['Group.Read.All', [...groups, deletedGroups]],
    ['GroupMember.Read.All', groups],
    ['Application.Read.All', paths.slice(7, 8)],
    ['Organization.Read.All', ['/organization']],
    ['Member.Read.Hidden', []],
    ['Directory.Read.All', paths],
  ])('%s allows what it is for', async (permission, expected) => {
    await using graph = await start([permission]);
    const { ada, engines, guest } = fill(graph);
    graph.directory.delete(guest);
    const allowed: string[] = [];
    for (const path of paths) {
      const filled = path
        .replace('{user}', ada)
        .replace('{group}', engines)
        .replace('{deleted}', guest)
        .replace('{application}', graph.application.clientID);
      const { status, body } = await graph.reader.get(filled);
      if (status === 200) allowed.push(path);
      else expect(body.error.code).toBe('Authorization_RequestDenied');
    }
    expect(new Set(allowed)).toEqual(new Set(expected));
  });
});
