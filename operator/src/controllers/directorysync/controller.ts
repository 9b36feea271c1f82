import {
  type UserDirectory as Directory,
  DirectorySync,
  type KubernetesObject,
  type RunPhase,
  UserDirectory,
} from '@roster/crds';
import { RosterError } from '../../errors.ts';
import { actions } from '../../metrics.ts';
import {
  anyOf,
  type Controller,
  done,
  generationChanged,
  type InformerEvent,
  type Manager,
  patchStatus,
  type Request,
  type Result,
  requestFor,
  requeueAfter,
  watchEventLoop,
} from '../../runtime/index.ts';
import { seconds } from '../conditions.ts';
import type { Context } from '../context.ts';
import { attempt } from '../mirrored.ts';
import { deleteUnchanged } from '../pruning.ts';
import { brokenReference } from '../userdirectory/references.ts';
import { isFinished, isPending, isWhole } from '../userdirectory/runs.ts';
import { approvalNote } from './approval.ts';
import { decide } from './decide.ts';
import { directoryDeleted } from './hold.ts';
import { persistently } from './persistently.ts';
import { carryOut, type Open, type Outcome, openServer } from './run.ts';
import { type Progress, runStatus } from './status.ts';

/** A run of 100,000 people takes some ten minutes; one that takes this long hangs. */
const longestRunMs = 6 * 3_600_000;

/** When the cache has probably seen what kept a run from being deleted. */
const lookAgainMs = 1_000;

/** A run under way. */
interface Active {
  readonly uid: string;
  readonly name: string;
  /** That is read, by name and uid. */
  readonly directory: { readonly name: string; readonly uid: string | undefined };
  /** Aborts with a RosterError that the run ends with, or with another error when there is no run left to end. */
  readonly stop: AbortController;
}

interface Scope extends Context {
  readonly open: Open;
  /** By namespace. */
  readonly active: Map<string, Active>;
  /** Has the runs of a namespace looked at that have not ended. */
  readonly wake: (namespace: string) => void;
}

/**
 * Carries out runs: one at a time in a tenant, several tenants side by side. A run that is deleted, or whose directory is,
 * is stopped.
 */
export function addDirectorySyncController(
  manager: Manager,
  context: Context,
  open: Open = openServer(context),
): Controller {
  const { runs, directories, tenants, organizations, roles } = context.informers;
  const active = new Map<string, Active>();
  const unsettledOf = (namespace: string | undefined) =>
    [...runs.cache.list(namespace ?? '')].filter((run) => !isFinished(run) || isHeld(run)).map(requestFor);
  const allOf = ({ metadata: { namespace, name } }: Directory) =>
    [...runs.cache.list(namespace ?? '')].filter(({ spec }) => spec.directory === name).map(requestFor);
  runs.onEvent(({ type, object: { metadata } }) => {
    const run = active.get(metadata.namespace ?? '');
    if (type === 'deleted' && run?.uid === metadata.uid) run?.stop.abort(new Error('The run was deleted.'));
  });
  directories.onEvent(({ type, object: { metadata } }) => {
    const run = active.get(metadata.namespace ?? '');
    if (run?.directory.name !== metadata.name) return;
    if (type !== 'deleted' && run.directory.uid === metadata.uid) return;
    const { reason, message } = directoryDeleted(metadata.name);
    run.stop.abort(new RosterError(reason, message));
  });
  const wake = (namespace: string) => {
    for (const request of unsettledOf(namespace)) controller.enqueue(request);
  };
  const controller: Controller = manager.controller({
    name: 'directorysync',
    concurrency: 4,
    timeoutMs: longestRunMs,
    reconcile: (request, signal) => reconcile({ ...context, open, active, wake }, request, signal),
  });
  return controller
    .watches(
      runs,
      (event) => [requestFor(event.object), ...(ends(event) ? unsettledOf(event.object.metadata.namespace) : [])],
      anyOf(ends, generationChanged),
    )
    .watches(
      directories,
      ({ type, object }) => (type === 'deleted' ? allOf(object) : unsettledOf(object.metadata.namespace)),
      generationChanged,
    )
    .watches(tenants, ({ object }) => unsettledOf(object.metadata.namespace), appears)
    .watches(organizations, ({ object }) => unsettledOf(object.metadata.namespace), appears)
    .watches(roles, ({ object }) => unsettledOf(object.metadata.namespace), appears);
}

