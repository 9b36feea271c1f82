import type { DirectorySync, DirectorySyncStatus, RunPhase, UserDirectory } from '@roster/crds';
import type { Applied } from '../../directory/apply.ts';
import { judge, type Verdict } from '../../directory/guard.ts';
import { type GroupAction, inSlices, lines, type PersonAction, type Plan } from '../../directory/plan/index.ts';
import { type OpenDirectory, readAll } from '../../directory/reader.ts';
import type { DirectoryContents, Evidence } from '../../directory/record.ts';
import { RosterError } from '../../errors.ts';
import type { Logger } from '../../runtime/index.ts';
import { seconds } from '../conditions.ts';
import type { Context } from '../context.ts';
import { prepareReader } from '../userdirectory/reader.ts';
import { isWhole } from '../userdirectory/runs.ts';
import { approvalNote, approvedEffects, closed, heldFacts, heldLines } from './approval.ts';
import { type Comparison, compare } from './comparison.ts';
import { execute } from './execution.ts';
import { lastReadSettings, readSettings } from './readsettings.ts';
import { evidenceFacts, type Progress, performedFacts, planFacts, plannedFacts, sampleOf, summary } from './status.ts';

/** Opens the server of a directory. @throws RosterError */
export type Open = (directory: UserDirectory, signal: AbortSignal) => Promise<OpenDirectory>;

/** Tells the world how far a run is. */
export type Report = (phase: RunPhase, facts: Progress) => Promise<void>;

/** How a run ended. */
export interface Outcome {
  readonly phase: 'Succeeded' | 'Failed' | 'Held' | 'Aborted';
  readonly facts: Progress;
  readonly error?: RosterError;
}

type Stage = NonNullable<DirectorySyncStatus['stages']>[number];

/** So far back the guard counts what runs did, in milliseconds. */
const guardWindowMs = 7 * 24 * 3_600_000;

