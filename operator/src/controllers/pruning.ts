import type { KubernetesObject, ResourceType } from '@roster/crds';
import { type ApiClient, isConflict, isNotFound, requestFor } from '../runtime/index.ts';

/**
 * Deletes an object in exactly the state that the decision was made on. Returns false when it has changed since, in
 * which case it stays for the next reconcile to judge; what is gone already counts as deleted.
 */
export async function deleteUnchanged<T extends KubernetesObject>(
  client: Pick<ApiClient, 'delete'>,
  type: ResourceType<T>,
  object: T,
): Promise<boolean> {
  const { uid, resourceVersion } = object.metadata;
  try {
    await client.delete(type, requestFor(object), { preconditions: { uid, resourceVersion } });
  } catch (error) {
    if (isConflict(error)) return false;
    if (!isNotFound(error)) throw error;
  }
  return true;
}
