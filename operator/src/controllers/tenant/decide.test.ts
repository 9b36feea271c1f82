import { describe, expect, it } from 'vitest';
import type { MirroredKind, RowKey } from '../../mirror/index.ts';
import { confirmVanished, heldCondition, judge, type VanishedFacts } from './decide.ts';

const row = (name: string, kind: MirroredKind = 'User'): RowKey => ({ namespace: 'acme', kind, name });
const people = (count: number, prefix = 'person-'): RowKey[] =>
  Array.from({ length: count }, (_, index) => row(`${prefix}${index}`));

const rows = (kind: MirroredKind, count: number): RowKey[] =>
  Array.from({ length: count }, (_, index) => row(`${kind.toLowerCase()}-${index}`, kind));

/** Of each kind the database has so many rows. */
const live: Record<MirroredKind, number> = {
  Tenant: 1,
  User: 900,
  Recipient: 100,
  Group: 60,
  AppRole: 12,
  Organization: 3,
};

const judgeOf = (vanished: readonly RowKey[], facts: Partial<VanishedFacts> = {}) =>
  judge({
    namespace: 'acme',
    vanished,
    tenantExists: true,
    confirmed: undefined,
    defaultOrganization: 'main',
    owner: 'boss',
    live: (kinds) => kinds.reduce((sum, kind) => sum + live[kind], 0),
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
    expect(message).toContain('All that vanished stays in the database.');
    expect(message).toMatch(
      new RegExp(`kubectl annotate -n acme tenants.roster.dev tenant ${confirmVanished}=${token} --overwrite$`),
    );
    expect(token).toMatch(/^[0-9a-f]{12}$/);
  });

  it('are held when those buried before are many', () => {
    expect(judgeOf(people(30)).hold).toBe(false);
    expect(judgeOf(people(30), { live: () => 970, buriedLastSevenDays: 30 }).hold).toBe(true);
  });

  it.each<[string, readonly RowKey[], string]>([
    ['users and recipients', [...rows('User', 30), ...rows('Recipient', 30)], '60 of 1,000 people vanished within'],
    ['groups', rows('Group', 12), '12 of 60 groups vanished at once, and at most 3 may'],
    ['roles', rows('AppRole', 12), '12 of 12 roles vanished at once, and at most 3 may'],
    ['organizations', rows('Organization', 2), '2 of 3 organizations vanished at once, and half of them'],
    [
      'few people, and half of the recipients',
      rows('Recipient', 50),
      '50 of 100 recipients vanished at once, and half',
    ],
  ])('are held when many of one class are gone: %s', (_, vanished, sentence) => {
    expect(held(vanished).message.startsWith(sentence)).toBe(true);
  });

  it.each<[string, readonly RowKey[]]>([
    ['groups', rows('Group', 3)],
    ['roles', rows('AppRole', 3)],
    ['organizations', rows('Organization', 1)],
    ['recipients', rows('Recipient', 49)],
    ['each', [...people(20), ...rows('Group', 3), ...rows('AppRole', 3), ...rows('Organization', 1)]],
  ])('go when there are few of their class: %s', (_, vanished) => {
    expect(judgeOf(vanished)).toEqual({ hold: false, confirmed: false });
  });

  it('are held together: a few people stay with the groups', () => {
    const vanished = [...rows('Group', 60), row('jane')];
    const { token, message } = held(vanished);
    expect(message).toMatch(/^60 of 60 groups vanished at once, [^.]+\. All that vanished stays in the database\./);
    expect(judgeOf(vanished, { confirmed: token })).toEqual({ hold: false, confirmed: true });
  });

  it('are told apart when several classes are gone', () => {
    const { message } = held([...rows('Group', 60), ...rows('AppRole', 12), ...people(600)]);
    expect(message.match(/\d+ of [\d,]+ \w+ vanished/g)).toEqual([
      '600 of 1,000 people vanished',
      '60 of 60 groups vanished',
      '12 of 12 roles vanished',
    ]);
  });

  it('are held when the default organization is among them, even alone', () => {
    expect(held([row('main', 'Organization')]).message).toMatch(
      /^The default organization main vanished, which cannot be deleted\. All that vanished/,
    );
    expect(judgeOf([row('main', 'Group')]).hold).toBe(false);
  });

  it('are held when the owner is among them, even alone', () => {
    expect(held([row('boss')]).message).toMatch(/^The owner boss vanished, who cannot be deleted\. All that vanished/);
    expect(judgeOf([row('boss', 'Recipient')]).hold).toBe(false);
  });

  it('are not counted as buried before where only people are counted', () => {
    expect(judgeOf(rows('Group', 3), { buriedLastSevenDays: 30 }).hold).toBe(false);
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
    const everything = [...people(1000), ...rows('Group', 60), ...rows('AppRole', 12), ...rows('Organization', 3)];
    const verdict = held([...everything, row('main', 'Organization')]);
    expect(heldCondition(verdict)).toEqual({
      type: 'MirrorHeld',
      status: 'True',
      reason: 'ResourcesVanished',
      message: verdict.message,
    });
    expect(verdict.message.length).toBeLessThan(1024);
  });

  it('is False otherwise', () => {
    expect(heldCondition(judgeOf([]))).toMatchObject({ type: 'MirrorHeld', status: 'False', reason: 'InStep' });
  });
});
