import { expect, test } from 'vitest';
import type { GraphError } from './error.ts';
import { costOf, Quota, quotaOf } from './quota.ts';

const owner = { clientID: 'app', tenantID: 'tenant' };

test.each<[string, boolean, number | undefined, number]>([
  ['/users', false, undefined, 2],
  ['/users', true, undefined, 1],
  ['/users', false, 19, 1],
  ['/users', true, 5, 1],
  ['/users/delta', true, undefined, 1],
  ['/groups/1/members', false, undefined, 3],
  ['/groups/1/members', true, undefined, 2],
  ['/groups/1/transitiveMembers', false, 999, 5],
  ['/groups', false, undefined, 1],
])('%s with $select %s and $top %s costs %s', (path, select, top, cost) => {
  expect(costOf({ path, select, top })).toBe(cost);
});

test('grows with the tenant', () => {
  expect([49, 50, 500, 501].map(quotaOf)).toEqual([3500, 5000, 5000, 8000]);
});

test('refuses what exceeds it until it has been given back, and says when', () => {
  let now = 0;
  const quota = new Quota(
    () => 100,
    () => now,
  );
  expect(quota.charge(owner, 80)).toEqual({ 'x-ms-resource-unit': '80' });
  expect(quota.charge(owner, 10)).toEqual({ 'x-ms-resource-unit': '10', 'x-ms-throttle-limit-percentage': '0.90' });
  const refused = (units: number): GraphError => {
    try {
      quota.charge(owner, units);
    } catch (error) {
      return error as GraphError;
    }
    throw new Error('was not refused');
  };
  const { status, code, headers } = refused(20);
  expect([status, code]).toEqual([429, 'TooManyRequests']);
  expect(headers).toEqual({
    'retry-after': '3',
    'x-ms-throttle-scope': 'Tenant_Application/ReadWrite/app/tenant',
    'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
  });
  // Other applications have quotas of their own.
  expect(quota.charge({ ...owner, clientID: 'other' }, 20)).toMatchObject({ 'x-ms-resource-unit': '20' });
  now += 3000;
  expect(quota.charge(owner, 20)).toMatchObject({ 'x-ms-resource-unit': '20' });
});

test('counts what it refuses, so that who does not wait is not served', () => {
  let now = 0;
  const quota = new Quota(
    () => 100,
    () => now,
  );
  quota.charge(owner, 100);
  expect(() => quota.charge(owner, 10)).toThrow();
  for (let attempt = 0; attempt < 20; attempt++) {
    // As much as was given back since.
    now += 1000;
    expect(() => quota.charge(owner, 10)).toThrow();
  }
  now += 10_000;
  expect(() => quota.charge(owner, 10)).not.toThrow();
});
