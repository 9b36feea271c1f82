import { describe, expect, it } from 'vitest';
import type { ClaimType, Conflict } from './claims.ts';
import { Waiting } from './waiting.ts';

const conflict = (value: string, type: ClaimType = 'email'): Conflict => ({
  namespace: 'acme',
  type,
  value,
  kind: 'User',
  name: 'whoever',
  holder: { kind: 'User', name: 'holder' },
});

describe('Waiting', () => {
  it('knows who waits for what, longest first', () => {
    const waiting = new Waiting();
    waiting.update('second', [conflict('x@example.com')]);
    waiting.update('first', [conflict('x@example.com'), conflict('x', 'domainAccount')]);
    waiting.update('second', [conflict('x@example.com')]);
    expect(waiting.of(conflict('x@example.com'))).toEqual(['second', 'first']);
    expect(waiting.of(conflict('x', 'domainAccount'))).toEqual(['first']);
    expect(waiting.of(conflict('y@example.com'))).toEqual([]);
    expect(waiting.everybody()).toEqual(['second', 'first']);
  });

  it('forgets what somebody no longer waits for', () => {
    const waiting = new Waiting();
    waiting.update('person', [conflict('x@example.com')]);
    waiting.update('person', [conflict('y@example.com')]);
    expect(waiting.of(conflict('x@example.com'))).toEqual([]);
    expect(waiting.of(conflict('y@example.com'))).toEqual(['person']);
    waiting.update('person', []);
    expect(waiting.of(conflict('y@example.com'))).toEqual([]);
    expect(waiting.everybody()).toEqual([]);
  });
});
