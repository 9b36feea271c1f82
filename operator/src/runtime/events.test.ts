import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, TransportError } from './apierror.ts';
import { type EventClient, EventRecorder, type KubernetesEvent } from './events.ts';
import { silentLogger } from './logger.ts';
import { WIDGET, widget } from './testing/widget.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Keeps events as the server would; its first calls fail so. */
function setUp(...failures: (Error | undefined)[]) {
  const events = new Map<string, KubernetesEvent>();
  let calls = 0;
  const attempt = () => {
    calls++;
    const failure = failures.shift();
    if (failure !== undefined) {
      throw failure;
    }
  };
  const client = {
    create: async (_type: unknown, event: KubernetesEvent) => {
      attempt();
      events.set(event.metadata.name, event);
      return event;
    },
    mergePatch: async (_type: unknown, key: { name: string }, patch: object) => {
      attempt();
      const event = events.get(key.name);
      if (event === undefined) {
        throw new ApiError(404, { reason: 'NotFound' });
      }
      events.set(key.name, { ...event, ...patch });
      return event;
    },
  };
  const recorder = new EventRecorder(
    client as unknown as EventClient,
    { component: 'roster', instance: 'pod-1' },
    silentLogger,
  );
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  const counts = () => [...events.values()].map(({ message, count }) => `${count} ${message}`);
  return { recorder, events, calls: () => calls, counts, stop, running };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const object = widget('acme', 'a', { metadata: { name: 'a', uid: 'uid-1', resourceVersion: '7' } });

describe('EventRecorder', () => {
  it('writes an event that kubectl describe finds and shows', async () => {
    const { recorder, events } = setUp();
    recorder.record(WIDGET, object, 'Warning', 'Held', 'Too much would be removed.');
    await pass(0);
    expect([...events.values()]).toEqual([
      {
        metadata: { namespace: 'acme', name: expect.stringMatching(/^a\.[0-9a-f]{16}$/) },
        involvedObject: {
          apiVersion: 'test.roster.dev/v1',
          kind: 'Widget',
          namespace: 'acme',
          name: 'a',
          uid: 'uid-1',
          resourceVersion: '7',
        },
        type: 'Warning',
        reason: 'Held',
        message: 'Too much would be removed.',
        source: { component: 'roster' },
        reportingComponent: 'roster',
        reportingInstance: 'pod-1',
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
        count: 1,
      },
    ]);
  });

  it('counts the same event within ten minutes, and no other', async () => {
    const { recorder, events, counts } = setUp();
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    await pass(60_000);
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    recorder.record(WIDGET, object, 'Normal', 'Done', 'two');
    recorder.record(WIDGET, { metadata: { ...object.metadata, uid: 'uid-2' } }, 'Normal', 'Done', 'one');
    await pass(0);
    expect(counts()).toEqual(['2 one', '1 two', '1 one']);
    expect([...events.values()][0]).toMatchObject({
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:01:00Z',
    });
    await pass(600_000);
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    await pass(0);
    expect(counts()).toEqual(['2 one', '1 two', '1 one', '1 one']);
  });

  it('writes a burst of the same event once', async () => {
    const { recorder, calls, counts } = setUp();
    for (let count = 0; count < 20; count++) {
      recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    }
    await pass(0);
    expect(counts()).toEqual(['20 one']);
    expect(calls()).toBe(1);
  });

  it('allows each object 25 events, and then one in five minutes', async () => {
    const { recorder, events } = setUp();
    const other = widget('acme', 'b', { metadata: { name: 'b', uid: 'uid-2' } });
    const record = (count: number) => recorder.record(WIDGET, object, 'Normal', 'Done', `message ${count}`);
    for (let count = 0; count < 100; count++) {
      record(count);
    }
    recorder.record(WIDGET, other, 'Normal', 'Done', 'other');
    await pass(0);
    expect(events.size).toBe(26);
    await pass(299_000);
    record(100);
    await pass(1_000);
    record(101);
    record(102);
    await pass(0);
    expect([...events.values()].at(-1)?.message).toBe('message 101');
    expect(events.size).toBe(27);
  });

  it('makes an event anew that the server has forgotten', async () => {
    const { recorder, events, counts } = setUp();
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    await pass(0);
    events.clear();
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    await pass(0);
    expect(counts()).toEqual(['2 one']);
  });

  it('tries again when the server has trouble, drops what it refuses, and goes on', async () => {
    const trouble = new TransportError('test', 'ECONNRESET', true);
    const { recorder, counts } = setUp(trouble, new ApiError(500), undefined, new ApiError(403));
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    recorder.record(WIDGET, object, 'Normal', 'Done', 'refused');
    recorder.record(WIDGET, object, 'Normal', 'Done', 'three');
    await pass(60_000);
    expect(counts()).toEqual(['1 one', '1 three']);
  });

  it('never blocks or throws, and holds a thousand at most', async () => {
    const { recorder, events, stop, running } = setUp(...Array.from({ length: 4 }, () => new ApiError(500)));
    for (let count = 0; count < 3_000; count++) {
      recorder.record(WIDGET, widget('acme', `w${count}`), 'Normal', 'Done', 'one');
    }
    await pass(60_000);
    stop.abort();
    await running;
    expect(events.size).toBe(999);
  });

  it('writes what waits when it is stopped', async () => {
    const { recorder, counts, stop, running } = setUp();
    recorder.record(WIDGET, object, 'Normal', 'Done', 'one');
    stop.abort();
    await running;
    expect(counts()).toEqual(['1 one']);
  });

  it('keeps within the limits of the API', async () => {
    const { recorder, events } = setUp();
    const long = widget('acme', `${'a'.repeat(229)}.${'b'.repeat(20)}`);
    recorder.record(WIDGET, long, 'Normal', 'Done', '🙂'.repeat(400));
    recorder.record({ ...WIDGET, namespaced: false }, { metadata: { name: 'cluster' } }, 'Normal', 'Done', 'x');
    await pass(0);
    const [first, second] = [...events.values()];
    expect(Buffer.byteLength(first?.message ?? '')).toBeLessThanOrEqual(1_024);
    expect(first?.message).toMatch(/^🙂+\.\.\.$/u);
    expect(first?.metadata.name).toMatch(/^a{229}\.[0-9a-f]{16}$/);
    expect(second?.metadata.namespace).toBe('default');
  });
});
