import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Fault } from '../../../../hack/graph/fault.ts';
import { DirectoryError } from '../../errors.ts';
import type { EntraSnapshot } from '../../mirror/entrasnapshots.ts';
import type { DirectoryContents } from '../record.ts';
import { TestTenant, useSnapshot } from './fixture.ts';
import type { EntraReaderOptions } from './reader.ts';

const db = useSnapshot();

/** Everything that a read can ask: two queries for changes, of several pages, a filter, and assignments. */
const options: Partial<EntraReaderOptions> = {
  userFilter: 'accountEnabled eq true',
  groups: { names: ['Team'], assignedToApplication: true },
};
const reads: Readonly<Record<string, Partial<EntraReaderOptions>>> = {
  changes: options,
  everything: { ...options, now: () => new Date(Date.now() + 8 * 86_400_000) },
};

async function start(snapshot: EntraSnapshot): Promise<TestTenant> {
  const tenant = await TestTenant.start(snapshot);
  tenant.graph.delta.disorder = { seed: 7, emptyPages: 1 };
  tenant.group('Team', tenant.user('ada'), tenant.user('bob'));
  return tenant;
}

/** What a read ended with, while this fault befell it. */
async function readDespite(
  tenant: TestTenant,
  read: Partial<EntraReaderOptions>,
  fault: (request: number) => Fault | undefined,
): Promise<DirectoryContents | DirectoryError> {
  let requests = 0;
  tenant.graph.fault = () => fault(++requests);
  try {
    return await tenant.read(read);
  } catch (error) {
    if (error instanceof DirectoryError) return error;
    throw error;
  } finally {
    tenant.graph.fault = () => undefined;
  }
}

async function requestsOf(tenant: TestTenant, read: Partial<EntraReaderOptions>): Promise<number> {
  let requests = 0;
  await readDespite(tenant, read, (request) => {
    requests = request;
    return undefined;
  });
  return requests;
}

/** Nobody is changed by it. */
const changesNobody = (end: DirectoryContents | DirectoryError) =>
  end instanceof DirectoryError || (!end.evidence.complete && end.evidence.doubts.length > 0);

const fatal: readonly Fault[] = [
  { kind: 'cut' },
  { kind: 'cutBody' },
  { kind: 'stall' },
  { kind: 'garbage' },
  ...[400, 401, 403, 404, 500].map((status) => ({ kind: 'status', status }) as const),
];
/** For which the client asks again, after it waited as long as the server wants. */
const passing: readonly Fault[] = [429, 503, 504].map((status) => ({ kind: 'status', status, retryAfter: 0 }) as const);
/** After two to sign in, whose faults are tested with the credentials: the library takes seconds to try again. */
const firstToGraph = 3;
const named = (fault: Fault) => (fault.kind === 'status' ? String(fault.status) : fault.kind);

