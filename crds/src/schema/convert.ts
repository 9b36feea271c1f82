import { z } from 'zod';
import { assertExpressible } from './expressible.ts';
import { InexpressibleSchemaError, type StructuralSchema } from './structural.ts';
import { type JsonSchema, tidy } from './tidy.ts';

/**
 * Turns a zod schema into the structural schema of a CRD. What stands in `meta()` is copied: the description, and
 * the extensions `x-kubernetes-*`. `root` is what paths in errors begin with, for example `spec`.
 * @throws InexpressibleSchemaError when the CRD could not say the same, or a field lacks what every field needs: a
 * description, a bound, the type of a list.
 */
export function structuralSchema(schema: z.ZodType, root: string): StructuralSchema {
  const { definitions: _, ...json } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    // References to definitions are refused where they stand, with the path.
    cycles: 'ref',
    unrepresentable: ({ zodSchema, path }) => {
      assertExpressible(zodSchema, fieldPath(root, path));
      return 'throw';
    },
    override: ({ zodSchema, path }) => assertExpressible(zodSchema, fieldPath(root, path)),
  });
  return tidy(json as JsonSchema, root);
}

/** Turns `['properties', 'urls', 'items']` into `spec.urls[]`. */
function fieldPath(root: string, path: readonly (string | number)[]): string {
  let result = root;
  for (let index = 0; index < path.length; index++) {
    if (path[index] === 'properties') result += `.${path[++index]}`;
    else if (path[index] === 'items') result += '[]';
    else if (path[index] === 'additionalProperties') result += '.*';
  }
  return result;
}

export { InexpressibleSchemaError, type StructuralSchema };
