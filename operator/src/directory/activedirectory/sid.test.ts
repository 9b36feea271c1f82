import { expect, test } from 'vitest';
import { sidOfDomain, sidText } from './sid.ts';

test.each([
  ['010500000000000515000000e9daf5b45d1aee0e7565072255040000', 'S-1-5-21-3036011241-250485341-570910069-1109'],
  ['01020000000000052000000020020000', 'S-1-5-32-544'],
  ['010100000000000100000000', 'S-1-1-0'],
])('%s is %s', (hex, text) => {
  expect(sidText(Buffer.from(hex, 'hex'))).toBe(text);
});

test.each(['', '01', '020100000000000100000000', '01020000000000052000000020', '0102000000000005200000002002000000'])(
  '"%s" is none',
  (hex) => {
    expect(sidText(Buffer.from(hex, 'hex'))).toBeUndefined();
  },
);

test('a relative identifier belongs to the domain of an account', () => {
  expect(sidOfDomain('S-1-5-21-1-2-3-1109', '513')).toBe('S-1-5-21-1-2-3-513');
});
