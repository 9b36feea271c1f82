import { badRequest } from './error.ts';

/** One request of a batch. */
export interface BatchedRequest {
  readonly id: string;
  readonly method: string;
  /** Below the version, with its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface BatchedResponse {
  readonly id: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Reads the body of $batch, 20 requests at most: https://learn.microsoft.com/graph/json-batching. Throws GraphError. */
export function parseBatch(text: string): BatchedRequest[] {
  const requests = requestsOf(text);
  if (requests.length === 0 || requests.length > 20) {
    throw badRequest(`Number of batch request steps must be from 1 to 20, not ${requests.length}.`);
  }
  const parsed = requests.map(parseRequest);
  if (new Set(parsed.map(({ id }) => id)).size < parsed.length) throw badRequest('Ids of a batch must differ.');
  return parsed;
}

function requestsOf(text: string): unknown[] {
  try {
    const body = JSON.parse(text) as { requests?: unknown };
    if (Array.isArray(body?.requests)) return body.requests;
  } catch {
    // Answered below, as everything else that is no batch.
  }
  throw badRequest('Invalid batch payload format.');
}

function parseRequest(request: unknown): BatchedRequest {
  const { id, method, url, headers = {} } = (request ?? {}) as Partial<BatchedRequest>;
  if (typeof id !== 'string' || typeof method !== 'string' || typeof url !== 'string') {
    throw badRequest('Each request of a batch needs id, method and url.');
  }
  return { id, method, url, headers };
}