const isHeld = ({ status }: DirectorySync): boolean => status?.phase === 'Held';

/** What a waiting run may wait for. */
const appears = (event: InformerEvent<KubernetesObject>): boolean => event.type === 'added' && !event.initial;

/** Runs that appear, end, begin again or go; their progress is no reason to look at them. */
function ends(event: InformerEvent<DirectorySync>): boolean {
  if (event.type !== 'updated') return true;
  return isFinished(event.object) ? !isFinished(event.old) : isHeld(event.old) && !isHeld(event.object);
}

async function reconcile(scope: Scope, { namespace, name }: Request, signal: AbortSignal): Promise<Result> {
  const { client, informers, now } = scope;
  const active = scope.active.get(namespace);
  const run = informers.runs.cache.get(namespace, name);
  if (run === undefined) return done;
  const directory = informers.directories.cache.get(namespace, run.spec.directory);
  const decision = decide({
    run,
    directory,
    problem: directory && brokenReference(directory, informers),
    runs: [...informers.runs.cache.list(namespace)],
    active,
    now: now(),
  });
  switch (decision.step) {
    case 'rest':
      return decision.lookAgainMs === undefined ? done : requeueAfter(decision.lookAgainMs);
    case 'delete':
      return (await deleteUnchanged(client, DirectorySync, run)) ? done : requeueAfter(lookAgainMs);
    case 'wait':
      if (active?.uid !== run.metadata.uid) {
        const { message } = decision;
        // What a held run was approved for has to stay in its status.
        const status = isHeld(run) ? { ...run.status, message } : runStatus(run, 'Pending', { message }, now());
        await patchStatus(client, DirectorySync, run, status);
      }
      return done;
    case 'fail':
    case 'abort': {
      // The cache may be behind the end of this very run, which would look interrupted, or behind its new beginning.
      const fresh = await client.get(DirectorySync, { namespace, name }, { signal });
      if (isHeld(fresh) !== isHeld(run) || (isFinished(fresh) && !isHeld(fresh))) return done;
      const { reason, message } = decision.problem;
      const phase = decision.step === 'fail' ? 'Failed' : 'Aborted';
      const outcome = { phase, facts: factsOf(fresh), error: new RosterError(reason, message) } as const;
      await finish(scope, fresh, directory, outcome, signal);
      return done;
    }
    case 'start':
      await start(scope, run, decision.directory, signal);
      return done;
  }
}

async function start(scope: Scope, run: DirectorySync, directory: Directory, signal: AbortSignal): Promise<void> {
  const { active, log, wake } = scope;
  const { namespace = '', name, uid = '' } = run.metadata;
  const stop = new AbortController();
  active.set(namespace, { uid, name, directory: { name: directory.metadata.name, uid: directory.metadata.uid }, stop });
  try {
    await perform(scope, run, directory, { work: AbortSignal.any([signal, stop.signal]), end: signal });
  } catch (error) {
    // It is tried again, later and by itself.
    if (!stop.signal.aborted) throw error;
    log.info({ namespace, run: name }, 'run stopped, since it or its directory was deleted');
  } finally {
    active.delete(namespace);
  }
  // Who was woken by the event of its end found it active all the same; of a deleted run there is no such event.
  wake(namespace);
}

/** `work` ends what the run does, `end` also the writing of its end. */
interface Signals {
  readonly work: AbortSignal;
  readonly end: AbortSignal;
}

