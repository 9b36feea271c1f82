import { hash } from 'node:crypto';
import type { UserDirectory } from '@roster/crds';
import { RosterError } from '../../errors.ts';
import { type Problem, seconds } from '../conditions.ts';
import { inWords, type Occurrences, occurrencesOf, type Schedule } from './schedule.ts';

/** What the schedule of a directory asks for at a moment; empty without one. */
export interface Timetable {
  /** The schedule as the status keeps it. */
  readonly schedule?: { readonly inForce: string; readonly since: string };
  /** The scheduled time for which a run is to start now. Whatever was missed before it is made up for by this one run. */
  readonly due?: Date;
  /** When the next run starts, after the one that is due; absent while suspended. */
  readonly nextRunAt?: Date;
  /** Why the schedule cannot be followed. */
  readonly problem?: Problem;
}

/**
 * Follows from the directory and the clock alone, so every operator that looks at any moment comes to the same answer:
 * the status remembers the time that was last acted on and when the next run was announced for.
 */
export function timetableOf(directory: UserDirectory, now: Date): Timetable {
  const { spec, status } = directory;
  if (spec.schedule === undefined) return {};
  const schedule = inForce(directory, spec.schedule, now);
  const times = timesOf(spec.schedule, status?.lastScheduledAt ?? schedule.since);
  if (times instanceof RosterError) return { problem: { reason: times.reason, message: times.message } };
  if (spec.suspend) return { schedule };
  const actedOn = latest(new Date(schedule.since), new Date(status?.lastScheduledAt ?? 0));
  const due = times.upTo(now);
  if (due <= actedOn) return { schedule, nextRunAt: times.after(latest(now, actedOn)) };
  const startAt = startOf(directory, due, now);
  return startAt > now ? { schedule, nextRunAt: startAt } : { schedule, due, nextRunAt: times.after(now) };
}

/** So many further times show every interval of a schedule: weekdays repeat after seven. */
const timesLookedAt = 8;

/** The longest time between two runs by the schedule, in seconds; undefined where none starts by it. */
export function longestInterval({ spec, status, metadata }: UserDirectory, now: Date): number | undefined {
  if (spec.schedule === undefined || spec.suspend) return undefined;
  const times = timesOf(spec.schedule, status?.lastScheduledAt ?? metadata.creationTimestamp ?? seconds(now));
  if (times instanceof RosterError) return undefined;
  let longest = 0;
  let time = times.after(now);
  for (let looked = 0; looked < timesLookedAt; looked++) {
    const next = times.after(time);
    longest = Math.max(longest, next.getTime() - time.getTime());
    time = next;
  }
  return longest / 1000;
}

/** Times before a schedule came into force were never promised; of an object that never changed that is its creation. */
function inForce(
  { metadata, status }: UserDirectory,
  schedule: Schedule,
  now: Date,
): { inForce: string; since: string } {
  const words = inWords(schedule);
  if (status?.schedule?.inForce === words) return status.schedule;
  const original = status?.schedule === undefined && metadata.generation === 1;
  return { inForce: words, since: (original ? metadata.creationTimestamp : undefined) ?? seconds(now) };
}

function timesOf(schedule: Schedule, anchor: string): Occurrences | RosterError {
  try {
    return occurrencesOf(schedule, new Date(anchor));
  } catch (error) {
    if (error instanceof RosterError) return error;
    throw error;
  }
}

/** So late after a scheduled time it counts as missed, in milliseconds. */
const missedAfterMs = 60_000;
/** What was missed is made up for within so many seconds; the shortest period is ten times that. */
const catchUpWithinSeconds = 30;

/**
 * When the run of a scheduled time starts. What an operator finds missed, at its start perhaps for many directories, is
 * spread over a while: the directory's uid decides where in it, and the status announces it.
 */
function startOf({ metadata, status }: UserDirectory, due: Date, now: Date): Date {
  if (now.getTime() - due.getTime() <= missedAfterMs) return due;
  const announced = new Date(status?.nextRunAt ?? 0);
  const limit = now.getTime() + catchUpWithinSeconds * 1000;
  if (announced > due && announced.getTime() <= limit) return announced;
  const share = hash('sha256', metadata.uid ?? '', 'buffer').readUInt32BE() % catchUpWithinSeconds;
  return new Date(Date.parse(seconds(now)) + (share + 1) * 1000);
}

const latest = (a: Date, b: Date): Date => (a > b ? a : b);
