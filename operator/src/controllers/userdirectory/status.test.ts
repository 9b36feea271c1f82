import type { DirectorySync, DirectorySyncStatus, UserDirectory } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../conditions.ts';
import { at, brokenInvariants, condition, directory, now, run } from '../testing/objects.ts';
import { type Connection, failsForNow } from './connection.ts';
import { requestedAt } from './runs.ts';
import { type DirectoryStatus, directoryStatus } from './status.ts';

const connected: Connection = {
  connected: true,
  server: 'ldaps://ldap.example.com:636',
  boundAs: 'cn=roster,dc=example,dc=com',
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
function statusOf(
  object: UserDirectory,
  { problem, connection, runs = [] }: { problem?: Problem; connection?: Connection; runs?: DirectorySync[] } = {},
): DirectoryStatus {
  const status = directoryStatus(object, problem, connection, runs, now);
  expect(brokenInvariants(status.conditions)).toEqual([]);
  expect(directoryStatus({ ...object, status }, problem, undefined, runs, new Date(at(60)))).toEqual(status);
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
      'Connected to ldaps://ldap.example.com:636 as cn=roster,dc=example,dc=com.',
    );
    expect(status).toEqual({
      observedGeneration: 1,
      conditions: expect.anything(),
      connection: {
        server: 'ldaps://ldap.example.com:636',
        boundAs: 'cn=roster,dc=example,dc=com',
        testedAt: at(0),
        secretVersion: '77',
      },
    });
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

  it('still says which server answered last when it no longer does', () => {
    const before = statusOf(directory(), { connection: connected });
    const status = statusOf(directory({}, { status: before }), { connection: disconnected('ServerUnreachable') });
    expect(status.connection).toEqual({
      server: 'ldaps://ldap.example.com:636',
      boundAs: 'cn=roster,dc=example,dc=com',
      testedAt: at(0),
      secretVersion: '78',
    });
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
      'The directory can be read again; the last run failed with InvalidCredentials. Start another run. ' +
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
  });

  it('stays handled when the annotation goes', () => {
    expect(statusOf(directory({}, { status: { lastHandledRequestAt: 'before' } })).lastHandledRequestAt).toBe('before');
    expect(statusOf(requested('')).lastHandledRequestAt).toBeUndefined();
  });
});
