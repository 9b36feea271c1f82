/** What writing costs when nothing else is done: the yardstick for a first synchronisation. */
import { randomUUID } from 'node:crypto';
import { apiVersion, Group, User } from '@roster/crds';
import { planDirectory } from '../../operator/src/directory/plan/index.ts';
import type { DirectoryContents } from '../../operator/src/directory/record.ts';
import type { ApiClient } from '../../operator/src/runtime/index.ts';
import type { Population } from '../people/population.ts';

const concurrency = 64;

/** Creates the objects that the operator would create, and writes the status that each would get; seconds. */
export async function bareLoad(client: ApiClient, population: Population, namespace: string): Promise<number> {
  const contents = contentsOf(population);
  const plan = planDirectory({
    directory: {
      name: 'corporate',
      authority: contents.evidence.authority,
      organization: 'main',
      importAs: 'Users',
      defaultRole: 'users',
      membership: 'Nested',
      linking: 'ByEmail',
      precedence: 'Directory',
      passwordSetup: 'None',
    },
    contents,
    existing: { users: [], recipients: [], groups: [], roles: new Map(), tombstones: [] },
    now: new Date(),
  });
  const now = new Date().toISOString().slice(0, 19);
  const condition = (type: string, reason: string, message: string) => ({
    ...{ type, status: 'True', reason, message },
    ...{ observedGeneration: 1, lastTransitionTime: `${now}Z` },
  });
  const conditions = [
    condition('Active', 'Enabled', 'Enabled.'),
    condition('Ready', 'Mirrored', 'In force and in the database.'),
  ];
  const writes = [...plan.groups, ...plan.people].map((action) => async () => {
    if (action.action !== 'Create') throw new Error('nothing exists yet');
    const type = action.kind === 'Group' ? Group : User;
    const object = { apiVersion, kind: action.kind, metadata: { name: action.name, namespace }, spec: action.spec };
    const created = await client.create(type as typeof User, object as User);
    const { source } = action.spec as User['spec'];
    const displayName = source?.firstName ? `${source.firstName} ${source.lastName}` : action.name;
    const email = source?.email === undefined ? {} : { email: source.email };
    const status = { observedGeneration: 1, conditions, displayName, ...email };
    await client.replace(type as typeof User, { ...created, status } as User, { subresource: 'status' });
  });
  const start = performance.now();
  const pending = writes.values();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const write of pending) await write();
    }),
  );
  return (performance.now() - start) / 1000;
}

/** What a reader would take out of a directory with these people. */
function contentsOf({ people, groups }: Population): DirectoryContents {
  const ids = new Map(groups.map((group) => [group, randomUUID()]));
  const groupsOf = new Map(people.map((person) => [person, [] as string[]]));
  for (const group of groups) {
    for (const person of group.people) groupsOf.get(person)?.push(ids.get(group) ?? '');
  }
  return {
    people: people.map((person) => ({
      kind: 'Person',
      externalId: randomUUID(),
      label: `uid=${person.uid},ou=People,dc=example,dc=com`,
      firstName: person.given,
      lastName: person.family,
      ...(person.mail && { email: person.mail }),
      language: person.language,
      groups: groupsOf.get(person) ?? [],
    })),
    groups: groups.map((group) => ({
      kind: 'Group',
      externalId: ids.get(group) ?? '',
      label: `cn=${group.name},ou=Groups,dc=example,dc=com`,
      name: group.name,
      ...(group.description && { description: group.description }),
    })),
    rejected: [],
    evidence: {
      complete: true,
      server: 'none',
      authority: 'dc=example,dc=com',
      boundAs: 'nobody',
      bases: [],
      pages: 0,
      entries: people.length + groups.length,
      doubts: [],
    },
  };
}
