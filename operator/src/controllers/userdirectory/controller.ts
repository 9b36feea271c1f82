import { type UserDirectory as Directory, DirectorySync, UserDirectory } from '@roster/crds';
import { RosterError } from '../../errors.ts';
import {
  ApiError,
  annotationsChanged,
  anyOf,
  type Controller,
  done,
  findCondition,
  generationChanged,
  isAlreadyExists,
  isForbidden,
  isInvalid,
  type Manager,
  patchStatus,
  type Request,
  type Result,
  requestFor,
  requeueAfter,
} from '../../runtime/index.ts';
import { bounded, seconds } from '../conditions.ts';
import type { Context } from '../context.ts';
import { deleteUnchanged } from '../pruning.ts';
import { type Connection, failsForNow, retryMs, testIsDue } from './connection.ts';
import { type Expiry, expiryOf, expiryReviewAt } from './expiry.ts';
import { Exposition } from './exposition.ts';
import { prepareReader, secretName } from './reader.ts';
import { brokenReference } from './references.ts';
import { Refusals } from './refusals.ts';
import { nextRun, type RunRequest, runOf, scheduledRun, surplusRuns } from './runs.ts';
import { SecretWatches } from './secretwatches.ts';
import { type DirectoryStatus, directoryStatus } from './status.ts';
import { timetableOf } from './timetable.ts';

/** Tests connections, starts runs, keeps their results, and prunes them. */
export function addUserDirectoryController(manager: Manager, context: Context) {
  const { directories, runs, organizations, roles, tenants } = context.informers;
  const controller: Controller = manager.controller({
    name: 'userdirectory',
    // Directories whose servers are silent hold up no others, whose time has come.
    concurrency: 32,
    timeoutMs: 15 * 60_000,
    reconcile: (request, signal) => reconcile({ context, secrets, refusals, exposition }, request, signal),
  });
  const refusals = new Refusals();
  const exposition = new Exposition(context.metrics);
  const secrets = new SecretWatches(context.client, context.log, (directory) => controller.enqueue(directory));
  manager.add({ name: 'secret watches', needsLeader: true, start: (signal) => secrets.run(signal) });
  const ofNamespace = (event: { object: { metadata: { namespace?: string } } }) =>
    [...directories.cache.list(event.object.metadata.namespace ?? '')].map(requestFor);
  const comesOrGoes = (event: { type: string; initial?: boolean }) =>
    event.type !== 'updated' && event.initial !== true;
  return controller
    .watches(directories, undefined, anyOf(generationChanged, annotationsChanged))
    .watches(
      runs,
      ({ object }) => [{ namespace: object.metadata.namespace ?? '', name: object.spec.directory }],
      (event) => event.type !== 'updated' || event.object.status?.phase !== event.old.status?.phase,
    )
    .watches(organizations, ofNamespace, comesOrGoes)
    .watches(roles, ofNamespace, comesOrGoes)
    .watches(tenants, ofNamespace, comesOrGoes);
}

/** What all reconciles work with. */
interface Scope {
  readonly context: Context;
  readonly secrets: SecretWatches;
  readonly refusals: Refusals;
  readonly exposition: Exposition;
}

async function reconcile(
  { context, secrets, refusals, exposition }: Scope,
  request: Request,
  signal: AbortSignal,
): Promise<Result> {
  const { client, informers } = context;
  const cached = informers.directories.cache.get(request.namespace, request.name);
  if (cached === undefined) {
    secrets.follow(request);
    refusals.forget(request);
    await exposition.forget(request);
    return done;
  }
  exposition.begin(request);
  const problem = brokenReference(cached, informers);
  const begun = context.now();
  const secret: ObservedSecret = problem === undefined ? await observeSecret(context, cached, signal) : {};
  // The cache may be behind the status: a test too many can lock the account, a run that was deleted would come back, and
  // what the status says of either must be carried on.
  const acts = testIsDue(cached, secret.version, begun) || timetableOf(cached, begun).due !== undefined;
  const directory = acts ? await client.get(UserDirectory, request, { signal }) : cached;
  const timetable = timetableOf(directory, begun);
  let connection: Connection | undefined;
  let runs = runsOf(context, request);
  if (problem === undefined) {
    // A server that is silent holds up its test, but no run that is asked for. One without its Secret, which may come from
    // elsewhere and later than all the rest, waits for it.
    const asked = secret.missing ? [] : await startRun(context, directory, nextRun(directory, runs));
    if (testIsDue(directory, secret.version, begun)) {
      connection = await refusals.attempt(directory, secret.version, () =>
        testConnection(context, directory, secret.version, signal),
      );
    }
    runs = [...runsOf(context, request), ...asked];
  }
  const now = context.now();
  const { missing: secretMissing, expiry } = secret;
  const observed = { directory, problem, secretMissing, connection, runs, timetable, expiry, now };
  const status = directoryStatus(observed);
  if (timetable.due !== undefined && status.nextRunAt !== undefined) {
    const { due, ...later } = timetable;
    await startRun(context, directory, scheduledRun(directory, due, runs)).catch(async (error: unknown) => {
      // What a test saw must not be lost with it: the next reconcile would test again.
      await patchStatus(client, UserDirectory, directory, directoryStatus({ ...observed, timetable: later }));
      throw error;
    });
  }
  for (const run of surplusRuns({ ...directory, status }, runs)) await deleteUnchanged(client, DirectorySync, run);
  if (problem === undefined) secrets.follow(request, directory, status.connection?.secretVersion);
  await exposition.update(request, directory, status, runs, now);
  announceExpiry(context, directory, status);
  await patchStatus(client, UserDirectory, directory, status);
  return lookAgain(status, secret.expiry, now);
}

