import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Database } from './database.ts';
import type { Effects } from './effects.ts';
import { empty, leadingMirror, memoryDatabase } from './fixture.ts';

let database: Database;
let effects: Effects;

beforeAll(async () => {
  database = await memoryDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await empty(database);
  ({ effects } = await leadingMirror(database));
});

const corporate = { namespace: 'acme', directory: 'corporate' };
const day = (number: number) => new Date(Date.UTC(2026, 4, number));
const execution = (uid: string, startedAt: Date, of = corporate) => ({ ...of, uid, startedAt });
const always = new Date(0);

it('adds up what the runs of a directory did since a day', async () => {
  await effects.note(execution('a', day(1)), new Map([['Link', 1]]));
  await effects.note(
    execution('b', day(2)),
    new Map([
      ['Link', 2],
      ['Removal', 5],
    ]),
  );
  await effects.note(execution('c', day(3)), new Map([['Link', 4]]));
  expect(await effects.since(corporate, day(2))).toEqual(
    new Map([
      ['Link', 6],
      ['Removal', 5],
    ]),
  );
  expect(await effects.since(corporate, day(4))).toEqual(new Map());
});

it('tells directories apart, also those of the same name in another tenant', async () => {
  await effects.note(execution('a', day(1), { ...corporate, directory: 'other' }), new Map([['Link', 1]]));
  await effects.note(execution('b', day(1), { ...corporate, namespace: 'other' }), new Map([['Link', 1]]));
  expect(await effects.since(corporate, always)).toEqual(new Map());
});

it('lets what was done take the place of what might have been done', async () => {
  await effects.note(
    execution('a', day(1)),
    new Map([
      ['Link', 100],
      ['Removal', 7],
    ]),
  );
  await effects.note(
    execution('a', day(1)),
    new Map([
      ['Link', 3],
      ['Removal', 0],
    ]),
  );
  expect(await effects.since(corporate, always)).toEqual(new Map([['Link', 3]]));
});

it('counts a run that began twice twice', async () => {
  await effects.note(execution('a', day(1)), new Map([['Link', 3]]));
  await effects.note(execution('a', day(2)), new Map([['Link', 4]]));
  expect(await effects.since(corporate, always)).toEqual(new Map([['Link', 7]]));
});

it('forgets what is old', async () => {
  await effects.note(execution('a', day(1)), new Map([['Link', 1]]));
  await effects.note(execution('b', day(2)), new Map([['Link', 2]]));
  await effects.purge(day(2));
  expect(await effects.since(corporate, always)).toEqual(new Map([['Link', 2]]));
});
