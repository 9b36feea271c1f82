import type { UserDirectory } from '@roster/crds';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seconds } from '../conditions.ts';
import { directory } from '../testing/objects.ts';
import { anySchedule, schedule } from '../testing/schedules.ts';
import { occurrencesOf, type Schedule } from './schedule.ts';
import { timetableOf } from './timetable.ts';

const daily = schedule({ daily: { at: '02:30' } });
const hourly = schedule({ every: '1h' });

type Status = NonNullable<UserDirectory['status']>;
const created = '2026-03-01T12:00:00Z';
const scheduled = (
  by: Schedule | undefined,
  status: Status | undefined,
  { generation = 1, suspend = false, uid = 'uid-of-corporate' } = {},
) =>
  directory(
    { ...(by && { schedule: by }), suspend },
    { creationTimestamp: created, generation, uid, ...(status && { status }) },
  );

/** As the status has it. */
function at(object: UserDirectory, now: string) {
  const { due, nextRunAt, ...rest } = timetableOf(object, new Date(now));
  return { ...rest, ...(due && { due: seconds(due) }), ...(nextRunAt && { nextRunAt: seconds(nextRunAt) }) };
}
const since = (time: string, inForce = 'daily at 02:30, Etc/UTC') => ({ schedule: { inForce, since: time } });

describe('a schedule', () => {
  it('is none where there is none', () => {
    expect(at(scheduled(undefined, undefined), created)).toEqual({});
  });

  it('announces the next time', () => {
    expect(at(scheduled(daily, undefined), '2026-03-01T12:00:01Z')).toEqual({
      ...since(created),
      nextRunAt: '2026-03-02T02:30:00Z',
    });
    expect(at(scheduled(hourly, undefined), '2026-03-01T12:00:01Z')).toEqual({
      ...since(created, 'every 1h'),
      nextRunAt: '2026-03-01T13:00:00Z',
    });
  });

  it('is due at its time and not before, and then announces the one after', () => {
    const object = scheduled(daily, { ...since(created), nextRunAt: '2026-03-02T02:30:00Z' });
    expect(at(object, '2026-03-02T02:29:59.999Z')).not.toHaveProperty('due');
    expect(at(object, '2026-03-02T02:30:00Z')).toMatchObject({
      due: '2026-03-02T02:30:00Z',
      nextRunAt: '2026-03-03T02:30:00Z',
    });
    expect(at(object, '2026-03-02T02:31:00Z')).toMatchObject({ due: '2026-03-02T02:30:00Z' });
  });

  it('is not due again once it was acted on', () => {
    const object = scheduled(daily, { ...since(created), lastScheduledAt: '2026-03-02T02:30:00Z' });
    expect(at(object, '2026-03-02T02:30:00Z')).toEqual({ ...since(created), nextRunAt: '2026-03-03T02:30:00Z' });
  });

  it('counts intervals from the time last acted on, however late that was', () => {
    const status = { ...since(created, 'every 1h'), lastScheduledAt: '2026-03-01T13:00:00Z' };
    expect(at(scheduled(hourly, status), '2026-03-01T13:59:00Z')).toMatchObject({ nextRunAt: '2026-03-01T14:00:00Z' });
  });

  it('announces nothing while suspended', () => {
    const status = { ...since(created), nextRunAt: '2026-03-02T02:30:00Z' };
    expect(at(scheduled(daily, status, { suspend: true }), '2026-03-02T02:30:00Z')).toEqual(since(created));
  });

  it('with an unknown time zone says so and announces nothing', () => {
    const martian = schedule({ daily: { at: '02:30' }, timeZone: 'Mars/Olympus' });
    for (const suspend of [false, true]) {
      expect(at(scheduled(martian, since(created), { suspend }), created)).toEqual({
        problem: { reason: 'InvalidTimeZone', message: 'There is no time zone Mars/Olympus.' },
      });
    }
  });

  it('announces no time that was acted on when the clock goes back', () => {
    const object = scheduled(daily, { ...since(created), lastScheduledAt: '2026-03-03T02:30:00Z' });
    expect(at(object, '2026-03-01T12:00:00Z')).toEqual({ ...since(created), nextRunAt: '2026-03-04T02:30:00Z' });
  });
});

