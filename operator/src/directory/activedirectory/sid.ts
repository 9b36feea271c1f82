/**
 * Text form of a security identifier, for example `S-1-5-21-1004336348-1177238915-682003330-512`; undefined when the
 * bytes are none. https://learn.microsoft.com/openspecs/windows_protocols/ms-dtyp/ (SID: packet representation and
 * string format syntax)
 */
export function sidText(bytes: Buffer): string | undefined {
  const count = bytes[1] ?? 0;
  if (bytes[0] !== 1 || bytes.length !== 8 + 4 * count) return undefined;
  const subauthorities = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(8 + 4 * index));
  return ['S-1', bytes.readUIntBE(2, 6), ...subauthorities].join('-');
}

/** The SID that this relative identifier has in the domain of another one. */
export function sidOfDomain(sid: string, relativeId: string): string {
  return `${sid.slice(0, sid.lastIndexOf('-'))}-${relativeId}`;
}
