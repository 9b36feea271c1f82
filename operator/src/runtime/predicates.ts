import type { KubernetesObject } from '@roster/crds';
import type { InformerEvent } from './informer.ts';

/** Whether an event is worth a reconcile. Pure. */
export type Predicate<T extends KubernetesObject> = (event: InformerEvent<T>) => boolean;

/** The spec changed: the server counts `metadata.generation` up with it, and not with the status. */
export const generationChanged: Predicate<KubernetesObject> = (event) =>
  event.type !== 'updated' || event.object.metadata.generation !== event.old.metadata.generation;

export const annotationsChanged: Predicate<KubernetesObject> = (event) =>
  event.type !== 'updated' || !sameEntries(event.object.metadata.annotations, event.old.metadata.annotations);

export function anyOf<T extends KubernetesObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (event) => predicates.some((predicate) => predicate(event));
}

type Entries = Readonly<Record<string, string>> | undefined;

function sameEntries(a: Entries = {}, b: Entries = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
