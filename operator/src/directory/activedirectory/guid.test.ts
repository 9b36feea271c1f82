import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guidBytes, guidText } from './guid.ts';

test('a GUID is written as Windows does, the first parts from their last byte on', () => {
  const bytes = Buffer.from('3349a1ae1b4a974b9e2c4a3f5d6c7b8a', 'hex');
  expect(guidText(bytes)).toBe('aea14933-4a1b-4b97-9e2c-4a3f5d6c7b8a');
  expect(guidBytes('AEA14933-4A1B-4B97-9E2C-4A3F5D6C7B8A')).toEqual(bytes);
});

test('bytes and text are each other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (given) => {
      const bytes = Buffer.from(given);
      expect(guidBytes(guidText(bytes) ?? '')).toEqual(bytes);
    }),
  );
});

test.each([
  '',
  'ada',
  '{aea14933-4a1b-4b97-9e2c-4a3f5d6c7b8a}',
  'aea149334a1b4b979e2c4a3f5d6c7b8a',
  'aea14933-4a1b-4b97-9e2c',
])('"%s" is none', (text) => {
  expect(guidBytes(text)).toBeUndefined();
});

test.each([0, 15, 17])('%s bytes are none', (length) => {
  expect(guidText(Buffer.alloc(length))).toBeUndefined();
});
