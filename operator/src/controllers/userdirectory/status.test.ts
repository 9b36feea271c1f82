import type { DirectorySyncStatus, UserDirectory } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../conditions.ts';
import { at, brokenInvariants, condition, directory, now, run } from '../testing/objects.ts';
import { type Connection, failsForNow } from './connection.ts';
import { requestedAt, testRequestedAt } from './requests.ts';
import { type DirectoryStatus, directoryStatus, type Observed } from './status.ts';

const connected: Connection = {
  connected: true,
  server: 'ldaps://ldap.example.com:636',
  boundAs: 'cn=roster,dc=example,dc=com',
  people: 1200,
  groups: 30,
  sample: ['uid=anna,ou=people,dc=example,dc=com'],
  testedAt: at(0),
  secretVersion: '77',
};
const disconnected = (reason: Problem['reason']): Connection => ({
  connected: false,
  problem: { reason, message: 'It did not work.' },
  testedAt: at(0),
  secretVersion: '78',
});
const missingOrganization: Problem = { reason: 'OrganizationNotFound', message: 'There is no organization main.' };

const people = {
  created: 1,
  linked: 0,
  updated: 0,
  unchanged: 6,
  excluded: 0,
  rejected: 3,
  missing: 0,
  disabled: 0,
  deleted: 0,
  restored: 0,
};
const groups = {
  created: 1,
  updated: 2,
  unchanged: 4,
  skipped: 5,
  rejected: 1,
  missing: 0,
  disabled: 0,
  deleted: 0,
  restored: 0,
};
const ended = (
  name: string,
  seconds: number,
  phase: NonNullable<DirectorySyncStatus['phase']>,
  rest: Parameters<typeof run>[2] & { reason?: string } = {},
) =>
  run(
    name,
    {
      phase,
      finishedAt: at(seconds),
      message: `${name} ended.`,
      people: { found: 10, ...people },
      groups: { found: 13, ...groups },
      conditions: [condition('Ready', phase === 'Succeeded' ? 'True' : 'False', rest.reason ?? phase)],
    },
    rest,
  );

/** Also checks what must be so of any status. */
function statusOf(object: UserDirectory, observed: Partial<Omit<Observed, 'directory' | 'now'>> = {}): DirectoryStatus {
  const all = { runs: [], timetable: {}, ...observed, directory: object, now };
  const status = directoryStatus(all);
  expect(brokenInvariants(status.conditions)).toEqual([]);
  const later = { ...all, directory: { ...object, status }, connection: undefined, now: new Date(at(60)) };
  expect(directoryStatus(later)).toEqual(status);
  return status;
}
const shown = ({ conditions }: DirectoryStatus) =>
  conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
const message = ({ conditions }: DirectoryStatus, type: string) =>
  conditions?.find((one) => one.type === type)?.message;

