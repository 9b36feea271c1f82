import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AttributeTypeAndValue, formatDN, isWithin, normalizeDN, normalizeType, parseDN } from './dn.ts';

const one = (value: string) => [[{ type: 'cn', value }]];

describe('parseDN', () => {
  test.each([
    ['cn=Steve Kille,o=Isode Limited,c=GB', 'Steve Kille'],
    ['cn=James \\"Jim\\" Smith\\, III,dc=example', 'James "Jim" Smith, III'],
    ['CN=Before\\0dAfter,DC=example', 'Before\rAfter'],
    ['cn=Lu\\C4\\8Di\\C4\\87', 'Lučić'],
    ['cn=Lu\\c4\\8di\\c4\\87', 'Lučić'],
    ['1.3.6.1.4.1.1466.0=#04024869', 'Hi'],
    ['cn=#0C024869 , dc=example', 'Hi'],
    ['cn=#0301ff', '#0301ff'],
    ['cn=\\#04024869', '#04024869'],
    ['cn=\\ leading and trailing\\ ', ' leading and trailing '],
    ['cn=trailing \\   ,dc=example', 'trailing  '],
    ['cn= spaces that do not count  ;dc=example', 'spaces that do not count'],
    ['cn="quoted, \\"; + ",dc=example', 'quoted, "; + '],
    ['cn=a=b<c>', 'a=b<c>'],
    ['oid.2.5.4.3=x', 'x'],
    ['cn=', ''],
    ['cn=🐘\\, 東京', '🐘, 東京'],
  ])('%s', (dn, value) => {
    expect(parseDN(dn)?.[0]?.[0]?.value).toBe(value);
  });

  test('tells relative names apart', () => {
    expect(parseDN('ou=Sales+cn=J.  Smith , dc=example')).toEqual([
      [
        { type: 'ou', value: 'Sales' },
        { type: 'cn', value: 'J.  Smith' },
      ],
      [{ type: 'dc', value: 'example' }],
    ]);
    expect(parseDN('')).toEqual([]);
  });

  test.each([
    ...['cn', '=x', 'cn=a,', 'cn=a,,dc=b', 'cn=a+', 'cn=a\\', 'cn=a\\zz', 'cn=a\\c3', 'cn="open', 'cn="a"b', 'cn=a"b'],
    ...['cn=#0', 'cn=#xyz', 'c n=x', '-cn=x', ',cn=x', 'cn=x\\\u00e9'],
  ])('refuses %s', (dn) => {
    expect(parseDN(dn)).toBeUndefined();
    expect(normalizeDN(dn)).toBeUndefined();
  });
});