describe('a changed schedule', () => {
  const status = { ...since(created), lastScheduledAt: '2026-03-02T02:30:00Z', nextRunAt: '2026-03-03T02:30:00Z' };

  it('counts from the change: a time of today that has passed is not made up for', () => {
    const object = scheduled(schedule({ daily: { at: '10:00' } }), status, { generation: 2 });
    expect(at(object, '2026-03-02T12:00:00Z')).toEqual({
      ...since('2026-03-02T12:00:00Z', 'daily at 10:00, Etc/UTC'),
      nextRunAt: '2026-03-03T10:00:00Z',
    });
  });

  it('counts from the change when there was none before', () => {
    expect(at(scheduled(daily, undefined, { generation: 2 }), '2026-03-09T12:00:00Z')).toEqual({
      ...since('2026-03-09T12:00:00Z'),
      nextRunAt: '2026-03-10T02:30:00Z',
    });
    expect(at(scheduled(hourly, undefined, { generation: 2 }), '2026-03-09T12:34:56Z')).toEqual({
      ...since('2026-03-09T12:34:56Z', 'every 1h'),
      nextRunAt: '2026-03-09T13:34:56Z',
    });
  });

  it('is not one when something else changed', () => {
    const object = scheduled(daily, status, { generation: 5 });
    expect(at(object, '2026-03-02T12:00:00Z')).toEqual({ ...since(created), nextRunAt: '2026-03-03T02:30:00Z' });
  });
});

describe('a missed time', () => {
  const missed = { ...since(created), lastScheduledAt: '2026-03-02T02:30:00Z', nextRunAt: '2026-03-03T02:30:00Z' };
  const noticed = '2026-03-06T09:00:00Z';

  it('is announced for a moment within half a minute, the same whoever looks', () => {
    const { nextRunAt = '', ...rest } = at(scheduled(daily, missed), noticed);
    expect(rest).toEqual(since(created));
    expect(Date.parse(nextRunAt) - Date.parse(noticed)).toBeGreaterThan(0);
    expect(Date.parse(nextRunAt) - Date.parse(noticed)).toBeLessThanOrEqual(30_000);
    expect(at(scheduled(daily, missed), noticed)).toMatchObject({ nextRunAt });
  });

  it('is made up for once at that moment, however many there were', () => {
    const { nextRunAt = '' } = at(scheduled(daily, missed), noticed);
    const announced = scheduled(daily, { ...missed, nextRunAt });
    expect(at(announced, noticed)).toEqual({ ...since(created), nextRunAt });
    expect(at(announced, nextRunAt)).toEqual({
      ...since(created),
      due: '2026-03-06T02:30:00Z',
      nextRunAt: '2026-03-07T02:30:00Z',
    });
  });

  it('is made up for at once when the moment passed meanwhile', () => {
    const announced = scheduled(daily, { ...missed, nextRunAt: '2026-03-06T09:00:09Z' });
    expect(at(announced, '2026-03-06T10:00:00Z')).toMatchObject({ due: '2026-03-06T02:30:00Z' });
  });

  it('is made up for after a suspension', () => {
    const { nextRunAt: _, ...suspended } = missed;
    const { nextRunAt = '' } = at(scheduled(daily, suspended, { generation: 3 }), noticed);
    expect(nextRunAt.slice(0, 15)).toBe(noticed.slice(0, 15));
  });

  it('is spread over directories', () => {
    const uids = Array.from({ length: 50 }, (_, index) => `uid-${index}`);
    const moments = uids.map((uid) => at(scheduled(daily, missed, { uid }), noticed).nextRunAt);
    expect(new Set(moments).size).toBeGreaterThan(15);
  });
});

