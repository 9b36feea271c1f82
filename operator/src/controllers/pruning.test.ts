import { DirectorySync } from '@roster/crds';
import { expect, it } from 'vitest';
import { ApiError } from '../runtime/index.ts';
import { deleteUnchanged } from './pruning.ts';
import { MemoryApi } from './testing/memoryapi.ts';
import { run } from './testing/objects.ts';

it('what is as it was seen is deleted', async () => {
  const api = new MemoryApi(run('a'));
  expect(await deleteUnchanged(api, DirectorySync, run('a'))).toBe(true);
  expect(api.objects.size).toBe(0);
});

it.each([
  ['was changed', { resourceVersion: '2' }],
  ['was made anew', { uid: 'another' }],
])('what %s since is left', async (_, metadata) => {
  const api = new MemoryApi(run('a', undefined, metadata));
  expect(await deleteUnchanged(api, DirectorySync, run('a'))).toBe(false);
  expect(api.objects.size).toBe(1);
});

it('what is gone already counts as deleted', async () => {
  expect(await deleteUnchanged(new MemoryApi(), DirectorySync, run('a'))).toBe(true);
});

it('another refusal is an error', async () => {
  const api = new MemoryApi(run('a'));
  api.endings.push(new ApiError(403));
  await expect(deleteUnchanged(api, DirectorySync, run('a'))).rejects.toThrow(ApiError);
});
