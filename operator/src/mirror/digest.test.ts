import { describe, expect, it } from 'vitest';
import { digestOf } from './digest.ts';

describe('digestOf', () => {
  it('does not depend on the order of keys, at any depth', () => {
    expect(digestOf([{ a: 1, b: [{ c: 2, d: 3 }] }])).toBe(digestOf([{ b: [{ d: 3, c: 2 }], a: 1 }]));
  });

  it.each([
    [[['a', 'b']], [['b', 'a']]],
    [[null], ['']],
    [['a', 'b'], ['ab']],
    [[1], ['1']],
    [[{ a: null }], [{}]],
  ])('tells %j from %j', (one, other) => {
    expect(digestOf(one)).not.toBe(digestOf(other));
  });

  it('has twelve characters of one byte', () => {
    expect(Buffer.from(digestOf(['é']), 'latin1')).toHaveLength(12);
  });
});
