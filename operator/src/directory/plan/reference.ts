import type { KubernetesObject } from '@roster/crds';
import type { ObjectRef } from './types.ts';

/** What a decision is based on: this object with this spec. */
export function reference({ metadata: { name, uid, generation } }: KubernetesObject): ObjectRef {
  return { name, uid: uid ?? '', generation: generation ?? 0 };
}
