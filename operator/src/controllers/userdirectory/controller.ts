import { type UserDirectory as Directory, DirectorySync, UserDirectory } from '@roster/crds';
import { RosterError } from '../../errors.ts';
import { type RosterMetrics, removeSeries } from '../../metrics.ts';
import {
  annotationsChanged,
  anyOf,
  type Controller,
  done,
  findCondition,
  generationChanged,
  isAlreadyExists,
  type Manager,
  patchStatus,
  type Request,
  type Result,
  requestFor,
  requeueAfter,
} from '../../runtime/index.ts';
import { seconds } from '../conditions.ts';
import type { Context } from '../context.ts';
import { deleteUnchanged } from '../pruning.ts';
import { type Connection, failsForNow, retryMs, testIsDue } from './connection.ts';
import { prepareReader, secretName } from './reader.ts';
import { brokenReference } from './references.ts';
import { nextRun, runOf, surplusRuns } from './runs.ts';
import { SecretWatches } from './secretwatches.ts';
import { type DirectoryStatus, directoryStatus } from './status.ts';

/** Tests connections, starts runs, keeps their results, and prunes them. */
export function addUserDirectoryController(manager: Manager, context: Context) {
  const { directories, runs, organizations, roles, tenants } = context.informers;
  const controller: Controller = manager.controller({
    name: 'userdirectory',
    concurrency: 4,
    timeoutMs: 15 * 60_000,
    reconcile: (request, signal) => reconcile(context, secrets, request, signal),
  });
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

async function reconcile(
  context: Context,
  secrets: SecretWatches,
  request: Request,
  signal: AbortSignal,
): Promise<Result> {
  const { client, informers, metrics } = context;
  const cached = informers.directories.cache.get(request.namespace, request.name);
  if (cached === undefined) {
    secrets.follow(request);
    await forget(metrics, request);
    return done;
  }
  const runs = informers.runs.cache.byIndex('directory', `${request.namespace}/${request.name}`);
  const problem = brokenReference(cached, informers);
  // A server that is silent holds up its test, but no run that is asked for.
  if (problem === undefined) await startRun(context, cached, runs);
  const [directory, connection] = problem === undefined ? await testIfDue(context, cached, signal) : [cached];
  for (const run of surplusRuns(directory, runs)) await deleteUnchanged(client, DirectorySync, run);
  const status = directoryStatus(directory, problem, connection, runs, context.now());
  if (problem === undefined) secrets.follow(request, directory, status.connection?.secretVersion);
  expose(metrics, request, status);
  await patchStatus(client, UserDirectory, directory, status);
  return failsForNow(status) ? requeueAfter(retryMs) : done;
}

/** The directory as it is known after the question whether to test, and what the test saw. */
async function testIfDue(
  context: Context,
  cached: Directory,
  signal: AbortSignal,
): Promise<[directory: Directory, connection?: Connection]> {
  const secretVersion = await currentSecretVersion(context, cached, signal);
  const due = (object: Directory) => testIsDue(object, secretVersion, context.now());
  if (!due(cached)) return [cached];
  // The cache may be behind the status of the last test: a test too many can lock the account, and what the test saw
  // must be carried on.
  const directory = await context.client.get(UserDirectory, requestFor(cached), { signal });
  if (!due(directory)) return [directory];
  const testedAt = seconds(context.now());
  const version = secretVersion === undefined ? {} : { secretVersion };
  try {
    const reader = await prepareReader(context.secrets, directory, signal);
    using opened = await reader.open(signal);
    const { server, boundAs } = await opened.test();
    return [directory, { connected: true, server, boundAs, testedAt, ...version }];
  } catch (error) {
    if (!(error instanceof RosterError)) throw error;
    context.events.record(UserDirectory, directory, 'Warning', error.reason, error.message);
    const problem = { reason: error.reason, message: error.message };
    return [directory, { connected: false, problem, testedAt, ...version }];
  }
}

async function currentSecretVersion(
  { secrets }: Context,
  directory: Directory,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = secretName(directory);
  if (name === undefined) return undefined;
  try {
    const secret = await secrets.read(directory.metadata.namespace ?? '', name, signal);
    return secret.metadata.resourceVersion;
  } catch (error) {
    if (!(error instanceof RosterError)) throw error;
    return undefined; // The test itself says what is wrong with it.
  }
}

async function startRun(
  { client, events }: Context,
  directory: Directory,
  runs: readonly DirectorySync[],
): Promise<void> {
  const request = nextRun(directory, runs);
  if (request === undefined) return;
  try {
    await client.create(DirectorySync, runOf(directory, request));
    events.record(
      UserDirectory,
      directory,
      'Normal',
      'RunCreated',
      `Created the run ${request.name}: ${request.reason}.`,
    );
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Metrics repeat the status, so that they are there after a restart, too. */
function expose(metrics: RosterMetrics, { namespace, name }: Request, status: DirectoryStatus): void {
  const labels = { namespace, directory: name };
  const connected = findCondition(status.conditions, 'Connected');
  if (connected !== undefined) metrics.connected.set(labels, connected.status === 'True' ? 1 : 0);
  const inSeconds = (time: string) => Date.parse(time) / 1000;
  if (status.lastAttempt !== undefined) metrics.lastAttempt.set(labels, inSeconds(status.lastAttempt.finishedAt));
  if (status.lastSuccessAt !== undefined) metrics.lastSuccess.set(labels, inSeconds(status.lastSuccessAt));
  if (status.people !== undefined) metrics.people.set(labels, status.people);
  if (status.groups !== undefined) metrics.groups.set(labels, status.groups);
}

async function forget(metrics: RosterMetrics, { namespace, name }: Request): Promise<void> {
  for (const metric of [
    metrics.lastAttempt,
    metrics.lastSuccess,
    metrics.connected,
    metrics.people,
    metrics.groups,
    metrics.rejected,
    metrics.held,
    metrics.runs,
    metrics.changes,
    metrics.stage,
  ]) {
    await removeSeries(metric, { namespace, directory: name });
  }
}
