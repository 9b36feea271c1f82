import { apiVersion, type KindDefinition } from '../kind.ts';
import type { Manifest } from './manifest.ts';

/** A small valid object of the kind, without its companions. */
export function sample(definition: KindDefinition): Manifest & { readonly spec: unknown } {
  return { apiVersion, kind: definition.kind, ...definition.sample };
}
