/** Schedules for tests. */
import { UserDirectory } from '@roster/crds';
import fc from 'fast-check';
import type { Schedule } from '../userdirectory/schedule.ts';

/** With the defaults that the API server fills in. */
export function schedule(input: object): Schedule {
  const spec = UserDirectory.spec.parse({ ...UserDirectory.sample.spec, schedule: input });
  if (spec.schedule === undefined) throw new Error('the sample has a schedule by now');
  return spec.schedule;
}

/** Zones that change their clocks in different ways, and one that never does. */
const timeZone = fc.constantFrom(
  'Europe/Paris',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Etc/UTC',
);

const at = fc
  .tuple(fc.nat({ max: 23 }), fc.nat({ max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));

const weekday = fc.constantFrom('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday');

/** Any schedule by local times, and how many days of 2026 it has. */
export const anyLocalTimes = fc
  .oneof(
    at.map((time) => ({ times: { daily: { at: time } }, days: 365 })),
    fc
      .tuple(fc.uniqueArray(weekday, { minLength: 1 }), at)
      // 2026 begins and ends on a Thursday.
      .map(([days, time]) => ({
        times: { weekly: { days, at: time } },
        days: 52 * days.length + (days.includes('Thursday') ? 1 : 0),
      })),
    fc.tuple(fc.integer({ min: 1, max: 31 }), at).map(([day, time]) => ({
      times: { monthly: { day, at: time } },
      days: day < 29 ? 12 : day < 31 ? 11 : 7,
    })),
    at.map((time) => ({ times: { monthly: { lastDay: true, at: time } }, days: 12 })),
  )
  .chain(({ times, days }) => timeZone.map((zone) => ({ schedule: schedule({ ...times, timeZone: zone }), days })));

/** Any schedule; intervals are long, so that a year of them is soon over. */
export const anySchedule = fc.oneof(
  anyLocalTimes.map((one) => one.schedule),
  fc.integer({ min: 12, max: 100 }).map((hours) => schedule({ every: `${hours}h` })),
);
