/** LDAP messages of a server, written by hand, so that tests can also say what no real server says. */

/** An element of BER with that tag. */
export function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const length = body.length < 0x80 ? [body.length] : [0x84, ...bigEndian(body.length)];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

export const octets = (value: string | Buffer, tag = 0x04): Buffer => tagged(tag, Buffer.from(value as string));
export const integer = (value: number): Buffer => tagged(0x02, Buffer.from(bigEndian(value)));
export const sequence = (...contents: readonly Buffer[]): Buffer => tagged(0x30, ...contents);

/** What a server sends for one request, beside the message id. */
export type Reply = { readonly operation: Buffer; readonly controls?: Buffer };

export const message = (id: number, { operation, controls }: Reply): Buffer =>
  sequence(integer(id), operation, ...(controls ? [controls] : []));

export interface ResultOptions {
  readonly code?: number;
  readonly diagnostic?: string;
}

const result = (tag: number, { code = 0, diagnostic = '' }: ResultOptions, ...more: readonly Buffer[]): Buffer =>
  tagged(tag, tagged(0x0a, Buffer.from([code])), octets(''), octets(diagnostic), ...more);

export const bindResponse = (options: ResultOptions = {}): Reply => ({ operation: result(0x61, options) });

/** `value` is that of the extended operation; absent when undefined. */
export const extendedResponse = (options: ResultOptions & { readonly value?: string } = {}): Reply => ({
  operation: result(0x78, options, ...(options.value === undefined ? [] : [octets(options.value, 0x8b)])),
});

/** `cookie` is that of the paged results control, which is absent when undefined. */
export const searchDone = (options: ResultOptions & { readonly cookie?: string } = {}): Reply => ({
  operation: result(0x65, options),
  ...(options.cookie !== undefined && { controls: tagged(0xa0, pagedResults(options.cookie)) }),
});

const pagedResults = (cookie: string): Buffer =>
  sequence(octets('1.2.840.113556.1.4.319'), octets(sequence(integer(0), octets(cookie))));

export const searchEntry = (
  dn: string,
  attributes: Readonly<Record<string, string | Buffer | readonly (string | Buffer)[]>>,
): Reply => ({
  operation: tagged(
    0x64,
    octets(dn),
    sequence(
      ...Object.entries(attributes).map(([name, values]) =>
        sequence(octets(name), tagged(0x31, ...[values].flat().map((value) => octets(value)))),
      ),
    ),
  ),
});

export const searchReference = (...uris: readonly string[]): Reply => ({
  operation: tagged(0x73, ...uris.map((uri) => octets(uri))),
});

function bigEndian(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
