import type { Condition } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { findCondition, removeCondition, setCondition } from './conditions.ts';

const now = new Date('2026-02-01T00:00:00.456Z');

const ready: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Mirrored',
  message: 'Done.',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

describe('setCondition', () => {
  it('adds a condition, sorted by type', () => {
    const active = { type: 'Active', status: 'False', reason: 'Disabled', message: 'No.' } as const;
    expect(setCondition([ready], active, now)).toEqual([
      { ...active, lastTransitionTime: '2026-02-01T00:00:00Z' },
      ready,
    ]);
    expect(setCondition(undefined, active, now).length).toBe(1);
  });

  it('moves the time only when the status changes', () => {
    const { lastTransitionTime, ...change } = ready;
    expect(setCondition([ready], { ...change, reason: 'Other', observedGeneration: 2 }, now)).toEqual([
      { ...ready, reason: 'Other', observedGeneration: 2, lastTransitionTime },
    ]);
    expect(setCondition([ready], { ...change, status: 'Unknown' }, now)).toEqual([
      { ...ready, status: 'Unknown', lastTransitionTime: '2026-02-01T00:00:00Z' },
    ]);
  });

  it('changes nothing that was given to it', () => {
    const given = Object.freeze([Object.freeze({ ...ready })]);
    setCondition(given, { ...ready, status: 'False' }, now);
    expect(given).toEqual([ready]);
  });
});

it('finds and removes conditions', () => {
  expect(findCondition([ready], 'Ready')).toBe(ready);
  expect(findCondition(undefined, 'Ready')).toBeUndefined();
  expect(removeCondition([ready], 'Ready')).toEqual([]);
  expect(removeCondition(undefined, 'Ready')).toEqual([]);
});
