import { keyOfName, normalizeType, plainDN } from './dn.ts';
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

/**
 * Places of values among all of an attribute, from 0.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/ (Range Retrieval of Attribute Values)
 */
export interface Range {
  readonly start: number;
  /** Absent when there are no further values. */
  readonly end?: number;
}

/** The attributes of one entry, found by type whatever its spelling. */
export class EntryAttributes {
  readonly dn: string;
  /** What the entry is recognised by where others name it: see `keyOfName`. */
  readonly key: string;
  readonly #attributes: readonly Attribute[];
  /** Of the attributes, in the same order. */
  readonly #descriptions: readonly Description[];

  constructor(entry: Entry) {
    this.dn = plainDN(entry.dn);
    this.key = keyOfName(entry.dn) ?? entry.dn;
    this.#attributes = entry.attributes;
    this.#descriptions = entry.attributes.map(({ description }) => parseDescription(description));
  }

  /**
   * All values without an option, for names that programs gave: bytes that are not UTF-8 become U+FFFD. Where the
   * server gave a range of the values, those of the range.
   */
  *values(name: string): Generator<string> {
    const { type } = parseDescription(name);
    for (const attribute of [this.#find(type), this.#findRange(type)?.attribute]) {
      for (let index = 0; index < (attribute?.size ?? 0); index++) yield attribute?.text(index) ?? '';
    }
  }

  /** Which of the values the server gave, where it did not give all at once. */
  range(name: string): Range | undefined {
    return this.#findRange(parseDescription(name).type)?.range;
  }

  /** The first value as it came. */
  bytes(name: string): Buffer | undefined {
    const attribute = this.#find(parseDescription(name).type);
    return attribute === undefined || attribute.size === 0 ? undefined : attribute.bytes(0);
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

  #findRange(type: string): { readonly attribute: Attribute; readonly range: Range } | undefined {
    for (const [at, { type: found, options }] of this.#descriptions.entries()) {
      const [, start, end] = (found === type && /^range=(\d+)-(\d+|\*)$/.exec(options)) || [];
      const attribute = this.#attributes[at];
      if (start === undefined || attribute === undefined) continue;
      return { attribute, range: { start: Number(start), ...(end !== '*' && { end: Number(end) }) } };
    }
    return undefined;
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
