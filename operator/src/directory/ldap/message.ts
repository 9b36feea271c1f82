import { isUtf8 } from 'node:buffer';
import { BerReader, MalformedMessage, tags } from './ber.ts';

/** One attribute of an entry. Its values stay in the message until somebody asks for them. */
export class Attribute {
  /** Name with options, as the server spells it: `cn`, `cn;lang-fr`, `userCertificate;binary`. */
  readonly description: string;
  readonly #bytes: Buffer;
  /** Where each value starts and ends. */
  readonly #ranges: readonly number[];

  constructor(description: string, bytes: Buffer, ranges: readonly number[]) {
    this.description = description;
    this.#bytes = bytes;
    this.#ranges = ranges;
  }

  /** How many values there are. */
  get size(): number {
    return this.#ranges.length / 2;
  }

  /** A value as text; bytes that are not UTF-8 become U+FFFD. */
  text(index: number): string {
    return this.#bytes.toString('utf8', this.#ranges[2 * index], this.#ranges[2 * index + 1]);
  }

  /** A value as it came: a view, not a copy. */
  bytes(index: number): Buffer {
    return this.#bytes.subarray(this.#ranges[2 * index], this.#ranges[2 * index + 1]);
  }

  /** Whether the value is UTF-8, as all text in LDAP has to be (RFC 4511 section 4.1.2). */
  isText(index: number): boolean {
    return isUtf8(this.bytes(index));
  }
}

/** SearchResultEntry. */
export interface Entry {
  readonly kind: 'Entry';
  readonly dn: string;
  readonly attributes: readonly Attribute[];
}

/** SearchResultReference: a part of the tree that another server holds. */
export interface Reference {
  readonly kind: 'Reference';
  readonly uris: readonly string[];
}

/** What ends an operation. */
export interface Result {
  readonly kind: 'Result';
  readonly operation: 'Bind' | 'Search' | 'Extended';
  /** RFC 4511 appendix A. */
  readonly code: number;
  /** What the server says to a person; often empty. */
  readonly diagnostic: string;
  /** Of the paged results control (RFC 2696); empty after the last page, absent where the server sent no control. */
  readonly cookie?: Buffer;
  /** Of an extended response. */
  readonly value?: string;
}

export interface Message {
  /** 0 is what the server says unasked. */
  readonly id: number;
  readonly content: Entry | Reference | Result;
}

export const pagedResultsControl = '1.2.840.113556.1.4.319';

const operations: Readonly<Record<number, Result['operation']>> = { 97: 'Bind', 101: 'Search', 120: 'Extended' };
const searchResultEntry = 0x64;
const searchResultReference = 0x73;
const referralTag = 0xa3;
const responseValueTag = 0x8b;
const controlsTag = 0xa0;

/**
 * Decodes what a server sends (RFC 4511 section 4), strictly: ldapts takes a result that is cut short for success,
 * and loops for ever on some damaged entries.
 * @throws MalformedMessage
 */
export function decodeMessage(bytes: Buffer): Message {
  const message = new BerReader(bytes).enter(tags.sequence);
  const id = message.number(tags.integer);
  const tag = message.tag;
  if (tag === undefined) throw new MalformedMessage('a message is empty');
  const operation = operations[tag];
  const body = message.enter(tag);
  if (operation !== undefined) return { id, content: decodeResult(operation, body, message) };
  if (tag === searchResultEntry) return { id, content: decodeEntry(body, bytes) };
  if (tag === searchResultReference) return { id, content: decodeReference(body) };
  throw new MalformedMessage('a message is none that was asked for');
}

function decodeEntry(body: BerReader, bytes: Buffer): Entry {
  const dn = body.text();
  const list = body.enter(tags.sequence);
  const attributes: Attribute[] = [];
  while (!list.atEnd) {
    const attribute = list.enter(tags.sequence);
    const description = attribute.text();
    const set = attribute.enter(tags.set);
    const ranges: number[] = [];
    while (!set.atEnd) set.range(ranges);
    attributes.push(new Attribute(description, bytes, ranges));
  }
  return { kind: 'Entry', dn, attributes };
}

function decodeReference(body: BerReader): Reference {
  const uris: string[] = [];
  while (!body.atEnd) uris.push(body.text());
  return { kind: 'Reference', uris };
}

function decodeResult(operation: Result['operation'], body: BerReader, message: BerReader): Result {
  const code = body.number(tags.enumerated);
  body.skip(); // The part of the DN that was found.
  const diagnostic = body.text();
  if (body.tag === referralTag) body.skip();
  let value: string | undefined;
  while (!body.atEnd) {
    if (body.tag === responseValueTag) value = body.text(responseValueTag);
    else body.skip();
  }
  const cookie = message.tag === controlsTag ? decodeCookie(message.enter(controlsTag)) : undefined;
  return {
    kind: 'Result',
    operation,
    code,
    diagnostic,
    ...(cookie && { cookie }),
    ...(value !== undefined && { value }),
  };
}

function decodeCookie(controls: BerReader): Buffer | undefined {
  while (!controls.atEnd) {
    const control = controls.enter(tags.sequence);
    if (control.text() !== pagedResultsControl) continue;
    if (control.tag !== tags.octetString) control.skip(); // Its criticality.
    const value = new BerReader(control.octets()).enter(tags.sequence);
    value.skip(); // An estimate of the number of entries.
    return value.octets();
  }
  return undefined;
}