describe('a directory', () => {
  it('is Ready when it could be connected to and was never read', () => {
    const status = statusOf(directory(), { connection: connected });
    expect(shown(status)).toEqual(['Connected=True Connected', 'Ready=True Connected']);
    expect(message(status, 'Connected')).toBe(
      'Connected to ldaps://ldap.example.com:636 as cn=roster,dc=example,dc=com: 1200 people and 30 groups match.',
    );
    expect(status).toEqual({
      observedGeneration: 1,
      conditions: expect.anything(),
      connection: {
        server: 'ldaps://ldap.example.com:636',
        boundAs: 'cn=roster,dc=example,dc=com',
        people: 1200,
        groups: 30,
        sample: ['uid=anna,ou=people,dc=example,dc=com'],
        testedAt: at(0),
        secretVersion: '77',
      },
    });
  });

  it('says when a filter matches nobody, and one', () => {
    const matching = (people: number, groups: number) =>
      message(statusOf(directory(), { connection: { ...connected, people, groups } }), 'Connected');
    expect(matching(0, 60)).toMatch(/: 0 people and 60 groups match\.$/);
    expect(matching(1, 1)).toMatch(/: 1 person and 1 group match\.$/);
  });

  it('shows of a sample what the schema takes', () => {
    const sample = Array.from({ length: 7 }, (_, index) => `${index}${'x'.repeat(1022)}😀`);
    const { connection } = statusOf(directory(), { connection: { ...connected, sample } });
    expect(connection?.sample).toHaveLength(5);
    for (const label of connection?.sample ?? []) expect(label).toHaveLength(1024);
    expect(connection?.sample?.[0]?.isWellFormed()).toBe(true);
  });

  it('is Ready when its last run succeeded', () => {
    const status = statusOf(directory(), { connection: connected, runs: [ended('a', -60, 'Succeeded')] });
    expect(shown(status)).toEqual(['Connected=True Connected', 'Ready=True Connected', 'Synced=True Succeeded']);
    expect(message(status, 'Synced')).toBe('a ended.');
  });

  it('is neither while nothing was tried', () => {
    expect(shown(statusOf(directory()))).toEqual(['Ready=Unknown NotTested']);
  });

  it('is Stalled for a broken reference, and not connected to', () => {
    const before = statusOf(directory(), { connection: connected });
    const status = statusOf(directory({}, { status: before }), { problem: missingOrganization });
    expect(shown(status)).toEqual(['Ready=False OrganizationNotFound', 'Stalled=True OrganizationNotFound']);
    expect(message(status, 'Ready')).toBe(
      'There is no organization main. Create the organization, or correct the name.',
    );
    expect(status.connection).toEqual(before.connection);
  });

  it.each(['InvalidCredentials', 'SecretNotFound', 'SecretIncomplete', 'HostNotAllowed', 'BaseNotFound'] as const)(
    'is Stalled when somebody must do something first: %s',
    (reason) => {
      const status = statusOf(directory(), { connection: disconnected(reason) });
      expect(shown(status)).toEqual([`Connected=False ${reason}`, `Ready=False ${reason}`, `Stalled=True ${reason}`]);
      expect(message(status, 'Ready')).toMatch(/^It did not work\. ./);
      expect(failsForNow(status)).toBe(false);
    },
  );

  it.each(['ServerUnreachable', 'ServerTimeout', 'ServerBusy', 'ConnectionLost'] as const)(
    'is Reconciling while it is tried again: %s',
    (reason) => {
      const status = statusOf(directory(), { connection: disconnected(reason) });
      expect(shown(status)).toEqual([
        `Connected=False ${reason}`,
        `Ready=False ${reason}`,
        `Reconciling=True ${reason}`,
      ]);
      expect(failsForNow(status)).toBe(true);
    },
  );

  it('keeps what it learnt of the connection until the next test', () => {
    const before = statusOf(directory(), { connection: disconnected('InvalidCredentials') });
    const status = statusOf(directory({}, { status: before }));
    expect(shown(status)).toEqual(shown(before));
    expect(status.connection).toEqual(before.connection);
  });

  it('still says which server answered last, and what it showed, when it no longer does', () => {
    const before = statusOf(directory(), { connection: connected });
    const status = statusOf(directory({}, { status: before }), { connection: disconnected('ServerUnreachable') });
    expect(status.connection).toEqual({ ...before.connection, testedAt: at(0), secretVersion: '78' });
  });

  it('is Stalled after a run that failed, for the reason that the run gives', () => {
    const runs = [ended('a', 60, 'Failed', { reason: 'EmptyAnswer' }), ended('b', -90, 'Succeeded')];
    const status = statusOf(directory(), { connection: connected, runs });
    expect(shown(status)).toEqual([
      'Connected=True Connected',
      'Ready=False EmptyAnswer',
      'Stalled=True EmptyAnswer',
      'Synced=False EmptyAnswer',
    ]);
    expect(message(status, 'Ready')).toBe('a ended.');
  });

  it('says that its schedule rests while the account is refused', () => {
    const rests = 'Until the Secret or the spec changes, the schedule rests.';
    const timetable = { nextRunAt: new Date(at(3600)) };
    const ready = (reason: Problem['reason'], scheduled: Partial<Observed> = { timetable }) =>
      message(statusOf(directory(), { connection: disconnected(reason), ...scheduled }), 'Ready');
    expect(ready('AccountLocked')).toMatch(new RegExp(` ${rests}$`));
    expect(ready('AccountLocked', {})).not.toContain(rests);
    expect(ready('ServerBusy')).not.toContain(rests);
  });

  it('asks for another run once what the last one complained about is put right', () => {
    const runs = [ended('a', -60, 'Failed', { reason: 'InvalidCredentials' })];
    const status = statusOf(directory(), { connection: connected, runs });
    expect(shown(status)).toEqual([
      'Connected=True Connected',
      'Ready=False LastRunFailed',
      'Stalled=True LastRunFailed',
      'Synced=False InvalidCredentials',
    ]);
    expect(message(status, 'Ready')).toBe(
      'The directory can be read again; the last run failed with InvalidCredentials. Start another run: ' +
        'kubectl annotate -n acme userdirectories.roster.dev corporate roster.dev/requestedAt="$(date -Is)" --overwrite',
    );
  });

  it('is Reconciling while the next run is there', () => {
    const failed = ended('a', -60, 'Failed', { reason: 'RunInterrupted' });
    for (const next of [run('b'), run('b', { phase: 'Applying' })]) {
      expect(shown(statusOf(directory(), { connection: connected, runs: [failed, next] }))).toContain(
        'Reconciling=True RunInterrupted',
      );
    }
    const dry = run('b', { phase: 'Reading' }, { spec: { dryRun: true } });
    expect(shown(statusOf(directory(), { connection: connected, runs: [failed, dry] }))).toContain(
      'Stalled=True RunInterrupted',
    );
  });

  it('is Reconciling when what failed may have passed by the next run of its schedule', () => {
    const timetable = { nextRunAt: new Date(at(3600)) };
    const afterFailure = (reason: string, connection: Connection | undefined = connected) =>
      shown(statusOf(directory(), { connection, timetable, runs: [ended('a', 30, 'Failed', { reason })] }));
    expect(afterFailure('ServerTimeout')).toContain('Reconciling=True ServerTimeout');
    expect(afterFailure('BaseNotFound')).toContain('Stalled=True BaseNotFound');
    expect(afterFailure('BaseNotFound', { ...connected, testedAt: at(60) })).toContain(
      'Reconciling=True LastRunFailed',
    );
    const held = [ended('a', 30, 'Held', { reason: 'ChangesHeld' })];
    expect(shown(statusOf(directory(), { connection: connected, timetable, runs: held }))).toContain(
      'Stalled=True ChangesHeld',
    );
    const unscheduled = { connection: connected, runs: [ended('a', 30, 'Failed', { reason: 'ServerTimeout' })] };
    expect(shown(statusOf(directory(), unscheduled))).toContain('Stalled=True ServerTimeout');
  });

  it('blames the connection before the run', () => {
    const runs = [ended('a', -60, 'Failed', { reason: 'EmptyAnswer' })];
    expect(shown(statusOf(directory(), { connection: disconnected('ServerBusy'), runs }))).toContain(
      'Ready=False ServerBusy',
    );
  });
});

