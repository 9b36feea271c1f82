import { describe, expect, it } from 'vitest';
import { at, run } from '../testing/objects.ts';
import { approvalAdvice, approvalNote } from './approval.ts';

const hash = 'f'.repeat(64);
const held = { reason: 'ManyRemovals', message: 'Many.', count: 9, hash, expiresAt: at(600) };
const problem = { reason: 'ChangesHeld', message: '9 of 10 people would be disabled.' } as const;

describe('the advice of a run that is held', () => {
  it('has the command that approves it, and until when, after what to do about a slip', () => {
    expect(approvalAdvice(run('corporate-1'), problem, held)).toBe(
      '9 of 10 people would be disabled. The samples of the run show what is held. If it is a slip, correct the spec or ' +
        'the contents of the directory: the next run judges anew. ' +
        `If it is meant, approve the run corporate-1 until ${at(600)}, which only another approval undoes: ` +
        'kubectl patch directorysyncs.roster.dev -n acme corporate-1 --type merge ' +
        `--patch '{"spec":{"approval":{"hash":"${hash}"}}}'`,
    );
  });

  it('tells of an empty answer where to look, and that it can be approved, too', () => {
    const empty = { reason: 'EmptyAnswer', message: 'Nobody matches.' } as const;
    expect(approvalAdvice(run('a'), empty, held)).toMatch(
      /^Nobody matches\. Check base DN and filter, .*\. If it is meant, approve the run a until .*: kubectl patch /,
    );
  });

  it('never ends within the command, however long the findings and the names are', () => {
    const name = 'n'.repeat(63);
    const subject = run(name, undefined, { namespace: 's'.repeat(63) });
    const advice = approvalAdvice(subject, { ...problem, message: '😀'.repeat(900) }, held) ?? '';
    expect(advice).toMatch(/^(?:😀)+\uFFFD?… The samples .*"}}}'$/);
    expect(`${name}: ${advice}`.length).toBeLessThanOrEqual(1024);
  });

  it('is none where nobody can approve it', () => {
    const { hash: _, expiresAt: __, ...closed } = held;
    expect(approvalAdvice(run('a'), problem, closed)).toBeUndefined();
    expect(approvalAdvice(run('a'), problem, { ...closed, hash })).toBeUndefined();
  });
});

describe('of an approved run', () => {
  const decided = (approval: { hash: string; rejected: boolean; by?: string }) =>
    approvalNote(run('a', { phase: 'Held', held }, { spec: { approval } }));

  it('it is said that it was, and by whom if that is known', () => {
    expect(decided({ hash, rejected: false })).toBe('Approved.');
    expect(decided({ hash, rejected: false, by: 'ann' })).toBe('Approved by ann.');
  });

  it('only: not of one that nobody decided about, nor of a rejected one', () => {
    expect(approvalNote(run('a', { phase: 'Held', held }))).toBeUndefined();
    expect(decided({ hash, rejected: true, by: 'ann' })).toBeUndefined();
  });
});
