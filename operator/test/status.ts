import type { Condition, Resource, ResourceType } from '@roster/crds';
import { catalogue } from '../src/errors.ts';
import { type Administrator, eventually, types } from './roster.ts';

type Status = {
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly Condition[] | undefined;
};
type Any = Resource<unknown, Status>;

/** Status and reason of each condition, as `True Mirrored`; none while the status speaks of an earlier generation. */
export function states({ metadata, status }: Any): Readonly<Record<string, string>> {
  if (status?.observedGeneration !== metadata.generation) return {};
  return Object.fromEntries(
    (status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

/** What a condition tells a person. */
export function sentence({ status }: Any, type: string): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.message;
}

/** Words of conditions that are no errors. */
const ordinaryReasons: ReadonlySet<string> = new Set(
  [
    'Mirrored Connected NotTested Succeeded Pending Reading Planning Applying',
    'Enabled Disabled DirectoryDisabled Missing Expired InStep EmbeddedDatabase TenantOwner HasPeople DefaultOrganization',
  ].flatMap((words) => words.split(' ')),
);

/**
 * Waits until every object of the namespace has come to rest, and holds its status to the rules that all kinds share:
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
 * and https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 */
export async function statusesHold(administrator: Administrator): Promise<void> {
  await eventually(async () => {
    const lists = await Promise.all(types.map((type) => administrator.list(type as ResourceType<Any>)));
    const violations = lists
      .flat()
      .flatMap((object) =>
        [...violationsOf(object)].map((violation) => `${object.kind} ${object.metadata.name}: ${violation}`),
      );
    if (violations.length > 0) throw new Error(violations.join('\n'));
  });
}

function* violationsOf(object: Any): Generator<string> {
  const { generation } = object.metadata;
  const { observedGeneration, conditions = [] } = object.status ?? {};
  if (observedGeneration !== generation) {
    yield `observedGeneration is ${observedGeneration}, the generation ${generation}`;
  }
  const types = conditions.map(({ type }) => type);
  if (types.join() !== [...new Set(types)].sort().join()) yield `its conditions are not in order: ${types.join()}`;
  for (const condition of conditions) yield* violationsOfCondition(condition, object);
  const of = (type: string) => conditions.find((condition) => condition.type === type);
  const [ready, stalled, reconciling] = ['Ready', 'Stalled', 'Reconciling'].map(of);
  if (ready === undefined) yield 'it has no condition Ready';
  for (const progress of [stalled, reconciling]) {
    if (progress === undefined) continue;
    if (progress.status !== 'True') yield `${progress.type} is ${progress.status}: it should be absent`;
    if (ready?.status === 'True') yield `it is ready and ${progress.type}`;
    if (progress.reason !== ready?.reason) yield `${progress.type} says ${progress.reason}, Ready ${ready?.reason}`;
  }
  if (stalled !== undefined && reconciling !== undefined) yield 'it is Stalled and Reconciling';
  if (ready?.status === 'False' && !stalled && !reconciling) yield 'it is neither ready nor Stalled nor Reconciling';
}

function* violationsOfCondition(condition: Condition, { metadata }: Any): Generator<string> {
  const { type, reason, message, observedGeneration, lastTransitionTime } = condition;
  if (observedGeneration !== metadata.generation) yield `${type} judged generation ${observedGeneration}`;
  if (!Object.hasOwn(catalogue, reason) && !ordinaryReasons.has(reason))
    yield `${type} has the unknown reason ${reason}`;
  if (!/^\S.*\S$/.test(message)) yield `${type} has the message "${message}"`;
  const changed = Date.parse(lastTransitionTime);
  // Times have whole seconds, so something may have changed before it was made.
  if (!(changed >= Date.parse(metadata.creationTimestamp ?? '') - 1000 && changed <= Date.now())) {
    yield `${type} changed at ${lastTransitionTime}`;
  }
}
