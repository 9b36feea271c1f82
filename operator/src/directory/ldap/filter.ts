import {
  AndFilter,
  ApproximateFilter,
  EqualityFilter,
  ExtensibleFilter,
  type Filter,
  GreaterThanEqualsFilter,
  LessThanEqualsFilter,
  NotFilter,
  OrFilter,
  PresenceFilter,
  SubstringFilter,
} from 'ldapts';
import { DirectoryError } from '../../errors.ts';

/**
 * Parses a search filter (RFC 4515, with the true and false filters of RFC 4526) for sending. White space between
 * the parts is let pass, as OpenLDAP does, so that filters can be written over several lines.
 *
 * ldapts has a parser of its own, which accepts a filter whose last parenthesis is missing, refuses OIDs and
 * attribute options, and encodes escaped bytes above 7f twice, so that `(cn=Andr\c3\a9)` finds nobody.
 *
 * @param field That holds the filter, where somebody wrote it.
 * @throws DirectoryError `InvalidFilter`, naming the field and the place.
 */
export function parseFilter(text: string, field?: string): Filter {
  const scanner = new Scanner(text, field);
  const filter = parseComponent(scanner, 0);
  scanner.skipSpace();
  if (!scanner.atEnd()) throw scanner.error('nothing may follow the last parenthesis');
  return filter;
}

/** Deeper than anybody writes by hand, and well within the stack. */
const maximumDepth = 100;

function parseComponent(scanner: Scanner, depth: number): Filter {
  if (depth > maximumDepth) throw scanner.error('it is nested too deeply');
  scanner.expect('(');
  const filter = parseBody(scanner, depth);
  scanner.expect(')');
  return filter;
}

function parseBody(scanner: Scanner, depth: number): Filter {
  if (scanner.take('&')) return new AndFilter({ filters: parseList(scanner, depth) });
  if (scanner.take('|')) return new OrFilter({ filters: parseList(scanner, depth) });
  if (scanner.take('!')) return new NotFilter({ filter: parseComponent(scanner, depth + 1) });
  return parseItem(scanner);
}

function parseList(scanner: Scanner, depth: number): Filter[] {
  const filters: Filter[] = [];
  while (scanner.sees('(')) filters.push(parseComponent(scanner, depth + 1));
  return filters;
}

function parseItem(scanner: Scanner): Filter {
  // An attribute description: a name or OID with options (RFC 4512 section 2.5). Only := can go without.
  const attribute = scanner.match(/(?:[a-z][a-z0-9-]*|\d+(?:\.\d+)*)(?:;[a-z0-9-]+)*/iy) ?? '';
  const extensible = scanner.match(/(?::dn)?(?::(?!dn:)[a-z0-9.-]+)?:=/iy);
  if (extensible !== undefined) return parseExtensible(scanner, attribute, extensible);
  if (attribute === '') throw scanner.error('an attribute is expected');
  const operator = scanner.match(/[<>~]?=/y);
  if (operator === undefined) throw scanner.error('=, >=, <=, ~= or := is expected');
  const raw = scanner.value();
  if (operator === '=' && raw.includes('*')) return substring(scanner, attribute, raw);
  if (operator === '=') return new EqualityFilter({ attribute, value: asAssertion(unescaped(scanner, raw)) });
  const value = text(scanner, raw);
  if (operator === '>=') return new GreaterThanEqualsFilter({ attribute, value });
  if (operator === '<=') return new LessThanEqualsFilter({ attribute, value });
  return new ApproximateFilter({ attribute, value });
}

function parseExtensible(scanner: Scanner, matchType: string, operator: string): Filter {
  const parts = operator.slice(1, -1).split(':').filter(Boolean);
  const dnAttributes = parts[0]?.toLowerCase() === 'dn';
  const rule = dnAttributes ? parts[1] : parts[0];
  if (matchType === '' && rule === undefined) throw scanner.error('an attribute or a matching rule is expected');
  return new ExtensibleFilter({
    matchType,
    dnAttributes,
    ...(rule && { rule }),
    value: text(scanner, scanner.value()),
  });
}

function substring(scanner: Scanner, attribute: string, raw: string): Filter {
  if (raw === '*') return new PresenceFilter({ attribute });
  const pieces = raw.split('*').map((piece) => text(scanner, piece));
  const any = pieces.slice(1, -1);
  if (any.includes('') || pieces.every((piece) => piece === '')) throw scanner.error('** is not allowed');
  return new SubstringFilter({ attribute, initial: pieces[0] ?? '', any, final: pieces.at(-1) ?? '' });
}

/** Resolves `\xx`; RFC 4515 knows no other escape. */
function unescaped(scanner: Scanner, raw: string): Buffer {
  if (/\\(?![0-9a-f]{2})/i.test(raw)) throw scanner.error('\\ must be followed by two hexadecimal digits');
  const pieces = raw.split(/((?:\\[0-9a-f]{2})+)/i);
  return Buffer.concat(
    pieces.map((piece) =>
      piece.startsWith('\\') ? Buffer.from(piece.replaceAll('\\', ''), 'hex') : Buffer.from(piece),
    ),
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function asAssertion(bytes: Buffer): string | Buffer {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes;
  }
}

function text(scanner: Scanner, raw: string): string {
  const value = asAssertion(unescaped(scanner, raw));
  if (typeof value !== 'string') throw scanner.error('bytes that are not UTF-8 text can only be compared with =');
  return value;
}

class Scanner {
  #position = 0;
  readonly #text: string;
  readonly #field: string | undefined;

  constructor(text: string, field?: string) {
    this.#text = text;
    this.#field = field;
  }

  atEnd(): boolean {
    return this.#position === this.#text.length;
  }

  skipSpace(): void {
    this.match(/\s*/y);
  }

  /** Looks at the next character that is no space. */
  sees(character: string): boolean {
    this.skipSpace();
    return this.#text[this.#position] === character;
  }

  take(character: string): boolean {
    const seen = this.sees(character);
    if (seen) this.#position += 1;
    return seen;
  }

  expect(character: string): void {
    if (!this.take(character)) throw this.error(`${character} is expected`);
  }

  /** Takes what the sticky pattern matches here. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#position = pattern.lastIndex;
    return found;
  }

  /** Takes an assertion value, still escaped. */
  value(): string {
    return this.match(/[^()\0]*/y) ?? '';
  }

  error(what: string): DirectoryError {
    const place = this.atEnd() ? 'at its end' : `at character ${this.#position + 1}`;
    const where = this.#field === undefined ? '' : ` of ${this.#field}`;
    const message = `The filter ${this.#text.trim()}${where} is not valid: ${what} ${place}.`;
    return new DirectoryError('InvalidFilter', message);
  }
}
