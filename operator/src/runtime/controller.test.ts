import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from './apierror.ts';
import { Controller, type ControllerOptions, eachState, type Request } from './controller.ts';
import type { InformerEvent, InformerHandler } from './informer.ts';
import { done, type Result, requeueAfter, StalledError, WaitingError } from './outcome.ts';
import { annotationsChanged, anyOf, generationChanged } from './predicates.ts';
import { RecordingLogger } from './testing/logger.ts';
import { type Widget, widget } from './testing/widget.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const a: Request = { namespace: 'acme', name: 'a' };
const b: Request = { namespace: 'acme', name: 'b' };

/** A running controller whose calls are recorded and answered by `reconcile`. */
function run(reconcile: ControllerOptions['reconcile'], options: Partial<ControllerOptions> = {}) {
  const logger = new RecordingLogger();
  const results: string[] = [];
  const nothing = () => undefined;
  const metrics = {
    queue: { added: nothing, retried: nothing, started: nothing, finished: nothing },
    observe: nothing,
    started: nothing,
    finished: (result: string) => results.push(result),
  };
  const calls: string[] = [];
  const controller = new Controller(
    {
      name: 'widget',
      reconcile: (request, signal) => {
        calls.push(request.name);
        return reconcile(request, signal);
      },
      ...options,
    },
    logger,
    metrics,
  );
  const stop = new AbortController();
  const force = new AbortController();
  const running = controller.run(stop.signal, force.signal);
  return { controller, calls, results, logger, stop, force, running };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Throws or returns these in turn, then is done. */
function outcomes(...list: unknown[]): () => Promise<Result> {
  return async () => {
    const next = list.shift();
    if (next instanceof Error || typeof next === 'string') {
      throw next;
    }
    return (next as Result | undefined) ?? done;
  };
}

describe('Controller', () => {
  it('reconciles each request once, however often it is asked for', async () => {
    const { controller, calls, results } = run(async () => done);
    controller.enqueue(a);
    controller.enqueue(b);
    controller.enqueue(a);
    await pass(0);
    expect(calls).toEqual(['a', 'b']);
    expect(results).toEqual(['success', 'success']);
    await pass(3_600_000);
    expect(calls.length).toBe(2);
  });

  it('never reconciles one object twice at a time, others beside it', async () => {
    const releases = new Map<string, () => void>();
    const { controller, calls } = run(({ name }) => new Promise((resolve) => releases.set(name, () => resolve(done))), {
      concurrency: 2,
    });
    controller.enqueue(a);
    controller.enqueue(b);
    await pass(0);
    controller.enqueue(a);
    controller.enqueue({ namespace: 'acme', name: 'c' });
    await pass(0);
    expect(calls).toEqual(['a', 'b']);
    releases.get('b')?.();
    await pass(0);
    expect(calls).toEqual(['a', 'b', 'c']);
    releases.get('a')?.();
    await pass(0);
    expect(calls).toEqual(['a', 'b', 'c', 'a']);
  });

  it('looks again when the reconcile asks for it', async () => {
    const { controller, calls, results } = run(outcomes(requeueAfter(5_000)));
    controller.enqueue(a);
    await pass(4_999);
    expect(calls.length).toBe(1);
    await pass(1);
    expect(calls.length).toBe(2);
    expect(results).toEqual(['requeue_after', 'success']);
  });

  it('retries an error with growing delays, and begins anew after a success', async () => {
    const bad = new Error('bad');
    const { controller, calls, results, logger } = run(outcomes(bad, bad, bad, undefined, bad), {
      backoff: { baseMs: 1_000, maxMs: 60_000 },
    });
    controller.enqueue(a);
    await pass(0);
    for (const [delay, count] of [
      [1_000, 2],
      [2_000, 3],
      [4_000, 4],
    ] as const) {
      await pass(delay - 1);
      expect(calls.length).toBe(count - 1);
      await pass(1);
      expect(calls.length).toBe(count);
    }
    controller.enqueue(a);
    await pass(1_000);
    expect(results).toEqual(['error', 'error', 'error', 'success', 'error', 'success']);
    expect(logger.lines[0]).toEqual({
      level: 'error',
      message: 'reconcile failed',
      fields: { controller: 'widget', namespace: 'acme', name: 'a', err: bad, retryInMs: 1_000, failures: 1 },
    });
  });

  it('waits as long as the API server asks', async () => {
    const { controller, calls } = run(outcomes(new ApiError(429, {}, 30)));
    controller.enqueue(a);
    await pass(29_999);
    expect(calls.length).toBe(1);
    await pass(1);
    expect(calls.length).toBe(2);
  });

  it('leaves a stalled object until something changes', async () => {
    const { controller, calls, results } = run(outcomes(new Error('bad'), new StalledError('no such role')));
    controller.enqueue(a);
    await pass(3_600_000);
    expect(results).toEqual(['error', 'stalled']);
    controller.enqueue(a);
    await pass(0);
    expect(calls.length).toBe(3);
  });

  it('waits for what is known to take time, without counting it as a failure', async () => {
    const waiting = new WaitingError('database is down', 10_000);
    const { controller, calls, results, logger } = run(outcomes(waiting, waiting));
    controller.enqueue(a);
    await pass(19_999);
    expect(calls.length).toBe(2);
    await pass(1);
    expect(results).toEqual(['waiting', 'waiting', 'success']);
    expect(logger.lines.every(({ level }) => level === 'debug')).toBe(true);
  });

  it.each([['a string'], [undefined], [null]])('isolates whatever is thrown: %s', async (thrown) => {
    let first = true;
    const { controller, calls, results } = run(() => {
      if (first) {
        first = false;
        throw thrown;
      }
      return Promise.resolve(done);
    });
    controller.enqueue(a);
    controller.enqueue(b);
    await pass(1_000);
    expect(calls).toEqual(['a', 'b', 'a']);
    expect(results).toEqual(['error', 'success', 'success']);
  });

  it('aborts what takes too long, and tries again', async () => {
    let attempts = 0;
    const { controller, results, logger } = run(
      (_, signal) => {
        attempts++;
        return attempts > 1
          ? Promise.resolve(done)
          : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('cut off'))));
      },
      { timeoutMs: 1_000 },
    );
    controller.enqueue(a);
    await pass(2_000);
    expect(results).toEqual(['timeout', 'success']);
    expect(logger.lines[0]?.fields.err).toMatchObject({ name: 'ReconcileTimeoutError' });
  });

  it('stops in good order: nothing new begins, what runs may end', async () => {
    let release: (() => void) | undefined;
    const { controller, calls, stop, running } = run(() => new Promise((resolve) => (release = () => resolve(done))));
    controller.enqueue(a);
    controller.enqueue(b);
    await pass(0);
    stop.abort();
    let ended = false;
    void running.then(() => {
      ended = true;
    });
    await pass(1_000);
    expect(ended).toBe(false);
    release?.();
    await running;
    expect(calls).toEqual(['a']);
  });

  it('aborts what runs when forced, and does not call that a failure', async () => {
    const { controller, stop, force, running, logger } = run(
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    controller.enqueue(a);
    await pass(0);
    stop.abort();
    force.abort(new Error('now'));
    await running;
    expect(logger.lines).toEqual([]);
  });

  it('tells the names of people at debug level only', async () => {
    const refusal = new ApiError(404, { reason: 'NotFound', message: 'users "jane.doe" not found' });
    const { controller, logger } = run(outcomes(refusal, new StalledError('jane.doe has no role')), { personal: true });
    controller.enqueue({ namespace: 'acme', name: 'jane.doe' });
    await pass(1_000);
    const shown = logger.lines.filter(({ level }) => level !== 'debug');
    expect(shown).toEqual([
      {
        level: 'error',
        message: 'reconcile failed',
        fields: {
          controller: 'widget',
          namespace: 'acme',
          request: expect.stringMatching(/^[0-9a-f]{12}$/),
          error: 'ApiError',
          code: 404,
          reason: 'NotFound',
          retryInMs: 5,
          failures: 1,
        },
      },
    ]);
    const hidden = logger.lines.filter(({ level }) => level === 'debug');
    expect(hidden.map(({ message, fields }) => [message, fields.name, fields.request])).toEqual([
      ['reconcile failed', 'jane.doe', shown[0]?.fields.request],
      ['stalled until something changes', 'jane.doe', undefined],
    ]);
  });
});

