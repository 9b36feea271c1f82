import type { DirectorySync, DirectorySyncStatus } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, directory, now, run } from '../testing/objects.ts';
import { endOfHold, type Surroundings } from './hold.ts';

const held = { reason: 'ManyLinks', message: 'Many.', count: 4, hash: 'abc', expiresAt: at(600) };
const approval = { hash: 'abc', rejected: false };
const holding = (spec: Partial<DirectorySync['spec']> = {}, status: Partial<DirectorySyncStatus> = {}) =>
  run('a', { phase: 'Held', finishedAt: at(-60), held, ...status }, { spec });
const other = (
  phase: DirectorySyncStatus['phase'],
  seconds: number,
  spec: Partial<DirectorySync['spec']> = {},
): DirectorySync => run('b', { ...(phase && { phase }), finishedAt: at(seconds) }, { spec });

const end = (subject: DirectorySync, rest: Partial<Surroundings> = {}) =>
  endOfHold(subject, { directory: directory(), runs: [subject], now, ...rest });

describe('a hold', () => {
  it('goes on until somebody decides', () => {
    expect(end(holding())).toBeUndefined();
    expect(end(holding({ approval }))).toBeUndefined();
  });

  it('is none of a run that is not held', () => {
    for (const phase of ['Succeeded', 'Failed', 'Aborted', 'Reading'] as const) {
      expect(end(holding({}, { phase }), { directory: undefined })).toBeUndefined();
    }
  });

  it('ends when it is rejected, and tells by whom', () => {
    const rejected = { ...approval, rejected: true };
    const reason = 'ApprovalRejected';
    expect(end(holding({ approval: rejected }))).toEqual({
      reason,
      message: 'What was held was rejected; it was not done.',
    });
    expect(end(holding({ approval: { ...rejected, by: 'ann' } }))).toEqual({
      reason,
      message: 'What was held was rejected by ann; it was not done.',
    });
  });

  it('ends at its hour, approved or not: what was looked at a day ago is no longer what is due', () => {
    for (const spec of [{}, { approval }]) {
      expect(end(holding(spec), { now: new Date(at(599)) })).toBeUndefined();
      expect(end(holding(spec), { now: new Date(at(600)) })).toEqual({
        reason: 'ApprovalExpired',
        message: `What was held could be approved and begun until ${at(600)}.`,
      });
    }
  });

  it('ends with its directory', () => {
    expect(end(holding(), { directory: undefined })?.reason).toBe('DirectoryDeleted');
  });

  it('ends when a newer run has compared everything anew, approved or not', () => {
    for (const phase of ['Succeeded', 'Held'] as const) {
      for (const spec of [{}, { approval }]) {
        expect(end(holding(spec), { runs: [holding(spec), other(phase, -30)] })).toEqual({
          reason: 'Superseded',
          message: 'The run b has compared everything anew.',
        });
      }
    }
  });

  it('that cannot be approved ends so, too: one run of a directory is held', () => {
    const { hash: _, expiresAt: __, ...closed } = held;
    const subject = holding({}, { held: closed });
    expect(end(subject)).toBeUndefined();
    expect(end(subject, { runs: [subject, other('Held', -30)] })?.reason).toBe('Superseded');
  });

  it.each([
    ['an older run', other('Held', -90)],
    ['a run that failed', other('Failed', -30)],
    ['a run that was aborted', other('Aborted', -30)],
    ['a run under way', other('Applying', -30)],
    ['a preview', other('Succeeded', -30, { dryRun: true })],
    ['a run of one person', other('Succeeded', -30, { person: 'jane' })],
    ['a run of another directory', other('Succeeded', -30, { directory: 'subsidiary' })],
  ])('is not ended by %s', (_, run) => {
    expect(end(holding(), { runs: [holding(), run] })).toBeUndefined();
  });
});
