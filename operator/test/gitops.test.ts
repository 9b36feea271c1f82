/** A repository and a directory that know the same people: neither undoes what the other wrote. */
import { AppRole, Group, type KubernetesObject, Organization, Recipient, type ResourceType, User } from '@roster/crds';
import { yaml } from '@roster/crds/manifests';
import { beforeAll, describe, expect, it } from 'vitest';
import { Branch, startDirectoryServer, sync } from './directory.ts';
import { group, organization, recipient, role, tenant, user } from './objects.ts';
import type { OpenLDAP } from './openldap.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster } from './roster.ts';
import { states, statusesHold } from './status.ts';

const size = { organizations: 10, roles: 10, groups: 60, users: 600, recipients: 317 };
/** Half of the users are in the directory, too. */
const linked = size.users / 2;

/** Half of everybody is linked in one run here, which the guard would hold otherwise. */
const guard = { floor: 1000, percent: 100, cap: 1000 };

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A thousand resources, with the tenant and a directory. */
function repository(directory: readonly KubernetesObject[]): readonly KubernetesObject[] {
  const organizationOf = (index: number) => `org-${index % size.organizations}`;
  return [
    tenant({ displayName: 'Acme' }),
    ...numbers(size.organizations).map((index) => organization(`org-${index}`)),
    ...numbers(size.roles).map((index) => role(`role-${index}`, 'Organization')),
    ...numbers(size.groups).map((index) => group(`group-${index}`, { organization: organizationOf(index) })),
    ...numbers(size.users).map((index) =>
      user(`user-${index}`, {
        firstName: 'Git',
        email: `person-${index}@example.com`,
        organizations: [{ name: organizationOf(index), roles: [`role-${index % size.roles}`] }],
        groups: [`group-${index % size.groups}`],
      }),
    ),
    ...numbers(size.recipients).map((index) =>
      recipient(`recipient-${index}`, { organizations: [{ name: organizationOf(index) }] }),
    ),
    ...directory,
  ];
}

let server: OpenLDAP;
let roster: Roster;
let namespaces: string[];

beforeAll(async () => {
  server = await startDirectoryServer();
  namespaces = await Promise.all([createNamespace(), createNamespace()]);
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await server[Symbol.asyncDispose]();
  };
});

/** What a repository declares, each object by its version. */
async function versions(acme: Administrator): Promise<ReadonlyMap<string, string>> {
  const types = [Organization, AppRole, Group, User, Recipient] as unknown as ResourceType<KubernetesObject>[];
  const lists = await Promise.all(types.map((type) => acme.list(type)));
  return new Map(
    lists.flat().map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion ?? '']),
  );
}

/** Everybody is in force, and whatever counts members has counted all of them. */
async function settled(acme: Administrator): Promise<void> {
  await eventually(async () => {
    const users = await acme.list(User);
    for (const person of [...users, ...(await acme.list(Recipient))]) {
      expect(states(person), person.metadata.name).toMatchObject({ Ready: 'True Mirrored' });
      expect(person.status?.observedGeneration).toBe(person.metadata.generation);
    }
    for (const { metadata, status } of await acme.list(Group)) {
      if (metadata.name.startsWith('group-')) expect(status?.members).toBe(size.users / size.groups);
    }
  });
}

describe.each([
  ['server-side', ['apply', '--server-side', '--field-manager=git', '-f', '-']],
  ['client-side', ['apply', '-f', '-']],
] as const)('a repository of a thousand resources that is applied %s', (kind, command) => {
  it('and a directory that links half of its users leave each other alone', { timeout: 240_000 }, async () => {
    const acme = roster.within(namespaces.pop() ?? '');
    await using branch = await Branch.grow(server, acme.namespace);
    for (const index of numbers(linked)) await branch.addPerson(`person-${index}`, { givenName: 'Directory' });
    const objects = repository(branch.manifests({ organization: 'org-0', groups: { membership: 'None' }, guard }));
    expect(objects).toHaveLength(1000);
    const files = yaml(
      ...objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace: acme.namespace } })),
    );
    const apply = () => acme.kubectl(command, files);

    await apply();
    await settled(acme);
    expect((await sync(acme)).status).toMatchObject({
      phase: 'Succeeded',
      people: { linked, created: 0, rejected: 0 },
    });
    await settled(acme);
    const [before, people] = [await versions(acme), await acme.list(User)];
    const ofDirectory = people.filter(({ spec }) => spec.source !== undefined);
    expect(ofDirectory).toHaveLength(linked);
    expect(new Set(ofDirectory.map(({ spec }) => [spec.firstName, spec.source?.firstName].join()))).toEqual(
      new Set(['Git,Directory']),
    );

    const said = await apply();
    // Server-side apply says the same of everything, and a Secret's stringData is written again each time.
    if (kind === 'client-side') expect(said).not.toMatch(/^\w+\.roster\.dev\/.* (configured|created)$/m);
    expect(await versions(acme)).toEqual(before);
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { unchanged: linked, linked: 0 } });
    expect(await versions(acme)).toEqual(before);
    await statusesHold(acme);
  });
});
