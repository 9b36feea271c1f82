/** An entry to be added: attribute names with their values, in the order in which they are written. */
export interface Entry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** Replaces all values of one attribute. */
export interface Replacement {
  readonly dn: string;
  readonly attribute: string;
  readonly values: readonly string[];
}

/** The entry as an LDIF content record (RFC 2849), with the empty line that ends it. */
export function contentRecord(entry: Entry): string {
  const lines = [line('dn', entry.dn)];
  for (const [attribute, values] of Object.entries(entry.attributes)) {
    for (const value of values) lines.push(line(attribute, value));
  }
  return `${lines.join('\n')}\n\n`;
}

/** The replacement as an LDIF change record. */
export function changeRecord(change: Replacement): string {
  return `${[
    line('dn', change.dn),
    'changetype: modify',
    `replace: ${change.attribute}`,
    ...change.values.map((value) => line(change.attribute, value)),
    '-',
  ].join('\n')}\n\n`;
}

/** RFC 2849: base64 for what is not a SAFE-STRING or ends in a space; here also for what is not printable ASCII. */
function line(attribute: string, value: string): string {
  return /^([!-9;=-~]([ -~]*[!-~])?)?$/.test(value)
    ? `${attribute}: ${value}`
    : `${attribute}:: ${Buffer.from(value).toString('base64')}`;
}