describe('of runs a directory keeps', () => {
  it('the last attempt, the last success, and what that found', () => {
    const runs = [ended('a', -90, 'Succeeded'), ended('b', -60, 'Held', { reason: 'ChangesHeld' })];
    expect(statusOf(directory(), { connection: connected, runs })).toMatchObject({
      lastAttempt: { run: 'b', result: 'Held', finishedAt: at(-60) },
      lastSuccessAt: at(-90),
      people: 10,
      groups: 7,
      rejected: 4,
    });
  });

  it('the result of the run that took the place of a held one, though that is closed later', () => {
    const held = ended('a', -90, 'Held', { reason: 'ChangesHeld' });
    const before = statusOf(directory(), { connection: connected, runs: [held] });
    const closed = ended('a', -59, 'Aborted', { reason: 'Superseded' });
    const status = statusOf(directory({}, { status: before }), { runs: [closed, ended('b', -60, 'Succeeded')] });
    expect(status.lastAttempt).toEqual({ run: 'b', result: 'Succeeded', finishedAt: at(-60) });
    expect(shown(status)).toContain('Ready=True Connected');
  });

  it('that nobody approved in time what its last run held', () => {
    const runs = [ended('a', -30, 'Aborted', { reason: 'ApprovalExpired' }), ended('b', -60, 'Succeeded')];
    const status = statusOf(directory(), { connection: connected, runs });
    expect(status.lastAttempt).toMatchObject({ run: 'a', result: 'Aborted' });
    expect(shown(status)).toContain('Stalled=True ApprovalExpired');
  });

  it('nothing of a directory of its name that was there before', () => {
    const status = statusOf(directory(), { connection: connected, runs: [ended('a', -3601, 'Succeeded')] });
    expect(shown(status)).toEqual(['Connected=True Connected', 'Ready=True Connected']);
    expect(status).not.toHaveProperty('lastSuccessAt');
  });

  it('nothing of runs that only plan', () => {
    const runs = [ended('a', -60, 'Succeeded', { spec: { dryRun: true } })];
    const status = statusOf(directory(), { connection: connected, runs });
    expect(shown(status)).toEqual(['Connected=True Connected', 'Ready=True Connected']);
    expect(status).not.toHaveProperty('lastAttempt');
    expect(status).not.toHaveProperty('lastSuccessAt');
  });

  it('the facts when the runs are pruned', () => {
    const runs = [ended('a', -90, 'Succeeded'), ended('b', -60, 'Failed', { reason: 'EmptyAnswer' })];
    const before = statusOf(directory(), { connection: connected, runs });
    expect(statusOf(directory({}, { status: before }))).toEqual(before);
  });

  it('the facts of the newest run when only older ones are left', () => {
    const newest = ended('c', -30, 'Failed', { reason: 'EmptyAnswer' });
    const older = [ended('a', -90, 'Succeeded'), ended('b', -60, 'Succeeded')];
    const before = statusOf(directory(), { connection: connected, runs: [...older, newest] });
    expect(statusOf(directory({}, { status: before }), { runs: older })).toEqual(before);
    expect(statusOf(directory({}, { status: before }), { runs: older.slice(0, 1) })).toEqual(before);
  });

  it('the facts of a newer success instead', () => {
    const before = statusOf(directory(), { connection: connected, runs: [ended('a', -90, 'Succeeded')] });
    const newer = run('b', {
      phase: 'Succeeded',
      finishedAt: at(-30),
      people: { found: 12, ...people, rejected: 0 },
      groups: { found: 2, ...groups, created: 0, updated: 0, unchanged: 2, rejected: 0 },
    });
    expect(statusOf(directory({}, { status: before }), { runs: [newer] })).toMatchObject({
      lastSuccessAt: at(-30),
      people: 12,
      groups: 2,
      rejected: 0,
    });
  });
});

