/**
 * What zod can say and JSON schema cannot is dropped by `z.toJSONSchema` without a word. Here it is refused:
 * only the types and checks listed are known to arrive whole.
 */
import type { z } from 'zod';
import { notRE2 } from './pattern.ts';
import { refuse } from './structural.ts';

const types: ReadonlySet<string> = new Set([
  'any',
  'array',
  'boolean',
  'default',
  'enum',
  'literal',
  'number',
  'object',
  'optional',
  'prefault',
  'record',
  'string',
  'union',
  'unknown',
]);

const instead: Readonly<Record<string, string>> = {
  catch: 'a CRD refuses what is wrong, it does not replace it',
  custom: 'write a rule in CEL',
  date: 'use a string with the format date-time',
  intersection: 'put all fields into one object',
  lazy: 'a structural schema cannot contain itself',
  nullable: 'null means absent to the API server; use optional()',
  pipe: 'the API server stores what was sent, it does not convert',
  transform: 'the API server stores what was sent, it does not convert',
  tuple: 'use an object with named fields',
};

const checks: ReadonlySet<string> = new Set([
  'greater_than',
  'length_equals',
  'less_than',
  'max_length',
  'min_length',
  'multiple_of',
  'number_format',
  'string_format',
]);

/**
 * Refuses a zod schema (without its parts) that would not arrive in the CRD as it is meant.
 * @throws InexpressibleSchemaError
 */
export function assertExpressible(schema: z.core.$ZodType, path: string): void {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (!types.has(def.type)) refuse(path, `${def.type} cannot be expressed: ${instead[def.type] ?? 'use another type'}`);
  if ('coerce' in def && def.coerce) refuse(path, 'the API server does not coerce; use the type that is stored');
  if (def.type === 'literal' && !def.values.every((value) => typeof value === 'string')) {
    refuse(path, 'only literal strings can be expressed');
  }
  if (def.type === 'record' && !isPlainString(def.keyType)) {
    refuse(path, 'what the keys of a map must be like would be lost; take z.string() and write a rule in CEL');
  }
  // A schema with a format, as z.email() or z.int(), is a check itself.
  if ('check' in def) assertCheck(def, path);
  for (const check of def.checks ?? []) assertCheck(check._zod.def, path);
}

interface CheckDefinition {
  readonly check: string;
  readonly pattern?: unknown;
}

function assertCheck(def: CheckDefinition, path: string): void {
  if (def.check === 'overwrite')
    refuse(path, 'a value cannot be changed on the way in, the API server stores what was sent');
  if (!checks.has(def.check))
    refuse(path, `a check (${def.check}) would be lost; write it as a rule in CEL into meta()`);
  const reason = def.pattern instanceof RegExp ? notRE2(def.pattern) : undefined;
  if (reason) refuse(path, reason);
}

function isPlainString(schema: z.core.$ZodType): boolean {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'string' && !('check' in def) && (def.checks ?? []).length === 0;
}
