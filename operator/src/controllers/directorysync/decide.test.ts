import type { DirectorySync } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, directory, now, run } from '../testing/objects.ts';
import { decide, type Observed } from './decide.ts';

const decideOf = (subject: DirectorySync, rest: Partial<Observed> = {}) =>
  decide({
    run: subject,
    directory: directory(),
    problem: undefined,
    runs: [subject],
    active: undefined,
    now,
    ...rest,
  });
const started = { step: 'start', directory: directory() };
const activeRun = ({ metadata }: DirectorySync) => ({ uid: metadata.uid ?? '', name: metadata.name });

describe('a run that waits', () => {
  it('starts when nothing is in its way', () => {
    for (const status of [undefined, { phase: 'Pending' } as const]) {
      expect(decideOf(run('a', status))).toEqual(started);
    }
  });

  it('fails when there is no directory', () => {
    expect(decideOf(run('a'), { directory: undefined })).toEqual({
      step: 'fail',
      problem: { reason: 'DirectoryNotFound', message: 'There is no UserDirectory corporate.' },
    });
  });

  it('waits while the directory is suspended', () => {
    expect(decideOf(run('a'), { directory: directory({ suspend: true }) })).toEqual({
      step: 'wait',
      message: 'The directory corporate is suspended.',
    });
  });

  it('waits while the directory names something that is not there', () => {
    const problem = { reason: 'OrganizationNotFound', message: 'There is no organization main.' } as const;
    expect(decideOf(run('a'), { problem })).toEqual({ step: 'wait', message: 'There is no organization main.' });
  });

  it('waits for a run under way, whichever was there first', () => {
    for (const age of [-7200, -60]) {
      const other = run('other', { phase: 'Applying' }, { creationTimestamp: at(age) });
      const subject = run('a');
      const message = 'Waiting for the run other to end.';
      expect(decideOf(subject, { runs: [subject, other] })).toEqual({ step: 'wait', message });
      expect(decideOf(subject, { runs: [subject, other], active: activeRun(other) })).toEqual({
        step: 'wait',
        message,
      });
    }
  });

  it('waits for a run of another directory, too: those of a tenant write the same people', () => {
    const other = run('other', { phase: 'Reading' }, { spec: { directory: 'subsidiary' } });
    expect(decideOf(run('a'), { runs: [other] }).step).toBe('wait');
  });

  it('waits for the active run before the cache shows that it has begun', () => {
    const other = run('other', undefined, { creationTimestamp: at(0) });
    const subject = run('a');
    expect(decideOf(subject, { runs: [subject, other] })).toEqual(started);
    expect(decideOf(subject, { runs: [subject, other], active: activeRun(other) }).step).toBe('wait');
  });

  it('waits for the active run when that is deleted already', () => {
    expect(decideOf(run('a'), { active: { uid: 'gone', name: 'deleted' } })).toEqual({
      step: 'wait',
      message: 'Waiting for the run deleted to end.',
    });
  });

  it('does not wait for runs that have ended', () => {
    for (const phase of ['Succeeded', 'Failed', 'Held', 'Aborted'] as const) {
      const other = run('other', { phase, finishedAt: at(-60) }, { creationTimestamp: at(-7200) });
      expect(decideOf(run('a'), { runs: [other] })).toEqual(started);
    }
  });

  it('is one of a queue in which exactly the first starts: by creation, then by name', () => {
    const queue = [
      run('c', undefined, { creationTimestamp: at(-300) }),
      run('a', undefined, { creationTimestamp: at(-200) }),
      run('b', undefined, { creationTimestamp: at(-200) }),
    ];
    for (const runs of [queue, queue.toReversed()]) {
      expect(queue.map((subject) => decideOf(subject, { runs }))).toEqual([
        started,
        { step: 'wait', message: 'Waiting for the run c to end.' },
        { step: 'wait', message: expect.stringMatching(/^Waiting for the run [ac] to end\.$/) },
      ]);
    }
  });
});