const runsOf = ({ informers }: Context, { namespace, name }: Request): readonly DirectorySync[] =>
  informers.runs.cache.byIndex('directory', `${namespace}/${name}`);

/** Sleeps until something happens by the clock alone. */
function lookAgain(status: DirectoryStatus, expiry: Expiry | undefined, now: Date): Result {
  const moments = [
    failsForNow(status) ? now.getTime() + retryMs : undefined,
    status.nextRunAt === undefined ? undefined : Date.parse(status.nextRunAt),
    expiryReviewAt(expiry, now)?.getTime(),
  ].filter((moment) => moment !== undefined);
  return moments.length === 0 ? done : requeueAfter(Math.max(0, Math.min(...moments) - now.getTime()));
}

async function testConnection(
  context: Context,
  directory: Directory,
  secretVersion: string | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const test = { testedAt: seconds(context.now()), ...(secretVersion === undefined ? {} : { secretVersion }) };
  try {
    const reader = await prepareReader(context.secrets, directory, signal, context.mirror.entraSnapshots);
    using opened = await reader.open(signal);
    return { connected: true, ...(await opened.test()), ...test };
  } catch (error) {
    if (!(error instanceof RosterError)) throw error;
    context.events.record(UserDirectory, directory, 'Warning', error.reason, error.message);
    return { connected: false, problem: { reason: error.reason, message: error.message }, ...test };
  }
}

/** Of the Secret with the credentials, and nothing else of it. */
interface ObservedSecret {
  /** It is not there. */
  readonly missing?: boolean;
  readonly version?: string | undefined;
  /** When the credentials end. */
  readonly expiry?: Expiry | undefined;
}

async function observeSecret({ secrets }: Context, directory: Directory, signal: AbortSignal): Promise<ObservedSecret> {
  const name = secretName(directory);
  if (name === undefined) return {};
  try {
    const secret = await secrets.read(directory.metadata.namespace ?? '', name, signal);
    return { version: secret.metadata.resourceVersion, expiry: expiryOf(secret) };
  } catch (error) {
    if (!(error instanceof RosterError)) throw error;
    return { missing: error.reason === 'SecretNotFound' }; // The test itself says what is wrong with it.
  }
}

/** Creates the run and returns it; none when nothing asks for it, or when it is there already. */
async function startRun(
  { client, events }: Context,
  directory: Directory,
  request: RunRequest | undefined,
): Promise<DirectorySync[]> {
  if (request === undefined) return [];
  try {
    const run = await client.create(DirectorySync, runOf(directory, request));
    events.record(
      UserDirectory,
      directory,
      'Normal',
      'RunCreated',
      `Created the run ${request.name}: ${request.reason}.`,
    );
    return [run];
  } catch (error) {
    if (isAlreadyExists(error)) return [];
    if (error instanceof ApiError && (isForbidden(error) || isInvalid(error))) {
      const message = `The run ${request.name} could not be created: ${error.message}`;
      events.record(UserDirectory, directory, 'Warning', 'WriteRefused', bounded(message));
    }
    throw error;
  }
}

/** Once for each thing to be said of the end of credentials. */
function announceExpiry({ events }: Context, directory: Directory, { conditions }: DirectoryStatus): void {
  const expiring = findCondition(conditions, 'CredentialsExpiring');
  if (expiring === undefined) return;
  if (findCondition(directory.status?.conditions, 'CredentialsExpiring')?.reason === expiring.reason) return;
  events.record(UserDirectory, directory, 'Warning', expiring.reason, expiring.message);
}
