import type { DirectorySync, UserDirectory } from '@roster/crds';
import { directoryErrors } from '../../errors.ts';
import { declare, type Problem, type Stated, seconds, stalled } from '../conditions.ts';
import { type Connection, isRefusal, isRefused, mayPass } from './connection.ts';
import { type Expiry, expiryCondition } from './expiry.ts';
import { requestedAt, requestOf, testRequestedAt } from './requests.ts';
import { inOrderOfTheirEnd, isFinished, isWhole } from './runs.ts';
import type { Timetable } from './timetable.ts';

export type DirectoryStatus = NonNullable<UserDirectory['status']>;

/** What the status of a directory follows from. */
export interface Observed {
  readonly directory: UserDirectory;
  /** What the directory names and is not there. */
  readonly problem?: Problem | undefined;
  /** The Secret with the credentials is not there. */
  readonly secretMissing?: boolean | undefined;
  /** What a test saw that was made just now. */
  readonly connection?: Connection | undefined;
  readonly runs: readonly DirectorySync[];
  readonly timetable: Timetable;
  readonly expiry?: Expiry | undefined;
  readonly now: Date;
}

/**
 * The status of a directory, in which what is due by its schedule is acted on. Pure. The facts of past runs stay when the
 * runs are pruned.
 */
export function directoryStatus(observed: Observed): DirectoryStatus {
  const { directory, problem, connection, runs, timetable, expiry, now } = observed;
  const generation = directory.metadata.generation ?? 0;
  const before = directory.status;
  const handled = requestOf(directory, requestedAt);
  const waitsFor = requestWaitsFor(observed);
  const real = inOrderOfTheirEnd(runs).filter((run) => isWhole(run) && !isSuperseded(run) && isOf(directory, run));
  // The run that ended last may be gone, and an older one be left.
  const last = real.find((run) => (run.status?.finishedAt ?? '') >= (before?.lastAttempt?.finishedAt ?? ''));
  const goesOn = runs.some((run) => isWhole(run) && !isFinished(run));
  const synced = syncedCondition(last) ?? previous(before, 'Synced');
  const testedAt = (connection ?? before?.connection)?.testedAt ?? '';
  const connected =
    problem === undefined
      ? (connectedCondition(connection) ?? connectedByRun(last, before) ?? previous(before, 'Connected'))
      : undefined;
  const repaired = testedAt > (last?.status?.finishedAt ?? before?.lastAttempt?.finishedAt ?? '');
  const outcome = repaired ? afterRepair(directory, synced) : synced;
  const ready = readiness(problem, connected, timetable, outcome, goesOn);
  const stated = [...withWaitingRequest(directory, waitsFor, ready), connected, synced, expiryCondition(expiry, now)];
  const conditions = declare(before?.conditions, stated, generation, now);
  return {
    observedGeneration: generation,
    conditions,
    ...(handled === undefined || waitsFor !== undefined || problem !== undefined
      ? keep('lastHandledRequestAt', before)
      : { lastHandledRequestAt: handled }),
    ...connectionFacts(directory, connection),
    ...scheduleFacts(before, timetable, problem === undefined && !isRefused({ conditions })),
    ...(expiry !== undefined && 'expiresAt' in expiry && { credentialsExpireAt: seconds(expiry.expiresAt) }),
    ...attemptFacts(before, last),
    ...successFacts(
      before,
      real.find((run) => run.status?.phase === 'Succeeded'),
    ),
  };
}

/** Runs outlive their directory: what ended before it was created belongs to another one of its name. */
const isOf = ({ metadata }: UserDirectory, { status }: DirectorySync): boolean =>
  (status?.finishedAt ?? '') >= (metadata.creationTimestamp ?? '');

/** A held run is closed after the end of the one that took its place, which is the one that counts. */
const isSuperseded = ({ status }: DirectorySync): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'Superseded') ?? false;

