import { describe, expect, test } from 'vitest';
import { message, searchEntry } from '../../../test/ldapwire.ts';
import { EntryAttributes } from '../ldap/attributes.ts';
import { decodeMessage, type Entry } from '../ldap/message.ts';
import { accountState } from './account.ts';

const stateOf = (attributes: Parameters<typeof searchEntry>[1]) =>
  accountState(new EntryAttributes(decodeMessage(message(1, searchEntry('CN=Ada,DC=x', attributes))).content as Entry));

describe('userAccountControl', () => {
  test.each([
    ['512', {}],
    ['514', { enabled: false }],
    ['66050', { enabled: false }],
    // Locked, and with an expired password: both pass by themselves.
    [`${0x200 | 0x10 | 0x800000}`, {}],
    // Smart card required, whose bit makes the number negative in some tools.
    ['-2147483136', {}],
    ['-2147483134', { enabled: false }],
  ])('%s', (userAccountControl, state) => {
    expect(stateOf({ userAccountControl })).toEqual(state);
  });

  test('that is not shown is not known', () => {
    expect(stateOf({ accountExpires: '0' })).toBeUndefined();
    expect(stateOf({ userAccountControl: [] })).toBeUndefined();
  });

  test.each(['enabled', '0x200', '5'.repeat(20)])('"%s" is none', (userAccountControl) => {
    expect(() => stateOf({ userAccountControl })).toThrow('The value of userAccountControl is not a number.');
  });
});

describe('accountExpires', () => {
  test.each([
    ['0', undefined],
    ['9223372036854775807', undefined],
    ['131277024000000000', '2017-01-01T00:00:00Z'],
    ['132539328009999999', '2021-01-01T00:00:00Z'],
    ['133485407999999999', '2023-12-31T23:59:59Z'],
    ['116444736000000000', '1970-01-01T00:00:00Z'],
    // After the year 9999, which no calendar of ours has.
    ['2650467744000000000', undefined],
    ['3000000000000000000', undefined],
    ['-1', undefined],
  ])('%s is %s', (accountExpires, expiresAt) => {
    expect(stateOf({ userAccountControl: '512', accountExpires })).toEqual(
      expiresAt === undefined ? {} : { expiresAt },
    );
  });

  test('that is no number rejects the person', () => {
    expect(() => stateOf({ userAccountControl: '512', accountExpires: 'never' })).toThrow('accountExpires');
  });
});
