import type { KubernetesObject } from '@roster/crds';
import type { ObjectRef } from './types.ts';

/** The version of an object that a decision is based on. */
export function reference({ metadata: { name, uid, resourceVersion } }: KubernetesObject): ObjectRef {
  return { name, uid: uid ?? '', resourceVersion: resourceVersion ?? '' };
}
