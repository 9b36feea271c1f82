import type { KubernetesObject, ObjectMeta } from '@roster/crds';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

type ServerMeta = ObjectMeta & { readonly managedFields?: unknown };

/**
 * The object without what nobody here reads and what often is more than half of it: the field owners, and kubectl's
 * copy of the manifest. Fields are left out rather than deleted, which would make V8 keep them in a hash table.
 */
export function lean<T extends KubernetesObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as ServerMeta;
  return { ...object, metadata: withoutLastApplied(metadata) };
}

function withoutLastApplied(metadata: ObjectMeta): ObjectMeta {
  if (metadata.annotations?.[LAST_APPLIED] === undefined) {
    return metadata;
  }
  const { [LAST_APPLIED]: _, ...annotations } = metadata.annotations;
  return { ...metadata, annotations };
}
