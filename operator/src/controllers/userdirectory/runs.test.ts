import type { DirectorySync } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, condition, directory, interrupted, run } from '../testing/objects.ts';
import { requestedAt, requestOf } from './requests.ts';
import { inOrderOfTheirEnd, nextRun, runOf, scheduledRun, surplusRuns } from './runs.ts';

const requested = (value: string, rest: Parameters<typeof directory>[1] = {}, spec = {}) =>
  directory(spec, { annotations: { [requestedAt]: value }, ...rest });
const handled = (value: string) => ({ status: { lastHandledRequestAt: value } });

const succeeded = (name: string, seconds: number, rest: Parameters<typeof run>[2] = {}) =>
  run(name, { phase: 'Succeeded', finishedAt: at(seconds) }, rest);
const failed = (name: string, seconds: number, rest: Parameters<typeof run>[2] = {}) =>
  run(name, { phase: 'Failed', finishedAt: at(seconds) }, rest);
/** A run that can be approved. */
const held = (name: string, approval?: NonNullable<DirectorySync['spec']['approval']>, hash = 'abc') =>
  run(
    name,
    { phase: 'Held', finishedAt: at(-60), held: { reason: 'ManyLinks', message: 'Many.', count: 4, hash } },
    { spec: approval === undefined ? {} : { approval } },
  );
const approval = { hash: 'abc', rejected: false };
const names = (runs: readonly DirectorySync[]) => runs.map(({ metadata }) => metadata.name);

describe('a request by annotation', () => {
  it('asks for a run', () => {
    expect(nextRun(requested('now'), [])).toEqual({
      name: expect.stringMatching(/^corporate-[0-9a-f]{8}$/),
      reason: 'roster.dev/requestedAt is now',
      interruptions: 0,
    });
  });

  it('always asks for the same run, and another request for another', () => {
    expect(nextRun(requested('now'), [])).toEqual(nextRun(requested('now'), []));
    expect(nextRun(requested('later'), [])?.name).not.toBe(nextRun(requested('now'), [])?.name);
  });

  it('asks a directory that was created anew for another run', () => {
    const names = ['1', '2'].map((uid) => nextRun(requested('now', { uid }), [])?.name);
    expect(new Set(names).size).toBe(2);
  });

  it('asks for nothing when it was handled, until it changes', () => {
    expect(nextRun(requested('now', handled('now')), [])).toBeUndefined();
    expect(nextRun(requested('later', handled('now')), [])).toBeDefined();
  });

  it('asks for nothing when there is none', () => {
    expect(nextRun(directory(), [])).toBeUndefined();
    expect(nextRun(requested(''), [])).toBeUndefined();
  });

  it('asks for nothing while the run that it asked for is there', () => {
    const name = nextRun(requested('now'), [])?.name ?? '';
    expect(nextRun(requested('now'), [succeeded(name, -60)])).toBeUndefined();
  });

  it('is served by a run that waits', () => {
    for (const waiting of [run('a'), run('a', { phase: 'Pending' })]) {
      expect(nextRun(requested('now'), [waiting])).toBeUndefined();
    }
  });

  it('is not served by a run that only plans', () => {
    for (const phase of [undefined, 'Pending', 'Reading'] as const) {
      const waiting = run('a', phase && { phase }, { spec: { dryRun: true } });
      expect(nextRun(requested('now'), [waiting])).toBeDefined();
    }
  });

  it('is served neither by a preview nor by a run of one person', () => {
    for (const spec of [{ dryRun: true }, { person: 'jane@example.com' }]) {
      expect(nextRun(requested('now'), [run('a', undefined, { spec })])).toBeDefined();
    }
  });

  it('is served by a held run that was approved and has not begun again', () => {
    expect(nextRun(requested('now'), [held('a', approval)])).toBeUndefined();
    expect(nextRun(requested('now'), [held('a')])).toBeDefined();
    expect(nextRun(requested('now'), [held('a', { ...approval, rejected: true })])).toBeDefined();
    expect(nextRun(requested('now'), [held('a', { ...approval, hash: 'another' })])).toBeDefined();
  });

  it('is not served by a run that has begun to read', () => {
    expect(nextRun(requested('now'), [run('a', { phase: 'Reading' })])).toBeDefined();
  });

  it('waits while the directory is suspended', () => {
    expect(nextRun(requested('now', {}, { suspend: true }), [])).toBeUndefined();
  });

  it('is the same after the 63 characters that the status keeps', () => {
    const long = requested(`${'x'.repeat(63)} and more`);
    expect(requestOf(long, requestedAt)).toBe('x'.repeat(63));
    expect(nextRun(requested(`${'x'.repeat(63)} and more`, handled('x'.repeat(63))), [])).toBeUndefined();
  });

  it('gives a name that Kubernetes takes, however long the directory has one', () => {
    for (const name of ['a'.repeat(63), `${'a'.repeat(53)}.${'b'.repeat(9)}`, `${'a'.repeat(52)}--${'b'.repeat(9)}`]) {
      const next = nextRun(requested('now', { name }), [])?.name ?? '';
      expect(next).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(next.length).toBeLessThanOrEqual(63);
    }
  });
});

