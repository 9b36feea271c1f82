import type { UserDirectory } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, condition, directory, now } from '../testing/objects.ts';
import { isRefused, testIsDue } from './connection.ts';
import { testRequestedAt } from './requests.ts';

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

  it.each(['Connected', 'InvalidCredentials'])(
    'when somebody asks for it after %s, once for each request',
    (reason) => {
      const asked = (value: string, handled?: string): UserDirectory => {
        const { metadata, status, ...rest } = tested(reason, 1);
        return {
          ...rest,
          metadata: { ...metadata, annotations: { [testRequestedAt]: value } },
          status: { ...status, ...(handled && { lastHandledTestAt: handled }) },
        };
      };
      expect(testIsDue(asked('now'), '7', now)).toBe(true);
      expect(testIsDue(asked('later', 'now'), '7', now)).toBe(true);
      expect(testIsDue(asked('now', 'now'), '7', now)).toBe(false);
      expect(testIsDue(asked(''), '7', now)).toBe(false);
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

it('knows when the account was refused', () => {
  expect(isRefused(tested('InvalidCredentials', 1).status)).toBe(true);
  for (const reason of ['Connected', 'ServerUnreachable', 'BaseNotFound', 'SecretNotFound']) {
    expect(isRefused(tested(reason, 1).status)).toBe(false);
  }
  expect(isRefused(undefined)).toBe(false);
});
