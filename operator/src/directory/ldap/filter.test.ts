import fc from 'fast-check';
import { BerWriter, type Filter } from 'ldapts';
import { describe, expect, test } from 'vitest';
import { DirectoryError } from '../../errors.ts';
import { parseFilter } from './filter.ts';

const hex = (filter: Filter) => {
  const writer = new BerWriter();
  filter.write(writer);
  return writer.buffer.toString('hex');
};
/** A tag, the length and the contents: texts, or elements already in hexadecimal after a colon. */
const ber = (tag: string, ...parts: string[]): string => {
  const contents = parts
    .map((part) => (part.startsWith(':') ? part.slice(1) : Buffer.from(part).toString('hex')))
    .join('');
  return `:${tag}${(contents.length / 2).toString(16).padStart(2, '0')}${contents}`;
};
const octets = (text: string) => ber('04', text);
const equality = (attribute: string, value: string) => ber('a3', octets(attribute), octets(value));

describe('parseFilter', () => {
  test.each([
    ['(cn=Babs Jensen)', equality('cn', 'Babs Jensen')],
    ['(cn=Andr\\c3\\a9)', equality('cn', 'André')],
    ['(cn=André)', equality('cn', 'André')],
    ['(o=Parens R Us \\28for all\\29)', equality('o', 'Parens R Us (for all)')],
    ['(seeAlso=)', equality('seeAlso', '')],
    ['(cn;lang-fr=x)', equality('cn;lang-fr', 'x')],
    ['(2.5.4.3=x)', equality('2.5.4.3', 'x')],
    ['(objectGUID=\\b8\\00)', ber('a3', octets('objectGUID'), ':0402b800')],
    ['(mail=*)', ber('87', 'mail')],
    ['(cn=a*b\\2a*c)', ber('a4', octets('cn'), ber('30', ber('80', 'a'), ber('81', 'b*'), ber('82', 'c')))],
    ['(cn=*\\c3\\a9)', ber('a4', octets('cn'), ber('30', ber('82', 'é')))],
    ['(n>=1)', ber('a5', octets('n'), octets('1'))],
    ['(n<=1)', ber('a6', octets('n'), octets('1'))],
    ['(n~=1)', ber('a8', octets('n'), octets('1'))],
    ['(cn:caseExactMatch:=Fred)', ber('a9', ber('81', 'caseExactMatch'), ber('82', 'cn'), ber('83', 'Fred'))],
    ['(ou:dn:=x)', ber('a9', ber('82', 'ou'), ber('83', 'x'), ':8401ff')],
    ['(:dn:2.4.6=x)'.replace('=', ':='), ber('a9', ber('81', '2.4.6'), ber('83', 'x'), ':8401ff')],
    ['(&)', ber('a0')],
    ['(|)', ber('a1')],
    ['(!(cn=x))', ber('a2', equality('cn', 'x'))],
    [
      '(&(a=1)(|(b=2)(!(c=3))))',
      ber('a0', equality('a', '1'), ber('a1', equality('b', '2'), ber('a2', equality('c', '3')))),
    ],
    ['\n (&\n   (a=1)\n   (b=2)\n )\n', ber('a0', equality('a', '1'), equality('b', '2'))],
  ])('%s', (text, expected) => {
    expect(`:${hex(parseFilter(text))}`).toBe(expected);
  });

  test.each([
    ['', '( is expected at its end'],
    ['cn=x', '( is expected at character 1'],
    ['(cn=x', ') is expected at its end'],
    ['(cn=x))', 'nothing may follow the last parenthesis at character 7'],
    ['(cn=a)(cn=b)', 'nothing may follow'],
    ['(&(a=b)(c=d)', ') is expected at its end'],
    ['(|(&(a=b)(c=d))', ') is expected at its end'],
    ['(!(a=b)(c=d))', ') is expected at character 8'],
    ['(!)', '( is expected at character 3'],
    ['()', 'an attribute is expected'],
    ['(=x)', 'an attribute is expected'],
    ['(cn)', '=, >=, <=, ~= or := is expected'],
    ['(c n=x)', '=, >=, <=, ~= or := is expected'],
    ['(cn>x)', '=, >=, <=, ~= or := is expected'],
    ['(cn=a(b)', ') is expected'],
    ['(cn=\\2)', '\\ must be followed by two hexadecimal digits'],
    ['(cn=a**b)', '** is not allowed'],
    ['(cn=**)', '** is not allowed'],
    ['(:=x)', 'an attribute or a matching rule is expected'],
    ['(cn>=\\ff)', 'bytes that are not UTF-8 text'],
    ['('.repeat(5000), 'an attribute is expected'],
    ['(!'.repeat(5000), 'nested too deeply'],
  ])('refuses %s', (text, why) => {
    expect(() => parseFilter(text)).toThrow(DirectoryError);
    expect(() => parseFilter(text)).toThrow(why);
  });

  test('any value arrives as it is meant, escaped or not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.boolean(), (value, all) => {
        const escaped = [...Buffer.from(value)]
          .map((byte) =>
            all || byte > 0x7e || '*()\\\0'.includes(String.fromCharCode(byte))
              ? `\\${byte.toString(16).padStart(2, '0')}`
              : String.fromCharCode(byte),
          )
          .join('');
        expect(`:${hex(parseFilter(`(cn=${escaped})`))}`).toBe(equality('cn', value));
      }),
    );
  });

  test('no text makes it fail otherwise', () => {
    const unit = fc.constantFrom(...'()&|!*=<>~:\\acn0 é');
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        try {
          hex(parseFilter(text));
        } catch (error) {
          expect(error).toMatchObject({ reason: 'InvalidFilter' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
