import type { ObjectMeta } from '@roster/crds';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, TransportError } from './apierror.ts';
import { LeaderElector, LeadershipLostError, type Lease, type LeaseClient, microTime } from './leader.ts';
import { silentLogger } from './logger.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Trouble = 'none' | 'unreachable' | 'hanging' | 'forbidden';

/** The one lease, with the API server's rules about versions. */
class LeaseServer {
  lease: Lease | undefined;
  writes = 0;
  #version = 0;

  /** A client of its own, with troubles of its own. */
  client(): LeaseClient & { trouble: Trouble } {
    const answer = async <R>(work: () => R, signal?: AbortSignal): Promise<R> => {
      switch (client.trouble) {
        case 'unreachable':
          throw new TransportError('test', 'ECONNREFUSED', false);
        case 'forbidden':
          throw new ApiError(403);
        case 'hanging':
          return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
        default:
          return work();
      }
    };
    const client = {
      trouble: 'none' as Trouble,
      get: (_type: unknown, _key: unknown, options: { signal?: AbortSignal } = {}) =>
        answer(() => this.#get(), options.signal),
      create: (_type: unknown, object: unknown, options: { signal?: AbortSignal } = {}) =>
        answer(() => this.#create(object as Lease), options.signal),
      replace: (_type: unknown, object: unknown, options: { signal?: AbortSignal } = {}) =>
        answer(() => this.#replace(object as Lease), options.signal),
    };
    return client as unknown as LeaseClient & { trouble: Trouble };
  }

  /** Somebody else takes it, whatever the rules. */
  steal(holderIdentity: string): void {
    this.#store({ metadata: { name: 'lease' }, spec: { ...this.lease?.spec, holderIdentity } });
  }

  #get(): Lease {
    if (this.lease === undefined) {
      throw new ApiError(404, { reason: 'NotFound' });
    }
    return this.lease;
  }

  #create(lease: Lease): Lease {
    if (this.lease !== undefined) {
      throw new ApiError(409, { reason: 'AlreadyExists' });
    }
    return this.#store(lease);
  }

  #replace(lease: Lease): Lease {
    if (this.#get().metadata.resourceVersion !== lease.metadata.resourceVersion) {
      throw new ApiError(409, { reason: 'Conflict' });
    }
    return this.#store(lease);
  }

