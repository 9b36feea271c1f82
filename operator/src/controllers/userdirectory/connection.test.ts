import type { UserDirectory } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, condition, directory, now } from '../testing/objects.ts';
import { testIsDue } from './connection.ts';

/** A directory whose connection was tested so many seconds ago with version 7 of its Secret, with this result. */
const tested = (reason: string, secondsAgo: number, generation = 1): UserDirectory =>
  directory(
    {},
    {
      generation,
      status: {
        conditions: [condition('Connected', reason === 'Connected' ? 'True' : 'False', reason)],
        connection: { testedAt: at(-secondsAgo), secretVersion: '7' },
      },
    },
  );

describe('the connection is tested', () => {
  it('when it never was', () => {
    expect(testIsDue(directory(), undefined, now)).toBe(true);
    expect(testIsDue(directory({}, { status: { observedGeneration: 1 } }), '7', now)).toBe(true);
  });

  it.each(['Connected', 'InvalidCredentials', 'ServerUnreachable'])('when the spec changed after %s', (reason) => {
    expect(testIsDue(tested(reason, 1, 2), '7', now)).toBe(true);
  });

  it.each(['Connected', 'InvalidCredentials', 'ServerUnreachable'])(
    'when the Secret changed, came or went after %s',
    (reason) => {
      expect(testIsDue(tested(reason, 1), '8', now)).toBe(true);
      expect(testIsDue(tested(reason, 1), undefined, now)).toBe(true);
    },
  );

  it('a minute after a failure that may have passed', () => {
    expect(testIsDue(tested('ServerUnreachable', 60), '7', now)).toBe(true);
    expect(testIsDue(tested('ServerUnreachable', 59), '7', now)).toBe(false);
  });

  it.each(['Connected', 'InvalidCredentials', 'SecretNotFound', 'BaseNotFound'])(
    'never again after %s while nothing changed',
    (reason) => {
      expect(testIsDue(tested(reason, 86_400), '7', now)).toBe(false);
    },
  );
});
