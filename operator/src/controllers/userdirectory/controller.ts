import { type UserDirectory as Directory, DirectorySync, UserDirectory } from '@roster/crds';
import { DirectoryError } from '../../errors.ts';
import {
  annotationsChanged,
  anyOf,
  type Controller,
  done,
  generationChanged,
  isAlreadyExists,
  isNotFound,
  type Manager,
  patchStatus,
  type Request,
  type Result,
  requestFor,
  requeueAfter,
} from '../../runtime/index.ts';
import { type Problem, seconds } from '../conditions.ts';
import { type Context, tenantName } from '../context.ts';
import { prepareReader, Secret, secretName } from './reader.ts';
import { nextRun, runOf, surplusRuns } from './runs.ts';
import { SecretWatches } from './secretwatches.ts';
import { type Connection, directoryStatus } from './status.ts';

/** A server that cannot be reached is tried again after so long; a refused password never is. */
const retryMs = 60_000;
const worthRetrying = new Set([
  'ServerUnreachable',
  'ServerTimeout',
  'ServerBusy',
  'ConnectionLost',
  'TLSFailed',
  'CertificateNotTrusted',
  'HostNameMismatch',
]);

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
  const directory = informers.directories.cache.get(request.namespace, request.name);
  secrets.follow(request, directory);
  if (directory === undefined) {
    forget(metrics, request);
    return done;
  }
  const runs = informers.runs.cache.byIndex('directory', `${request.namespace}/${request.name}`);
  const problem = findProblem(context, directory);
  const connection = problem === undefined ? await testIfChanged(context, directory, signal) : undefined;
  if (connection !== undefined) {
    metrics.connected.set({ namespace: request.namespace, directory: request.name }, connection.connected ? 1 : 0);
  }
  if (problem === undefined) await startRun(context, directory, runs);
  for (const run of surplusRuns(directory, runs)) {
    await client.delete(DirectorySync, requestFor(run)).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
  await patchStatus(
    client,
    UserDirectory,
    directory,
    directoryStatus(directory, problem, connection, runs, context.now()),
  );
  const retry = connection?.connected === false && worthRetrying.has(connection.problem.reason);
  return retry ? requeueAfter(retryMs) : done;
}

/** References that must hold before anything is tried. */
function findProblem({ informers }: Context, { metadata, spec }: Directory): Problem | undefined {
  const namespace = metadata.namespace ?? '';
  if (informers.tenants.cache.get(namespace, tenantName) === undefined) {
    return { reason: 'TenantNotFound', message: `The namespace ${namespace} has no Tenant named tenant.` };
  }
  if (informers.organizations.cache.get(namespace, spec.organization) === undefined) {
    return { reason: 'OrganizationNotFound', message: `There is no organization ${spec.organization}.` };
  }
  if (spec.defaultRole === undefined) return undefined;
  const role = informers.roles.cache.get(namespace, spec.defaultRole);
  if (role === undefined) return { reason: 'RoleNotFound', message: `There is no role ${spec.defaultRole}.` };
  if (role.spec.scope !== 'Organization') {
    return { reason: 'RoleScopeMismatch', message: `The role ${spec.defaultRole} has scope ${role.spec.scope}.` };
  }
  return undefined;
}

/**
 * Tests the connection when the spec or the Secret changed since the last test, and again after a failure that may
 * have passed. Otherwise an account with a wrong password would be locked by trying.
 */
async function testIfChanged(
  context: Context,
  directory: Directory,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const secretVersion = await currentSecretVersion(context, directory, signal);
  const before = directory.status?.conditions?.find(({ type }) => type === 'Connected');
  const failedForNow = before?.status === 'False' && worthRetrying.has(before.reason);
  const unchanged =
    before?.observedGeneration === directory.metadata.generation &&
    directory.status?.connection?.secretVersion === secretVersion;
  const recent =
    context.now().getTime() - Date.parse(directory.status?.connection?.testedAt ?? '1970-01-01T00:00:00Z') < retryMs;
  if (unchanged && (!failedForNow || recent)) return undefined;
  const testedAt = seconds(context.now());
  const version = secretVersion === undefined ? {} : { secretVersion };
  try {
    const { reader } = await prepareReader(context.client, directory, signal);
    const { server, boundAs } = await reader.test(signal);
    return { connected: true, server, boundAs, testedAt, ...version };
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    context.events.record(UserDirectory, directory, 'Warning', error.reason, error.message);
    return { connected: false, problem: { reason: error.reason, message: error.message }, testedAt, ...version };
  }
}

async function currentSecretVersion(
  { client }: Context,
  directory: Directory,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = secretName(directory);
  if (name === undefined) return undefined;
  try {
    const secret = await client.get(Secret, { namespace: directory.metadata.namespace ?? '', name }, { signal });
    return secret.metadata.resourceVersion;
  } catch {
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

function forget(metrics: Context['metrics'], { namespace, name }: Request): void {
  const labels = { namespace, directory: name };
  for (const metric of [
    metrics.lastAttempt,
    metrics.lastSuccess,
    metrics.connected,
    metrics.people,
    metrics.groups,
    metrics.held,
  ]) {
    metric.remove(labels);
  }
}