function attemptFacts(before: DirectoryStatus | undefined, last: DirectorySync | undefined): Partial<DirectoryStatus> {
  const { finishedAt, phase } = last?.status ?? {};
  if (last === undefined || finishedAt === undefined) return keep('lastAttempt', before);
  const result = phase as 'Succeeded' | 'Failed' | 'Held' | 'Aborted';
  return { lastAttempt: { run: last.metadata.name, result, finishedAt } };
}

function successFacts(
  before: DirectoryStatus | undefined,
  succeeded: DirectorySync | undefined,
): Partial<DirectoryStatus> {
  const { finishedAt = '', people, groups, readSettings } = succeeded?.status ?? {};
  if (succeeded === undefined || finishedAt < (before?.lastSuccessAt ?? '')) {
    const kept = ['lastSuccessAt', 'people', 'groups', 'rejected', 'missing', 'readSettings'] as const;
    return Object.assign({}, ...kept.map((key) => keep(key, before)));
  }
  return {
    lastSuccessAt: finishedAt,
    people: people?.found ?? 0,
    groups: takenOver(groups),
    rejected: (people?.rejected ?? 0) + (groups?.rejected ?? 0),
    missing: (people?.missing ?? 0) + (people?.disabled ?? 0),
    ...(readSettings === undefined ? {} : { readSettings }),
  };
}

/** While nothing starts by the schedule, no next run is announced and what is due is left to be made up for. */
function scheduleFacts(
  before: DirectoryStatus | undefined,
  { schedule, due, nextRunAt }: Timetable,
  starts: boolean,
): Partial<DirectoryStatus> {
  return {
    ...(schedule === undefined ? {} : { schedule }),
    ...(starts && due !== undefined ? { lastScheduledAt: seconds(due) } : keep('lastScheduledAt', before)),
    ...(starts && nextRunAt !== undefined ? { nextRunAt: seconds(nextRunAt) } : {}),
  };
}

/** As kstatus reads it: what goes on by itself is Reconciling, what waits for a change is Stalled. */
function readiness(
  problem: Problem | undefined,
  connected: Stated | undefined,
  { problem: unfollowed, nextRunAt }: Timetable,
  synced: Stated | undefined,
  goesOn: boolean,
): Stated[] {
  if (problem !== undefined) return stalled(problem);
  if (connected?.status === 'False') {
    const rests = nextRunAt !== undefined && isRefusal(connected.reason);
    return notReady(
      rests ? { ...connected, message: `${connected.message} ${scheduleRests}` } : connected,
      mayPass(connected.reason),
    );
  }
  if (unfollowed !== undefined) return stalled(unfollowed);
  if (synced?.status === 'False') {
    const passes = mayPass(synced.reason) || synced.reason === lastRunFailed;
    return notReady(synced, goesOn || (passes && nextRunAt !== undefined));
  }
  if (connected === undefined) {
    return [{ type: 'Ready', status: 'Unknown', reason: 'NotTested', message: 'The connection was not tested yet.' }];
  }
  return [{ type: 'Ready', status: 'True', reason: 'Connected', message: 'The directory can be read.' }];
}

const lastRunFailed = 'LastRunFailed';
const scheduleRests = 'Until the Secret or the spec changes, the schedule rests.';

/** What a run complained about may be put right by now: then the advice is no longer to put it right. */
function afterRepair({ metadata }: UserDirectory, synced: Stated | undefined): Stated | undefined {
  if (synced?.status !== 'False' || !(synced.reason in directoryErrors)) return synced;
  const sentence = `The directory can be read again; the last run failed with ${synced.reason}.`;
  const command = `kubectl annotate -n ${metadata.namespace} userdirectories.roster.dev ${metadata.name}`;
  const message = `${sentence} Start another run: ${command} ${requestedAt}="$(date -Is)" --overwrite`;
  return { ...synced, reason: lastRunFailed, message };
}

/** What keeps a request from being handled, as the end of a sentence. */
function requestWaitsFor({ directory, secretMissing }: Observed): string | undefined {
  if (directory.spec.suspend) return 'when the directory is no longer suspended';
  return secretMissing ? 'when the Secret is there' : undefined;
}