describe('a request by annotation', () => {
  const requested = (value: string, spec = {}, status?: DirectoryStatus) =>
    directory(spec, { annotations: { [requestedAt]: value }, ...(status && { status }) });

  it('is repeated when it was handled', () => {
    expect(statusOf(requested('now'), { connection: connected }).lastHandledRequestAt).toBe('now');
    expect(statusOf(requested('x'.repeat(80)), { connection: connected }).lastHandledRequestAt).toHaveLength(63);
  });

  it('is not handled while the directory is suspended or names what is not there', () => {
    const before = { lastHandledRequestAt: 'before' };
    expect(statusOf(requested('now', { suspend: true }, before)).lastHandledRequestAt).toBe('before');
    expect(statusOf(requested('now', {}, before), { problem: missingOrganization }).lastHandledRequestAt).toBe(
      'before',
    );
    expect(statusOf(requested('now'), { problem: missingOrganization })).not.toHaveProperty('lastHandledRequestAt');
    expect(statusOf(requested('now'), { secretMissing: true })).not.toHaveProperty('lastHandledRequestAt');
  });

  it('is said to wait while the Secret is not there', () => {
    const status = statusOf(requested('now'), { connection: disconnected('SecretNotFound'), secretMissing: true });
    expect(message(status, 'Ready')).toMatch(/ A run is asked for; it starts when the Secret is there\.$/);
  });

  it('is said to wait while the directory is suspended', () => {
    const waits = 'A run is asked for; it starts when the directory is no longer suspended.';
    const ready = (object: UserDirectory, observed: Parameters<typeof statusOf>[1]) =>
      message(statusOf(object, observed), 'Ready');
    const suspended = requested('now', { suspend: true });
    expect(ready(suspended, { connection: connected })).toBe(`The directory can be read. ${waits}`);
    expect(ready(suspended, { connection: disconnected('ServerUnreachable') })).toMatch(new RegExp(`${waits}$`));
    for (const object of [
      requested('now'),
      directory({ suspend: true }),
      requested('now', { suspend: true }, { lastHandledRequestAt: 'now' }),
    ]) {
      expect(ready(object, { connection: connected })).toBe('The directory can be read.');
    }
  });

  it('stays handled when the annotation goes', () => {
    expect(statusOf(directory({}, { status: { lastHandledRequestAt: 'before' } })).lastHandledRequestAt).toBe('before');
    expect(statusOf(requested('')).lastHandledRequestAt).toBeUndefined();
  });
});