describe('normalizeDN', () => {
  test.each([
    ['UID=jdoe,OU=People,DC=Example,DC=com', 'uid=jdoe,ou=People,dc=example,dc=com'],
    ['uid = jdoe , ou=People; dc=example,dc=com ', 'uid=jdoe,ou=People,dc=example,dc=com'],
    ['cn=Doe\\2C  Jane (R\\26D)', 'CN=doe\\, jane (R&D)'],
    ['cn=Doe\\2c Jane', 'cn="Doe, Jane"'],
    ['cn=a+uid=b,dc=x', 'UID=B + CN=A,dc=x'],
    ['2.5.4.3=x,0.9.2342.19200300.100.1.25=y', 'commonName=X,domainComponent=y'],
    ['surname=x,gn=y,userid=z', 'sn=x,givenName=y,uid=z'],
    ['cn=#0C03C3A978', 'cn=\u00c9x'],
    ['cn=E\u0301x', 'cn=\u00e9x'],
    ['cn=ΟΔΟΣ', 'cn=οδοσ'],
    ['cn=ﬁn ㎒', 'cn=fin mhz'],
  ])('takes %s and %s for the same', (a, b) => {
    expect(normalizeDN(a)).toBeDefined();
    expect(normalizeDN(a)).toBe(normalizeDN(b));
  });

  test.each([
    ['cn=a\\,b', 'cn=a,cn=b'],
    ['cn=a\\+cn=b', 'cn=a+cn=b'],
    ['cn=a,dc=b', 'dc=b,cn=a'],
    ['cn=ab', 'cn=a b'],
    ['cn=a', 'uid=a'],
    ['cn=ß', 'cn=ss'],
  ])('tells %s from %s', (a, b) => {
    expect(normalizeDN(a)).not.toBe(normalizeDN(b));
  });

  const type = fc.constantFrom('cn', 'uid', 'ou', 'dc', 'x-Type-1', '1.2.840.113556');
  const value = fc.string({
    unit: fc.constantFrom(...'aZ9é東🐘 ,+"\\<>;=#\'()\u00a0/\t'),
    minLength: 1,
    maxLength: 12,
  });
  const names = fc.array(fc.array(fc.record({ type, value }), { minLength: 1, maxLength: 2 }), { minLength: 1 });

  /** Writes the name with any of the legal escapes for each character, and spaces where they do not count. */
  const spelling = (dn: AttributeTypeAndValue[][], choices: number[]): string => {
    let step = 0;
    const choose = (count: number) => (choices[step++ % choices.length] ?? 0) % count;
    const space = () => ' '.repeat(choose(3));
    const hex = (text: string) => [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0'));
    const escaped = (character: string, index: number, all: string[]) => {
      const edge = index === 0 || index === all.length - 1;
      const special =
        ',+"\\<>;'.includes(character) || (edge && character === ' ') || (index === 0 && character === '#');
      const bytes = hex(character).map((pair) => `\\${choose(2) === 0 ? pair : pair.toUpperCase()}`);
      if (!special && choose(3) > 0) return choose(2) === 0 ? character : character.toUpperCase();
      return ' "#+,;<=>\\'.includes(character) && choose(2) === 0 ? `\\${character}` : bytes.join('');
    };
    const write = ({ type: name, value: text }: AttributeTypeAndValue) => {
      const forms = [
        () => [...text].map(escaped).join(''),
        () => `"${text.replace(/["\\]/g, '\\$&')}"`,
        () => `#0c${hex(String.fromCharCode(Buffer.byteLength(text))).join('')}${hex(text).join('')}`,
      ];
      const form = forms[choose(forms.length)] ?? String;
      return `${choose(2) === 0 ? name : name.toUpperCase()}${space()}=${space()}${form()}`;
    };
    return dn
      .map((rdn) => rdn.map(write).join(`${space()}+${space()}`))
      .join(`${space()}${choose(4) === 0 ? ';' : ','}${space()}`);
  };

  test('every legal spelling has one normal form', () => {
    fc.assert(
      fc.property(names, fc.array(fc.nat(), { minLength: 5, maxLength: 40 }), (dn, choices) => {
        expect(normalizeDN(spelling(dn, choices))).toBe(normalizeDN(formatDN(dn)));
      }),
      { numRuns: 2000 },
    );
  });

  test('what is formatted is parsed to the same', () => {
    fc.assert(
      fc.property(names, (dn) => {
        expect(parseDN(formatDN(dn))).toEqual(dn);
      }),
    );
  });

  test('the normal form is its own normal form', () => {
    fc.assert(
      fc.property(names, (dn) => {
        const normal = normalizeDN(formatDN(dn));
        expect(normalizeDN(normal ?? '')).toBe(normal);
      }),
    );
  });

  test('the short way for usual names gives what the long way gives', () => {
    const usual = fc.string({ unit: fc.constantFrom(...'aZ9 .=-_/()&'), maxLength: 10 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('cn', 'UID', 'DC', 'commonName'), usual), { minLength: 1 }),
        (dn) => {
          const text = dn.map(([name, part]) => `${name}=${part}`).join(',');
          // An escape that changes nothing makes the name an unusual one.
          const unusual = text.replace(/([a-z0-9])(?=[^=]*$)/i, (letter) => `\\${letter.charCodeAt(0).toString(16)}`);
          expect(normalizeDN(text)).toBe(normalizeDN(unusual));
        },
      ),
    );
  });

  test('no text makes it fail', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'cn=,+;#"\\ a4é') }), (text) => void normalizeDN(text)));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void normalizeDN(Buffer.from(bytes).toString('latin1'))));
  });

  test('a long run of spaces or escapes takes no time', () => {
    expect(normalizeDN(`cn=a${' '.repeat(100_000)}x"`)).toBeUndefined();
    expect(normalizeDN(`cn=${'\\ '.repeat(50_000)}"`)).toBeUndefined();
  });
});

test('normalizeType resolves names and OIDs, and leaves the others', () => {
  expect(['CN', '2.5.4.3', 'OID.2.5.4.3', 'commonName'].map(normalizeType)).toEqual(['cn', 'cn', 'cn', 'cn']);
  expect(normalizeType('employeeNumber')).toBe('employeenumber');
});

test('isWithin compares whole relative names', () => {
  expect(isWithin('dc=example', 'dc=example')).toBe(true);
  expect(isWithin('ou=a,dc=example', 'dc=example')).toBe(true);
  expect(isWithin('ou=a,xdc=example', 'dc=example')).toBe(false);
  expect(isWithin('dc=com', 'dc=example,dc=com')).toBe(false);
  expect(isWithin('dc=example', '')).toBe(true);
});

test('formatDN escapes a value that reads like hexadecimal', () => {
  expect(formatDN(one('#00'))).toBe('cn=\\#00');
});