  #store(lease: Lease): Lease {
    this.writes++;
    const metadata: ObjectMeta = { ...lease.metadata, resourceVersion: String(++this.#version) };
    this.lease = { ...lease, metadata };
    return this.lease;
  }
}

function candidate(server: LeaseServer, identity: string) {
  const client = server.client();
  const elector = new LeaderElector(client, { namespace: 'roster', name: 'lease', identity }, silentLogger);
  const stop = new AbortController();
  const led: AbortSignal[] = [];
  let stopped = 0;
  const outcome: { error?: unknown; ended?: true } = {};
  const start = () =>
    elector
      .run(stop.signal, { onStartedLeading: (signal) => led.push(signal), onStoppedLeading: () => stopped++ })
      .then(
        () => Object.assign(outcome, { ended: true }),
        (error: unknown) => Object.assign(outcome, { error, ended: true }),
      );
  return { client, elector, stop, led, start, outcome, stopped: () => stopped };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('LeaderElector', () => {
  it('takes a free lease, renews it, and gives it back', async () => {
    const server = new LeaseServer();
    const { elector, stop, led, start, stopped } = candidate(server, 'a');
    const running = start();
    await pass(0);
    expect(elector.isLeader).toBe(true);
    expect(server.lease).toMatchObject({
      metadata: { namespace: 'roster', name: 'lease' },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 },
    });
    expect(server.lease?.spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const acquired = server.lease?.spec?.acquireTime;
    await pass(60_000);
    expect(server.writes).toBe(31);
    expect(server.lease?.spec?.acquireTime).toBe(acquired);
    expect(server.lease?.spec?.renewTime).not.toBe(acquired);

    stop.abort();
    await running;
    expect(server.lease?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(led.map((signal) => signal.aborted)).toEqual([true]);
    expect([elector.isLeader, stopped()]).toEqual([false, 1]);
  });

  it('gives the lease back although its last renewal was aborted, and yet carried out', async () => {
    const server = new LeaseServer();
    const { start, stop } = candidate(server, 'a');
    const running = start();
    await pass(4_000);
    server.steal('a');
    stop.abort();
    await running;
    expect(server.lease?.spec?.holderIdentity).toBe('');
  });

  it('waits for the lease of another to run out by its own clock, whatever the lease says', async () => {
    const server = new LeaseServer();
    server.steal('dead');
    Object.assign(server.lease?.spec ?? {}, { leaseDurationSeconds: 15, renewTime: '1970-01-01T00:00:00.000000Z' });
    const { elector, start, stop } = candidate(server, 'b');
    const running = start();
    await pass(14_900);
    expect(elector.isLeader).toBe(false);
    expect(elector.holder).toBe('dead');
    await pass(5_000);
    expect(elector.isLeader).toBe(true);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    stop.abort();
    await running;
  });

  it('takes a lease that was given back within a second or so', async () => {
    const server = new LeaseServer();
    const first = candidate(server, 'a');
    const second = candidate(server, 'b');
    const firstRunning = first.start();
    await pass(0);
    const secondRunning = second.start();
    await pass(30_000);
    expect([first.elector.isLeader, second.elector.isLeader]).toEqual([true, false]);
    first.stop.abort();
    await firstRunning;
    await pass(1_200);
    expect(second.elector.isLeader).toBe(true);
    second.stop.abort();
    await secondRunning;
  });

  it.each([0, 0.5, 0.999])(
    'is taken from who died by who stood by, before who was started anew (%f)',
    async (random) => {
      vi.spyOn(Math, 'random').mockReturnValue(random);
      const server = new LeaseServer();
      const [first, second, anew] = [candidate(server, 'a'), candidate(server, 'b'), candidate(server, 'a2')];
      void first.start();
      await pass(0);
      const running = second.start();
      await pass(61_000);
      // Nothing of it reaches the server any more.
      first.client.trouble = 'hanging';
      await pass(1_000);
      const restarted = anew.start();
      await pass(16_500);
      expect(server.lease?.spec?.holderIdentity).toBe('b');
      for (const { stop } of [first, second, anew]) stop.abort();
      await Promise.all([running, restarted]);
    },
  );

  it.each<Trouble>(['unreachable', 'hanging', 'forbidden'])(
    'steps down in time when the API is %s',
    async (trouble) => {
      const server = new LeaseServer();
      const { client, elector, start, led, outcome } = candidate(server, 'a');
      void start();
      await pass(4_000);
      client.trouble = trouble;
      await pass(7_000);
      expect(led[0]?.aborted).toBe(false);
      await pass(5_000);
      expect(led[0]?.aborted).toBe(true);
      expect(elector.isLeader).toBe(false);
      expect(outcome.error).toBeInstanceOf(LeadershipLostError);
    },
  );

  it('survives trouble shorter than the renew deadline', async () => {
    const server = new LeaseServer();
    const { client, elector, start, stop, led } = candidate(server, 'a');
    const running = start();
    await pass(4_000);
    client.trouble = 'unreachable';
    await pass(7_000);
    client.trouble = 'none';
    await pass(20_000);
    expect(elector.isLeader).toBe(true);
    expect(led[0]?.aborted).toBe(false);
    stop.abort();
    await running;
  });

  it('steps down at once when another holds the lease', async () => {
    const server = new LeaseServer();
    const { elector, start, outcome } = candidate(server, 'a');
    void start();
    await pass(0);
    expect(await elector.stillHolds()).toBe(true);
    server.steal('b');
    expect(await elector.stillHolds()).toBe(false);
    await pass(2_100);
    expect(outcome.error).toMatchObject({ message: 'The lease is now held by b.' });
    expect(server.lease?.spec?.holderIdentity).toBe('b');
  });

  it('does not trust its lease after the process stood still', async () => {
    const server = new LeaseServer();
    const { elector, start, outcome } = candidate(server, 'a');
    void start();
    await pass(4_000);
    const { writes } = server;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    expect(elector.isLeader).toBe(false);
    expect(await elector.stillHolds()).toBe(false);
    await pass(2_100);
    expect(outcome.error).toBeInstanceOf(LeadershipLostError);
    expect(server.writes).toBe(writes);
  });

  it('makes the lease anew when somebody deleted it', async () => {
    const server = new LeaseServer();
    const { elector, start, stop } = candidate(server, 'a');
    const running = start();
    await pass(0);
    server.lease = undefined;
    await pass(2_100);
    expect(elector.isLeader).toBe(true);
    expect(server.lease).toBeDefined();
    stop.abort();
    await running;
  });

  it('ends without a lease when told to while waiting', async () => {
    const server = new LeaseServer();
    server.steal('other');
    const { start, stop, led } = candidate(server, 'a');
    const running = start();
    await pass(1_000);
    stop.abort();
    await running;
    expect(led).toEqual([]);
    expect(server.lease?.spec?.holderIdentity).toBe('other');
  });

  it('never leads beside another, whatever troubles each has', async () => {
    const step = fc.record({
      who: fc.integer({ min: 0, max: 2 }),
      trouble: fc.constantFrom<Trouble>('none', 'unreachable', 'hanging', 'forbidden'),
      ms: fc.integer({ min: 0, max: 20_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const server = new LeaseServer();
        const candidates = ['a', 'b', 'c'].map((identity) => candidate(server, identity));
        const running = candidates.map(({ start }) => start());
        const leaders = () => candidates.filter(({ elector }) => elector.isLeader).length;
        for (const { who, trouble, ms } of steps) {
          Object.assign(candidates[who]?.client ?? {}, { trouble });
          for (let passed = 0; passed < ms; passed += 500) {
            await pass(500);
            expect(leaders()).toBeLessThanOrEqual(1);
          }
        }
        for (const { client, stop } of candidates) {
          client.trouble = 'none';
          stop.abort();
        }
        await pass(0);
        await Promise.all(running);
      }),
    );
  });

  it('refuses timings that cannot work', () => {
    const options = { namespace: 'roster', name: 'lease', leaseDurationMs: 5_000 };
    expect(() => new LeaderElector(new LeaseServer().client(), options, silentLogger)).toThrow('lease duration');
  });
});

it('writes times with six decimals', () => {
  expect(microTime(new Date('2026-01-02T03:04:05.678Z'))).toBe('2026-01-02T03:04:05.678000Z');
});
