/** The part of BER that LDAP uses (RFC 4511 section 5.1), read strictly: what is damaged must not look like less. */

/** Bytes that are not LDAP. Nothing that follows them can be trusted. */
export class MalformedMessage extends Error {}

export const tags = { integer: 0x02, octetString: 0x04, enumerated: 0x0a, sequence: 0x30, set: 0x31 } as const;

interface Header {
  readonly tag: number;
  /** Index of the first byte of the contents. */
  readonly start: number;
  /** Index behind the last one. */
  readonly end: number;
}

/** The tag and length at that place; undefined when not all of them are there. */
function header(bytes: Buffer, at: number, limit: number): Header | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (at + 2 > limit || tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first };
  const octets = first - 0x80;
  if (octets === 0 || octets > 4) throw new MalformedMessage('a length is not as LDAP allows');
  const start = at + 2 + octets;
  return start > limit ? undefined : { tag, start, end: start + bytes.readUIntBE(at + 2, octets) };
}

/** Reads the elements of a constructed value one after the other. Each method throws MalformedMessage. */
export class BerReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  /** The tag of the next element. */
  get tag(): number | undefined {
    return this.atEnd ? undefined : this.#bytes[this.#at];
  }

  /** Skips the next element. */
  skip(): void {
    this.#next();
  }

  /** The elements of the next element, which is constructed. */
  enter(tag: number): BerReader {
    const { start, end } = this.#next(tag);
    return new BerReader(this.#bytes, start, end);
  }

  /** A view on the bytes, not a copy. */
  octets(tag: number = tags.octetString): Buffer {
    const { start, end } = this.#next(tag);
    return this.#bytes.subarray(start, end);
  }

  /** Appends where the next OCTET STRING starts and ends in the bytes that are read. */
  range(ranges: number[]): void {
    const { start, end } = this.#next(tags.octetString);
    ranges.push(start, end);
  }

  text(tag: number = tags.octetString): string {
    const { start, end } = this.#next(tag);
    return this.#bytes.toString('utf8', start, end);
  }

  /** Not negative: LDAP has no negative ids, codes or sizes. */
  number(tag: number): number {
    const { start, end } = this.#next(tag);
    if (end - start < 1 || end - start > 4 || (this.#bytes[start] ?? 0) > 0x7f) {
      throw new MalformedMessage('a number is not as LDAP allows');
    }
    return this.#bytes.readUIntBE(start, end - start);
  }

  #next(tag?: number): Header {
    const next = header(this.#bytes, this.#at, this.#end);
    if (next === undefined || next.end > this.#end) throw new MalformedMessage('a part reaches beyond its end');
    if (tag !== undefined && next.tag !== tag) throw new MalformedMessage('a part is of another kind than LDAP says');
    this.#at = next.end;
    return next;
  }
}

/** Longer than any entry is: a group of a million members has some 80 MB. */
const maximumSize = 256 * 2 ** 20;

/** Cuts a stream of bytes into messages, which are one SEQUENCE each. */
export class Framer {
  #pending: Buffer[] = [];
  #size = 0;
  /** Bytes from which on it is worth looking. */
  #needed = 2;

  /** Whether the bytes so far end with a message. */
  get atBoundary(): boolean {
    return this.#size === 0;
  }

  /** Takes the next bytes and gives the messages that are now whole. Throws MalformedMessage. */
  *messages(chunk: Buffer): Generator<Buffer> {
    this.#pending.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    let at = 0;
    let size = messageSize(bytes, at);
    while (size !== undefined && at + size <= bytes.length) {
      yield bytes.subarray(at, at + size);
      at += size;
      size = messageSize(bytes, at);
    }
    const rest = bytes.subarray(at);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    this.#needed = size ?? rest.length + 1;
  }
}

/** Bytes of the message that begins there; undefined while that cannot be told. */
function messageSize(bytes: Buffer, at: number): number | undefined {
  if (at < bytes.length && bytes[at] !== tags.sequence)
    throw new MalformedMessage('a message begins with another byte');
  const found = header(bytes, at, bytes.length);
  if (found !== undefined && found.end - at > maximumSize) throw new MalformedMessage('a message is too long');
  return found && found.end - at;
}
