import { expect, test } from 'vitest';
import { type Domain, domainAccount, domainOf } from './partitions.ts';

/** As they are read: the longest first. */
const domains: Domain[] = [
  { context: 'dc=child,dc=ad,dc=example', netBIOSName: 'CHILD' },
  { context: 'dc=ad,dc=example', netBIOSName: 'EXAMPLEAD' },
];

test.each([
  ['ada', 'CN=Ada,OU=Staff,DC=ad,DC=example', 'EXAMPLEAD\\ada'],
  ['ada', 'cn=ada, dc=CHILD, dc=ad, dc=example', 'CHILD\\ada'],
  ['ada', 'CN=Ada,DC=other,DC=example', 'other.example\\ada'],
  ['ada', 'CN=Ada,O=other', 'ada'],
  ['ada', 'nonsense', 'ada'],
  ['OLD\\ada', 'CN=Ada,DC=ad,DC=example', 'OLD\\ada'],
  ['ada@example.com', 'CN=Ada,DC=ad,DC=example', 'ada@example.com'],
])('the account %s of %s is %s', (account, dn, expected) => {
  expect(domainAccount(account, dn, domains)).toBe(expected);
});

test('an entry belongs to the domain that is nearest', () => {
  expect(domainOf('CN=x,DC=child,DC=ad,DC=example', domains)?.netBIOSName).toBe('CHILD');
  expect(domainOf('DC=ad,DC=example', domains)?.netBIOSName).toBe('EXAMPLEAD');
  expect(domainOf('DC=example', domains)).toBeUndefined();
});
