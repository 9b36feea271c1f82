import type { DirectorySync, DirectorySyncStatus, RunPhase, UserDirectory } from '@roster/crds';
import { type Applied, applyPlan } from '../../directory/apply.ts';
import { judge, type Verdict } from '../../directory/guard.ts';
import {
  type DirectorySettings,
  isSuspiciouslyEmpty,
  lines,
  type Plan,
  planDirectory,
  samples,
} from '../../directory/plan/index.ts';
import { readAll } from '../../directory/reader.ts';
import type { DirectoryContents } from '../../directory/record.ts';
import { RosterError } from '../../errors.ts';
import type { Logger } from '../../runtime/index.ts';
import { seconds } from '../conditions.ts';
import { type Context, tenantName } from '../context.ts';
import type { Secrets } from '../secrets.ts';
import { prepareReader } from '../userdirectory/reader.ts';
import { evidenceFacts, type Progress } from './status.ts';
import { apiTarget } from './target.ts';

/** Reads a directory whole. @throws RosterError */
export type Read = (directory: UserDirectory, signal: AbortSignal) => Promise<DirectoryContents>;

/** Tells the world how far a run is. */
export type Report = (phase: RunPhase, facts: Progress) => Promise<void>;

/** How a run ended. */
export interface Outcome {
  readonly phase: 'Succeeded' | 'Failed' | 'Held';
  readonly facts: Progress;
  readonly error?: RosterError;
}

type Stage = NonNullable<DirectorySyncStatus['stages']>[number];

/** Writes of a run under way at a time; the client bounds those of the whole operator. */
const concurrency = 64;

/**
 * Carries one run out: read, plan, guard, apply. Every failure ends as an outcome, with what was learnt until then;
 * only the end of the operator is thrown.
 */