describe('Controller.watches', () => {
  function source() {
    let handler: InformerHandler<Widget> = () => undefined;
    return {
      onEvent: (given: InformerHandler<Widget>) => {
        handler = given;
        return () => undefined;
      },
      emit: (event: InformerEvent<Widget>) => handler(event),
    };
  }

  it('reconciles the object of an event, what just happened before what was read at the start', async () => {
    const informer = source();
    const controller = new Controller({ name: 'widget', reconcile: async () => done }, new RecordingLogger());
    const calls: string[] = [];
    const recording = new Controller(
      {
        name: 'recording',
        reconcile: async ({ name }) => {
          calls.push(name);
          return done;
        },
      },
      new RecordingLogger(),
    );
    expect(controller.watches(informer)).toBe(controller);
    recording.watches(informer);
    informer.emit({ type: 'added', object: widget('acme', 'old'), initial: true });
    informer.emit({ type: 'added', object: widget('acme', 'new'), initial: false });
    informer.emit({ type: 'deleted', object: widget('acme', 'gone'), missedDelete: false });
    const stop = new AbortController();
    void recording.run(stop.signal, stop.signal);
    await pass(0);
    expect(calls).toEqual(['new', 'gone', 'old']);
  });

  it('maps events to other requests, on an update also from what was before, and filters', async () => {
    const informer = source();
    const { controller, calls } = run(async () => done);
    const owner = eachState((object: Widget) => [{ namespace: 'acme', name: object.spec.note ?? '' }]);
    controller.watches(informer, owner, (event) => event.type !== 'deleted');
    informer.emit({
      type: 'updated',
      old: widget('acme', 'w', { spec: { note: 'before' } }),
      object: widget('acme', 'w', { spec: { note: 'after' } }),
      initial: false,
    });
    informer.emit({ type: 'deleted', object: widget('acme', 'w', { spec: { note: 'never' } }), missedDelete: false });
    await pass(0);
    expect(calls).toEqual(['after', 'before']);
  });
});

describe('predicates', () => {
  const update = (before: object, after: object): InformerEvent<Widget> => ({
    type: 'updated',
    old: widget('acme', 'a', { metadata: { name: 'a', generation: 1, ...before } }),
    object: widget('acme', 'a', { metadata: { name: 'a', generation: 1, ...after } }),
    initial: false,
  });

  it.each([
    ['generation', generationChanged, update({}, { generation: 2 })],
    ['annotations', annotationsChanged, update({ annotations: { a: 'b' } }, { annotations: { a: 'c' } })],
  ])('%s', (_, predicate, change) => {
    const same = update(
      { labels: { a: 'b' }, annotations: { c: 'd' } },
      { labels: { a: 'b' }, annotations: { c: 'd' } },
    );
    expect(predicate(same)).toBe(false);
    expect(predicate(change)).toBe(true);
    expect(predicate({ type: 'added', object: widget('acme', 'a'), initial: false })).toBe(true);
    expect(predicate({ type: 'deleted', object: widget('acme', 'a'), missedDelete: false })).toBe(true);
    expect(anyOf(predicate, () => false)(change)).toBe(true);
    expect(anyOf(predicate, () => false)(same)).toBe(false);
  });
});
