import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { BerReader, Framer, tags } from '../src/directory/ldap/ber.ts';
import { decodeMessage, type Entry, pagedResultsControl } from '../src/directory/ldap/message.ts';
import {
  extendedResponse,
  integer,
  message,
  octets,
  searchDone,
  searchEntry,
  searchReference,
  sequence,
  tagged,
} from './ldapwire.ts';

/** What Active Directory does and Samba does not. */
export interface ActiveDirectoryLimits {
  /**
   * Entries in one answer: 1000 unless the policy says otherwise. A request for larger pages gets pages of this size,
   * one without pages is ended with sizeLimitExceeded.
   * https://learn.microsoft.com/troubleshoot/windows-server/active-directory/view-set-ldap-policy-using-ntdsutil
   */
  readonly maxPageSize?: number;
  /**
   * Values of one attribute in one entry: 1500 (same page). When there are more, the attribute comes empty, and
   * beside it the first of them as `;range=0-1499`.
   * https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/ (Range Retrieval of Attribute Values)
   */
  readonly maxValRange?: number;
  /**
   * Continuation references of a search of a whole tree, as for other domains and application partitions below.
   * https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/ (Referrals in LDAPv2 and LDAPv3)
   */
  readonly references?: readonly string[];
  /** What "Who am I?" says, which Samba does not know: `u:DOMAIN\name` (LDAP_SERVER_WHO_AM_I_OID, same document). */
  readonly whoAmI?: string;
  /** Code with which the search with that number, from 0, ends instead of being carried out. */
  readonly refuse?: (search: number) => number | undefined;
}

export interface ActiveDirectoryFront extends AsyncDisposable {
  /** LDAP in the clear: what is behind it is reached by TLS. */
  readonly url: string;
  readonly port: number;
  /** Searches so far. */
  readonly searches: readonly FrontSearch[];
}

export interface FrontSearch {
  readonly base: string;
  readonly attributes: readonly string[];
  /** Page size asked for. */
  readonly page?: number;
}

