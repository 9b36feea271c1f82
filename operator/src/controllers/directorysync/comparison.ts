import type { DirectorySync, KubernetesObject, Person, UserDirectory } from '@roster/crds';
import {
  directorySettings,
  inSlices,
  isSuspiciouslyEmpty,
  missingPeople,
  type Plan,
  type PlanInput,
  planSteps,
} from '../../directory/plan/index.ts';
import type { OpenDirectory } from '../../directory/reader.ts';
import type { DirectoryContents } from '../../directory/record.ts';
import type { Informer } from '../../runtime/index.ts';
import { type Context, tenantName } from '../context.ts';
import { explain, identify, planOf } from './person.ts';

/** What a run is to do. */
export interface Comparison {
  readonly plan: Plan;
  /** How many people the directory was to give when it gave nobody at all; 0 when it gave somebody. */
  readonly emptied: number;
  /** Of a run of one person: why they are or are not synced. */
  readonly explanation?: string;
}

/** Compares what was read with the tenant; whoever is missing is looked up in the directory. @throws DirectoryError, DatabaseError */
export async function compare(
  context: Context,
  run: DirectorySync,
  directory: UserDirectory,
  contents: DirectoryContents,
  opened: OpenDirectory,
  signal: AbortSignal,
): Promise<Comparison> {
  const input = await planInput(context, directory, contents);
  const { person } = run.spec;
  if (person !== undefined) {
    const whole = await inSlices(planSteps(input), signal);
    const entry = await identify(person, contents, opened, linkedPeople(context, directory));
    const plan = planOf(whole, entry);
    return { plan, emptied: 0, explanation: explain(person, entry, plan, whole) };
  }
  const missing = await inSlices(missingPeople(input), signal);
  const absences = missing.length === 0 ? undefined : await opened.locate(missing);
  const plan = await inSlices(planSteps({ ...input, absences }), signal);
  return { plan, emptied: emptied(context, directory, contents) };
}

async function planInput(
  { informers, mirror, now }: Context,
  directory: UserDirectory,
  contents: DirectoryContents,
): Promise<PlanInput> {
  const { namespace = '' } = directory.metadata;
  const tombstones = await mirror.tombstones(namespace);
  const claims = await mirror.claims.holders(namespace);
  // The caches go on while the plan is made, so it starts from copies.
  const all = <T extends KubernetesObject>({ cache }: Informer<T>) => [...cache.list(namespace)];
  const tenant = informers.tenants.cache.get(namespace, tenantName)?.spec;
  return {
    directory: directorySettings(directory, contents.evidence.authority, all(informers.directories)),
    contents,
    existing: {
      users: all(informers.users),
      recipients: all(informers.recipients),
      groups: all(informers.groups),
      organizations: new Set(all(informers.organizations).map(({ metadata }) => metadata.name)),
      roles: new Map(all(informers.roles).map((role) => [role.metadata.name, role])),
      owner: tenant?.owner,
      seats: tenant?.seats,
      tombstones,
      claims,
    },
    now: now(),
  };
}

/** Who is known to be missing already needs no second alarm. */
function emptied(context: Context, directory: UserDirectory, contents: DirectoryContents): number {
  if (contents.people.length > 0) return 0;
  let linked = 0;
  for (const { spec } of linkedPeople(context, directory)) if (spec.source?.missingSince === undefined) linked += 1;
  return isSuspiciouslyEmpty({ contents, linked }) ? linked : 0;
}

/** The people whom the directory fills. */
function* linkedPeople({ informers }: Context, { metadata }: UserDirectory): Generator<Person> {
  const key = `${metadata.namespace ?? ''}/${metadata.name}`;
  yield* informers.users.cache.byIndex('directory', key);
  yield* informers.recipients.cache.byIndex('directory', key);
}