async function perform(scope: Scope, run: DirectorySync, directory: Directory, { work, end }: Signals): Promise<void> {
  const { client, events, log, metrics, now, open } = scope;
  const { namespace, name } = run.metadata;
  // The cache may be behind the end of this very run: nothing runs twice.
  const fresh = await client.get(DirectorySync, requestFor(run), { signal: work });
  if (!isPending(fresh)) return;
  const approval = approvalNote(fresh);
  if (approval !== undefined) {
    events.record(DirectorySync, fresh, 'Normal', 'Approved', `${approval} The run begins again.`);
  }
  // What the server holds: each report writes what differs from it.
  let latest = fresh;
  const report = async (phase: RunPhase, facts: Progress) => {
    const status = runStatus(latest, phase, facts, now());
    await persistently(work, () => patchStatus(client, DirectorySync, latest, status));
    latest = { ...latest, status };
  };
  log.info({ namespace, directory: directory.metadata.name, run: name }, 'run started');
  const longestBlock = watchEventLoop();
  const outcome = await carryOut(scope, open, fresh, directory, report, work);
  const blocked = longestBlock();
  const labels = { namespace: namespace ?? '', directory: directory.metadata.name };
  if (outcome.phase !== 'Aborted') metrics.blocked.set(labels, blocked);
  await finish(scope, latest, directory, outcome, end);
}

async function finish(
  context: Context,
  run: DirectorySync,
  directory: Directory | undefined,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<void> {
  const { client, log, now, events, mirror } = context;
  const { namespace = '', name, uid = '' } = run.metadata;
  const { phase, error } = outcome;
  // What is no longer held ended when it was.
  const facts = { ...outcome.facts, finishedAt: outcome.facts.finishedAt ?? seconds(now()) };
  const problem = error === undefined ? {} : { problem: { reason: error.reason, message: error.message } };
  const status = runStatus(run, phase, { ...facts, ...problem }, now());
  // A run whose end does not reach the server would be taken for interrupted.
  await persistently(signal, () => patchStatus(client, DirectorySync, run, status));
  log[phase === 'Succeeded' ? 'info' : 'warn'](
    {
      namespace,
      directory: run.spec.directory,
      run: name,
      phase,
      reason: error?.reason,
      people: facts.people,
      groups: facts.groups,
    },
    'run ended',
  );
  const level = phase === 'Succeeded' ? 'Normal' : 'Warning';
  const reason = error?.reason ?? phase;
  events.record(DirectorySync, run, level, reason, status.message ?? '');
  if (directory !== undefined && reason !== 'DirectoryDeleted') {
    events.record(UserDirectory, directory, level, reason, `${name}: ${status.message}`);
    measure(context, run, outcome);
  }
  // Only a note: without a database the status says it all the same.
  await attempt(() => mirror.plans.finish({ uid }, { phase, finishedAt: now() }));
}

/** What an interrupted run had learnt stays to be seen. */
function factsOf({ status }: DirectorySync): Progress {
  const { observedGeneration: _, conditions: __, ...facts } = status ?? {};
  return facts;
}

function measure({ metrics }: Context, run: DirectorySync, { phase, facts }: Outcome): void {
  const labels = { namespace: run.metadata.namespace ?? '', directory: run.spec.directory };
  metrics.runs.inc({ ...labels, result: phase });
  for (const { name, seconds: duration } of facts.stages ?? [])
    metrics.stage.observe({ ...labels, stage: name }, duration);
  // What is no longer held was counted when it was.
  if (!isWhole(run) || facts.finishedAt !== undefined) return;
  if (facts.people === undefined || facts.groups === undefined) return;
  for (const action of actions.person) {
    metrics.changes.inc({ ...labels, kind: 'person', action }, facts.people[action]);
  }
  for (const action of actions.group) {
    metrics.changes.inc({ ...labels, kind: 'group', action }, facts.groups[action]);
  }
}
