import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bindResponse,
  extendedResponse,
  integer,
  message,
  octets,
  searchDone,
  searchEntry,
  searchReference,
  sequence,
  tagged,
} from '../../../test/ldapwire.ts';
import { Framer, MalformedMessage } from './ber.ts';
import { decodeMessage, type Entry } from './message.ts';

describe('decodeMessage', () => {
  test('an entry', () => {
    const bytes = message(7, searchEntry('cn=é', { cn: ['é', Buffer.from([0xff])], mail: [], 'sn;lang-fr': 'x' }));
    const { id, content } = decodeMessage(bytes);
    const { dn, attributes } = content as Entry;
    expect([id, content.kind, dn]).toEqual([7, 'Entry', 'cn=é']);
    expect(attributes.map(({ description, size }) => [description, size])).toEqual([
      ['cn', 2],
      ['mail', 0],
      ['sn;lang-fr', 1],
    ]);
    const [cn] = attributes;
    expect([cn?.text(0), cn?.isText(0), cn?.text(1), cn?.isText(1)]).toEqual(['é', true, '\ufffd', false]);
  });

  test('a reference', () => {
    expect(decodeMessage(message(7, searchReference('ldap://a/', 'ldap://b/')))).toEqual({
      id: 7,
      content: { kind: 'Reference', uris: ['ldap://a/', 'ldap://b/'] },
    });
  });

  test.each([
    ['a bind', bindResponse({ code: 49, diagnostic: 'no' }), { operation: 'Bind', code: 49, diagnostic: 'no' }],
    ['an extended operation', extendedResponse({ value: 'dn:x' }), { operation: 'Extended', code: 0, value: 'dn:x' }],
    ['one without value', extendedResponse(), { operation: 'Extended', code: 0 }],
    ['a search', searchDone({ code: 4 }), { operation: 'Search', code: 4 }],
    ['a page', searchDone({ cookie: 'next' }), { operation: 'Search', code: 0, cookie: Buffer.from('next') }],
    ['the last page', searchDone({ cookie: '' }), { operation: 'Search', code: 0, cookie: Buffer.alloc(0) }],
  ])('the result of %s', (_, reply, expected) => {
    const { content } = decodeMessage(message(2, reply));
    expect(content).toEqual({ kind: 'Result', diagnostic: '', ...expected });
  });

  test('finds the cookie among other controls, and passes over referrals', () => {
    const other = sequence(octets('1.2.3'), tagged(0x01, Buffer.from([0xff])), octets('x'));
    const paged = sequence(
      octets('1.2.840.113556.1.4.319'),
      tagged(0x01, Buffer.from([0])),
      octets(sequence(integer(9), octets('c'))),
    );
    const done = tagged(
      0x65,
      tagged(0x0a, Buffer.from([10])),
      octets(''),
      octets(''),
      tagged(0xa3, octets('ldap://x')),
    );
    const bytes = sequence(integer(2), done, tagged(0xa0, other, paged));
    expect(decodeMessage(bytes).content).toMatchObject({ code: 10, cookie: Buffer.from('c') });
  });

  const body = (operation: Buffer) => sequence(integer(2), operation);
  test.each([
    ['nothing inside', sequence()],
    ['no operation', sequence(integer(2))],
    ['an id without digits', sequence(tagged(0x02), searchDone().operation)],
    ['a negative id', sequence(tagged(0x02, Buffer.from([0xff])), searchDone().operation)],
    ['an id that is too long', sequence(tagged(0x02, Buffer.alloc(5)), searchDone().operation)],
    ['a result without code', body(tagged(0x65))],
    ['a code without digits', body(tagged(0x65, tagged(0x0a), octets(''), octets('')))],
    ['a result without diagnostic', body(tagged(0x65, tagged(0x0a, Buffer.from([0])), octets('')))],
    ['a code of another type', body(tagged(0x65, integer(0), octets(''), octets('')))],
    ['an entry without attributes', body(tagged(0x64, octets('cn=x')))],
    ['attributes that are a text', body(tagged(0x64, octets('cn=x'), octets('\x04\x01')))],
    ['an attribute without values', body(tagged(0x64, octets('cn=x'), sequence(sequence(octets('cn')))))],
    ['a part beyond the end', body(tagged(0x65, Buffer.from([0x0a, 0x05, 0x00])))],
    ['a length without end', body(Buffer.from([0x65, 0x80, 0x00, 0x00]))],
    ['an intermediate response', body(tagged(0x79, octets('')))],
    ['a request', body(tagged(0x60, octets('')))],
  ])('refuses a message with %s', (_, bytes) => {
    expect(() => decodeMessage(bytes)).toThrow(MalformedMessage);
  });

  test('a message with bytes changed is refused or read, and nothing else happens', () => {
    const original = message(3, searchEntry('cn=a,dc=b', { cn: ['a', 'b'], mail: 'a@b' }));
    const change = fc.tuple(fc.nat({ max: original.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(original);
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('a message that was cut anywhere is refused', () => {
    const whole = message(3, searchDone({ diagnostic: 'enough', cookie: 'more' }));
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeMessage(whole.subarray(0, length))).toThrow(MalformedMessage);
    }
  });
});

describe('Framer', () => {
  const stream = Buffer.concat([
    message(1, searchEntry('cn=a', { cn: 'x'.repeat(300) })),
    message(1, searchEntry('cn=b', {})),
    message(1, searchDone()),
  ]);

  test('gives the same messages however the bytes come', () => {
    const expected = [...new Framer().messages(stream)].map((bytes) => bytes.toString('hex'));
    expect(expected).toHaveLength(3);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }), (sizes) => {
        const framer = new Framer();
        const found: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          for (const bytes of framer.messages(stream.subarray(at, at + size))) found.push(bytes.toString('hex'));
          at += size;
          expect(framer.atBoundary || at < stream.length).toBe(true);
        }
        expect(found).toEqual(expected);
      }),
    );
  });

  test('knows whether a message has begun', () => {
    const framer = new Framer();
    expect(framer.atBoundary).toBe(true);
    expect([...framer.messages(stream.subarray(0, 1))]).toEqual([]);
    expect(framer.atBoundary).toBe(false);
  });

  test.each([
    ['what is not LDAP', Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
    ['what is not LDAP behind a message', Buffer.concat([message(1, searchDone()), Buffer.from('GET')])],
    ['a message without end', Buffer.from([0x30, 0x80])],
    ['a message of four gigabytes', Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])],
    ['a message with too long a length', Buffer.from([0x30, 0x85, 0, 0, 0, 0, 1])],
  ])('refuses %s', (_, bytes) => {
    expect(() => [...new Framer().messages(bytes)]).toThrow(MalformedMessage);
  });
});
