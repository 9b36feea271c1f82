import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { EntraDirectory } from './directory.ts';
import { immutableIDOf, populate } from './people.ts';
import { startTenant } from './tenant.ts';

// Keys are made, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const size = { people: 1000, groups: 60, memberships: 4 };

function made(more: object = {}) {
  const directory = new EntraDirectory(() => 0);
  return { directory, ...populate(directory, { ...size, ...more }) };
}

const all = (directory: EntraDirectory) => [directory.users, directory.groups].map((objects) => [...objects.values()]);

test('makes the same people with the same seed, others with another', () => {
  expect(all(made().directory)).toEqual(all(made().directory));
  expect(all(made({ seed: 7 }).directory)).not.toEqual(all(made().directory));
});

test('has as many people, groups and memberships as asked for, and guests and disabled accounts on top', () => {
  const { directory, made: what } = made({ specialCases: false });
  expect(what).toMatchObject({ people: 1000, groups: 60, memberships: 4000, guests: [], disabled: [] });
  expect([directory.users.size, directory.groups.size]).toEqual([1000, 60]);
  const { directory: special, made: odd } = made();
  expect(odd).toMatchObject({ people: 1000, groups: 60 });
  expect(special.users.size).toBe(1000 + odd.guests.length + odd.disabled.length);
  const of = (id: string | undefined) => special.users.get(id ?? '')?.properties;
  expect(of(odd.guests[0])).toMatchObject({ userType: 'Guest', userPrincipalName: expect.stringContaining('#EXT#') });
  expect(of(odd.disabled[0])).toMatchObject({ userType: 'Member', accountEnabled: false });
  expect(of(odd.withoutMail[0])).not.toHaveProperty('mail');
  const [one, other] = odd.sharingAnAddress.map((id) => `${String(of(id)?.mail)}`);
  expect(one).not.toBe(other);
  expect(one?.toLowerCase()).toBe(other?.toLowerCase());
  expect([...special.users.values()].filter(({ properties }) => properties.userType === null)).toHaveLength(1);
  const [left = '', right = ''] = odd.groupsInACycle;
  expect(special.isMember(left, right) && special.isMember(right, left)).toBe(true);
  expect(odd.inNoGroup.every((id) => [...special.groups.keys()].every((group) => !special.isMember(group, id)))).toBe(
    true,
  );
});

test('gives new family names, others each round', () => {
  const { directory, marry } = made();
  const before = directory.clock;
  marry(100, 1);
  expect(directory.clock - before).toBe(10);
  const [first] = directory.users.values();
  expect(first?.properties.displayName).toBe(
    `${String(first?.properties.givenName)} ${String(first?.properties.surname)}`,
  );
});

test('makes the source anchor as Entra Connect does', () => {
  // The bytes 00 01 ... 0f, as an Active Directory stores them.
  expect(immutableIDOf('03020100-0504-0706-0809-0a0b0c0d0e0f')).toBe('AAECAwQFBgcICQoLDA0ODw==');
});

test('a tenant keeps its ids, its secret and its address from start to start, for nobody else to read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roster-tenant-'));
  try {
    const identity = async () => {
      await using tenant = await startTenant({ folder, size: { ...size, people: 20, groups: 10 } });
      const { url, tenantID, application, clientSecret, authorities } = tenant;
      return { url, tenantID, clientID: application.clientID, clientSecret, ca: await readFile(authorities, 'utf8') };
    };
    const first = await identity();
    expect(await identity()).toEqual(first);
    expect((await stat(join(folder, 'tenant.json'))).mode & 0o777).toBe(0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
});
