import type { Resource, ResourceType } from '@roster/crds';
import { isConflict, isNotFound } from './apierror.ts';
import type { ApiClient, CallOptions } from './client.ts';
import { mergePatch } from './mergepatch.ts';
import { keyOf } from './requestpath.ts';

/**
 * Writes an object's status when it differs from the one in `object`, which is the cache's. Returns whether it
 * wrote. An object that is gone, or another one of the same name by now, needs no status: false.
 */
export async function patchStatus<Status extends object, T extends Resource<unknown, Status>>(
  client: ApiClient,
  type: ResourceType<T>,
  object: T,
  desired: Status,
  options: CallOptions = {},
): Promise<boolean> {
  const status = mergePatch(object.status, desired);
  if (status === undefined) {
    return false;
  }
  const patch = { metadata: { uid: object.metadata.uid }, status };
  try {
    await client.mergePatch(type, keyOf(object), patch, { ...options, subresource: 'status' });
    return true;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) {
      return false;
    }
    throw error;
  }
}
