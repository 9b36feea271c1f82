import { beforeEach, describe, expect, it } from 'vitest';
import type { Context } from './controllers/context.ts';
import { Vanishings } from './controllers/tenant/vanishings.ts';
import { cacheOf, group, organization, role, tenant, user } from './controllers/testing/objects.ts';
import { DatabaseError } from './errors.ts';
import { type Leadership, lead, purge } from './leadership.ts';
import type { MirroredKind, RowKey } from './mirror/index.ts';
import type { Controller, Manager } from './runtime/index.ts';
import type { ScopeListener } from './runtime/namespacescope.ts';
import { RecordingLogger } from './runtime/testing/logger.ts';

const row = (kind: MirroredKind, name: string): RowKey => ({ namespace: 'acme', kind, name });

describe('who becomes leader', () => {
  let log: RecordingLogger;
  let stillHolds: boolean;
  let mint: () => Promise<number>;
  let reported: RowKey[];
  let leadership: Leadership;
  let rescope: ScopeListener;
  beforeEach(() => {
    log = new RecordingLogger();
    stillHolds = true;
    mint = async () => 7;
    reported = [];
    const informers = {
      tenants: { cache: cacheOf(tenant()) },
      organizations: { cache: cacheOf(organization('main')) },
      roles: { cache: cacheOf(role('developers')) },
      users: { cache: cacheOf(user('jane')) },
      recipients: { cache: cacheOf() },
      groups: { cache: cacheOf(group('board')) },
    };
    const mirror = {
      onFreed: () => undefined,
      onDrift: () => undefined,
      mint: () => mint(),
      load: async () => undefined,
      stats: () => ({ rows: 3 }),
      keys: () => [row('User', 'jane'), row('User', 'john'), row('Group', 'chess')],
    };
    const scope = {
      onChange(listener: ScopeListener) {
        rescope = listener;
      },
    };
    const manager = { add: () => undefined, stillHolds: async () => stillHolds } as unknown as Manager;
    const metrics = { databaseUp: { set: () => undefined } };
    const vanishings = new Vanishings(() => undefined);
    vanishings.report = (key) => void reported.push(key);
    leadership = lead(
      manager,
      { mirror, informers, metrics, log, scope } as unknown as Context,
      {} as Record<MirroredKind, Controller>,
      vanishings,
      1_000,
    );
  });

  it('reports rows whose resources vanished while nobody led', async () => {
    await leadership.takeOver(new AbortController().signal);
    expect(reported).toEqual([row('User', 'john'), row('Group', 'chess')]);
  });

  it('reports rows whose resources vanished while their namespace was in other hands', () => {
    rescope('globex', true);
    rescope('acme', false);
    expect(reported).toEqual([]);
    rescope('acme', true);
    expect(reported).toEqual([row('User', 'john'), row('Group', 'chess')]);
  });

  it('goes no further when another one took the Lease meanwhile', async () => {
    stillHolds = false;
    await expect(leadership.takeOver(new AbortController().signal)).rejects.toMatchObject({ reason: 'NoLongerLeader' });
    expect(reported).toEqual([]);
  });

  it('waits for a database that is down, and the log has the error', async () => {
    const err = new DatabaseError('DatabaseUnavailable', 'The database does not answer.');
    mint = () => Promise.reject(err);
    const stop = new AbortController();
    const takenOver = leadership.takeOver(stop.signal);
    await expect
      .poll(() => log.lines)
      .toEqual([{ level: 'warn', message: 'waiting for the database', fields: { err } }]);
    stop.abort();
    await expect(takenOver).rejects.toThrow();
    expect(reported).toEqual([]);
  });
});

it('the log of a run and a snapshot nobody moves go after 30 days, what the guard counts after those it looks back', async () => {
  const purged: Record<string, string> = {};
  const purging = (what: string) => async (before: Date) => {
    purged[what] = before.toISOString();
  };
  const mirror = {
    purge: purging('rows'),
    plans: { purge: purging('plans') },
    effects: { purge: purging('effects') },
    entraSnapshots: { purge: purging('snapshots') },
  };
  await purge({ mirror, now: () => new Date('2026-03-31T12:00:00Z') } as unknown as Context);
  expect(purged).toEqual({
    rows: '2026-03-31T12:00:00.000Z',
    plans: '2026-03-01T12:00:00.000Z',
    effects: '2026-03-23T12:00:00.000Z',
    snapshots: '2026-03-01T12:00:00.000Z',
  });
});
