/**
 * Distinguished names as strings (RFC 4514). Servers give the DN of an entry and the DNs in member values back as
 * somebody once typed them, so DNs are compared by a normal form.
 */

export interface AttributeTypeAndValue {
  readonly type: string;
  /** Unescaped. A value in the form `#hex` that does not hold a text stays in that form. */
  readonly value: string;
}

/** Relative distinguished names from the entry up to the root. Several values in one are unordered. */
export type DistinguishedName = readonly (readonly AttributeTypeAndValue[])[];

/** Descriptors of RFC 4519 and RFC 4524 that name the same attribute types, by their OIDs and longer names. */
const shortTypes: Readonly<Record<string, string>> = {
  '2.5.4.3': 'cn',
  commonname: 'cn',
  '2.5.4.4': 'sn',
  surname: 'sn',
  '2.5.4.5': 'serialnumber',
  '2.5.4.6': 'c',
  countryname: 'c',
  '2.5.4.7': 'l',
  localityname: 'l',
  '2.5.4.8': 'st',
  stateorprovincename: 'st',
  '2.5.4.9': 'street',
  streetaddress: 'street',
  '2.5.4.10': 'o',
  organizationname: 'o',
  '2.5.4.11': 'ou',
  organizationalunitname: 'ou',
  '2.5.4.12': 'title',
  '2.5.4.13': 'description',
  '2.5.4.42': 'givenname',
  gn: 'givenname',
  '0.9.2342.19200300.100.1.1': 'uid',
  userid: 'uid',
  '0.9.2342.19200300.100.1.3': 'mail',
  rfc822mailbox: 'mail',
  '0.9.2342.19200300.100.1.25': 'dc',
  domaincomponent: 'dc',
};

/** The one name by which an attribute type is compared: in lower case, OIDs and long names of common types resolved. */
export function normalizeType(type: string): string {
  const lower = type.toLowerCase().replace(/^oid\./, '');
  return shortTypes[lower] ?? lower;
}

/**
 * What has more than one spelling: escapes, several values, quotes and separators of RFC 2253, spaces that do not
 * count, letters beyond ASCII, and types written as OID or by a longer name.
 */
const unusual = new RegExp(
  String.raw`[^ !$-*\--:=?-\[\]-~,.]|^ | [ ,=]|[,=] | $|(?:^|,)(?:\d|oid\.|${Object.keys(shortTypes)
    .filter((type) => !/^\d/.test(type))
    .join('|')})[^,=]*=`,
  'i',
);

/**
 * The normal form of a DN, or undefined when it is not one: types in lower case, values as `caseIgnoreMatch` compares
 * them (RFC 4518), one way to escape. It may take for equal what an exact matching rule tells apart, never the reverse
 * for the matching rules that naming attributes have.
 */
export function normalizeDN(text: string): string | undefined {
  // Nearly all DNs of a directory go this way, which is a tenth of the work.
  if (text !== '' && !unusual.test(text)) {
    const lower = text.toLowerCase();
    return /^(?:[a-z][a-z0-9-]*=[^,]*(?:,(?!$)|$))+$/.test(lower) ? lower : undefined;
  }
  const parsed = parseDN(text);
  return parsed && formatDN(parsed.map(normalizeRDN));
}

function normalizeRDN(rdn: readonly AttributeTypeAndValue[]): AttributeTypeAndValue[] {
  return rdn
    .map(({ type, value }) => ({ type: normalizeType(type), value: normalizeValue(value) }))
    .sort((a, b) => (`${a.type}=${a.value}` < `${b.type}=${b.value}` ? -1 : 1));
}

/** The preparation of `caseIgnoreMatch`, RFC 4518 section 2. Each Σ becomes σ, whatever letter follows. */
function normalizeValue(value: string): string {
  const folded = value.normalize('NFKC').replaceAll('Σ', 'σ').toLowerCase().normalize('NFKC');
  return folded.trim().replace(/\s+/g, ' ');
}

/** Whether the entry of that name is the base or below it. Both are normal forms. */
export function isWithin(dn: string, base: string): boolean {
  return base === '' || dn === base || dn.endsWith(`,${base}`);
}

/** The bases without those that lie within another one, and each once: whoever is below two would be read twice. */
export function outermost(bases: readonly string[]): string[] {
  const keys = bases.map((base) => normalizeDN(base) ?? base);
  return bases.filter((_, at) => {
    const key = keys[at] ?? '';
    return !keys.some((other, index) => (key === other ? index < at : isWithin(key, other)));
  });
}

/**
 * The DN in an extended DN of Active Directory, `<GUID=...>;<SID=...>;CN=...`; any other DN stays as it is.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/ (LDAP_SERVER_EXTENDED_DN_OID)
 */
export function plainDN(name: string): string {
  return name.startsWith('<') ? name.replace(/^(?:<[^>]*>;?)*/, '') : name;
}