describe('an interrupted run', () => {
  it('is continued by another', () => {
    expect(nextRun(directory(), [interrupted('a'), succeeded('b', -120)])).toEqual({
      name: expect.stringMatching(/^corporate-[0-9a-f]{8}$/),
      reason: 'a was interrupted',
      interruptions: 1,
    });
  });

  it('always gives the same name, and another run of the same name another', () => {
    const next = (uid: string) => nextRun(directory(), [interrupted('a', at(-60), { uid })])?.name;
    expect(next('1')).toBe(next('1'));
    expect(next('2')).not.toBe(next('1'));
  });

  it('is not continued when something ended after it', () => {
    expect(nextRun(directory(), [interrupted('a', at(-60)), succeeded('b', -30)])).toBeUndefined();
    expect(nextRun(directory(), [interrupted('a', at(-60)), failed('b', -30)])).toBeUndefined();
  });

  it('is not continued while another is under way or waits', () => {
    expect(nextRun(directory(), [interrupted('a'), run('b', { phase: 'Applying' })])).toBeUndefined();
    expect(nextRun(directory(), [interrupted('a'), run('b')])).toBeUndefined();
  });

  it('is continued whatever only plans', () => {
    const planning = { spec: { dryRun: true } };
    expect(nextRun(directory(), [interrupted('a'), run('b', undefined, planning)])).toBeDefined();
    expect(nextRun(directory(), [interrupted('a', at(-60)), succeeded('b', -30, planning)])).toBeDefined();
  });

  it('is not continued while the directory is suspended', () => {
    expect(nextRun(directory({ suspend: true }), [interrupted('a')])).toBeUndefined();
  });

  it('is not continued when it was only to plan: what follows would change people', () => {
    expect(nextRun(directory(), [interrupted('a', at(-60), { spec: { dryRun: true } })])).toBeUndefined();
  });

  it('is not continued when it failed for another reason', () => {
    expect(nextRun(directory(), [failed('a', -60)])).toBeUndefined();
  });

  it('is not continued while the account is refused', () => {
    const refused = (reason: string) =>
      directory({}, { status: { conditions: [condition('Connected', 'False', reason)] } });
    expect(nextRun(refused('InvalidCredentials'), [interrupted('a')])).toBeUndefined();
    expect(nextRun(refused('ServerUnreachable'), [interrupted('a')])).toBeDefined();
  });

  it('yields to a request', () => {
    expect(nextRun(requested('now'), [interrupted('a')])).toMatchObject({ interruptions: 0 });
  });

  it('is continued ten times in a row, whatever was pruned meanwhile', () => {
    let last = interrupted('a');
    for (let interruptions = 1; interruptions <= 10; interruptions++) {
      const next = nextRun(directory(), [last]);
      expect(next?.interruptions).toBe(interruptions);
      const { metadata, spec } = runOf(directory(), next ?? { name: '', reason: '', interruptions: 0 });
      last = interrupted(metadata.name, at(-60), { ...metadata, uid: `uid-${interruptions}`, spec });
    }
    expect(nextRun(directory(), [last])).toBeUndefined();
  });
});

describe('a scheduled time', () => {
  const time = new Date('2026-03-02T02:30:00Z');

  it('has one run, named by its minute as a CronJob names its Jobs', () => {
    expect(scheduledRun(directory(), time, [])).toEqual({
      name: `corporate-${Date.parse('2026-03-02T02:30:00Z') / 60_000}`,
      reason: 'scheduled for 2026-03-02T02:30:00Z',
      interruptions: 0,
    });
    expect(scheduledRun(directory(), new Date(time.getTime() + 59_999), [])?.name).toBe('corporate-29540310');
  });

  it('has none when it is there, however it ended', () => {
    for (const one of [run('corporate-29540310'), failed('corporate-29540310', -60)]) {
      expect(scheduledRun(directory(), time, [one])).toBeUndefined();
    }
  });

  it('is served by a run that waits, and only by one for everybody', () => {
    expect(scheduledRun(directory(), time, [run('a')])).toBeUndefined();
    expect(scheduledRun(directory(), time, [run('a', { phase: 'Reading' })])).toBeDefined();
    for (const spec of [{ dryRun: true }, { person: 'jane@example.com' }]) {
      expect(scheduledRun(directory(), time, [run('a', undefined, { spec })])).toBeDefined();
    }
  });

  it('has a run of its own in each of two directories whose long names begin alike', () => {
    const [one, other] = ['a', 'b'].map((end) => directory({}, { name: `${'x'.repeat(60)}${end}` }));
    const names = [one, other].map((object) => object && scheduledRun(object, time, [])?.name);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name?.length).toBeLessThanOrEqual(63);
  });
});

