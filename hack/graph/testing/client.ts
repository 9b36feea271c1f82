import type { GraphFixture } from '../../../operator/test/graph.ts';

/** An answer with its body read as JSON, or as text where it is none. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says, tests compare it
  readonly body: any;
}

/** Asks for a token as RFC 6749, section 4.4, wants it; a field that is undefined is left out. */
export async function requestToken(
  graph: GraphFixture,
  fields: Readonly<Record<string, string | undefined>> = {},
  tenant: string = graph.tenantID,
): Promise<Reply> {
  const usual = {
    grant_type: 'client_credentials',
    client_id: graph.application.clientID,
    client_secret: graph.clientSecret,
    scope: `${graph.url}/.default`,
  };
  const form = Object.entries({ ...usual, ...fields }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const body = new URLSearchParams(form);
  return read(await fetch(`${graph.url}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body }));
}

/** Reads with one token, which is asked for at the first request. */
export class Reader {
  readonly #graph: GraphFixture;
  #token: string | undefined;

  constructor(graph: GraphFixture) {
    this.#graph = graph;
  }

  /** A path below the version, or a link as the server gave it. */
  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const url = path.startsWith('https:') ? path : `${this.#graph.url}/v1.0${path}`;
    return read(await fetch(url, { headers: { authorization: await this.#bearer(), ...headers } }));
  }

  async batch(requests: readonly object[]): Promise<Reply> {
    const headers = { authorization: await this.#bearer(), 'content-type': 'application/json' };
    const body = JSON.stringify({ requests });
    return read(await fetch(`${this.#graph.url}/v1.0/$batch`, { method: 'POST', headers, body }));
  }

  /** Every object of a list or a round of changes, and the link for the next round. */
  async all(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ value: object[]; deltaLink: string }> {
    const value: object[] = [];
    for (let link = path; ; ) {
      const { status, body } = await this.get(link, headers);
      if (status !== 200) throw new Error(JSON.stringify(body));
      value.push(...body.value);
      if (body['@odata.nextLink'] === undefined) return { value, deltaLink: body['@odata.deltaLink'] };
      link = body['@odata.nextLink'];
    }
  }

  async #bearer(): Promise<string> {
    this.#token ??= (await requestToken(this.#graph)).body.access_token as string;
    return `Bearer ${this.#token}`;
  }
}

async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  const { status, headers } = response;
  try {
    return { status, headers, body: JSON.parse(text) };
  } catch {
    return { status, headers, body: text };
  }
}