/**
 * What an entry is recognised by, given a DN: the GUID of an extended DN, which stays when the entry is moved
 * meanwhile, or else the normal form. Undefined when it is not a DN.
 */
export function keyOfName(name: string): string | undefined {
  if (!name.startsWith('<')) return normalizeDN(name);
  const [, guid] = /^<GUID=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>/i.exec(name) ?? [];
  return guid && `<GUID=${guid.toLowerCase()}>`;
}

/** Writes a DN with the escapes that RFC 4514 section 2.4 demands. */
export function formatDN(dn: DistinguishedName): string {
  return dn.map((rdn) => rdn.map(({ type, value }) => `${type}=${escapeValue(value)}`).join('+')).join(',');
}

function escapeValue(value: string): string {
  return value.replace(/[\\,+"<>;]|^[ #]| $/g, '\\$&').replaceAll('\0', '\\00');
}

/**
 * Parses every spelling of RFC 4514, and what RFC 2253 wants to be accepted beside: spaces around separators,
 * semicolons, quoted values, `oid.` before an OID. Undefined when it is not a DN; the empty text is the root.
 */
export function parseDN(text: string): DistinguishedName | undefined {
  if (/^ *$/.test(text)) return [];
  const dn: AttributeTypeAndValue[][] = [];
  let rdn: AttributeTypeAndValue[] = [];
  let position = 0;
  for (;;) {
    const [type, start] = match(/ *((?:oid\.)?\d+(?:\.\d+)*|[a-z][a-z0-9-]*) *= */iy, text, position);
    const parsed = type === undefined ? undefined : parseValue(text, start);
    if (type === undefined || parsed === undefined) return undefined;
    rdn.push({ type, value: parsed.value });
    const separator = text[parsed.end];
    if (separator !== '+') {
      dn.push(rdn);
      rdn = [];
    }
    if (separator === undefined) return dn;
    position = parsed.end + 1;
  }
}

interface ParsedValue {
  readonly value: string;
  /** Index of the separator, or the length of the text. */
  readonly end: number;
}

function parseValue(text: string, start: number): ParsedValue | undefined {
  if (text[start] === '#') return parseHexValue(text, start);
  return text[start] === '"' ? parseQuotedValue(text, start) : parseStringValue(text, start);
}

function parseHexValue(text: string, start: number): ParsedValue | undefined {
  const [digits, end] = match(/#((?:[0-9a-f]{2})+) *(?=[,;+]|$)/iy, text, start);
  if (digits === undefined) return undefined;
  return { value: textOfBer(Buffer.from(digits, 'hex')) ?? `#${digits.toLowerCase()}`, end };
}

/** The text in the BER encoding of an OCTET STRING, UTF8String, PrintableString or IA5String. */
function textOfBer(ber: Buffer): string | undefined {
  const isText = ber[0] !== undefined && [0x04, 0x0c, 0x13, 0x16].includes(ber[0]);
  return isText && ber[1] !== undefined && ber[1] < 0x80 && ber.length === 2 + ber[1]
    ? decodeUtf8(ber.subarray(2))
    : undefined;
}

function parseQuotedValue(text: string, start: number): ParsedValue | undefined {
  const [body, end] = match(/"((?:[^"\\]|\\.)*)" *(?=[,;+]|$)/suy, text, start);
  const value = unescaped(body);
  return value === undefined ? undefined : { value, end };
}

/** Spaces before the separator do not count, unless they are escaped. */
function parseStringValue(text: string, start: number): ParsedValue | undefined {
  const [body, end] = match(/((?: *(?:[^\\,;+" ]|\\.))*) *(?=[,;+]|$)/suy, text, start);
  const value = unescaped(body);
  return value === undefined ? undefined : { value, end };
}

/** What the first group of the sticky pattern finds at that place, and where the match ends. */
function match(pattern: RegExp, text: string, start: number): [string | undefined, number] {
  pattern.lastIndex = start;
  return [pattern.exec(text)?.[1], pattern.lastIndex];
}

/** Resolves escaped characters and escaped bytes; undefined when they are not as RFC 4514 allows, or not UTF-8. */
function unescaped(value: string | undefined): string | undefined {
  if (!value?.includes('\\')) return value;
  const pieces = value.match(/(?:\\[0-9a-f]{2})+|\\[ "#+,;<=>\\]|[^\\]+/giu) ?? [];
  if (pieces.join('') !== value) return undefined;
  let result = '';
  for (const piece of pieces) {
    if (!piece.startsWith('\\')) result += piece;
    else if (piece.length === 2) result += piece[1];
    else {
      const decoded = decodeUtf8(Buffer.from(piece.replaceAll('\\', ''), 'hex'));
      if (decoded === undefined) return undefined;
      result += decoded;
    }
  }
  return result;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