describe('whenever a controller looks and whenever it crashes, in a year', { timeout: 60_000 }, () => {
  const year = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) };
  /** Looks that nothing asked for, crashes after a run was created, and times without any operator. */
  const disturbance = fc.record({
    at: fc.integer({ min: year.from, max: year.to }),
    kind: fc.constantFrom('look', 'crash', 'outage'),
    hours: fc.integer({ min: 1, max: 2_000 }),
  });

  /** What an operator does with its directory: starts what is due, writes the status, sleeps until the next run. */
  class Operator {
    readonly started: string[] = [];
    #directory: UserDirectory;

    constructor(by: Schedule) {
      this.#directory = directory({ schedule: by }, { creationTimestamp: seconds(new Date(year.from)), generation: 1 });
    }

    /** Returns when to look again. */
    look(now: number, crashes = false): number {
      const { due, nextRunAt, schedule } = timetableOf(this.#directory, new Date(now));
      // The second run of a scheduled time would have the name of the first.
      if (due !== undefined && this.started.at(-1) !== due.toISOString()) this.started.push(due.toISOString());
      if (crashes) return now + 1;
      const status = {
        ...this.#directory.status,
        ...(schedule && { schedule }),
        ...(due && { lastScheduledAt: seconds(due) }),
        ...(nextRunAt && { nextRunAt: seconds(nextRunAt) }),
      };
      this.#directory = { ...this.#directory, status };
      return nextRunAt?.getTime() ?? year.to;
    }
  }

  const all = (by: Schedule): string[] => {
    const times = occurrencesOf(by, new Date(year.from));
    const found = [];
    for (let next = times.after(new Date(year.from)); next.getTime() < year.to; next = times.after(next)) {
      found.push(next.toISOString());
    }
    return found;
  };

  it('each time has its run, in order', () => {
    const disturbances = fc.array(fc.record({ at: disturbance.map(({ at }) => at), crashes: fc.boolean() }));
    fc.assert(
      fc.property(anySchedule, disturbances, (by, looks) => {
        const operator = new Operator(by);
        const unasked = looks.toSorted((a, b) => a.at - b.at);
        for (let now = year.from; now < year.to; ) {
          const asked = operator.look(now);
          const [next] = unasked;
          if (next !== undefined && next.at < asked) {
            unasked.shift();
            operator.look(next.at, next.crashes);
            now = next.at;
          } else now = asked;
        }
        expect(operator.started).toEqual(all(by));
      }),
      { numRuns: 40 },
    );
  });

  it('what was missed in an outage has one run, for its last time', () => {
    fc.assert(
      fc.property(anySchedule, fc.array(disturbance, { maxLength: 8 }), (by, disturbances) => {
        const operator = new Operator(by);
        const outages = disturbances
          .map(({ at, hours }) => ({ from: at, to: at + hours * 3_600_000 }))
          .toSorted((a, b) => a.from - b.from);
        const up = (time: number) => outages.every(({ from, to }) => time < from || time >= to);
        const back = (time: number): number => {
          const outage = outages.find(({ from, to }) => time >= from && time < to);
          return outage === undefined ? time : back(outage.to);
        };
        for (let now = back(year.from); now < year.to; now = back(Math.max(now + 1, operator.look(now))));
        const times = all(by);
        // Those when somebody was there, and of others the last before somebody came back.
        const expected = times.filter((time, index) => {
          const start = Date.parse(time);
          if (up(start)) return true;
          const caughtUp = back(start) + 30_000;
          return caughtUp < year.to && up(caughtUp) && Date.parse(times[index + 1] ?? '2100-01-01') > caughtUp;
        });
        const unsure = (time: string) => !up(Date.parse(time));
        expect(operator.started.filter((time) => !unsure(time))).toEqual(expected.filter((time) => !unsure(time)));
        expect(operator.started).toEqual([...new Set(operator.started)].sort());
        expect(times).toEqual(expect.arrayContaining(operator.started));
        for (const time of expected) expect(operator.started).toContain(time);
      }),
      { numRuns: 40 },
    );
  });
});