describe.each(Object.entries(reads))('a read of %s', { timeout: 120_000 }, (_, read) => {
  describe.each(fatal.map((fault) => [named(fault), fault] as const))('%s', (_name, fault) => {
    it('at any request changes nobody, and moves neither snapshot nor links', async () => {
      await using tenant = await start(db.snapshot);
      await tenant.read(options);
      const requests = await requestsOf(tenant, read);
      expect(requests).toBeGreaterThan(6);
      for (let number = firstToGraph; number <= requests; number++) {
        tenant.user(`new${number}`);
        const before = await db.snapshot.current();
        const users = await count();
        // From there on, or for longer than the libraries try again.
        const patience = fault.kind === 'stall' ? { timeoutMs: 250 } : {};
        const end = await readDespite(tenant, { ...read, ...patience }, (request) =>
          request >= number ? fault : undefined,
        );
        expect([number, changesNobody(end)]).toEqual([number, true]);
        if (number <= requests - 2) expect([number, await db.snapshot.current()]).toEqual([number, before]);
        if (number <= requests - 2) expect([number, await count()]).toEqual([number, users]);
      }
      // Nothing was skipped.
      const { people } = await tenant.read(options);
      expect(people).toHaveLength(2 + requests - firstToGraph + 1);
    });
  });

  it('goes on when the connection breaks once', async () => {
    await using tenant = await start(db.snapshot);
    await tenant.read(options);
    const requests = await requestsOf(tenant, read);
    for (let number = firstToGraph; number <= requests; number++) {
      for (const kind of ['cut', 'cutBody'] as const) {
        const end = await readDespite(tenant, read, (request) => (request === number ? { kind } : undefined));
        expect(end).toMatchObject({ evidence: { complete: true } });
      }
    }
  });

  describe.each(passing.map((fault) => [named(fault), fault] as const))('%s', (_name, fault) => {
    it('is waited for', async () => {
      await using tenant = await start(db.snapshot);
      await tenant.read(options);
      const requests = await requestsOf(tenant, read);
      for (let number = firstToGraph; number <= requests; number++) {
        const end = await readDespite(tenant, read, (request) => (request === number ? fault : undefined));
        expect(end).toMatchObject({ evidence: { complete: true } });
      }
    });

    it('for ever changes nobody, and moves nothing', async () => {
      await using tenant = await start(db.snapshot);
      await tenant.read(options);
      const before = await db.snapshot.current();
      const end = await readDespite(tenant, read, (request) => (request >= firstToGraph ? fault : undefined));
      expect(end).toMatchObject({
        reason: fault.kind === 'status' && fault.status === 429 ? 'Throttled' : 'ServerBusy',
      });
      expect(await db.snapshot.current()).toEqual(before);
    });
  });

  it('for which the state is lost at any request reads everything, or changes nobody', async () => {
    await using tenant = await start(db.snapshot);
    await tenant.read(options);
    const requests = await requestsOf(tenant, read);
    for (let number = firstToGraph; number <= requests; number++) {
      const lost = { kind: 'status', status: 410 } as const;
      const end = await readDespite(tenant, read, (request) => (request === number ? lost : undefined));
      const whole = !(end instanceof DirectoryError) && end.evidence.complete && end.people.length === 2;
      expect([number, whole || changesNobody(end)]).toEqual([number, true]);
    }
    expect((await tenant.read(options)).people).toHaveLength(2);
  });
});

async function count(): Promise<number> {
  const checkpoint = await db.snapshot.current();
  let users = 0;
  for await (const page of db.snapshot.users(checkpoint?.id ?? '')) users += page.length;
  return users;
}

describe('a quota that is used up', () => {
  it('is waited for as long as Graph wants, and the read goes on', async () => {
    let clock = Date.now();
    await using tenant = await TestTenant.start(db.snapshot, { quota: () => 3, now: () => clock });
    tenant.graph.delta.disorder = { seed: 7, emptyPages: 1 };
    tenant.group('Team', tenant.user('ada'), tenant.user('bob'));
    const waits: number[] = [];
    const { setTimeout } = globalThis;
    vi.stubGlobal('setTimeout', (work: () => void, milliseconds: number, ...rest: []) => {
      if (!new Error().stack?.includes('RetryHandler')) return setTimeout(work, milliseconds, ...rest);
      waits.push(milliseconds);
      clock += milliseconds;
      return setTimeout(work, 0);
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    const { evidence, people } = await tenant.read(options);
    expect([evidence.complete, people.length]).toEqual([true, 2]);
    const refused = tenant.graph.answered.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    // Nothing was asked again before its time, which would have been refused once more.
    expect(refused.length).toBe(waits.length);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
  });
});

describe('a token that ends in the middle', () => {
  it('is followed by another', async () => {
    await using tenant = await start(db.snapshot);
    // The library asks for another when the one that it has is good for less than five minutes.
    tenant.graph.login.tokenLifetime = 60;
    expect((await tenant.read(options)).evidence.complete).toBe(true);
    expect(tenant.graph.answered.filter(({ path }) => path.includes('/token')).length).toBeGreaterThan(3);
  });
});

describe('the end of the operator', () => {
  it.each(['stall', 'wait'] as const)('is not held up by a server (%s)', async (kind) => {
    await using tenant = await start(db.snapshot);
    const stop = new AbortController();
    using directory = await tenant.open({ timeoutMs: 60_000 }, stop.signal);
    tenant.graph.fault = () => {
      setImmediate(() => stop.abort(new Error('the end')));
      return kind === 'stall' ? { kind } : { kind: 'status', status: 429, retryAfter: 100 };
    };
    await expect(directory.read().next()).rejects.toThrow('the end');
  });
});
