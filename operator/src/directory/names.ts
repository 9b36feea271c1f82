import { hash } from 'node:crypto';

/** What makes a synchronised object's name unique, and the same in every run. */
export interface NameIdentity {
  /** Name of the UserDirectory. */
  readonly directory: string;
  readonly authority: string;
  readonly externalId: string;
}

/** Name of a new person: readable by the address, unique by the identity. At most 49 characters. */
export function personName(identity: NameIdentity, email: string): string {
  return `${slug(email.slice(0, email.lastIndexOf('@')), 'user')}-${digest(identity)}`;
}

/** Name of a new group, likewise. */
export function groupName(identity: NameIdentity, name: string): string {
  return `${slug(name, 'group')}-${digest(identity)}`;
}

const longest = 40;

/** Latin letters that Unicode does not decompose into a letter and a mark. */
const transliterations: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ł: 'l',
  ŋ: 'n',
  þ: 'th',
  ŧ: 't',
};

/**
 * The letters and digits of a text as a DNS label has them (RFC 1123), at most 40. Accents go, what separates words
 * becomes a dash, letters of other scripts are left out; `fallback` when nothing remains.
 */
export function slug(text: string, fallback: string): string {
  const label = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]/gu, (character) => {
      if (transliterations[character] !== undefined) return transliterations[character];
      return /[\p{L}\p{M}\p{N}]/u.test(character) ? '' : '-';
    })
    .replace(/-+/g, '-')
    .slice(0, longest + 1)
    .replace(/^-/, '')
    .slice(0, longest)
    .replace(/-$/, '');
  return label === '' ? fallback : label;
}

/** 40 bits of a hash: of a million million pairs with the same readable part, about one shares a name. */
function digest({ directory, authority, externalId }: NameIdentity): string {
  // NUL is in none of the parts, so no two identities give the same text.
  return base32(hash('sha256', `${directory}\0${authority}\0${externalId}`, 'buffer').readUIntBE(0, 5));
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648 base 32 of a number of 40 bits, in lower case. */
function base32(bits: number): string {
  let text = '';
  for (let rest = bits; text.length < 8; rest = Math.floor(rest / 32)) text = `${alphabet[rest % 32]}${text}`;
  return text;
}
