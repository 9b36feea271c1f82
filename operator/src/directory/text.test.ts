import { expect, test } from 'vitest';
import { multipleLines, singleLine, truncate } from './text.ts';

test('singleLine and multipleLines keep what can be shown', () => {
  expect(singleLine(' a\tb\r\nc\u0000d\u2028e\u0085f ')).toBe('a b c d e f');
  expect(multipleLines(' a\n\u0000b ')).toBe('a\nb');
});

test('truncate counts characters, not UTF-16 units', () => {
  expect(truncate('🐘🐘🐘', 2)).toBe('🐘🐘');
  expect(truncate('🐘🐘', 3)).toBe('🐘🐘');
  expect(truncate('ab cd', 3)).toBe('ab');
});
