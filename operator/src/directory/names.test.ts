import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupName, personName, slug } from './names.ts';

const identity = { directory: 'corporate', authority: 'dc=example,dc=com', externalId: 'f47ac10b' };

test.each([
  ['jane.doe', 'jane-doe'],
  ['Jane_Doe+reports', 'jane-doe-reports'],
  ["o'neill", 'o-neill'],
  ['andré', 'andre'],
  ['weiß', 'weiss'],
  ['WEIẞ', 'weiss'],
  ['søren.ægir', 'soren-aegir'],
  ['Łukasz', 'lukasz'],
  ['İbrahim', 'ibrahim'],
  ['１２ｚ', '12z'],
  ['山田-ken', 'ken'],
  ['山田', 'fallback'],
  ['', 'fallback'],
  ['..', 'fallback'],
  ['x'.repeat(41), 'x'.repeat(40)],
  [`${'x'.repeat(39)}--y`, 'x'.repeat(39)],
  [`-${'x'.repeat(41)}`, 'x'.repeat(40)],
])('slug of %j is %j', (text, expected) => {
  expect(slug(text, 'fallback')).toBe(expected);
});

test('a person is named by the local part and 40 bits of SHA-256 in base 32', () => {
  // printf 'corporate\0dc=example,dc=com\000f47ac10b' | sha256sum | xxd -r -p | head -c5 | base32
  expect(personName(identity, 'jane.doe@example.com')).toBe('jane-doe-t244r5ez');
  expect(personName(identity, '"a@b"@example.com')).toBe('a-b-t244r5ez');
  expect(personName(identity, '山田@example.com')).toBe('user-t244r5ez');
});

test('a group is named by its name, likewise', () => {
  expect(groupName(identity, 'Sales & Marketing')).toBe('sales-marketing-t244r5ez');
  expect(groupName(identity, '販売')).toBe('group-t244r5ez');
});

test('parts of an identity cannot be shifted into each other', () => {
  const names = [
    { directory: 'ab', authority: 'c', externalId: 'd' },
    { directory: 'a', authority: 'bc', externalId: 'd' },
    { directory: 'a', authority: 'b', externalId: 'cd' },
  ].map((other) => personName(other, 'x@example.com'));
  expect(new Set(names).size).toBe(3);
});

test('whatever the text, the name is a DNS label that an object can have', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      for (const name of [personName(identity, `${text}@example.com`), groupName(identity, text)]) {
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect(name).not.toContain('--');
        expect(name.length).toBeLessThanOrEqual(63);
      }
    }),
  );
});
