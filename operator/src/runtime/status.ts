import type { KubernetesObject, Resource, ResourceType } from '@roster/crds';
import { isInvalid, isNotFound } from './apierror.ts';
import type { ApiClient, CallOptions, JsonPatchOperation } from './client.ts';
import { jsonEqual } from './jsonequal.ts';
import { keyOf } from './requestpath.ts';

/**
 * Makes an object's status the desired one. Writes only when it differs from the status in `object`, which is the
 * cache's, and returns whether it wrote. An object that is gone, or another one of the same name by now, needs no
 * status: false.
 *
 * The write is a JSON patch of the fields that differ: it costs server and client as much as a merge patch or a
 * replacement, but tests the uid, which a merge patch on a status ignores, and needs no resource version.
 */
export async function patchStatus<Status extends object, T extends Resource<unknown, Status>>(
  client: ApiClient,
  type: ResourceType<T>,
  object: T,
  desired: Status,
  options: CallOptions = {},
): Promise<boolean> {
  const changes = statusChanges(object.status, desired);
  if (changes.length === 0) {
    return false;
  }
  const { uid } = object.metadata;
  const patch: JsonPatchOperation[] = [{ op: 'test', path: '/metadata/uid', value: uid }, ...changes];
  try {
    await client.jsonPatch(type, keyOf(object), patch, { ...options, subresource: 'status' });
    return true;
  } catch (error) {
    // A failed test and a refused status look alike.
    if (isNotFound(error) || (isInvalid(error) && (await isGone(client, type, object, options)))) {
      return false;
    }
    throw error;
  }
}

function statusChanges(status: object | undefined, desired: object): JsonPatchOperation[] {
  if (status === undefined) {
    return [{ op: 'add', path: '/status', value: desired }];
  }
  const before = Object.entries(status).filter(([, value]) => value !== undefined);
  const after = new Map(Object.entries(desired).filter(([, value]) => value !== undefined));
  const known = new Map(before);
  return [
    ...[...after]
      .filter(([name, value]) => !jsonEqual(known.get(name), value))
      .map(([name, value]) => ({ op: 'add' as const, path: `/status/${name}`, value })),
    ...before
      .filter(([name]) => !after.has(name))
      .map(([name]) => ({ op: 'remove' as const, path: `/status/${name}` })),
  ];
}

async function isGone(
  client: ApiClient,
  type: ResourceType,
  { metadata }: KubernetesObject,
  options: CallOptions,
): Promise<boolean> {
  try {
    const current = await client.get(type, metadata, options);
    return current.metadata.uid !== metadata.uid;
  } catch (error) {
    if (isNotFound(error)) {
      return true;
    }
    throw error;
  }
}
