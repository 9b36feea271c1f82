import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLocalTimes, anySchedule, schedule } from '../testing/schedules.ts';
import { inWords, occurrencesOf } from './schedule.ts';

const anchor = new Date('2026-01-01T00:00:37Z');
const of = (input: object) => occurrencesOf(schedule(input), anchor);

/** All in [from, to), as ISO 8601. */
function between(input: object, from: string, to: string): string[] {
  const times = of(input);
  const found = [];
  for (let time = times.after(new Date(Date.parse(from) - 1)); time < new Date(to); time = times.after(time)) {
    found.push(time.toISOString().replace(':00.000Z', 'Z'));
  }
  return found;
}

const daily = (at: string, timeZone: string) => ({ daily: { at }, timeZone });

describe('a local time that a zone skips', () => {
  // From the IANA database: https://www.iana.org/time-zones
  it.each([
    ['Europe/Paris', '02:30', ['2026-03-28T01:30Z', '2026-03-29T01:00Z', '2026-03-30T00:30Z']],
    ['America/New_York', '02:30', ['2026-03-07T07:30Z', '2026-03-08T07:00Z', '2026-03-09T06:30Z']],
    // Half an hour, from 02:00 to 02:30.
    ['Australia/Lord_Howe', '02:15', ['2026-10-02T15:45Z', '2026-10-03T15:30Z', '2026-10-04T15:15Z']],
    // At the end of Ramadan.
    ['Africa/Casablanca', '02:30', ['2026-03-21T02:30Z', '2026-03-22T02:00Z', '2026-03-23T01:30Z']],
    // At midnight: the day begins at 01:00.
    ['Africa/Cairo', '00:30', ['2026-04-22T22:30Z', '2026-04-23T22:00Z', '2026-04-24T21:30Z']],
  ])('is made up for once, at the end of the gap: %s %s', (timeZone, at, times) => {
    const [first = '', , last = ''] = times;
    expect(between(daily(at, timeZone), first, new Date(Date.parse(last) + 1).toISOString())).toEqual(times);
  });

  it('is on its own day of the week and of the month', () => {
    const weekly = { weekly: { days: ['Sunday'], at: '02:30' }, timeZone: 'Europe/Paris' };
    expect(between(weekly, '2026-03-23', '2026-04-06')).toEqual(['2026-03-29T01:00Z', '2026-04-05T00:30Z']);
    const monthly = { monthly: { day: 29, at: '02:30' }, timeZone: 'Europe/Paris' };
    expect(between(monthly, '2026-03-01', '2026-05-01')).toEqual(['2026-03-29T01:00Z', '2026-04-29T00:30Z']);
  });
});

describe('a local time that a zone has twice', () => {
  it.each([
    ['Europe/Paris', '02:30', ['2026-10-24T00:30Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z']],
    ['America/New_York', '01:30', ['2026-10-31T05:30Z', '2026-11-01T05:30Z', '2026-11-02T06:30Z']],
    ['Australia/Lord_Howe', '01:45', ['2026-04-03T14:45Z', '2026-04-04T14:45Z', '2026-04-05T15:15Z']],
    ['Africa/Casablanca', '02:30', ['2026-02-14T01:30Z', '2026-02-15T01:30Z', '2026-02-16T02:30Z']],
  ])('counts the first time: %s %s', (timeZone, at, times) => {
    const [first = '', , last = ''] = times;
    expect(between(daily(at, timeZone), first, new Date(Date.parse(last) + 1).toISOString())).toEqual(times);
  });
});

describe('a month', () => {
  it('without the day is left out', () => {
    const times = between({ monthly: { day: 31, at: '12:00' } }, '2026-01-01', '2027-01-01');
    expect(times.map((time) => time.slice(5, 10))).toEqual([
      '01-31',
      '03-31',
      '05-31',
      '07-31',
      '08-31',
      '10-31',
      '12-31',
    ]);
  });

  it('has a last day, also in leap years', () => {
    const times = between({ monthly: { lastDay: true, at: '23:59' } }, '2027-12-01', '2028-05-01');
    expect(times).toEqual([
      '2027-12-31T23:59Z',
      '2028-01-31T23:59Z',
      '2028-02-29T23:59Z',
      '2028-03-31T23:59Z',
      '2028-04-30T23:59Z',
    ]);
  });
});