describe('a run that is created', () => {
  it('outlives its directory, to tell how it ended', () => {
    expect(runOf(directory(), { name: 'corporate-1', reason: 'any', interruptions: 0 })).toEqual({
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'DirectorySync',
      metadata: {
        name: 'corporate-1',
        namespace: 'acme',
      },
      spec: { directory: 'corporate', dryRun: false },
    });
  });
});

describe('runs', () => {
  it('are in the order of their end, the last first, without those that have not ended', () => {
    const runs = [
      succeeded('b', -60),
      run('waiting'),
      succeeded('a', -60),
      run('reading', { phase: 'Reading' }),
      failed('c', -30),
      succeeded('d', -90),
    ];
    expect(names(inOrderOfTheirEnd(runs))).toEqual(['c', 'b', 'a', 'd']);
    expect(names(inOrderOfTheirEnd(runs.toReversed()))).toEqual(['c', 'b', 'a', 'd']);
  });

  it('that ended within a second are in the order in which they were written', () => {
    const runs = [
      failed('b', -60, { resourceVersion: '9' }),
      succeeded('a', -60, { resourceVersion: '10' }),
      failed('c', -90, { resourceVersion: '11' }),
    ];
    expect(names(inOrderOfTheirEnd(runs))).toEqual(['a', 'b', 'c']);
    expect(names(inOrderOfTheirEnd(runs.toReversed()))).toEqual(['a', 'b', 'c']);
  });

  it('are pruned beyond the limits, the oldest first, successes and others apart', () => {
    const runs = [
      ...[1, 2, 3, 4].map((age) => succeeded(`good-${age}`, -age)),
      ...[1, 2].map((age) => failed(`bad-${age}`, -age)),
      run('held-3', { phase: 'Held', finishedAt: at(-3) }),
      run('aborted-4', { phase: 'Aborted', finishedAt: at(-4) }),
    ];
    const limits = { successfulRunsHistoryLimit: 2, failedRunsHistoryLimit: 3 };
    expect(names(surplusRuns(directory(limits), runs))).toEqual(['good-3', 'good-4', 'aborted-4']);
  });

  it.each<[string, Partial<DirectorySync['spec']>]>([
    ['previews', { dryRun: true }],
    ['runs of one person', { person: 'jane@example.com' }],
  ])('are not pushed out by %s, which are pruned by the same limits', (_, spec) => {
    const runs = [
      ...[1, 2, 3].map((age) => succeeded(`tried-${age}`, -age, { spec })),
      ...[4, 5].map((age) => failed(`tried-${age}`, -age, { spec })),
      ...[6, 7, 8].map((age) => succeeded(`real-${age}`, -age)),
      ...[9, 10].map((age) => failed(`real-${age}`, -age)),
    ];
    const limits = { successfulRunsHistoryLimit: 2, failedRunsHistoryLimit: 1 };
    expect(names(surplusRuns(directory(limits), runs))).toEqual(['real-8', 'real-10', 'tried-3', 'tried-5']);
  });

  it('are not pruned while the status names them', () => {
    const runs = [1, 2, 3].map((age) => failed(`bad-${age}`, -age));
    const lastAttempt = { run: 'bad-2', result: 'Failed', finishedAt: at(-2) } as const;
    const named = directory({ failedRunsHistoryLimit: 1 }, { status: { lastAttempt } });
    expect(names(surplusRuns(named, runs))).toEqual(['bad-3']);
  });

  it('are not pruned before they have ended, nor while they can be approved, nor when they have a time to live', () => {
    const runs = [
      failed('worse', 0),
      held('open'),
      held('approved', approval),
      succeeded('new', -1),
      succeeded('old', -2),
      succeeded('ephemeral', 0, { spec: { ttlSecondsAfterFinished: 60 } }),
      run('waiting'),
      run('applying', { phase: 'Applying' }),
    ];
    const limits = { successfulRunsHistoryLimit: 1, failedRunsHistoryLimit: 1 };
    expect(names(surplusRuns(directory(limits), runs))).toEqual(['old']);
  });
});
