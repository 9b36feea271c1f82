import { GraphError } from './error.ts';

/** Resource units an application may use in a tenant in ten seconds, by the number of the tenant's users. */
export function quotaOf(users: number): number {
  if (users < 50) return 3500;
  return users <= 500 ? 5000 : 8000;
}

/** What the cost of a request follows from. */
export interface Charge {
  /** Below the version, for example /users. */
  readonly path: string;
  readonly select: boolean;
  readonly top: number | undefined;
}

const baseCosts: readonly (readonly [RegExp, number])[] = [
  [/^\/users$/, 2],
  [/^\/groups\/[^/]+\/members\b/, 3],
  [/^\/groups\/[^/]+\/transitiveMembers\b/, 5],
];

/** Resource units of one request: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits. */
export function costOf({ path, select, top = 999 }: Charge): number {
  const base = baseCosts.find(([pattern]) => pattern.test(path))?.[1] ?? 1;
  return Math.max(1, base - (select ? 1 : 0) - (top < 20 ? 1 : 0));
}

/** Of one application in one tenant. */
export interface Owner {
  readonly clientID: string;
  readonly tenantID: string;
}

/**
 * A token bucket an application: https://learn.microsoft.com/graph/throttling-limits#pattern. Refused requests count,
 * too (https://learn.microsoft.com/graph/throttling), so that who does not wait, is not served.
 */
export class Quota {
  /** Units in ten seconds. */
  readonly #limit: () => number;
  readonly #now: () => number;
  /** By client id: units used and not yet given back, and when that was. */
  readonly #used = new Map<string, { units: number; at: number }>();

  constructor(limit: () => number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Charges a request and gives the headers of its answer. Throws GraphError 429 where the quota is used up. */
  charge({ clientID, tenantID }: Owner, units: number): Record<string, string> {
    const limit = this.#limit();
    const now = this.#now();
    const before = this.#used.get(clientID) ?? { units: 0, at: now };
    const left = Math.max(0, before.units - ((now - before.at) / 10_000) * limit);
    // Use is reported up to 1.8 times the limit.
    this.#used.set(clientID, { units: Math.min(left + units, 1.8 * limit), at: now });
    if (left + units > limit) {
      const seconds = Math.max(1, Math.ceil((Math.min(left + 2 * units, 1.8 * limit) - limit) / (limit / 10)));
      throw new GraphError(429, 'TooManyRequests', 'Too many requests. Please retry after the time in Retry-After.', {
        'retry-after': `${seconds}`,
        'x-ms-throttle-scope': `Tenant_Application/ReadWrite/${clientID}/${tenantID}`,
        'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
      });
    }
    const share = (left + units) / limit;
    return {
      'x-ms-resource-unit': `${units}`,
      ...(share > 0.8 && { 'x-ms-throttle-limit-percentage': share.toFixed(2) }),
    };
  }
}
