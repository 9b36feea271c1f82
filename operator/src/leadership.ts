import { setTimeout } from 'node:timers/promises';
import type { Context } from './controllers/context.ts';
import { tenantName } from './controllers/context.ts';
import type { Vanishings } from './controllers/tenant/vanishings.ts';
import { exists } from './controllers/tenant/vanishings.ts';
import { DatabaseError } from './errors.ts';
import type { MirroredKind, RowKey } from './mirror/index.ts';
import type { Controller, Manager } from './runtime/index.ts';

/** How often the database is asked whether it answers, in milliseconds. */
const healthIntervalMs = 10_000;
/** How often what is older than its time is deleted, in milliseconds. */
const purgeIntervalMs = 3_600_000;
/** The lines of a run are kept for so long, in milliseconds. */
const planRetentionMs = 30 * 24 * 3_600_000;
/** What the guard counts together is kept for so long, in milliseconds: longer than it looks back. */
const effectRetentionMs = 8 * 24 * 3_600_000;
/** The snapshot of an Entra tenant that no run moves is kept for so long, in milliseconds. */
const snapshotRetentionMs = 30 * 24 * 3_600_000;
/** A database that is down when this process becomes leader is waited for; tried this often, in milliseconds. */
const takeOverRetryMs = 3_000;

export interface Leadership {
  /** To be called between becoming leader and the start of the controllers. */
  takeOver(signal: AbortSignal): Promise<void>;
}

/**
 * What only the leader does beside reconciling: it fences off its predecessors, learns what the database holds,
 * and compares it with the resources from then on.
 */
export function lead(
  manager: Manager,
  context: Context,
  controllers: Readonly<Record<MirroredKind, Controller>>,
  vanishings: Vanishings,
  compareIntervalMs: number,
): Leadership {
  const { mirror, log, informers, scope } = context;
  const lookAt = (keys: Iterable<RowKey>) => {
    for (const { namespace, kind, name } of keys) {
      controllers[kind].enqueue({ namespace, name }, 'low');
    }
  };
  mirror.onFreed((_namespace, _type, _value, waiters) => lookAt(waiters));
  mirror.onDrift(lookAt);

  const compare = async () => {
    const drifted = await mirror.compare();
    if (drifted.length > 0) log.warn({ rows: drifted.length }, 'rows of the database differed and are repaired');
    lookAt(drifted);
  };

  const reportVanished = (keys: Iterable<RowKey>) => {
    for (const key of keys) if (!exists(informers, key)) vanishings.report(key);
  };
  // What went while a namespace was another installation's. Who does not lead knows of no rows.
  scope.onChange((namespace, included) => {
    if (included) reportVanished([...mirror.keys()].filter((key) => key.namespace === namespace));
  });

  manager.add({
    name: 'comparison of the database',
    needsLeader: true,
    start: (signal) => every(compareIntervalMs, signal, () => tolerateOutage(compare)),
  });
  manager.add({
    name: 'purge of the database',
    needsLeader: true,
    start: (signal) => every(purgeIntervalMs, signal, () => tolerateOutage(() => purge(context))),
  });
  manager.add({
    name: 'health of the database',
    needsLeader: true,
    start: (signal) => watchHealth(context, controllers.Tenant, signal),
  });

  return {
    async takeOver(signal) {
      await persist(context, signal, async () => {
        const epoch = await mirror.mint();
        if (!(await manager.stillHolds(signal))) {
          throw new DatabaseError('NoLongerLeader', 'Another operator has taken the Lease meanwhile.');
        }
        await mirror.load();
        log.info({ epoch, rows: mirror.stats().rows }, 'leading');
      });
      reportVanished(mirror.keys());
    },
  };
}

/** Tries until the database answers: an operator without one waits, and says so in its readiness. */
async function persist({ log, metrics }: Context, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work();
      metrics.databaseUp.set(1);
      return;
    } catch (error) {
      if (!isOutage(error)) throw error;
      metrics.databaseUp.set(0);
      log.warn({ err: error }, 'waiting for the database');
      await setTimeout(takeOverRetryMs, undefined, { signal });
    }
  }
}

/** Tenants say in their conditions whether the database can be reached, so they look when that changes. */
async function watchHealth(
  { mirror, metrics, informers, log }: Context,
  tenants: Controller,
  signal: AbortSignal,
): Promise<void> {
  let before: Error | undefined;
  await every(healthIntervalMs, signal, async () => {
    const trouble = await mirror.healthy().then(
      () => undefined,
      (error: Error) => error,
    );
    metrics.databaseUp.set(trouble === undefined ? 1 : 0);
    metrics.mirrorLag.set(mirror.stats().lagSeconds);
    if (trouble?.message === before?.message) return;
    if (trouble !== undefined) log.error({ err: trouble }, 'the database does not answer');
    else log.info({}, 'the database answers again');
    before = trouble;
    for (const { metadata } of informers.tenants.cache.list()) {
      tenants.enqueue({ namespace: metadata.namespace ?? '', name: tenantName });
    }
  });
}

async function tolerateOutage(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isOutage(error)) throw error; // Health watches over outages; the next round makes up for this one.
  }
}

const isOutage = (error: unknown): error is DatabaseError =>
  error instanceof DatabaseError && error.reason === 'DatabaseUnavailable';

/** Deletes from the database what is older than its time. */
export async function purge({ mirror, now }: Pick<Context, 'mirror' | 'now'>): Promise<void> {
  const moment = now();
  await mirror.purge(moment);
  await mirror.plans.purge(new Date(moment.getTime() - planRetentionMs));
  await mirror.effects.purge(new Date(moment.getTime() - effectRetentionMs));
  await mirror.entraSnapshots.purge(new Date(moment.getTime() - snapshotRetentionMs));
}

async function every(milliseconds: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await setTimeout(milliseconds, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await work();
  }
}
