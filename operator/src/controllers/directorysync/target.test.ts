import { User } from '@roster/crds';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Target, WriteRefused } from '../../directory/apply.ts';
import { ApiError } from '../../runtime/index.ts';
import { MemoryApi } from '../testing/memoryapi.ts';
import { namespace, source, user } from '../testing/objects.ts';
import { apiTarget } from './target.ts';

describe('on the API server', () => {
  let api: MemoryApi;
  let target: Target;
  const { spec } = user('jane', { source: source() });
  const ref = { name: 'jane', uid: 'uid-of-jane', generation: 1 };
  beforeEach(() => {
    api = new MemoryApi();
    target = apiTarget(api, namespace, async () => new Map(), new AbortController().signal);
  });

  it('people and groups are created in the namespace', async () => {
    await target.createUser('jane', spec);
    await target.createGroup('board', { organization: 'main' });
    expect(api.at(User, 'jane')).toEqual({
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'User',
      metadata: { name: 'jane', namespace },
      spec,
    });
    expect(api.requests).toEqual(['create User jane', 'create Group board']);
  });

  it('what was created by a request whose answer was lost is taken for written', async () => {
    api.endings.push('lost');
    await target.createUser('jane', spec);
    expect(api.requests).toEqual(['create User jane', 'create User jane', 'get User jane']);
  });

  it('an object of the same name that is somebody else refuses the creation', async () => {
    for (const other of [user('jane'), user('jane', { source: source({ externalId: '43' }) })]) {
      api.put(other);
      await expect(target.createUser('jane', spec)).rejects.toThrow(
        new WriteRefused('An object with the name jane exists already.'),
      );
    }
  });

  it('the block is replaced while the object is the one that the plan knew', async () => {
    api.put(user('jane', { source: source({ firstName: 'Jane' }) }));
    await target.setSource('User', ref, source({ lastName: 'Doe' }), '42');
    expect(api.at(User, 'jane')?.spec.source).toEqual(source({ lastName: 'Doe' }));
  });

  it.each<[string, User, string?]>([
    ['was made anew meanwhile', user('jane', { source: source() }, { uid: 'another' }), '42'],
    ['was detached meanwhile', user('jane'), '42'],
    ['was changed meanwhile', user('jane', { source: source({ firstName: 'Jane' }) }, { generation: 2 }), '42'],
    ['was changed by hand meanwhile', user('jane', {}, { generation: 2 })],
    ['was linked to another entry meanwhile', user('jane', { source: source({ externalId: '43' }) })],
  ])('who %s is left to the next run', async (_, found, replaces) => {
    api.put(found);
    await expect(target.setSource('User', ref, source(), replaces)).rejects.toThrow(WriteRefused);
    expect(api.at(User, 'jane')).toBe(found);
  });

  it('who was deleted meanwhile is left to the next run', async () => {
    await expect(target.setSource('User', ref, source(), '42')).rejects.toThrow(
      new WriteRefused('The object was deleted meanwhile.'),
    );
  });

  it.each([
    ['a link', undefined, undefined],
    ['an update', source({ firstName: 'Jane' }), '42'],
    ['a takeover', source({ externalId: '41' }), '41'],
  ])('%s whose answer was lost is taken for written', async (_, before, replaces) => {
    api.put(user('jane', { source: before }));
    api.endings.push('lost');
    await target.setSource('User', ref, source(), replaces);
    expect(api.requests).toEqual(['patch User jane', 'patch User jane', 'get User jane']);
    expect(api.at(User, 'jane')?.spec.source).toEqual(source());
  });

  describe('a person is deleted', () => {
    const gone = source({ missingSince: '2026-01-01T00:00:00Z' });
    const missing = (metadata: object = {}) => user('jane', { source: gone }, { resourceVersion: '7', ...metadata });

    it('while the object is the one that the plan knew', async () => {
      api.put(missing());
      await target.deletePerson('User', ref, gone);
      expect(api.at(User, 'jane')).toBeUndefined();
    });

    it('also when a status is written meanwhile', async () => {
      api.put(missing());
      const { promise, resolve } = Promise.withResolvers<void>();
      const get = api.get.bind(api);
      api.get = async (...args) => {
        const found = await get(...args);
        if (found.metadata.resourceVersion === '7') api.put(missing({ resourceVersion: '8' }));
        resolve();
        return found as never;
      };
      await target.deletePerson('User', ref, gone);
      await promise;
      expect(api.requests).toEqual(['get User jane', 'delete User jane', 'get User jane', 'delete User jane']);
      expect(api.at(User, 'jane')).toBeUndefined();
    });

    it('once, when the answer is lost', async () => {
      api.put(missing());
      api.endings.push('answered', 'lost');
      await target.deletePerson('User', ref, gone);
      expect(api.at(User, 'jane')).toBeUndefined();
    });

    it.each<[string, User]>([
      ['was made anew', missing({ uid: 'another' })],
      ['was changed by hand', missing({ generation: 2 })],
      ['was found again', user('jane', { source: source() })],
      ['was detached', user('jane')],
    ])('unless the person %s meanwhile', async (_, found) => {
      api.put(found);
      await expect(target.deletePerson('User', ref, gone)).rejects.toThrow(
        new WriteRefused('The object changed meanwhile.'),
      );
      expect(api.at(User, 'jane')).toBe(found);
    });

    it('unless a policy protects the person', async () => {
      api.put(missing());
      api.endings.push('answered', new ApiError(422, { message: 'jane cannot be deleted' }));
      await expect(target.deletePerson('User', ref, gone)).rejects.toThrow(new WriteRefused('jane cannot be deleted'));
    });
  });

  it.each([401, 403, 413, 422])('a refusal with code %i concerns this object only', async (code) => {
    api.endings.push(new ApiError(code, { message: 'a policy refuses it' }));
    const refusal = new WriteRefused('a policy refuses it', { forbidden: code < 404 });
    await expect(target.createUser('jane', spec)).rejects.toEqual(refusal);
  });

  it.each([429, 500, 503])('a write that is answered with %i is repeated', async (code) => {
    api.endings.push(new ApiError(code));
    await target.createUser('jane', spec);
    expect(api.requests).toEqual(['create User jane', 'create User jane']);
  });

  it('an error that is not the server’s ends the run', async () => {
    api.endings.push(new TypeError('a mistake'));
    await expect(target.createUser('jane', spec)).rejects.toThrow(new TypeError('a mistake'));
  });

  it('nothing is repeated once the run shall stop', async () => {
    const stop = new AbortController();
    target = apiTarget(api, namespace, async () => new Map(), stop.signal);
    stop.abort(new Error('the operator ends'));
    api.endings.push(new ApiError(503));
    await expect(target.createUser('jane', spec)).rejects.toThrow('the operator ends');
    expect(api.requests).toHaveLength(1);
  });
});
