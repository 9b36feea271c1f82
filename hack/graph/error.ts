/** A refusal as Microsoft Graph words it: https://learn.microsoft.com/graph/errors. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  readonly status: number;
  /** The word programs look at, such as Authorization_RequestDenied. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** What ties a refusal to one request: https://learn.microsoft.com/graph/errors#innererror-object. */
export interface Trace {
  /** Milliseconds since 1970. */
  readonly date: number;
  readonly requestID: string;
  /** What the client sent as client-request-id, or else the request's own id. */
  readonly clientRequestID: string;
}

export function errorBody({ code, message }: Pick<GraphError, 'code' | 'message'>, trace: Trace): object {
  const innerError = {
    date: new Date(trace.date).toISOString().slice(0, 19),
    'request-id': trace.requestID,
    'client-request-id': trace.clientRequestID,
  };
  return { error: { code, message, innerError } };
}

export const badRequest = (message: string): GraphError => new GraphError(400, 'BadRequest', message);

/** A query that is well formed, but that the directory does not answer. */
export const unsupportedQuery = (message: string): GraphError =>
  new GraphError(400, 'Request_UnsupportedQuery', message);

export const notFound = (id: string): GraphError =>
  new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );

/** The token has none of the permissions that the request takes. */
export const denied = (): GraphError =>
  new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