export async function carryOut(
  context: Context,
  read: Read,
  run: DirectorySync,
  directory: UserDirectory,
  report: Report,
  signal: AbortSignal,
): Promise<Outcome> {
  let facts: Progress = { startedAt: seconds(context.now()) };
  const learn = (learnt: Progress) => {
    facts = { ...facts, ...learnt };
    return facts;
  };
  const timed = async <T>(name: Stage['name'], work: () => Promise<T> | T): Promise<T> => {
    const start = performance.now();
    try {
      return await work();
    } finally {
      learn({ stages: [...(facts.stages ?? []), { name, seconds: Math.round(performance.now() - start) / 1000 }] });
    }
  };
  try {
    await report('Reading', learn({ message: 'Reading the directory.' }));
    const contents = await timed('Read', () => read(directory, signal));
    learn(evidenceFacts(contents.evidence));
    assertComplete(contents);

    await report('Planning', learn({ message: `Read ${contents.evidence.entries} entries; comparing them.` }));
    const plan = await timed('Plan', () => makePlan(context, directory, contents));
    learn(planFacts(plan));
    const verdict = judge(plan.facts);
    if (verdict.held !== undefined) learn({ held: { ...verdict.held, message: verdict.held.message.slice(0, 1024) } });
    await context.mirror.plans.store(runRecord(run, directory, context.now()), lines(plan));
    if (run.spec.dryRun)
      return { phase: 'Succeeded', facts: learn({ message: `Nothing was changed. ${summary(plan)}` }) };

    await report('Applying', learn({ message: 'Writing people and groups.' }));
    const applied = await timed('Apply', () => apply(context, run, plan, verdict, report, () => facts, signal));
    return conclusion(plan, verdict, applied, learn);
  } catch (error) {
    signal.throwIfAborted();
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

/** Reads the server that the directory names, with the credentials of its Secret. */
export function readServer(secrets: Secrets): Read {
  return async (directory, signal) => {
    const reader = await prepareReader(secrets, directory, signal);
    using opened = await reader.open(signal);
    return await readAll(opened);
  };
}

/** An incomplete read ends here: nothing of it is compared, so that nobody can be changed by it. */
function assertComplete({ evidence }: DirectoryContents): void {
  if (evidence.complete) return;
  throw new RosterError(
    'IncompleteRead',
    `The read is not proved to be complete: ${evidence.doubts.join(' ')}`.slice(0, 800),
  );
}

/** @throws RosterError EmptyAnswer: nobody matches, which more likely is a wrong filter than a company without people. */
async function makePlan(context: Context, directory: UserDirectory, contents: DirectoryContents): Promise<Plan> {
  const { informers, mirror, now } = context;
  const namespace = directory.metadata.namespace ?? '';
  const key = `${namespace}/${directory.metadata.name}`;
  const linked =
    informers.users.cache.countByIndex('directory', key) + informers.recipients.cache.countByIndex('directory', key);
  if (isSuspiciouslyEmpty({ contents, linked })) {
    throw new RosterError(
      'EmptyAnswer',
      `Nobody matches, although ${amount(linked, 'person', 'people')} came from this directory.`,
    );
  }
  return planDirectory({
    directory: settingsOf(directory, contents.evidence.authority),
    contents,
    existing: {
      users: informers.users.cache.list(namespace),
      recipients: informers.recipients.cache.list(namespace),
      groups: informers.groups.cache.list(namespace),
      roles: new Map([...informers.roles.cache.list(namespace)].map((role) => [role.metadata.name, role])),
      owner: informers.tenants.cache.get(namespace, tenantName)?.spec.owner,
      tombstones: await mirror.tombstones(namespace),
      claims: await mirror.claims.holders(namespace),
    },
    now: now(),
  });
}

function settingsOf({ metadata, spec }: UserDirectory, authority: string): DirectorySettings {
  const {
    organization,
    importAs,
    defaultRole,
    groupPrefix,
    emailDomains,
    exclude,
    linking,
    precedence,
    passwordSetup,
  } = spec;
  return {
    name: metadata.name,
    authority,
    organization,
    importAs,
    defaultRole,
    groupPrefix,
    membership: spec.groups.membership,
    emailDomains,
    exclude,
    linking,
    precedence,
    passwordSetup,
  };
}

function planFacts(plan: Plan): Progress {
  return {
    people: plan.counts.people,
    groups: plan.counts.groups,
    memberships: plan.memberships,
    reasons: plan.reasons.slice(0, 50),
    samples: samples(plan, 20),
  };
}

/** Progress is reported this often, in milliseconds. */
const progressMs = 5_000;

async function apply(
  context: Context,
  run: DirectorySync,
  plan: Plan,
  verdict: Verdict,
  report: Report,
  facts: () => Progress,
  signal: AbortSignal,
): Promise<Applied> {
  const namespace = run.metadata.namespace ?? '';
  const target = apiTarget(
    context.client,
    namespace,
    (wants) => context.mirror.claims.reserve(namespace, wants),
    signal,
  );
  let reportedAt = performance.now();
  let reporting: Promise<void> | undefined;
  try {
    return await applyPlan(plan, target, {
      verdict,
      signal,
      concurrency,
      progress: (done, total) => {
        if (reporting !== undefined || performance.now() - reportedAt < progressMs) return;
        reportedAt = performance.now();
        // A report that gets lost is followed by the next.
        reporting = report('Applying', { ...facts(), message: `Wrote ${done} of ${total}.` })
          .catch(() => {})
          .finally(() => {
            reporting = undefined;
          });
      },
    });
  } finally {
    // Otherwise it might reach the server after the end of the run was written.
    await reporting;
  }
}

function conclusion(plan: Plan, verdict: Verdict, applied: Applied, learn: (facts: Progress) => Progress): Outcome {
  const { failures } = applied;
  if (failures.length > 0) {
    const shown = failures.slice(0, 10).map(({ action, reason, record, name, message }) => ({
      action,
      reason,
      record: record.slice(0, 1024),
      name,
      message: message?.slice(0, 512),
    }));
    const facts = learn({ failed: failures.length, samples: [...shown, ...samples(plan, 20 - shown.length)] });
    const message = `${failures.length} of ${amount(failures.length + applied.written, 'write', 'writes')} failed.`;
    return { phase: 'Failed', facts, error: new RosterError('WritesFailed', message) };
  }
  if (verdict.held !== undefined) {
    return { phase: 'Held', facts: learn({}), error: new RosterError('ChangesHeld', verdict.held.message) };
  }
  return { phase: 'Succeeded', facts: learn({ message: summary(plan) }) };
}

function summary({ counts: { people, groups }, memberships }: Plan): string {
  const part = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}`]);
  const described = [
    ...part(people.created, 'created'),
    ...part(people.linked, 'linked'),
    ...part(people.updated, 'updated'),
    ...part(people.unchanged, 'unchanged'),
    ...part(people.excluded, 'excluded'),
    ...part(people.rejected, 'rejected'),
    ...part(people.missing, 'missing and kept'),
  ];
  const inGroups = groups.created + groups.updated + groups.unchanged;
  const found = `${amount(people.found, 'person', 'people')} found`;
  const belonging = `${amount(inGroups, 'group', 'groups')} with ${amount(memberships, 'membership', 'memberships')}`;
  return `${[found, described.join(', ')].filter(Boolean).join(': ')}. ${belonging}.`;
}

const amount = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

function runRecord(run: DirectorySync, directory: UserDirectory, startedAt: Date) {
  return {
    namespace: run.metadata.namespace ?? '',
    name: run.metadata.name,
    uid: run.metadata.uid ?? '',
    directory: directory.metadata.name,
    startedAt,
    dryRun: run.spec.dryRun,
  };
}
