import type { Identity } from '../ldap/identity.ts';
import { uuidForm } from '../ldap/identity.ts';

/**
 * Text form of a GUID as directories store it: the first three parts are little-endian, the rest is as it comes.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-dtyp/ (GUID, packet representation and curly braced
 * string without the braces), in lower case. Undefined when it is not 16 bytes.
 */
export function guidText(bytes: Buffer): string | undefined {
  if (bytes.length !== 16) return undefined;
  const hex = swapped(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The bytes of a GUID in text form; undefined when the text is none. */
export function guidBytes(text: string): Buffer | undefined {
  return uuidForm.test(text) ? swapped(Buffer.from(text.replaceAll('-', ''), 'hex')) : undefined;
}

/** From one representation to the other, both ways. */
function swapped(bytes: Buffer): Buffer {
  const parts = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6, 8)];
  return Buffer.concat([...parts.map((part) => Buffer.from(part).reverse()), bytes.subarray(8)]);
}

/** An entry keeps its objectGUID for good, also when it is moved to another domain of the forest. */
export const objectGUID: Identity = {
  attribute: 'objectGUID',
  of(entry) {
    const bytes = entry.bytes('objectGUID');
    return bytes && guidText(bytes);
  },
  assertion: guidBytes,
};
