import type { CelRule } from '../fields.ts';
import type { StructuralSchema } from './structural.ts';

/** Every rule in a schema, with the path of the field that carries it. */
export function* celRules(schema: StructuralSchema, path: string): Generator<readonly [string, CelRule]> {
  for (const rule of schema['x-kubernetes-validations'] ?? []) yield [path, rule];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield* celRules(field, path ? `${path}.${name}` : name);
  }
  if (schema.items) yield* celRules(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* celRules(schema.additionalProperties, `${path}.*`);
}
