import { isUtf8 } from 'node:buffer';
import { normalizeType } from './dn.ts';
import type { Entry } from './message.ts';

/** A value that would be taken is not text. */
export class InvalidText extends Error {
  readonly attribute: string;

  constructor(attribute: string) {
    super(`The value of ${attribute} is not valid UTF-8.`);
    this.attribute = attribute;
  }
}

/** The attributes of one entry, found by type whatever its spelling. */
export class EntryAttributes {
  readonly dn: string;
  readonly #values = new Map<string, readonly Buffer[]>();
  /** By type: the values that carry a language tag (RFC 3866), with the tag. */
  readonly #tagged = new Map<string, { readonly tag: string; readonly values: readonly Buffer[] }[]>();
  readonly #ranged = new Set<string>();

  constructor(entry: Entry) {
    this.dn = entry.dn;
    for (const { description, values } of entry.attributes) {
      const [name = '', ...options] = description.split(';');
      const type = normalizeType(name);
      const tag = options.length === 1 ? options[0]?.toLowerCase() : undefined;
      if (options.length === 0) this.#values.set(type, values);
      else if (tag?.startsWith('lang-')) this.#tagged.set(type, [...(this.#tagged.get(type) ?? []), { tag, values }]);
      else if (options.some((option) => option.toLowerCase().startsWith('range='))) this.#ranged.add(type);
      // Other options mark another encoding (;binary) or another meaning.
    }
  }

  /** Whether the server gave only some of the values, as Active Directory does with large groups. */
  isPartial(name: string): boolean {
    return this.#ranged.has(normalizeType(name));
  }

  /** All values without an option, for names that programs gave: bytes that are not UTF-8 are replaced. */
  all(name: string): string[] {
    return (this.#values.get(normalizeType(name)) ?? []).map((value) => value.toString('utf8'));
  }

  /**
   * The first value that is not empty, trimmed: of the first attribute that has one, rather without a language tag
   * than with one. Throws InvalidText.
   */
  first(names: readonly string[]): string | undefined {
    for (const name of names) {
      for (const value of this.#candidates(normalizeType(name))) {
        const text = decode(value, name).trim();
        if (text !== '') return text;
      }
    }
    return undefined;
  }

  *#candidates(type: string): Generator<Buffer> {
    yield* this.#values.get(type) ?? [];
    const tagged = this.#tagged.get(type)?.toSorted((a, b) => (a.tag < b.tag ? -1 : 1)) ?? [];
    for (const { values } of tagged) yield* values;
  }
}

function decode(value: Buffer, attribute: string): string {
  if (!isUtf8(value)) throw new InvalidText(attribute);
  return value.toString('utf8');
}

/** One line without control characters, which databases and terminals trip over. */
export function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** Several lines; only NUL, which PostgreSQL cannot store, goes. */
export function multipleLines(text: string): string {
  return text.replaceAll('\0', '').trim();
}

/** At most that many characters (code points, as the API server counts them). */
export function truncate(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('').trimEnd();
}
