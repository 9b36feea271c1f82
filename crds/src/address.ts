import { domainToASCII } from 'node:url';

/** Why a text is not an address people can get mail at. */
export interface InvalidAddress {
  /** Completes "the address is invalid: ". */
  readonly invalid: string;
}

/** RFC 5321 4.5.3.1.3: a path has 256 octets with its brackets. */
const maxBytes = 254;

/** Spaces, invisible characters, halves of characters, and what RFC 5321 4.1.2 wants quoted. */
const notInLocalPart = /[\p{Z}\p{Cc}\p{Cf}\p{Cs}\p{Co}"(),:;<>@[\\\]]/u;

/**
 * ASCII characters that no host name has. They must not reach `domainToASCII`, which reads its argument as the host
 * of a URL: it would cut example.com/x to example.com and decode %61.
 */
const notInHostName = /[^a-zA-Z0-9.\-\u0080-\u{10ffff}]/u;

/** RFC 1034 3.5 as relaxed by RFC 1123 2.1, in lower case; the last label is no number, or it is an IP address. */
const hostName = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The one spelling of an e-mail address by which addresses are compared, claimed and mirrored:
 * trimmed, NFC (Unicode TR 15), ASCII letters in lower case, the domain in its ASCII form (IDNA, UTS 46).
 * Letters beyond ASCII in the local part keep their case: RFC 6531 leaves their meaning to the host.
 */
export function canonicalAddress(address: string): string | InvalidAddress {
  const trimmed = address.trim();
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || at === trimmed.length - 1) return { invalid: 'it needs a part before and a part after an @' };
  const local = canonicalLocalPart(trimmed.slice(0, at));
  if (notInLocalPart.test(local)) {
    return { invalid: 'the part before the @ holds a space or a character that an address cannot have' };
  }
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) {
    return { invalid: 'the part before the @ has a dot too many' };
  }
  const domain = canonicalDomain(trimmed.slice(at + 1));
  if (domain === undefined) return { invalid: 'the part after the @ is not a domain name' };
  const canonical = `${local}@${domain}`;
  return Buffer.byteLength(canonical) > maxBytes ? { invalid: `it is longer than ${maxBytes} bytes` } : canonical;
}

/** The spelling by which domain accounts are compared: Windows ignores their case. */
export function canonicalAccount(account: string): string {
  return account.trim().normalize('NFC').toLowerCase().normalize('NFC');
}

function canonicalLocalPart(local: string): string {
  const folded = local.normalize('NFC').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  // Some letters compose with an accent in lower case only, for example h with U+0331.
  return folded.normalize('NFC');
}

function canonicalDomain(domain: string): string | undefined {
  const composed = domain.normalize('NFC');
  if (notInHostName.test(composed)) return undefined;
  const ascii = domainToASCII(composed);
  return hostName.test(ascii) ? ascii : undefined;
}
