import { type BerWriter, Control, type Filter, PagedResultsControl } from 'ldapts';
import type { Connection } from './connect.ts';
import { resultError } from './errors.ts';
import { parseFilter } from './filter.ts';
import type { Entry, Result } from './message.ts';
import type { Tally } from './tally.ts';

/** What is asked for. */
export interface Search {
  readonly base: string;
  readonly filter: Filter;
  readonly attributes: readonly string[];
}

/** How a server is asked. */
export interface Dialect {
  /** Entries asked for at a time. */
  readonly pageSize: number;
  /** Whether the server knows pages. Otherwise everything comes at once. */
  readonly paged: boolean;
  /** Whether names come with GUID and SID before them. */
  readonly extendedNames: boolean;
}

/** What every LDAP server understands. */
export const plainDialect: Dialect = { pageSize: 0, paged: false, extendedNames: false };

/** A server that is connected to, and how it is asked. */
export interface Source {
  readonly connection: Connection;
  readonly dialect: Dialect;
}

/** Matches every entry. */
export const anything = parseFilter('(objectClass=*)');

const noSuchObject = 32;
const sizeLimitExceeded = 4;
/** Entries below which a smaller page is not tried any more. */
const smallestPage = 25;

/**
 * Searches everything below the base, page by page (RFC 2696), and yields the entries of a page when the server has
 * said that the page is whole. A page may be empty and still not be the last; only an empty cookie says so.
 *
 * 389 Directory Server applies its size limit to each page, so a first page that exceeds it is asked for again with
 * half the size. OpenLDAP counts all pages together: there it fails later, and that is the end.
 * @throws DirectoryError
 */
export async function* searchPages(
  { connection, dialect }: Source,
  search: Search,
  tally: Tally,
  references: 'Doubt' | 'Remark' = 'Doubt',
): AsyncGenerator<readonly Entry[]> {
  const names = extendedNames(dialect);
  let size = dialect.pageSize;
  let cookie: Buffer | undefined;
  let more = true;
  let refused = false;
  while (more) {
    const page = new PagedResultsControl({ critical: true, value: { size, ...(cookie && { cookie }) } });
    const answer = await connection.session.search({
      ...request(search),
      scope: 'sub',
      controls: dialect.paged ? [page, ...names] : names,
    });
    const { result, entries } = answer;
    if (result.code === sizeLimitExceeded && cookie === undefined && dialect.paged && size > smallestPage) {
      size = Math.max(smallestPage, Math.floor(size / 2));
      refused = true;
      continue;
    }
    if (result.code !== 0) throw failure(connection, result, search);
    tally.pages += 1;
    tally.entries += entries.length;
    if (refused && cookie === undefined) tally.remark('SmallerPages', `${size}`);
    for (const uri of answer.references) tally.reference(references, uri);
    if (dialect.paged && result.cookie === undefined) tally.doubt('NoCookie', search.base);
    cookie = result.cookie;
    more = cookie !== undefined && cookie.length > 0;
    yield entries;
  }
}

/** Reads the entry at the base itself; undefined when there is none that matches. */
export async function searchEntry({ connection, dialect }: Source, search: Search): Promise<Entry | undefined> {
  const { result, entries } = await connection.session.search({
    ...request(search),
    scope: 'base',
    controls: extendedNames(dialect),
  });
  if (result.code !== 0 && result.code !== noSuchObject) throw failure(connection, result, search);
  return entries[0];
}

export const extendedNamesControl = '1.2.840.113556.1.4.529';

/**
 * Asks for names as `<GUID=...>;<SID=...>;CN=...`. The value is a SEQUENCE with the INTEGER 1: GUID and SID as text.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/ (LDAP_SERVER_EXTENDED_DN_OID)
 */
class ExtendedNamesControl extends Control {
  constructor() {
    super(extendedNamesControl, { critical: true });
  }

  protected override writeControl(writer: BerWriter): void {
    writer.writeBuffer(Buffer.from([0x30, 3, 0x02, 1, 1]), 0x04);
  }
}

const extendedNames = (dialect: Dialect): Control[] => (dialect.extendedNames ? [new ExtendedNamesControl()] : []);

function request({ base, filter, attributes }: Search) {
  return { baseDN: base, filter, attributes: [...attributes], timeLimit: 0 };
}

function failure({ session, username }: Connection, result: Result, { base, filter }: Search) {
  const shown = base === '' ? 'the root DSE' : base;
  const asked = { base: shown, filter: filter.toString() };
  return resultError(result, { server: session.server.url, stage: 'Search', username, ...asked });
}