/** An LDAP server on loopback that gives what a Samba says with the limits of Active Directory. */
export async function startActiveDirectoryFront(
  target: { readonly url: string; readonly caBundle: string },
  limits: ActiveDirectoryLimits = {},
): Promise<ActiveDirectoryFront> {
  const { port } = new URL(target.url.replace('ldaps:', 'https:'));
  const sockets = new Set<{ destroy(): unknown }>();
  const searches: FrontSearch[] = [];
  const server = createServer((client) => {
    const samba = connect({ host: '127.0.0.1', port: Number(port), ca: target.caBundle });
    for (const socket of [client, samba]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.on('close', () => samba.destroy());
    samba.on('close', () => client.destroy());
    relay(client, samba, limits, searches);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `ldap://127.0.0.1:${address.port}`,
    port: address.port,
    searches,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const searchRequest = 0x63;
const extendedRequest = 0x77;
const controlsTag = 0xa0;
const whoAmIOid = '1.3.6.1.4.1.4203.1.11.3';

function relay(client: Socket, samba: Socket, limits: ActiveDirectoryLimits, searches: FrontSearch[]): void {
  let search: { readonly wholeTree: boolean; readonly paged: boolean; entries: number } | undefined;
  const requests = new Framer();
  client.on('data', (chunk: Buffer) => {
    for (const bytes of requests.messages(chunk)) {
      const envelope = new BerReader(bytes).enter(tags.sequence);
      const id = envelope.number(tags.integer);
      const tag = envelope.tag ?? 0;
      const body = envelope.octets(tag);
      if (tag === extendedRequest && limits.whoAmI !== undefined && body.includes(whoAmIOid)) {
        client.write(message(id, extendedResponse({ value: limits.whoAmI })));
        continue;
      }
      if (tag !== searchRequest) {
        samba.write(bytes);
        continue;
      }
      const asked = describeSearch(body);
      const controls = envelope.atEnd ? [] : readControls(envelope.enter(controlsTag));
      const page = controls.find(({ oid }) => oid === pagedResultsControl);
      const size = page && new BerReader(page.value).enter(tags.sequence).number(tags.integer);
      const code = limits.refuse?.(searches.length);
      searches.push({ base: asked.base, attributes: asked.attributes, ...(size !== undefined && { page: size }) });
      if (code !== undefined) {
        client.write(message(id, searchDone({ code, diagnostic: '00002024: SvcErr: DSID-0C060A56' })));
        continue;
      }
      search = { wholeTree: asked.wholeTree, paged: page !== undefined, entries: 0 };
      const limited = controls.map((control) =>
        control === page ? { ...page, value: limitedPage(page.value, limits.maxPageSize) } : control,
      );
      const written = limited.length === 0 ? [] : [tagged(controlsTag, ...limited.map(writeControl))];
      samba.write(sequence(integer(id), tagged(tag, body), ...written));
    }
  });
  const answers = new Framer();
  samba.on('data', (chunk: Buffer) => {
    for (const bytes of answers.messages(chunk)) {
      const { id, content } = decodeMessage(bytes);
      if (content.kind === 'Entry' && search !== undefined) {
        search.entries += 1;
        if (exceeds(search, limits)) continue;
        client.write(message(id, limitedEntry(content, limits.maxValRange)));
        continue;
      }
      if (content.kind === 'Result' && content.operation === 'Search' && search !== undefined) {
        if (search.wholeTree)
          for (const uri of limits.references ?? []) client.write(message(id, searchReference(uri)));
        if (exceeds(search, limits)) {
          client.write(message(id, searchDone({ code: 4 })));
          continue;
        }
      }
      client.write(bytes);
    }
  });
}

const exceeds = (
  search: { readonly paged: boolean; readonly entries: number },
  { maxPageSize = Number.POSITIVE_INFINITY }: ActiveDirectoryLimits,
): boolean => !search.paged && search.entries > maxPageSize;

function describeSearch(contents: Buffer): FrontSearch & { readonly wholeTree: boolean } {
  const body = new BerReader(contents);
  const base = body.text();
  const wholeTree = body.number(tags.enumerated) === 2;
  for (let skipped = 0; skipped < 5; skipped++) body.skip(); // Aliases, limits, types only, and the filter.
  const list = body.enter(tags.sequence);
  const attributes: string[] = [];
  while (!list.atEnd) attributes.push(list.text());
  return { base, wholeTree, attributes };
}

interface RawControl {
  readonly oid: string;
  readonly value: Buffer;
}

function readControls(list: BerReader): RawControl[] {
  const controls: RawControl[] = [];
  while (!list.atEnd) {
    const control = list.enter(tags.sequence);
    const oid = control.text();
    if (control.tag !== tags.octetString) control.skip(); // Its criticality.
    controls.push({ oid, value: control.octets() });
  }
  return controls;
}

/** All that we send are critical. */
const writeControl = ({ oid, value }: RawControl): Buffer =>
  sequence(octets(oid), tagged(0x01, Buffer.from([0xff])), octets(value));

function limitedPage(value: Buffer, maxPageSize = Number.POSITIVE_INFINITY): Buffer {
  const page = new BerReader(value).enter(tags.sequence);
  const size = Math.min(page.number(tags.integer), maxPageSize);
  return sequence(integer(size), octets(page.octets()));
}

/** The entry with no more values of `member` than are allowed, whether all of them or a range was asked for. */
function limitedEntry(
  { dn, attributes }: Entry,
  maxValRange = Number.POSITIVE_INFINITY,
): ReturnType<typeof searchEntry> {
  const limited: Record<string, Buffer[]> = {};
  for (const attribute of attributes) {
    const values = Array.from({ length: attribute.size }, (_, index) => attribute.bytes(index));
    const [, start = '0'] = /^member(?:;range=(\d+)-\*)?$/i.exec(attribute.description) ?? [];
    const isMember = /^member(;|$)/i.test(attribute.description);
    if (!isMember || values.length <= maxValRange) {
      limited[attribute.description] = values;
      continue;
    }
    if (attribute.description.toLowerCase() === 'member') limited.member = [];
    const end = Number(start) + maxValRange - 1;
    limited[`member;range=${start}-${end}`] = values.slice(0, maxValRange);
  }
  return searchEntry(dn, limited);
}
