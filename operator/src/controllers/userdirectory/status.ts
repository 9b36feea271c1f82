import type { DirectorySync, UserDirectory } from '@roster/crds';
import { advice, directoryErrors, RosterError } from '../../errors.ts';
import { declare, type Problem, type Stated, stalled } from '../conditions.ts';
import { type Connection, mayPass } from './connection.ts';
import { inOrderOfTheirEnd, isFinished, isWhole, requestedAt, requestOf } from './runs.ts';

export type DirectoryStatus = NonNullable<UserDirectory['status']>;

/** The status of a directory. Pure. The facts of past runs stay when the runs are pruned. */
export function directoryStatus(
  directory: UserDirectory,
  problem: Problem | undefined,
  connection: Connection | undefined,
  runs: readonly DirectorySync[],
  now: Date,
): DirectoryStatus {
  const generation = directory.metadata.generation ?? 0;
  const before = directory.status;
  const handled = requestOf(directory);
  const real = inOrderOfTheirEnd(runs).filter(isWhole);
  // The run that ended last may be gone, and an older one be left.
  const last = real.find((run) => (run.status?.finishedAt ?? '') >= (before?.lastAttempt?.finishedAt ?? ''));
  const goesOn = runs.some((run) => isWhole(run) && !isFinished(run));
  const succeeded = real.find((run) => run.status?.phase === 'Succeeded');
  const newer = succeeded?.status !== undefined && (succeeded.status.finishedAt ?? '') >= (before?.lastSuccessAt ?? '');
  const synced = syncedCondition(last) ?? previous(before, 'Synced');
  const connected =
    problem === undefined ? (connectedCondition(connection) ?? previous(before, 'Connected')) : undefined;
  const testedAt = (connection ?? before?.connection)?.testedAt ?? '';
  const repaired = testedAt > (last?.status?.finishedAt ?? before?.lastAttempt?.finishedAt ?? '');
  return {
    observedGeneration: generation,
    conditions: declare(
      before?.conditions,
      [...readiness(problem, connected, repaired ? afterRepair(directory, synced) : synced, goesOn), connected, synced],
      generation,
      now,
    ),
    ...(handled === undefined || directory.spec.suspend || problem !== undefined
      ? keep('lastHandledRequestAt', before)
      : { lastHandledRequestAt: handled }),
    ...connectionFacts(connection, before),
    ...(last?.status?.finishedAt === undefined
      ? keep('lastAttempt', before)
      : {
          lastAttempt: {
            run: last.metadata.name,
            result: last.status.phase as 'Succeeded' | 'Failed' | 'Held' | 'Aborted',
            finishedAt: last.status.finishedAt,
          },
        }),
    ...(newer
      ? {
          lastSuccessAt: succeeded.status.finishedAt ?? '',
          people: succeeded.status.people?.found ?? 0,
          groups: takenOver(succeeded.status.groups),
          rejected: (succeeded.status.people?.rejected ?? 0) + (succeeded.status.groups?.rejected ?? 0),
        }
      : {
          ...keep('lastSuccessAt', before),
          ...keep('people', before),
          ...keep('groups', before),
          ...keep('rejected', before),
        }),
  };
}

/** As kstatus reads it: what goes on by itself is Reconciling, what waits for a change is Stalled. */
function readiness(
  problem: Problem | undefined,
  connected: Stated | undefined,
  synced: Stated | undefined,
  goesOn: boolean,
): Stated[] {
  if (problem !== undefined) return stalled(problem);
  if (connected?.status === 'False') return notReady(connected, mayPass(connected.reason));
  if (synced?.status === 'False') return notReady(synced, goesOn);
  if (connected === undefined) {
    return [{ type: 'Ready', status: 'Unknown', reason: 'NotTested', message: 'The connection was not tested yet.' }];
  }
  return [{ type: 'Ready', status: 'True', reason: 'Connected', message: 'The directory can be read.' }];
}

/** What a run complained about may be put right by now: then the advice is no longer to put it right. */
function afterRepair({ metadata }: UserDirectory, synced: Stated | undefined): Stated | undefined {
  if (synced?.status !== 'False' || !(synced.reason in directoryErrors)) return synced;
  const reason = 'LastRunFailed';
  const sentence = `The directory can be read again; the last run failed with ${synced.reason}.`;
  const command = `kubectl annotate -n ${metadata.namespace} userdirectories.roster.dev ${metadata.name}`;
  const message = `${advice(new RosterError(reason, sentence))} ${command} ${requestedAt}="$(date -Is)" --overwrite`;
  return { ...synced, reason, message };
}

function notReady({ reason, message }: Stated, retried: boolean): Stated[] {
  return [
    { type: 'Ready', status: 'False', reason, message },
    { type: retried ? 'Reconciling' : 'Stalled', status: 'True', reason, message },
  ];
}

const previous = (status: DirectoryStatus | undefined, type: string): Stated | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

function connectedCondition(connection: Connection | undefined): Stated | undefined {
  if (connection === undefined) return undefined;
  if (connection.connected) {
    const message = `Connected to ${connection.server} as ${connection.boundAs}.`;
    return { type: 'Connected', status: 'True', reason: 'Connected', message };
  }
  const [failed] = stalled(connection.problem);
  return failed && { ...failed, type: 'Connected' };
}

function syncedCondition(last: DirectorySync | undefined): Stated | undefined {
  if (last?.status === undefined) return undefined;
  const message = last.status.message ?? '';
  if (last.status.phase === 'Succeeded') return { type: 'Synced', status: 'True', reason: 'Succeeded', message };
  const ready = last.status.conditions?.find(({ type }) => type === 'Ready');
  return { type: 'Synced', status: 'False', reason: ready?.reason ?? 'Failed', message };
}

/** After a failure the server that answered last stays, so that one sees where it worked. */
function connectionFacts(
  connection: Connection | undefined,
  before: DirectoryStatus | undefined,
): Pick<DirectoryStatus, 'connection'> | object {
  if (connection === undefined) return keep('connection', before);
  const { testedAt, secretVersion } = connection;
  const { server, boundAs } = connection.connected ? connection : (before?.connection ?? {});
  return {
    connection: {
      testedAt,
      ...(server === undefined ? {} : { server }),
      ...(boundAs === undefined ? {} : { boundAs }),
      ...(secretVersion === undefined ? {} : { secretVersion }),
    },
  };
}

function takenOver(groups: { created: number; updated: number; unchanged: number } | undefined): number {
  return groups === undefined ? 0 : groups.created + groups.updated + groups.unchanged;
}

function keep<Key extends keyof DirectoryStatus>(
  key: Key,
  status: DirectoryStatus | undefined,
): Pick<DirectoryStatus, Key> | object {
  return status?.[key] === undefined ? {} : { [key]: status[key] };
}
