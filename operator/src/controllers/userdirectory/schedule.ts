import type { UserDirectory } from '@roster/crds';
import { Cron } from 'croner';
import { RosterError } from '../../errors.ts';

export type Schedule = NonNullable<UserDirectory['spec']['schedule']>;

/** The times of a schedule, all in whole seconds. */
export interface Occurrences {
  /** The first after an instant. */
  after(instant: Date): Date;
  /** The last at or before an instant. */
  upTo(instant: Date): Date;
}

/**
 * The times of a schedule. `every` counts from `anchor` in both directions. The others are local times: one that a
 * time zone skips is made up for at the end of the gap, one that it has twice counts the first time.
 * @throws RosterError InvalidTimeZone
 */
export function occurrencesOf(schedule: Schedule, anchor: Date): Occurrences {
  assertTimeZone(schedule.timeZone);
  return schedule.every === undefined
    ? atLocalTimes(cronPattern(schedule), schedule.timeZone)
    : atIntervals(milliseconds(schedule.every), anchor);
}

/** The schedule in words; one with other times has other words. */
export function inWords(schedule: Schedule): string {
  const { every, daily, weekly, monthly, timeZone } = schedule;
  if (every !== undefined) return `every ${every}`;
  if (daily !== undefined) return `daily at ${daily.at}, ${timeZone}`;
  if (weekly !== undefined) {
    const days = weekdays.filter((day) => weekly.days.includes(day));
    return `on ${days.join(', ')} at ${weekly.at}, ${timeZone}`;
  }
  const day = monthly?.day === undefined ? 'the last day' : `day ${monthly.day}`;
  return `monthly on ${day} at ${monthly?.at}, ${timeZone}`;
}

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

/** The five fields of https://pubs.opengroup.org/onlinepubs/9799919799/utilities/crontab.html, with L for the last day. */
function cronPattern({ daily, weekly, monthly }: Schedule): string {
  const [hour, minute] = ((daily ?? weekly ?? monthly)?.at ?? '').split(':').map(Number);
  const day = monthly === undefined ? '*' : (monthly.day ?? 'L');
  const days = weekly?.days.map((name) => weekdays.indexOf(name) + 1).join() ?? '*';
  return `${minute} ${hour} ${day} * ${days}`;
}

function atLocalTimes(pattern: string, timezone: string): Occurrences {
  const cron = new Cron(pattern, { timezone, mode: '5-part', paused: true });
  const found = (time: Date | null | undefined) => {
    if (time == null) throw new Error(`the schedule ${pattern} has no further time`);
    return time;
  };
  return {
    after: (instant) => found(cron.nextRun(instant)),
    // It looks strictly before.
    upTo: (instant) => found(cron.previousRuns(1, new Date(instant.getTime() + 1))[0]),
  };
}

function atIntervals(interval: number, anchor: Date): Occurrences {
  const upTo = (instant: Date) => new Date(instant.getTime() - modulo(instant.getTime() - anchor.getTime(), interval));
  return { upTo, after: (instant) => new Date(upTo(instant).getTime() + interval) };
}

const modulo = (value: number, divisor: number) => ((value % divisor) + divisor) % divisor;

/** Of minutes or hours, as the schema has durations. */
function milliseconds(duration: string): number {
  return Number(duration.slice(0, -1)) * (duration.endsWith('h') ? 3_600_000 : 60_000);
}

function assertTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw new RosterError('InvalidTimeZone', `There is no time zone ${timeZone}.`);
  }
}
