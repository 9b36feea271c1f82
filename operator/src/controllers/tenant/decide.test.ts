import { describe, expect, it } from 'vitest';
import type { MirroredKind, RowKey } from '../../mirror/index.ts';
import { confirmVanished, heldCondition, judge, type VanishedFacts } from './decide.ts';

const row = (name: string, kind: MirroredKind = 'User'): RowKey => ({ namespace: 'acme', kind, name });
const people = (count: number, prefix = 'person-'): RowKey[] =>
  Array.from({ length: count }, (_, index) => row(`${prefix}${index}`));

const judgeOf = (vanished: readonly RowKey[], facts: Partial<VanishedFacts> = {}) =>
  judge({
    namespace: 'acme',
    vanished,
    tenantExists: true,
    confirmed: undefined,
    people: 1000,
    buriedLastSevenDays: 0,
    ...facts,
  });

function held(vanished: readonly RowKey[], facts: Partial<VanishedFacts> = {}) {
  const verdict = judgeOf(vanished, facts);
  if (!verdict.hold) throw new Error('nothing is held');
  return verdict;
}

describe('rows whose resources vanished', () => {
  it('go when there are few of them', () => {
    expect(judgeOf([])).toEqual({ hold: false, confirmed: false });
    expect(judgeOf(people(3))).toEqual({ hold: false, confirmed: false });
  });

  it('are held when there are many, and the sentence says how to go on', () => {
    const { token, message } = held(people(600));
    expect(message).toContain('600 of 1,000 people');
    expect(message).toContain('They keep what they have in the database.');
    expect(message).toMatch(
      new RegExp(`kubectl annotate -n acme tenants.roster.dev tenant ${confirmVanished}=${token} --overwrite$`),
    );
    expect(token).toMatch(/^[0-9a-f]{12}$/);
  });

  it('are held when those buried before are many', () => {
    expect(judgeOf(people(30)).hold).toBe(false);
    expect(judgeOf(people(30), { people: 970, buriedLastSevenDays: 30 }).hold).toBe(true);
  });

  it('are counted as people only where they are people', () => {
    const others = Array.from({ length: 600 }, (_, index) => row(`group-${index}`, 'Group'));
    expect(judgeOf(others).hold).toBe(false);
    expect(judgeOf([...others, ...people(600)]).hold).toBe(true);
    expect(judgeOf(people(600).map(({ name }) => row(name, 'Recipient'))).hold).toBe(true);
  });
});

describe('a confirmation', () => {
  const vanished = people(600);
  const { token } = held(vanished);

  it('covers exactly the people whom the message spoke of', () => {
    expect(judgeOf(vanished, { confirmed: token })).toEqual({ hold: false, confirmed: true });
  });

  it('covers them in any order', () => {
    expect(judgeOf(vanished.toReversed(), { confirmed: token })).toEqual({ hold: false, confirmed: true });
  });

  it.each([
    ['one more', [...vanished, row('jane')]],
    ['one less', vanished.slice(1)],
    ['as many others', people(600, 'other-')],
    ['people of another kind', vanished.map(({ name }) => row(name, 'Recipient'))],
  ])('does not cover %s', (_, others) => {
    expect(held(others, { confirmed: token }).token).not.toBe(token);
  });

  it('does not count where nothing needs one', () => {
    expect(judgeOf(people(1), { confirmed: token })).toEqual({ hold: false, confirmed: false });
  });
});

describe('without a Tenant', () => {
  it('everything is held, with how many of what', () => {
    const vanished = [row('tenant', 'Tenant'), row('jane'), row('john'), row('main', 'Organization')];
    expect(held(vanished, { tenantExists: false }).message).toBe(
      'The Tenant is gone, so 1 Tenant, 2 Users, 1 Organization stay in the database. Create the Tenant again.',
    );
  });

  it('nothing is held where nothing vanished', () => {
    expect(judgeOf([], { tenantExists: false })).toEqual({ hold: false, confirmed: false });
  });

  it('no confirmation counts', () => {
    const vanished = people(600);
    const { token } = held(vanished);
    expect(judgeOf(vanished, { tenantExists: false, confirmed: token }).hold).toBe(true);
  });
});

describe('MirrorHeld', () => {
  it('is True with the way out while rows are held', () => {
    const verdict = held(people(600));
    expect(heldCondition(verdict)).toEqual({
      type: 'MirrorHeld',
      status: 'True',
      reason: 'PeopleVanished',
      message: verdict.message,
    });
    expect(verdict.message.length).toBeLessThan(1024);
  });

  it('is False otherwise', () => {
    expect(heldCondition(judgeOf([]))).toMatchObject({ type: 'MirrorHeld', status: 'False', reason: 'InStep' });
  });
});