/** What every step of one run needs. */
interface Course {
  readonly context: Context;
  readonly run: DirectorySync;
  readonly directory: UserDirectory;
  readonly startedAt: Date;
  /** Keys of the effects that were approved. */
  readonly approved: ReadonlySet<string>;
  readonly report: Report;
  /** Adds to the facts that the status tells, and returns all of them. */
  readonly learn: (learnt: Progress) => Progress;
  readonly timed: <T>(name: Stage['name'], work: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

/**
 * Carries one run out: read, plan, guard, apply. Every failure ends as an outcome, with what was learnt until then, and
 * so does a signal that aborts with a RosterError. Only the end of the operator is thrown, and of an approved run that
 * has not begun a DatabaseError: it can be tried again.
 */
export async function carryOut(
  context: Context,
  open: Open,
  run: DirectorySync,
  directory: UserDirectory,
  report: Report,
  signal: AbortSignal,
): Promise<Outcome> {
  const startedAt = context.now();
  let facts: Progress = { startedAt: seconds(startedAt) };
  const learn = (learnt: Progress) => {
    facts = { ...facts, ...learnt };
    return facts;
  };
  const timed = async <T>(name: Stage['name'], work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    try {
      return await work();
    } finally {
      learn({ stages: [...(facts.stages ?? []), { name, seconds: Math.round(performance.now() - start) / 1000 }] });
    }
  };
  const approved = await approvedEffects(context.mirror, run);
  if (approved === undefined) {
    const error = new RosterError('ApprovalUnknown', 'The database no longer has what the run held.');
    return { phase: 'Failed', facts, error };
  }
  try {
    const course: Course = { context, run, directory, startedAt, approved, report, learn, timed, signal };
    const { comparison, evidence } = await readAndCompare(course, open);
    const verdict = await guard(course, comparison, evidence);
    if (run.spec.dryRun) {
      return {
        phase: 'Succeeded',
        facts: learn({ ...plannedFacts(comparison.plan), message: preview(comparison, verdict) }),
      };
    }
    const applied = await apply(course, comparison.plan, verdict);
    return await conclude(course, comparison, applied, learn({}));
  } catch (error) {
    if (signal.aborted) {
      // Who stops a run with a reason of the catalogue wants it to end with that; else there is nobody to tell.
      if (!(signal.reason instanceof RosterError)) throw signal.reason;
      return { phase: 'Aborted', facts, error: error instanceof RosterError ? error : signal.reason };
    }
    if (!(error instanceof RosterError)) return { phase: 'Failed', facts, error: unexpected(context.log, run, error) };
    // A deposed leader writes nothing more: its successor ends the run.
    if (error.reason === 'NoLongerLeader') throw error;
    return { phase: 'Failed', facts, error };
  }
}

/** The log has the error itself; what it says may not be for users. */
function unexpected(log: Logger, { metadata: { namespace, name }, spec }: DirectorySync, err: unknown): RosterError {
  log.error({ namespace, directory: spec.directory, run: name, err }, 'run failed unexpectedly');
  return new RosterError('UnexpectedError', 'The run met an error that is not foreseen.');
}

/** Opens the server that the directory names, with the credentials of its Secret. */
export function openServer({ secrets, mirror }: Pick<Context, 'secrets' | 'mirror'>): Open {
  return async (directory, signal) => {
    const reader = await prepareReader(secrets, directory, signal, mirror.entraSnapshots);
    return await reader.open(signal);
  };
}

/** The connection is closed afterwards: writing takes minutes, in which nothing is asked of the server. */
async function readAndCompare(
  { context, run, directory, report, learn, timed, signal }: Course,
  open: Open,
): Promise<{ readonly comparison: Comparison; readonly evidence: Evidence }> {
  using connections = new DisposableStack();
  await report('Reading', learn({ message: 'Reading the directory.' }));
  const [opened, contents] = await timed('Read', async () => {
    const connection = connections.use(await open(directory, signal));
    return [connection, await readAll(connection)];
  });
  const { evidence } = contents;
  learn(evidenceFacts(evidence));
  assertComplete(contents);
  await report('Planning', learn({ message: `Read ${evidence.entries} entries; comparing them.` }));
  const comparison = await timed('Plan', () => compare(context, run, directory, contents, opened, signal));
  return { comparison, evidence };
}

/** An incomplete read ends here: nothing of it is compared, so that nobody can be changed by it. */
function assertComplete({ evidence }: DirectoryContents): void {
  if (evidence.complete) return;
  throw new RosterError(
    'IncompleteRead',
    `The read is not proved to be complete: ${evidence.doubts.join(' ')}`.slice(0, 800),
  );
}

/** Judges the plan, and stores it with what is held of it. */
async function guard(course: Course, { plan, emptied }: Comparison, evidence: Evidence): Promise<Verdict> {
  const { context, run, directory, startedAt, approved, learn, signal } = course;
  const { plans, effects } = context.mirror;
  const settings = readSettings(directory, evidence);
  if (isWhole(run)) learn({ readSettings: settings });
  const { namespace = '', name } = directory.metadata;
  const since = new Date(startedAt.getTime() - guardWindowMs);
  const circumstances = {
    settings: directory.spec.guard,
    history: Object.fromEntries(await effects.since({ namespace, directory: name }, since)),
    settingsChanged: settingsChanged(context, directory, settings),
    emptied,
    approved,
  };
  const verdict = await inSlices(judge(plan, circumstances), signal);
  const holds = await inSlices(heldLines(plan, verdict), signal);
  const held = heldFacts(run, verdict, emptied, context.now());
  learn({ ...planFacts(plan, holds), ...performedFacts(plan, []), ...(held && { held }) });
  const record = runRecord(run, startedAt);
  await plans.store(record, concatenated(holds, lines(plan)));
  if (held?.expiresAt !== undefined) await plans.hold(record, verdict.held?.keys ?? []);
  return verdict;
}

/** What the status counts is what is written by then, so that it is true however the run ends. @throws as `execute` */
async function apply(course: Course, plan: Plan, verdict: Verdict): Promise<Applied> {
  const { context, run, startedAt, approved, report, learn, timed, signal } = course;
  const done: (GroupAction | PersonAction)[] = [];
  const writing = (message: string) => report('Applying', learn({ ...performedFacts(plan, done), message }));
  await writing('Writing people and groups.');
  try {
    return await timed('Apply', () =>
      execute(context, { run, startedAt, verdict, approved, done, report: writing, signal }),
    );
  } catch (error) {
    const cause = signal.aborted ? signal.reason : error;
    if (!(cause instanceof RosterError) || cause.reason === 'NoLongerLeader') throw error;
    const total = verdict.groups.length + verdict.people.length;
    throw new RosterError(cause.reason, `${cause.message} The run stopped after ${done.length} of ${total} writes.`);
  } finally {
    learn(performedFacts(plan, done));
  }
}

/** A directory that fills people and of which no success is known, as after a restore, counts as changed. */
function settingsChanged({ informers }: Context, directory: UserDirectory, settings: string): boolean {
  const { namespace = '', name } = directory.metadata;
  const key = `${namespace}/${name}`;
  const last = lastReadSettings(directory, [...informers.runs.cache.byIndex('directory', key)]);
  if (last !== undefined) return last !== settings;
  return [informers.users, informers.recipients].some(({ cache }) => cache.countByIndex('directory', key) > 0);
}

async function conclude(course: Course, comparison: Comparison, applied: Applied, facts: Progress): Promise<Outcome> {
  const { context, run, startedAt, learn } = course;
  const { failures, written } = applied;
  const { held } = facts;
  if (failures.length > 0) {
    await context.mirror.plans.add(runRecord(run, startedAt), failures);
    const samples = [...failures.slice(0, 10).map(sampleOf), ...(facts.samples ?? [])].slice(0, 20);
    const total = failures.length + written;
    const error = new RosterError(
      'WritesFailed',
      `${failures.length} of ${total} ${total === 1 ? 'write' : 'writes'} failed.`,
    );
    return {
      phase: 'Failed',
      facts: learn({ failed: failures.length, samples, ...(held && { held: closed(held) }) }),
      error,
    };
  }
  if (held !== undefined) {
    const reason = held.reason === 'EmptyAnswer' ? 'EmptyAnswer' : 'ChangesHeld';
    const explanation = comparison.explanation === undefined ? [] : [comparison.explanation];
    return { phase: 'Held', facts, error: new RosterError(reason, [...explanation, held.message].join(' ')) };
  }
  const message = [approvalNote(run), told(comparison)].filter(Boolean).join(' ');
  return { phase: 'Succeeded', facts: learn({ memberships: comparison.plan.memberships, message }) };
}

/** What a run would do, and what of it would wait for approval. */
function preview(comparison: Comparison, { held }: Verdict): string {
  const waits = held === undefined ? [] : [`Of these changes a run would hold ${held.count}: ${held.message}`];
  return ['Nothing was changed.', told(comparison), ...waits].join(' ');
}

/** What a run of everybody did in numbers, or why one person is or is not synced. */
const told = ({ plan, explanation }: Comparison): string => explanation ?? summary(plan);

function* concatenated<T>(...lists: readonly Iterable<T>[]): Generator<T> {
  for (const list of lists) yield* list;
}

function runRecord({ metadata: { namespace = '', name, uid = '' }, spec }: DirectorySync, startedAt: Date) {
  return { namespace, name, uid, directory: spec.directory, startedAt, dryRun: spec.dryRun };
}
