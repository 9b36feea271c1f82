import { expect, test } from 'vitest';
import { changeRecord, contentRecord } from './ldif.ts';

test('a content record has a line for each value, and ends with an empty line', () => {
  expect(contentRecord({ dn: 'cn=a,dc=x', attributes: { cn: ['a', 'b c'], sn: ['d'] } })).toBe(
    'dn: cn=a,dc=x\ncn: a\ncn: b c\nsn: d\n\n',
  );
});

test.each([
  ['é', 'w6k='],
  [' a', 'IGE='],
  ['a ', 'YSA='],
  [':a', 'OmE='],
  ['<a', 'PGE='],
  ['a\nb', 'YQpi'],
])('%j is written in base64', (value, base64) => {
  expect(contentRecord({ dn: 'cn=a', attributes: { cn: [value] } })).toBe(`dn: cn=a\ncn:: ${base64}\n\n`);
});

test('an empty value is written as it is', () => {
  expect(contentRecord({ dn: '', attributes: { member: [''] } })).toBe('dn: \nmember: \n\n');
});

test('a change record replaces the values', () => {
  expect(changeRecord({ dn: 'cn=a', attribute: 'sn', values: ['b', 'é'] })).toBe(
    'dn: cn=a\nchangetype: modify\nreplace: sn\nsn: b\nsn:: w6k=\n-\n\n',
  );
});