describe('a request for a test', () => {
  const asked = (value: string, status?: DirectoryStatus) =>
    directory({}, { annotations: { [testRequestedAt]: value }, ...(status && { status }) });

  it('is repeated when a test was made, whatever it saw', () => {
    expect(statusOf(asked('now'), { connection: connected }).lastHandledTestAt).toBe('now');
    const refused = disconnected('InvalidCredentials');
    expect(statusOf(asked('now', { lastHandledTestAt: 'before' }), { connection: refused }).lastHandledTestAt).toBe(
      'now',
    );
  });

  it('is not handled without a test, and stays handled when the annotation goes', () => {
    expect(statusOf(asked('now', { lastHandledTestAt: 'before' })).lastHandledTestAt).toBe('before');
    const { lastHandledTestAt } = statusOf(directory({}, { status: { lastHandledTestAt: 'before' } }), {
      connection: connected,
    });
    expect(lastHandledTestAt).toBe('before');
  });
});

describe('a schedule', () => {
  const due = new Date(at(-10));
  const nextRunAt = new Date(at(3600));
  const schedule = { inForce: 'every 1h', since: at(-7200) };
  const timetable = { schedule, due, nextRunAt };
  const announced = { schedule, lastScheduledAt: at(-10), nextRunAt: at(3600) };

  it('is acted on and announces the next run', () => {
    expect(statusOf(directory(), { connection: connected, timetable })).toMatchObject(announced);
    const waiting = { schedule, nextRunAt };
    const before = { ...announced, lastScheduledAt: at(-3610) };
    expect(statusOf(directory({}, { status: before }), { connection: connected, timetable: waiting })).toMatchObject(
      before,
    );
  });

  it('is left alone while the directory cannot be run: what is due is made up for later', () => {
    const before = { ...announced, lastScheduledAt: at(-3610) };
    for (const observed of [{ problem: missingOrganization }, { connection: disconnected('InvalidCredentials') }]) {
      const status = statusOf(directory({}, { status: before }), { ...observed, timetable });
      expect(status).toMatchObject({ schedule, lastScheduledAt: at(-3610) });
      expect(status).not.toHaveProperty('nextRunAt');
    }
  });

  it('goes on while the server cannot be reached: the runs say so', () => {
    const status = statusOf(directory(), { connection: disconnected('ServerUnreachable'), timetable });
    expect(status).toMatchObject(announced);
  });

  it('keeps the time last acted on when it goes', () => {
    const status = statusOf(directory({}, { status: announced }), { connection: connected });
    expect(status.lastScheduledAt).toBe(at(-10));
    expect(status).not.toHaveProperty('nextRunAt');
    expect(status).not.toHaveProperty('schedule');
  });

  it('is Stalled with an unknown time zone, though the directory can be read', () => {
    const problem: Problem = { reason: 'InvalidTimeZone', message: 'There is no time zone Mars/Olympus.' };
    const status = statusOf(directory(), { connection: connected, timetable: { problem } });
    expect(shown(status)).toEqual([
      'Connected=True Connected',
      'Ready=False InvalidTimeZone',
      'Stalled=True InvalidTimeZone',
    ]);
    expect(message(status, 'Ready')).toMatch(/^There is no time zone Mars\/Olympus\. Correct schedule\.timeZone/);
  });
});

