import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAccount, canonicalAddress } from './address.ts';

const before = 'the part before the @ holds a space or a character that an address cannot have';
const dot = 'the part before the @ has a dot too many';
const after = 'the part after the @ is not a domain name';
const parts = 'it needs a part before and a part after an @';

describe('canonicalAddress', () => {
  it.each([
    ['as it is', 'jane.doe@example.com', 'jane.doe@example.com'],
    ['trims', '\t jane@example.com\n', 'jane@example.com'],
    ['folds ASCII letters', 'Jane.DOE@EXAMPLE.Com', 'jane.doe@example.com'],
    ['keeps the case of other letters', 'ÉMILE@example.com', 'Émile@example.com'],
    ['composes', 'e\u0301mile@example.com', '\u00e9mile@example.com'],
    ['composes what only lower case composes', 'H\u0331@example.com', '\u1e96@example.com'],
    ['folds compatible letters that become ASCII', '\u212a@example.com', 'k@example.com'],
    ['turns the domain into ASCII', 'jane@Bücher.example', 'jane@xn--bcher-kva.example'],
    ['keeps a domain in ASCII form', 'jane@xn--bcher-kva.example', 'jane@xn--bcher-kva.example'],
    ['takes the ideographic full stop for a dot', 'jane@例。jp', 'jane@xn--fsq.jp'],
    ['takes special characters that need no quotes', "o'neil+news/x=y@example.com", "o'neil+news/x=y@example.com"],
    ['takes a letter that decomposes into ASCII', 'jane@<\u0338.example', 'jane@xn--gdh.example'],
    ['takes a domain of one label', 'root@localhost', 'root@localhost'],
    ['takes a domain that begins with a digit', 'a@3com.example', 'a@3com.example'],
    ['takes other scripts', '用户@例え.jp', '用户@xn--r8jz45g.jp'],
  ])('%s', (_, address, canonical) => {
    expect(canonicalAddress(address)).toBe(canonical);
  });

  it.each([
    ['nothing', '', parts],
    ['no @', 'jane.example.com', parts],
    ['nothing before the @', '@example.com', parts],
    ['nothing after the @', 'jane@ ', parts],
    ['two @', 'jane@home@example.com', before],
    ['a space', 'jane doe@example.com', before],
    ['a no-break space', 'jane\u00a0doe@example.com', before],
    ['a control character', 'jane\u0000@example.com', before],
    ['an invisible character', 'jane\u200b@example.com', before],
    ['half a character', 'jane\ud800@example.com', before],
    ['a quoted local part', '"jane doe"@example.com', before],
    ['a name beside the address', 'Jane <jane@example.com>', before],
    ['two addresses', 'jane@example.com,john@example.com', before],
    ['a leading dot', '.jane@example.com', dot],
    ['a trailing dot', 'jane.@example.com', dot],
    ['two dots', 'jane..doe@example.com', dot],
    ['an empty label', 'jane@example..com', after],
    ['a final dot', 'jane@example.com.', after],
    ['a leading hyphen', 'jane@-example.com', after],
    ['a trailing hyphen', 'jane@example-.com', after],
    ['an underscore', 'jane@my_domain.com', after],
    ['a label of 64 characters', `jane@${'x'.repeat(64)}.com`, after],
    ['a space in the domain', 'jane@exa mple.com', after],
    ['a tab in the domain', 'jane@exa\tmple.com', after],
    ['a path', 'jane@example.com/x', after],
    ['a query', 'jane@example.com?x', after],
    ['a fragment', 'jane@example.com#x', after],
    ['a port', 'jane@example.com:25', after],
    ['an escape', 'jane@ex%61mple.com', after],
    ['an address of IPv4', 'jane@127.0.0.1', after],
    ['a short address of IPv4', 'jane@127.1', after],
    ['a hexadecimal address of IPv4', 'jane@0x7f', after],
    ['an address literal', 'jane@[127.0.0.1]', after],
    ['a character that IDNA forbids', 'jane@a\u202eb.com', after],
    ['255 bytes', `${'x'.repeat(243)}@example.com`, 'it is longer than 254 bytes'],
    ['255 bytes in fewer characters', `${'é'.repeat(121)}x@example.com`, 'it is longer than 254 bytes'],
  ])('refuses %s', (_, address, invalid) => {
    expect(canonicalAddress(address)).toEqual({ invalid });
  });

  it('takes 254 bytes', () => {
    const address = `${'x'.repeat(242)}@example.com`;
    expect(canonicalAddress(address)).toBe(address);
  });

  const localPart = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((text) => typeof canonicalAddress(`${text}@example.com`) === 'string');
  const domain = fc.oneof(
    fc.domain(),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => `${text}.example`),
    fc.stringMatching(/^[a-zA-ZäöüÄÖÜßéÉ0-9-]{1,10}(\.[a-zA-ZçñÑ]{2,5}){1,2}$/),
  );
  const address = fc.tuple(localPart, domain).map(([local, host]) => `${local}@${host}`);

  it('leaves a canonical address as it is', () => {
    fc.assert(
      fc.property(fc.oneof(address, fc.string({ unit: 'binary' }), fc.emailAddress()), (text) => {
        const canonical = canonicalAddress(text);
        if (typeof canonical === 'string') expect(canonicalAddress(canonical)).toBe(canonical);
      }),
    );
  });

  it('is the same for every case of ASCII letters, every form of Unicode, and space around', () => {
    fc.assert(
      fc.property(address, fc.constantFrom('NFC', 'NFD'), fc.constantFrom('', ' ', '\n'), (text, form, space) => {
        const canonical = canonicalAddress(text);
        expect(canonicalAddress(space + upperAscii(text.normalize('NFC')).normalize(form) + space)).toEqual(canonical);
      }),
    );
  });

  it('gives a domain in ASCII, and never more than one @', () => {
    fc.assert(
      fc.property(address, (text) => {
        const canonical = canonicalAddress(text);
        if (typeof canonical === 'string') expect(canonical).toMatch(/^[^@]+@[a-z0-9.-]+$/);
      }),
    );
  });
});

describe('canonicalAccount', () => {
  it('ignores case and space around', () => {
    expect(canonicalAccount(' ACME\\Jané ')).toBe('acme\\jané');
  });

  it('leaves a canonical account as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(canonicalAccount(canonicalAccount(text))).toBe(canonicalAccount(text));
      }),
    );
  });
});

/** Leaves letters with an accent alone: together they are another letter. */
function upperAscii(text: string): string {
  return text.replace(/[a-z](?!\p{M})/gu, (letter) => letter.toUpperCase());
}
