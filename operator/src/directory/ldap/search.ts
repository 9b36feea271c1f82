import { type Filter, PagedResultsControl } from 'ldapts';
import type { Connection } from './connect.ts';
import { resultError } from './errors.ts';
import type { Entry, Result } from './message.ts';
import type { Tally } from './tally.ts';

/** What is asked for. */
export interface Search {
  readonly base: string;
  readonly filter: Filter;
  readonly attributes: readonly string[];
}

export interface Paging {
  /** Entries asked for at a time. */
  readonly pageSize: number;
  /** Whether the server knows pages. Otherwise everything comes at once. */
  readonly supported: boolean;
}

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
  connection: Connection,
  search: Search,
  paging: Paging,
  tally: Tally,
): AsyncGenerator<readonly Entry[]> {
  let size = paging.pageSize;
  let cookie: Buffer | undefined;
  let more = true;
  while (more) {
    const control = new PagedResultsControl({ critical: true, value: { size, ...(cookie && { cookie }) } });
    const { result, entries, references } = await connection.session.search({
      ...request(search),
      scope: 'sub',
      ...(paging.supported && { controls: [control] }),
    });
    if (result.code === sizeLimitExceeded && cookie === undefined && paging.supported && size > smallestPage) {
      size = Math.max(smallestPage, Math.floor(size / 2));
      continue;
    }
    if (result.code !== 0) throw failure(connection, result, search.base);
    tally.pages += 1;
    tally.entries += entries.length;
    for (const uri of references) tally.doubt('Reference', uri);
    if (paging.supported && result.cookie === undefined) tally.doubt('NoCookie', search.base);
    cookie = result.cookie;
    more = cookie !== undefined && cookie.length > 0;
    yield entries;
  }
}

/** Reads the entry at the base itself; undefined when there is none that matches. */
export async function searchEntry(connection: Connection, search: Search): Promise<Entry | undefined> {
  const { result, entries } = await connection.session.search({ ...request(search), scope: 'base' });
  if (result.code !== 0 && result.code !== noSuchObject) throw failure(connection, result, search.base);
  return entries[0];
}

function request({ base, filter, attributes }: Search) {
  return { baseDN: base, filter, attributes: [...attributes], timeLimit: 0 };
}

function failure({ session, username }: Connection, result: Result, base: string) {
  const shown = base === '' ? 'the root DSE' : base;
  return resultError(result, { server: session.server.url, stage: 'Search', username, base: shown });
}