describe('an account that a run finds refused', () => {
  const tested = statusOf(directory(), { connection: connected });
  const refused = (startedAt: number) => {
    const one = ended('a', startedAt + 1, 'Failed', { reason: 'InvalidCredentials' });
    return { ...one, status: { ...one.status, startedAt: at(startedAt) } };
  };
  const nextRunAt = new Date(at(3600));

  it('is not tried by the schedule any more, also when that run is gone', () => {
    const object = directory({}, { status: tested });
    const status = statusOf(object, { runs: [refused(30)], timetable: { nextRunAt } });
    expect(shown(status)).toEqual([
      'Connected=False InvalidCredentials',
      'Ready=False InvalidCredentials',
      'Stalled=True InvalidCredentials',
      'Synced=False InvalidCredentials',
    ]);
    expect(status).not.toHaveProperty('nextRunAt');
    expect(statusOf(directory({}, { status }), { timetable: { nextRunAt } })).toEqual(status);
  });

  it('is tried on after a test that succeeded, also within the same second', () => {
    const before = statusOf(directory({}, { status: tested }), { runs: [refused(0)], timetable: { nextRunAt } });
    expect(shown(before)).toContain('Connected=False InvalidCredentials');
    const repaired = statusOf(directory({}, { status: before }), { connection: connected, runs: [refused(0)] });
    expect(shown(repaired)).toContain('Connected=True Connected');
    const after = statusOf(directory({}, { status: repaired }), { runs: [refused(0)], timetable: { nextRunAt } });
    expect(shown(after)).toContain('Connected=True Connected');
    expect(after.nextRunAt).toBe(at(3600));
  });

  it('is tried on when a test succeeded that began while the run was under way', () => {
    const object = directory({}, { status: tested });
    const status = statusOf(object, { runs: [refused(-30)], timetable: { nextRunAt } });
    expect(shown(status)).toContain('Connected=True Connected');
    expect(status.nextRunAt).toBe(at(3600));
  });

  it('is let in again as soon as another run read', () => {
    const before = statusOf(directory({}, { status: tested }), { runs: [refused(30)] });
    const read = run('b', {
      phase: 'Succeeded',
      startedAt: at(50),
      finishedAt: at(60),
      evidence: { complete: true, server: 'ldaps://ldap.example.com:636', boundAs: 'cn=roster,dc=example,dc=com' },
      people: { found: 1200, ...people },
      groups: { found: 30, ...groups },
    });
    const status = statusOf(directory({}, { status: before }), { runs: [read], timetable: { nextRunAt } });
    expect(shown(status)).toEqual(['Connected=True Connected', 'Ready=True Connected', 'Synced=True Succeeded']);
    expect(message(status, 'Connected')).toBe(message(tested, 'Connected'));
    expect(status.nextRunAt).toBe(at(3600));
  });
});

describe('credentials that end', () => {
  const expiry = (days: number) => ({ secret: 'ldap', expiresAt: new Date(at(days * 86_400)) });

  it('are in the status, and told 30 days before', () => {
    const far = statusOf(directory(), { connection: connected, expiry: expiry(31) });
    expect(far.credentialsExpireAt).toBe(at(31 * 86_400));
    expect(shown(far)).toEqual(['Connected=True Connected', 'Ready=True Connected']);
    const near = statusOf(directory(), { connection: connected, expiry: expiry(29) });
    expect(near.credentialsExpireAt).toBe(at(29 * 86_400));
    expect(shown(near)).toEqual([
      'Connected=True Connected',
      'CredentialsExpiring=True CredentialsExpireSoon',
      'Ready=True Connected',
    ]);
  });

  it('are not when nothing tells', () => {
    const before = statusOf(directory(), { connection: connected, expiry: expiry(3) });
    const status = statusOf(directory({}, { status: before }));
    expect(status).not.toHaveProperty('credentialsExpireAt');
    expect(shown(status)).not.toContain('CredentialsExpiring=True CredentialsExpireSoon');
  });
});

describe('of the last success a directory keeps', () => {
  it('who was missing and what was read, until a newer one', () => {
    const success = (name: string, seconds: number, missing: number, readSettings?: string, disabled = 0) => {
      const one = ended(name, seconds, 'Succeeded');
      const counts = { found: 10, ...people, missing, disabled };
      return { ...one, status: { ...one.status, people: counts, ...(readSettings && { readSettings }) } };
    };
    const before = statusOf(directory(), { connection: connected, runs: [success('a', -90, 4, 'abc')] });
    expect(before).toMatchObject({ missing: 4, readSettings: 'abc' });
    const failed = ended('b', -60, 'Held', { reason: 'ChangesHeld' });
    expect(statusOf(directory({}, { status: before }), { runs: [failed] })).toMatchObject({
      missing: 4,
      readSettings: 'abc',
    });
    expect(statusOf(directory({}, { status: before }), { runs: [success('c', -30, 0, 'def')] })).toMatchObject({
      missing: 0,
      readSettings: 'def',
    });
    // Who has just been disabled is missing, too.
    expect(statusOf(directory(), { runs: [success('d', -30, 4, 'def', 3)] }).missing).toBe(7);
  });
});