describe('a run under way', () => {
  const subject = run('a', { phase: 'Applying' });

  it('goes on in the process that carries it out', () => {
    expect(decideOf(subject, { active: activeRun(subject) })).toEqual({ step: 'wait', message: 'Under way.' });
  });

  it('was interrupted when nobody carries it out', () => {
    for (const phase of ['Reading', 'Planning', 'Applying'] as const) {
      expect(decideOf(run('a', { phase }))).toEqual({
        step: 'fail',
        problem: { reason: 'RunInterrupted', message: 'The operator ended while the run was under way.' },
      });
    }
  });

  it('was interrupted when another one of the same name is carried out', () => {
    expect(decideOf(subject, { active: { uid: 'another', name: 'a' } }).step).toBe('fail');
  });

  it('ends when its directory is gone, by the hand of the process that carries it out', () => {
    const problem = { reason: 'DirectoryDeleted', message: 'The UserDirectory corporate was deleted.' };
    expect(decideOf(subject, { directory: undefined })).toEqual({ step: 'abort', problem });
    expect(decideOf(subject, { directory: undefined, active: activeRun(subject) }).step).toBe('wait');
  });

  it('is not stopped by suspending its directory', () => {
    const suspended = directory({ suspend: true });
    expect(decideOf(subject, { directory: suspended, active: activeRun(subject) }).step).toBe('wait');
  });
});

describe('a run that holds changes', () => {
  const held = { reason: 'ManyLinks', message: 'Many.', count: 4, hash: 'abc', expiresAt: at(600) };
  const holding = (spec: Partial<DirectorySync['spec']> = {}) =>
    run('a', { phase: 'Held', finishedAt: at(-60), held }, { spec });
  const approval = { hash: 'abc', rejected: false };

  it('rests until it expires', () => {
    expect(decideOf(holding())).toEqual({ step: 'rest', lookAgainMs: 600_000 });
    expect(decideOf(holding({ ttlSecondsAfterFinished: 90 }))).toEqual({ step: 'rest', lookAgainMs: 30_000 });
    expect(decideOf(holding(), { now: new Date(at(600)) }).step).toBe('abort');
  });

  it('begins again when it is approved, in its turn', () => {
    const subject = holding({ approval });
    expect(decideOf(subject)).toEqual(started);
    const other = run('b', { phase: 'Reading' });
    expect(decideOf(subject, { runs: [subject, other] })).toEqual({
      step: 'wait',
      message: 'Waiting for the run b to end.',
    });
    const suspended = directory({ suspend: true });
    expect(decideOf(subject, { directory: suspended }).step).toBe('wait');
    expect(decideOf(run('c', undefined, { creationTimestamp: at(0) }), { runs: [subject] })).toEqual({
      step: 'wait',
      message: 'Waiting for the run a to end.',
    });
  });

  it('does not begin again when it is rejected', () => {
    expect(decideOf(holding({ approval: { ...approval, rejected: true } })).step).toBe('abort');
  });

  it('lets others begin while nobody has approved it', () => {
    expect(decideOf(run('b', undefined, { creationTimestamp: at(0) }), { runs: [holding()] })).toEqual(started);
  });
});

describe('a run that has ended', () => {
  const ended = (ttlSecondsAfterFinished?: number, finishedAt = at(-60)) =>
    run(
      'a',
      { phase: 'Failed', finishedAt },
      { spec: ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished } },
    );

  it('rests', () => {
    expect(decideOf(ended())).toEqual({ step: 'rest' });
  });

  it('is deleted a day after its end when its directory is gone', () => {
    const rests = (age: number, ttl?: number) => decideOf(ended(ttl, at(age)), { directory: undefined });
    expect(rests(-60)).toEqual({ step: 'rest', lookAgainMs: 86_340_000 });
    expect(rests(-60, 90)).toEqual({ step: 'rest', lookAgainMs: 30_000 });
    expect(rests(-86_400)).toEqual({ step: 'delete' });
  });

  it('is deleted at the end of its time to live', () => {
    expect(decideOf(ended(61))).toEqual({ step: 'rest', lookAgainMs: 1000 });
    expect(decideOf(ended(60))).toEqual({ step: 'delete' });
    expect(decideOf(ended(0))).toEqual({ step: 'delete' });
  });

  it('rests when nobody knows since when', () => {
    const subject = run('a', { phase: 'Succeeded' }, { spec: { ttlSecondsAfterFinished: 0 } });
    expect(decideOf(subject)).toEqual({ step: 'rest' });
  });
});