it('knows the days of the week', () => {
  const weekly = { weekly: { days: ['Sunday', 'Monday', 'Thursday'], at: '06:00' } };
  // 2026-01-01 is a Thursday.
  expect(between(weekly, '2026-01-01', '2026-01-09')).toEqual([
    '2026-01-01T06:00Z',
    '2026-01-04T06:00Z',
    '2026-01-05T06:00Z',
    '2026-01-08T06:00Z',
  ]);
});

it('counts intervals from the anchor, whatever the clocks do', () => {
  const times = of({ every: '6h', timeZone: 'Europe/Paris' });
  expect(times.after(anchor)).toEqual(new Date('2026-01-01T06:00:37Z'));
  expect(times.after(new Date('2026-03-29T00:59:59Z'))).toEqual(new Date('2026-03-29T06:00:37Z'));
  expect(times.upTo(anchor)).toEqual(anchor);
  expect(times.upTo(new Date(anchor.getTime() - 1))).toEqual(new Date('2025-12-31T18:00:37Z'));
  expect(of({ every: '5m' }).after(anchor)).toEqual(new Date('2026-01-01T00:05:37Z'));
});

it.each(['Mars/Olympus', 'Europe/', 'CEST'])('refuses the time zone %s', (timeZone) => {
  for (const input of [daily('02:30', timeZone), { every: '1h', timeZone }]) {
    expect(() => of(input)).toThrow(expect.objectContaining({ reason: 'InvalidTimeZone' }));
  }
});

it('says in words when it is', () => {
  const timeZone = 'Europe/Paris';
  expect(inWords(schedule({ every: '90m', timeZone }))).toBe('every 90m');
  expect(inWords(schedule({ daily: { at: '02:30' } }))).toBe('daily at 02:30, Etc/UTC');
  expect(inWords(schedule({ weekly: { days: ['Friday', 'Monday'], at: '22:00' }, timeZone }))).toBe(
    'on Monday, Friday at 22:00, Europe/Paris',
  );
  expect(inWords(schedule({ monthly: { day: 1, at: '02:30' }, timeZone }))).toBe(
    'monthly on day 1 at 02:30, Europe/Paris',
  );
  expect(inWords(schedule({ monthly: { lastDay: true, at: '02:30' }, timeZone }))).toBe(
    'monthly on the last day at 02:30, Europe/Paris',
  );
});

const year = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) };

describe('whatever the schedule, a year', { timeout: 60_000 }, () => {
  it('has each of its days exactly once', () => {
    fc.assert(
      fc.property(anyLocalTimes, ({ schedule: by, days }) => {
        // A local year is not quite that of UTC: the local dates are counted.
        const date = new Intl.DateTimeFormat('en-CA', { timeZone: by.timeZone, dateStyle: 'short' });
        const dates = between(by, new Date(year.from - 86_400_000).toISOString(), '2027-01-02T00:00:00Z')
          .map((time) => date.format(new Date(time)))
          .filter((local) => local.startsWith('2026'));
        expect(dates).toHaveLength(days);
        expect(new Set(dates).size).toBe(days);
      }),
    );
  });

  it('has the same times from both sides', () => {
    const instant = fc.integer({ min: year.from, max: year.to }).map((time) => new Date(time));
    fc.assert(
      fc.property(anySchedule, instant, (by, time) => {
        const times = occurrencesOf(by, anchor);
        const last = times.upTo(time);
        expect(last.getTime()).toBeLessThanOrEqual(time.getTime());
        const next = times.after(time);
        expect(times.after(last)).toEqual(next);
        expect(times.upTo(next)).toEqual(next);
        expect(times.upTo(new Date(next.getTime() - 1))).toEqual(last);
      }),
      { numRuns: 1_000 },
    );
  });
});
