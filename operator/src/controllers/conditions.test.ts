import { describe, expect, it } from 'vitest';
import { bounded, declare, ready, reconciling, seconds, stalled } from './conditions.ts';
import { at, brokenInvariants, condition, now } from './testing/objects.ts';

const problem = { reason: 'GroupNotFound', message: 'There is no group chess.' } as const;
const active = { type: 'Active', status: 'True', reason: 'Enabled', message: 'Enabled.' } as const;

describe('declare', () => {
  it('gives exactly the conditions that are stated, sorted by type', () => {
    const before = [condition('Ready', 'True', 'Mirrored'), condition('Gone', 'True', 'Whatever')];
    expect(declare(before, [...stalled(problem), undefined, active], 7, now).map(({ type }) => type)).toEqual([
      'Active',
      'Ready',
      'Stalled',
    ]);
  });

  it('moves the transition time only with the status, and says always which generation was judged', () => {
    const before = [condition('Active', 'True', 'Other'), condition('Ready', 'False', 'GroupNotFound')];
    expect(declare(before, [active, ready('Fine.')], 7, now)).toEqual([
      { ...active, observedGeneration: 7, lastTransitionTime: at(-7200) },
      { ...ready('Fine.'), observedGeneration: 7, lastTransitionTime: at(0) },
    ]);
  });

  it('leaves what it is given as it is', () => {
    const before = Object.freeze([Object.freeze(condition('Ready', 'True', 'Mirrored'))]);
    declare(before, stalled(problem), 7, now);
    expect(before).toEqual([condition('Ready', 'True', 'Mirrored')]);
  });

  it('cuts messages to what the schema takes', () => {
    const [stated] = declare(undefined, [ready('x'.repeat(2000))], 1, now);
    expect(stated?.message).toHaveLength(1024);
  });
});

it('gives no half of a character, which the server would change', () => {
  expect(bounded(`${'x'.repeat(1023)}😀`).isWellFormed()).toBe(true);
  expect(bounded(`${'x'.repeat(1022)}😀`)).toMatch(/😀$/);
});

it.each([
  ['stalled', stalled, 'Stalled'],
  ['reconciling', reconciling, 'Reconciling'],
] as const)('%s says what is wrong and what to do', (_, state, type) => {
  const message = 'There is no group chess. Create the group, or correct the name.';
  expect(state(problem)).toEqual([
    { type: 'Ready', status: 'False', reason: 'GroupNotFound', message },
    { type, status: 'True', reason: 'GroupNotFound', message },
  ]);
  expect(brokenInvariants(declare(undefined, state(problem), 1, now))).toEqual([]);
});

it('seconds writes times as Kubernetes does', () => {
  expect(seconds(new Date('2026-03-01T12:00:00.999Z'))).toBe('2026-03-01T12:00:00Z');
});