/** Nothing else tells why a request has no effect. */
function withWaitingRequest(
  directory: UserDirectory,
  waitsFor: string | undefined,
  ready: readonly Stated[],
): readonly Stated[] {
  const request = requestOf(directory, requestedAt);
  if (waitsFor === undefined || request === undefined || request === directory.status?.lastHandledRequestAt) {
    return ready;
  }
  const waits = `A run is asked for; it starts ${waitsFor}.`;
  return ready.map((stated) => ({ ...stated, message: `${stated.message} ${waits}` }));
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
    return connectedTo(connection.server, connection.boundAs, connection);
  }
  const [failed] = stalled(connection.problem);
  return failed && { ...failed, type: 'Connected' };
}

/** With how many matched, where that is known: a filter that matches nobody is valid and still wrong. */
function connectedTo(server: string, boundAs: string, matching?: { people: number; groups: number }): Stated {
  const matched = matching === undefined ? '' : `: ${matchSentence(matching)}`;
  const message = `Connected to ${server} as ${boundAs}${matched}.`;
  return { type: 'Connected', status: 'True', reason: 'Connected', message };
}

const matchSentence = ({ people, groups }: { people: number; groups: number }): string =>
  `${people} ${people === 1 ? 'person' : 'people'} and ${groups} ${groups === 1 ? 'group' : 'groups'} match`;

/**
 * A run that has just ended knows better than the last test, unless it began before that: whether it read, or whether the
 * account is refused by now.
 */
function connectedByRun(run: DirectorySync | undefined, before: DirectoryStatus | undefined): Stated | undefined {
  const { startedAt = '', finishedAt, evidence, conditions, people, groups } = run?.status ?? {};
  const known = before?.lastAttempt;
  if (known !== undefined && known.run === run?.metadata.name && known.finishedAt === finishedAt) return undefined;
  if (startedAt < (before?.connection?.testedAt ?? '')) return undefined;
  const failed = conditions?.find(({ type, reason }) => type === 'Ready' && isRefusal(reason));
  if (failed !== undefined) {
    return { type: 'Connected', status: 'False', reason: failed.reason, message: failed.message };
  }
  if (evidence?.server === undefined) return undefined;
  const matching = people && groups && { people: people.found, groups: groups.found };
  return connectedTo(evidence.server, evidence.boundAs ?? 'anonymous', matching);
}

function syncedCondition(last: DirectorySync | undefined): Stated | undefined {
  if (last?.status === undefined) return undefined;
  const message = last.status.message ?? '';
  if (last.status.phase === 'Succeeded') return { type: 'Synced', status: 'True', reason: 'Succeeded', message };
  const ready = last.status.conditions?.find(({ type }) => type === 'Ready');
  return { type: 'Synced', status: 'False', reason: ready?.reason ?? 'Failed', message };
}

/** After a failure what the server showed that answered last stays, so that one sees where it worked. */
function connectionFacts(
  directory: UserDirectory,
  connection: Connection | undefined,
): Pick<DirectoryStatus, 'connection' | 'lastHandledTestAt'> {
  const before = directory.status;
  if (connection === undefined) return { ...keep('connection', before), ...keep('lastHandledTestAt', before) };
  const { testedAt, secretVersion } = connection;
  const { testedAt: _, secretVersion: __, ...shownBefore } = before?.connection ?? { testedAt };
  const handled = requestOf(directory, testRequestedAt);
  return {
    connection: {
      ...(connection.connected ? shown(connection) : shownBefore),
      testedAt,
      ...(secretVersion === undefined ? {} : { secretVersion }),
    },
    ...(handled === undefined ? keep('lastHandledTestAt', before) : { lastHandledTestAt: handled }),
  };
}

/** Within the bounds of the schema, whatever the directory says. */
function shown({ server, boundAs, people, groups, sample }: Extract<Connection, { connected: true }>) {
  return {
    server: server.slice(0, 1024),
    boundAs: boundAs.slice(0, 1024),
    people,
    groups,
    sample: sample.slice(0, 5).map((label) => label.slice(0, 1024).toWellFormed()),
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
