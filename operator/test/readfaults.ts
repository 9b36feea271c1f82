import { type DirectoryReader, readAll } from '../src/directory/reader.ts';
import { DirectoryError } from '../src/errors.ts';
import { type Fault, startFaultProxy, type Unit } from './faultproxy.ts';

/** Gives a reader that goes through a port of this machine and bears so many milliseconds of silence. */
export type ReaderThrough = (port: number, timeoutMs: number) => DirectoryReader;

/** An id that nobody has. */
const unknown = '00000000-1111-4222-8333-444444444444';

/** A server at a port, how it is read, and what is counted between it and its reader. */
export interface Faulty {
  readonly target: number;
  readonly unit: Unit;
  readonly reader: ReaderThrough;
}

/** Reads everything, and looks for somebody who is gone. */
export const readThrough = (faulty: Faulty) => readWithFault(faulty, 10_000);

async function readWithFault({ target, unit, reader }: Faulty, timeoutMs: number, at = 0, fault?: Fault) {
  await using proxy = await startFaultProxy(target, unit, at, fault);
  using opened = await reader(proxy.port, timeoutMs).open(new AbortController().signal);
  const contents = await readAll(opened);
  const located = await opened.locate([unknown]);
  return { ...contents, units: proxy.units, whereabouts: located.get(unknown) };
}

/** How a read ended that something was done to. */
async function outcome(faulty: Faulty, at: number, fault: Fault): Promise<string> {
  // Silence is waited for, also behind a length that was damaged; everything else ends by itself.
  const timeoutMs = /silence|garbage/.test(fault) ? 250 : 10_000;
  try {
    const { evidence, whereabouts } = await readWithFault(faulty, timeoutMs, at, fault);
    return evidence.complete && whereabouts === 'Deleted' ? 'complete' : 'incomplete';
  } catch (error) {
    return error instanceof DirectoryError ? error.reason : String(error);
  }
}

/** The outcomes at each place, several at a time, since most of the time is waiting. */
export async function outcomes(faulty: Faulty, places: readonly number[], fault: Fault): Promise<Set<string>> {
  const remaining = [...places];
  const found = new Set<string>();
  const worker = async () => {
    for (let at = remaining.pop(); at !== undefined; at = remaining.pop()) found.add(await outcome(faulty, at, fault));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return found;
}

/** Each fault of messages, and the reasons that a read may then end with. */
export const messageFaults: readonly [Fault, readonly string[]][] = [
  ['reset', ['ConnectionLost', 'ProtocolError']],
  ['end', ['ConnectionLost', 'ProtocolError']],
  ['end inside', ['ConnectionLost', 'ProtocolError']],
  ['silence', ['ServerTimeout', 'ServerUnreachable']],
  ['silence inside', ['ServerTimeout', 'ServerUnreachable']],
  ['garbage', ['ProtocolError', 'ServerTimeout', 'ServerUnreachable']],
  ['garbage inside', ['ProtocolError', 'ServerTimeout', 'ServerUnreachable']],
  ['error result', ['ProtocolError']],
];

/** The same of bytes of TLS. */
export const byteFaults: readonly [Fault, readonly string[]][] = [
  ['end', ['TLSFailed', 'ConnectionLost', 'ProtocolError']],
  ['reset', ['TLSFailed', 'ConnectionLost', 'ProtocolError']],
  ['silence', ['ServerTimeout', 'ServerUnreachable']],
  [
    'garbage',
    ['TLSFailed', 'ConnectionLost', 'ProtocolError', 'ServerTimeout', 'ServerUnreachable', 'CertificateNotTrusted'],
  ],
];

/** All messages of a read. */
export const everyPlace = (units: number): number[] => Array.from({ length: units }, (_, at) => at);

/** Bytes of the handshake, and of all that follows. */
export function someBytes(units: number): number[] {
  const handshake = Array.from({ length: 40 }, (_, index) => index * 37);
  const rest = Array.from({ length: 60 }, (_, index) => Math.floor((index * (units - 200)) / 60));
  return [...handshake, ...rest];
}
