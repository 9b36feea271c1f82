import { beforeEach, describe, expect, it } from 'vitest';
import type { RowKey } from '../../mirror/index.ts';
import type { Informers } from '../context.ts';
import { cacheOf, group, organization, recipient, role, tenant, user } from '../testing/objects.ts';
import { exists, Vanishings } from './vanishings.ts';

const row = (kind: RowKey['kind'], name: string, namespace = 'acme'): RowKey => ({ namespace, kind, name });

/** What a Vanishings asks of informers is their caches. */
const caches = {
  tenants: { cache: cacheOf(tenant()) },
  organizations: { cache: cacheOf(organization('main')) },
  roles: { cache: cacheOf(role('developers')) },
  users: { cache: cacheOf(user('jane')) },
  recipients: { cache: cacheOf(recipient('press')) },
  groups: { cache: cacheOf(group('board')) },
};
const informers = caches as unknown as Informers;
/** Has a row of everybody but whose name says otherwise. */
const mirror = { has: ({ name }: RowKey) => name !== 'rowless' };

describe('vanishings', () => {
  let reported: string[];
  let vanishings: Vanishings;
  let milliseconds: number;
  beforeEach(() => {
    reported = [];
    milliseconds = 0;
    vanishings = new Vanishings(
      (namespace) => reported.push(namespace),
      () => new Date(milliseconds),
    );
  });

  it('are gathered until nothing more vanished for a second, or for five', () => {
    expect(vanishings.gatheredIn('acme')).toBe(0);
    for (milliseconds = 0; milliseconds < 5_000; milliseconds += 900) {
      vanishings.report(row('User', `person-${milliseconds}`));
      expect(vanishings.gatheredIn('acme')).toBe(Math.min(1_000, 5_000 - milliseconds));
    }
    expect(vanishings.gatheredIn('acme')).toBe(0);
    vanishings.report(row('User', 'late'));
    expect(vanishings.gatheredIn('acme')).toBe(1_000);
    expect(vanishings.gatheredIn('globex')).toBe(0);
    milliseconds += 1_000;
    expect(vanishings.gatheredIn('acme')).toBe(0);
  });

  it('are collected by namespace, each row once', () => {
    for (const gone of [row('User', 'a'), row('User', 'a'), row('Group', 'a'), row('User', 'a', 'globex')]) {
      vanishings.report(gone);
    }
    expect(reported).toEqual(['acme', 'acme', 'acme', 'globex']);
    expect(vanishings.pending('acme', informers, mirror)).toEqual([row('User', 'a'), row('Group', 'a')]);
    expect(vanishings.pending('globex', informers, mirror)).toEqual([row('User', 'a', 'globex')]);
    expect(vanishings.pending('initech', informers, mirror)).toEqual([]);
  });

  it('are none in a namespace that is left to another installation', () => {
    const left = new Set<string>();
    vanishings = new Vanishings(
      (namespace) => reported.push(namespace),
      () => new Date(milliseconds),
      (namespace) => left.has(namespace),
    );
    vanishings.report(row('User', 'before'));
    left.add('acme');
    vanishings.report(row('User', 'after'));
    expect(reported).toEqual(['acme']);
    expect(vanishings.pending('acme', informers, mirror)).toEqual([]);
    left.delete('acme');
    expect(vanishings.pending('acme', informers, mirror)).toEqual([]);
  });

  it('forget who came back', () => {
    vanishings.report(row('User', 'jane'));
    vanishings.report(row('User', 'john'));
    expect(vanishings.pending('acme', informers, mirror)).toEqual([row('User', 'john')]);
    caches.users.cache.delete('acme', 'jane');
    expect(vanishings.pending('acme', informers, mirror)).toEqual([row('User', 'john')]);
    caches.users.cache.set(user('jane'));
  });

  it('forget who never had a row', () => {
    vanishings.report(row('User', 'rowless'));
    expect(vanishings.pending('acme', informers, mirror)).toEqual([]);
  });

  it('end when they are settled; those reported meanwhile stay', () => {
    vanishings.report(row('User', 'a'));
    const seen = vanishings.pending('acme', informers, mirror);
    vanishings.report(row('User', 'b'));
    vanishings.settle('acme', seen);
    expect(vanishings.pending('acme', informers, mirror)).toEqual([row('User', 'b')]);
    vanishings.settle('initech', seen);
  });
});

it.each([
  ['Tenant', 'tenant'],
  ['Organization', 'main'],
  ['AppRole', 'developers'],
  ['User', 'jane'],
  ['Recipient', 'press'],
  ['Group', 'board'],
] as const)('a row of the kind %s exists while its resource does', (kind, name) => {
  expect(exists(informers, row(kind, name))).toBe(true);
  expect(exists(informers, row(kind, `${name}-other`))).toBe(false);
  expect(exists(informers, row(kind, name, 'globex'))).toBe(false);
});
