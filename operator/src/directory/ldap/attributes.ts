import { normalizeType } from './dn.ts';
import type { Attribute, Entry } from './message.ts';

/** A value that would be taken is not text. */
export class InvalidText extends Error {
  constructor(attribute: string) {
    super(`The value of ${attribute} is not valid UTF-8.`);
  }
}

/** An attribute description (RFC 4512 section 2.5), taken apart. */
interface Description {
  readonly type: string;
  /** In lower case; empty when there is none. */
  readonly options: string;
}

/** The attributes of one entry, found by type whatever its spelling. */
export class EntryAttributes {
  readonly dn: string;
  readonly #attributes: readonly Attribute[];
  /** Of the attributes, in the same order. */
  readonly #descriptions: readonly Description[];

  constructor(entry: Entry) {
    this.dn = entry.dn;
    this.#attributes = entry.attributes;
    this.#descriptions = entry.attributes.map(({ description }) => parseDescription(description));
  }

  /** Whether the server gave only some of the values, as Active Directory does with large groups. */
  isPartial(name: string): boolean {
    const { type } = parseDescription(name);
    return this.#descriptions.some((found) => found.type === type && found.options.startsWith('range='));
  }

  /** All values without an option, for names that programs gave: bytes that are not UTF-8 become U+FFFD. */
  *values(name: string): Generator<string> {
    const attribute = this.#find(parseDescription(name).type);
    for (let index = 0; index < (attribute?.size ?? 0); index++) yield attribute?.text(index) ?? '';
  }

  /**
   * The first value that is not empty, trimmed: of the first attribute that has one, rather without an option than
   * with a language tag (RFC 3866). Other options mark another encoding (`;binary`) or another meaning.
   * @throws InvalidText
   */
  first(names: readonly string[]): string | undefined {
    for (const name of names) {
      const { type } = parseDescription(name);
      const text = firstText(this.#find(type)) ?? firstText(this.#findTagged(type));
      if (text !== undefined) return text;
    }
    return undefined;
  }

  #find(type: string): Attribute | undefined {
    return this.#attributes[this.#descriptions.findIndex((found) => found.type === type && found.options === '')];
  }

  /** The attribute with a language tag; of several the first in the order of tags, whatever the server's order. */
  #findTagged(type: string): Attribute | undefined {
    let first: number | undefined;
    for (const [at, { type: found, options }] of this.#descriptions.entries()) {
      if (found !== type || !/^lang-[^;]*$/.test(options)) continue;
      if (first === undefined || options < (this.#descriptions[first]?.options ?? '')) first = at;
    }
    return first === undefined ? undefined : this.#attributes[first];
  }
}

function firstText(attribute: Attribute | undefined): string | undefined {
  for (let index = 0; index < (attribute?.size ?? 0); index++) {
    const text = attribute?.text(index).trim();
    if (text?.includes('\ufffd') && !attribute?.isText(index)) throw new InvalidText(attribute?.description ?? '');
    if (text) return text;
  }
  return undefined;
}

/** A directory has few descriptions and many entries. The bound is against a server that makes them up. */
const descriptions = new Map<string, Description>();
const maximumDescriptions = 1000;

function parseDescription(text: string): Description {
  const known = descriptions.get(text);
  if (known !== undefined) return known;
  const [type = '', ...options] = text.split(';');
  const parsed = { type: normalizeType(type), options: options.join(';').toLowerCase() };
  if (descriptions.size < maximumDescriptions) descriptions.set(text, parsed);
  return parsed;
}
