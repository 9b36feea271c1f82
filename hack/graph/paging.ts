import { GraphError } from './error.ts';
import { parseCount, parseTop, type Query } from './query.ts';
import { StateTokens } from './statetoken.ts';

/** A list as a client asked for it. */
export interface PageRequest {
  /** Without a query; the link to the next page begins with it. */
  readonly url: string;
  readonly search: URLSearchParams;
  readonly query: Query;
}

/** Part of an answer with a page. */
export interface Page {
  readonly '@odata.count'?: number;
  readonly '@odata.nextLink'?: string;
  readonly value: readonly object[];
}

/** Cuts lists into pages: https://learn.microsoft.com/graph/paging. */
export class Paging {
  readonly #tokens = new StateTokens();

  /** The link repeats the query; the count is on the first page only. Throws GraphError. */
  page<T extends { readonly id: string }>(
    { url, search, query }: PageRequest,
    list: readonly T[],
    represent: (item: T) => object,
  ): Page {
    const size = parseTop(query.$top);
    const from = query.$skiptoken === undefined ? 0 : this.#positionAfter(query.$skiptoken, list);
    const items = list.slice(from, from + size);
    const last = items.at(-1);
    const next = new URLSearchParams([...search].filter(([key]) => key.toLowerCase() !== '$skiptoken'));
    if (last) next.set('$skiptoken', this.#tokens.seal({ after: last.id, at: from + size - 1 }));
    return {
      ...(parseCount(query.$count) && from === 0 && { '@odata.count': list.length }),
      ...(from + size < list.length && { '@odata.nextLink': `${url}?${next.toString()}` }),
      value: items.map(represent),
    };
  }

  #positionAfter(token: string, list: readonly { readonly id: string }[]): number {
    const state = this.#tokens.open(token) as { after: string; at: number } | undefined;
    if (state && list[state.at]?.id === state.after) return state.at + 1;
    // Somebody before it came or went.
    const position = list.findIndex(({ id }) => id === state?.after);
    if (position >= 0) return position + 1;
    throw new GraphError(
      ...([400, 'Directory_ExpiredPageToken'] as const),
      'The specified page token value has expired and can no longer be included in your request.',
    );
  }
}
