import { domainToASCII } from 'node:url';

/** Why a text is not an address people can get mail at. */
export interface InvalidAddress {
  readonly invalid: string;
}

/**
 * The one spelling of an e-mail address by which addresses are compared, claimed and mirrored:
 * trimmed, NFC (Unicode TR 15), ASCII letters in lower case, the domain in its ASCII form (IDNA, UTS 46).
 * Letters beyond ASCII in the local part keep their case: RFC 6531 leaves their meaning to the host.
 */
export function canonicalAddress(address: string): string | InvalidAddress {
  const trimmed = address.trim().normalize('NFC');
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || at === trimmed.length - 1) return { invalid: 'it needs a part before and a part after an @' };
  const local = foldAscii(trimmed.slice(0, at));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\s\u0000-\u001f\u007f"(),:;<>@[\\\]]/.test(local)) {
    return { invalid: 'the part before the @ holds a space or a character that an address cannot have' };
  }
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) {
    return { invalid: 'the part before the @ has a dot too many' };
  }
  const domain = domainToASCII(trimmed.slice(at + 1));
  if (domain === '' || !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain))
    return { invalid: 'the part after the @ is not a domain name' };
  const canonical = `${local}@${domain}`;
  // RFC 5321 4.5.3.1.3: a path has 256 octets with its brackets.
  if (Buffer.byteLength(canonical) > 254) return { invalid: 'it is longer than 254 bytes' };
  return canonical;
}

/** The spelling by which domain accounts are compared: Windows ignores their case. */
export function canonicalAccount(account: string): string {
  return account.trim().normalize('NFC').toLowerCase();
}

function foldAscii(value: string): string {
  return value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
