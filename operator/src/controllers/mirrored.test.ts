import { Group } from '@roster/crds';
import { beforeEach, describe, expect, it } from 'vitest';
import { DatabaseError } from '../errors.ts';
import { done, requeueAfter, StalledError, WaitingError } from '../runtime/index.ts';
import type { Problem } from './conditions.ts';
import type { Context } from './context.ts';
import { attempt, conclude } from './mirrored.ts';
import { MemoryApi } from './testing/memoryapi.ts';
import { brokenInvariants, condition, group, now } from './testing/objects.ts';

const failing = (reason: ConstructorParameters<typeof DatabaseError>[0]) => () =>
  Promise.reject(new DatabaseError(reason, 'It did not work.'));

describe('a write to the database', () => {
  it('gives what it returns', async () => {
    expect(await attempt(async () => 7)).toEqual({ written: true, result: 7 });
  });

  it('is tried again while the database is down', async () => {
    expect(await attempt(failing('DatabaseUnavailable'))).toEqual({
      written: false,
      retried: true,
      problem: { reason: 'DatabaseUnavailable', message: 'It did not work.' },
    });
  });

  it('is not tried again when the row is refused', async () => {
    expect(await attempt(failing('RowRejected'))).toMatchObject({ written: false, retried: false });
  });

  it('fails for a deposed leader and for mistakes', async () => {
    await expect(attempt(failing('NoLongerLeader'))).rejects.toThrow('It did not work.');
    await expect(attempt(() => Promise.reject(new TypeError('a mistake')))).rejects.toThrow('a mistake');
  });
});

describe('a reconcile ends', () => {
  const problem: Problem = { reason: 'OrganizationNotFound', message: 'There is no organization main.' };
  const down = { written: false, retried: true, problem: { reason: 'DatabaseUnavailable', message: 'Down.' } } as const;
  const refused = { written: false, retried: false, problem: { reason: 'RowRejected', message: 'Refused.' } } as const;
  const written = { written: true, result: undefined } as const;

  let api: MemoryApi;
  let object: Group;
  const end = (outcome: Parameters<typeof conclude>[3]) =>
    conclude({ client: api, now: () => now } as unknown as Context, Group, object, outcome);
  const shown = () => {
    const conditions = api.at(Group, 'board')?.status?.conditions;
    expect(brokenInvariants(conditions)).toEqual([]);
    return conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  };
  beforeEach(() => {
    object = group('board');
    api = new MemoryApi(object);
  });

  it('with Ready when all is well', async () => {
    expect(await end({ problem: undefined, mirrored: written, facts: { members: 3 } })).toBe(done);
    expect(shown()).toEqual(['Ready=True Mirrored']);
    expect(api.at(Group, 'board')?.status).toMatchObject({ observedGeneration: 1, members: 3 });
  });

  it('with one write, and with none when nothing changed', async () => {
    await end({ problem: undefined, mirrored: written, facts: { members: 3 } });
    expect(api.requests).toEqual(['replace Group board']);
    object = api.at(Group, 'board') ?? object;
    await end({ problem: undefined, mirrored: written, facts: { members: 3 } });
    expect(api.requests).toHaveLength(1);
  });

  it('stalled for a problem, which waits for a change', async () => {
    await expect(end({ problem, mirrored: written })).rejects.toThrow(new StalledError('OrganizationNotFound'));
    expect(shown()).toEqual(['Ready=False OrganizationNotFound', 'Stalled=True OrganizationNotFound']);
  });

  it('stalled for a row that is refused', async () => {
    await expect(end({ problem: undefined, mirrored: refused })).rejects.toThrow(StalledError);
    expect(shown()).toEqual(['Ready=False RowRejected', 'Stalled=True RowRejected']);
  });

  it('waiting for the database, whatever else is wrong', async () => {
    const ended = end({ problem, mirrored: down });
    await expect(ended).rejects.toMatchObject({ name: 'WaitingError', afterMs: 10_000 });
    await expect(ended).rejects.toThrow(WaitingError);
    expect(shown()).toEqual(['Ready=False DatabaseUnavailable', 'Reconciling=True DatabaseUnavailable']);
  });

  it('waiting for what passes, whatever waits for a change', async () => {
    const passing: Problem = { reason: 'BuiltInsMissing', message: 'Not created.' };
    for (const mirrored of [written, refused]) {
      await expect(end({ problem, passing, mirrored })).rejects.toMatchObject({
        name: 'WaitingError',
        afterMs: 10_000,
      });
      expect(shown()).toEqual(['Ready=False BuiltInsMissing', 'Reconciling=True BuiltInsMissing']);
    }
  });

  it('with what comes next, problem or not', async () => {
    const next = requeueAfter(5_000);
    expect(await end({ problem: undefined, mirrored: written, next })).toBe(next);
    expect(await end({ problem, mirrored: written, next })).toBe(next);
  });

  it('with the conditions of the kind beside Ready', async () => {
    object = { ...object, status: { conditions: [condition('Gone', 'True', 'Any')] } };
    api.put(object);
    const stated = [
      { type: 'DeletionProtected', status: 'True', reason: 'HasPeople', message: '' } as const,
      undefined,
    ];
    await end({ problem: undefined, mirrored: written, stated });
    expect(shown()).toEqual(['DeletionProtected=True HasPeople', 'Ready=True Mirrored']);
  });
});
