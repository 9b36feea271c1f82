/** What goes wrong with one request, instead of its answer. */
export type Fault =
  /** A status of the service, with the error body that Graph gives it. */
  | { readonly kind: 'status'; readonly status: number; readonly code?: string; readonly retryAfter?: number }
  /** The connection ends before an answer. */
  | { readonly kind: 'cut' }
  /** The connection ends amid the answer. */
  | { readonly kind: 'cutBody' }
  /** Nothing ever comes. */
  | { readonly kind: 'stall' }
  /** 200 with something that is not JSON. */
  | { readonly kind: 'garbage' };

/** A request that came in. */
export interface Arrival {
  /** Counted from 1, token requests included. */
  readonly number: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
}

/** Code words that Graph gives to statuses: https://learn.microsoft.com/graph/errors#http-status-codes. */
export function codeOf(status: number): string {
  return codes[status] ?? 'generalException';
}

const codes: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'InvalidAuthenticationToken',
  403: 'Authorization_RequestDenied',
  404: 'Request_ResourceNotFound',
  410: 'resyncRequired',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
};
