import { describe, expect, test } from 'vitest';
import { message, searchEntry } from '../../../test/ldapwire.ts';
import { EntryAttributes, InvalidText } from './attributes.ts';
import { decodeMessage, type Entry } from './message.ts';

const entry = (attributes: Parameters<typeof searchEntry>[1]) =>
  new EntryAttributes(decodeMessage(message(1, searchEntry('cn=x', attributes))).content as Entry);
const invalid = Buffer.from([0x4a, 0xe9, 0x72]);

describe('first', () => {
  test.each<[string, Parameters<typeof searchEntry>[1], string[], string | undefined]>([
    ['takes the first value', { mail: ['a@x', 'b@x'] }, ['mail'], 'a@x'],
    ['passes over values that are empty', { mail: ['', '  ', ' b@x '] }, ['mail'], 'b@x'],
    ['falls back', { mail: '', proxy: 'c@x' }, ['mail', 'proxy'], 'c@x'],
    ['is absent where there is nothing', { cn: 'x' }, ['mail'], undefined],
    ['does not mind case', { GIVENNAME: 'Ada' }, ['givenName'], 'Ada'],
    ['knows other names', { sn: 'Lovelace' }, ['surname'], 'Lovelace'],
    ['knows OIDs', { '2.5.4.4': 'Lovelace' }, ['sn'], 'Lovelace'],
    ['rather takes the value without a language', { 'cn;lang-fr': 'Pierre', cn: 'Peter' }, ['cn'], 'Peter'],
    ['takes one with a language', { 'cn;lang-fr': 'Pierre', 'cn;lang-de': 'Peter' }, ['cn'], 'Peter'],
    ['takes one with a language before another attribute', { 'cn;lang-fr': 'Pierre', sn: 'x' }, ['cn', 'sn'], 'Pierre'],
    ['takes no binary value', { 'cn;binary': 'x', sn: 'y' }, ['cn', 'sn'], 'y'],
    ['takes no value with several options', { 'cn;lang-fr;x-y': 'x' }, ['cn'], undefined],
    ['takes a real replacement character', { cn: 'a\ufffdb' }, ['cn'], 'a\ufffdb'],
  ])('%s', (_, attributes, names, expected) => {
    expect(entry(attributes).first(names)).toBe(expected);
  });

  test('refuses a value that is not UTF-8, and only if it would be taken', () => {
    expect(() => entry({ cn: invalid }).first(['cn'])).toThrow(InvalidText);
    expect(() => entry({ cn: invalid }).first(['cn'])).toThrow('cn is not valid UTF-8');
    expect(entry({ cn: ['x', invalid] }).first(['cn'])).toBe('x');
    expect(entry({ sn: 'x', cn: invalid }).first(['sn', 'cn'])).toBe('x');
  });
});

test('values gives every value without an option', () => {
  const group = entry({ member: ['cn=a', 'cn=b'], 'member;binary': 'cn=c', 'cn;lang-fr': 'x' });
  expect([...group.values('MEMBER')]).toEqual(['cn=a', 'cn=b']);
  expect([...group.values('cn')]).toEqual([]);
  expect([...entry({ member: invalid }).values('member')]).toEqual(['J\ufffdr']);
});

test.each<[Parameters<typeof searchEntry>[1], unknown, string[]]>([
  [{ member: [], 'member;range=0-1': ['cn=a', 'cn=b'] }, { start: 0, end: 1 }, ['cn=a', 'cn=b']],
  [{ 'Member;Range=1500-*': 'cn=c' }, { start: 1500 }, ['cn=c']],
  [{ member: 'cn=a', 'cn;range=0-1': 'x' }, undefined, ['cn=a']],
  [{ member: 'cn=a', 'member;range=x-1': 'cn=b' }, undefined, ['cn=a']],
])('range and values see that a server gave a range: %j', (attributes, range, values) => {
  expect(entry(attributes).range('member')).toEqual(range);
  expect([...entry(attributes).values('member')]).toEqual(values);
});

test('bytes are as they came', () => {
  expect(entry({ objectGUID: Buffer.from([0xff, 0, 1]) }).bytes('objectguid')).toEqual(Buffer.from([0xff, 0, 1]));
  expect(entry({ objectGUID: [] }).bytes('objectGUID')).toBeUndefined();
});

test('an extended DN is taken apart', () => {
  const dn = '<GUID=67849DDE-26cf-40b0-92b7-9e3ca5b2c7ab>;<SID=S-1-5-21-1-2-3-1103>;CN=Ada,DC=x';
  const named = new EntryAttributes(decodeMessage(message(1, searchEntry(dn, {}))).content as Entry);
  expect([named.dn, named.key]).toEqual(['CN=Ada,DC=x', '<GUID=67849dde-26cf-40b0-92b7-9e3ca5b2c7ab>']);
});

test('a server that makes up attribute names is still understood', () => {
  for (let index = 0; index < 3000; index++) {
    expect(entry({ [`made-up-${index}`]: 'x', cn: 'y' }).first([`made-up-${index}`])).toBe('x');
  }
});
