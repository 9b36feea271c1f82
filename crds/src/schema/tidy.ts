/**
 * From what zod writes to what the API server takes. Every keyword is either known here or refused, so that a new
 * version of zod cannot slip something in. Beside what the API server asks for, each field must have a description,
 * and each string, list and map a bound: without one the cost of a rule in CEL has none either.
 */
import type { CelRule } from '../fields.ts';
import { InexpressibleSchemaError, type StructuralSchema } from './structural.ts';

type Json = Readonly<Record<string, unknown>>;

/** https://github.com/kubernetes/apiextensions-apiserver/blob/v0.36.3/pkg/apiserver/validation/formats.go */
const stringFormats: ReadonlySet<string> = new Set(
  'byte cidr date date-time duration email hostname ipv4 ipv6 mac password uri uuid'.split(' '),
);
/** Formats whose values are short whatever they say. */
const boundedFormats: ReadonlySet<unknown> = new Set(['date', 'date-time', 'duration', 'ipv4', 'ipv6', 'mac', 'uuid']);
const numberFormats: ReadonlySet<unknown> = new Set(['int32', 'int64', 'float', 'double']);

const annotations = ['description', 'type', 'default', 'x-kubernetes-validations'];
const keywords: Readonly<Record<string, readonly string[]>> = {
  string: ['format', 'enum', 'pattern', 'minLength', 'maxLength'],
  integer: ['format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  number: ['format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  boolean: [],
  array: ['minItems', 'maxItems', 'items', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  object: [
    'minProperties',
    'maxProperties',
    'properties',
    'required',
    'additionalProperties',
    'x-kubernetes-map-type',
    'x-kubernetes-preserve-unknown-fields',
  ],
};
const ruleKeys: ReadonlySet<string> = new Set([
  'rule',
  'message',
  'messageExpression',
  'reason',
  'fieldPath',
  'optionalOldSelf',
]);

/**
 * @param json what `z.toJSONSchema` made of a schema all of whose parts are expressible
 * @throws InexpressibleSchemaError
 */
export function tidy(json: Json, path: string): StructuralSchema {
  const node = { ...json };
  if ('$ref' in node) {
    throw new InexpressibleSchemaError(path, 'a reference cannot be expressed: no recursion, and no id in meta()');
  }
  if (Array.isArray(node.anyOf)) return intOrString(node, path);
  if (node.type === undefined) return anything(node, path);
  assertKnown(node, path);
  assertRules(node, path);
  switch (node.type) {
    case 'string':
      return string(node, path);
    case 'integer':
    case 'number':
      return number(node, path);
    case 'array':
      return array(node, path);
    case 'object':
      return object(node, path);
    default:
      return ordered(node);
  }
}

/** `z.union([z.int(), z.string()])` is the one union there is: `x-kubernetes-int-or-string`. */
function intOrString(node: Json, path: string): StructuralSchema {
  const { anyOf, ...rest } = node;
  const options = (anyOf as Json[]).map((option, index) => tidy(option, `${path}|${index}`));
  const types = options.map((option) => option.type).sort();
  if (types.join() !== 'integer,string') {
    throw new InexpressibleSchemaError(
      path,
      'a union cannot be expressed: use optional blocks and a rule in CEL that wants exactly one of them',
    );
  }
  assertRules(rest, path);
  // Bounds of one type do not concern values of the other, so both can stand side by side.
  const { type: _, format: __, ...bounds } = Object.assign({}, ...options);
  return ordered({ ...bounds, ...rest, 'x-kubernetes-int-or-string': true });
}

function anything(node: Json, path: string): StructuralSchema {
  if (node['x-kubernetes-preserve-unknown-fields'] !== true) {
    throw new InexpressibleSchemaError(
      path,
      'a field of any type loses its content; say x-kubernetes-preserve-unknown-fields in meta() if it is meant',
    );
  }
  assertRules(node, path);
  return ordered(node);
}

function string(node: Json, path: string): StructuralSchema {
  const format = node.format;
  if (format !== undefined && !stringFormats.has(String(format))) {
    throw new InexpressibleSchemaError(path, `Kubernetes does not know the format ${format}; use a pattern`);
  }
  if (node.maxLength === undefined && node.enum === undefined && !boundedFormats.has(format)) {
    throw new InexpressibleSchemaError(path, 'a string needs a greatest length: max()');
  }
  return ordered(node);
}

function number(node: Json, path: string): StructuralSchema {
  const { minimum, maximum, ...rest } = node;
  // zod bounds integers by what JavaScript can count exactly. That is no wish of the author.
  const bounds = {
    ...(minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
  const format = rest.format ?? (node.type === 'integer' ? integerFormat(minimum, maximum) : 'double');
  if (!numberFormats.has(format)) {
    throw new InexpressibleSchemaError(path, `Kubernetes does not know the format ${format} of a number`);
  }
  return ordered({ ...rest, ...defined(bounds), format });
}

function integerFormat(minimum: unknown, maximum: unknown): string {
  return Number(minimum) >= -(2 ** 31) && Number(maximum) < 2 ** 31 ? 'int32' : 'int64';
}

function array(node: Json, path: string): StructuralSchema {
  const listType = node['x-kubernetes-list-type'];
  if (node.maxItems === undefined) throw new InexpressibleSchemaError(path, 'a list needs a greatest length: max()');
  if (listType !== 'atomic' && listType !== 'set' && listType !== 'map') {
    throw new InexpressibleSchemaError(path, 'a list needs x-kubernetes-list-type in meta(): atomic, set or map');
  }
  const items = tidy(node.items as Json, `${path}[]`);
  if (listType === 'set' && (items.type === 'object' || items.type === 'array')) {
    throw new InexpressibleSchemaError(path, 'a set holds scalars; use a map with keys for objects');
  }
  if (listType === 'map') assertMapKeys(node['x-kubernetes-list-map-keys'], items, path);
  return ordered({ ...node, items });
}

/** Each key must be in each item: required, or filled in by a default. */
function assertMapKeys(keys: unknown, items: StructuralSchema, path: string): void {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new InexpressibleSchemaError(path, 'a list of type map needs x-kubernetes-list-map-keys in meta()');
  }
  for (const key of keys) {
    const present = items.required?.includes(key) || items.properties?.[key]?.default !== undefined;
    if (!present)
      throw new InexpressibleSchemaError(path, `the key ${key} of the list must be a required field of its items`);
  }
}

function object(node: Json, path: string): StructuralSchema {
  const { properties = {}, additionalProperties, required, ...rest } = node;
  const fields = Object.entries(properties as Record<string, Json>);
  // z.strictObject says false; the API server prunes or refuses unknown fields anyway.
  if (additionalProperties === undefined || additionalProperties === false) {
    return ordered({
      ...rest,
      ...(fields.length > 0
        ? { properties: Object.fromEntries(fields.map(([name, value]) => [name, field(value, `${path}.${name}`)])) }
        : {}),
      ...(required ? { required } : {}),
    });
  }
  if (fields.length > 0) {
    throw new InexpressibleSchemaError(path, 'an object has either named fields or free keys, not both');
  }
  if (node.maxProperties === undefined) {
    throw new InexpressibleSchemaError(path, 'a map needs a greatest size: maxProperties in meta()');
  }
  return ordered({ ...rest, additionalProperties: tidy(additionalProperties as Json, `${path}.*`) });
}

function field(json: Json, path: string): StructuralSchema {
  const schema = tidy(json, path);
  if (!schema.description) throw new InexpressibleSchemaError(path, 'a field needs a description in meta()');
  if (!/\.$/.test(schema.description)) {
    throw new InexpressibleSchemaError(path, 'a description is made of sentences and ends with a full stop');
  }
  return schema;
}

function assertKnown(node: Json, path: string): void {
  const known = keywords[String(node.type)];
  if (!known) throw new InexpressibleSchemaError(path, `the type ${node.type} cannot be expressed`);
  if (node.type === 'string' && Array.isArray(node.allOf)) {
    throw new InexpressibleSchemaError(path, 'a string has one pattern; join them into one');
  }
  const unknown = Object.keys(node).find((key) => !annotations.includes(key) && !known.includes(key));
  if (unknown) throw new InexpressibleSchemaError(path, `${unknown} cannot be expressed for the type ${node.type}`);
}

/** A refusal without a message shows the person an expression, which is nothing to read. */
function assertRules(node: Json, path: string): void {
  for (const rule of (node['x-kubernetes-validations'] ?? []) as CelRule[]) {
    if (!rule.rule || !rule.message) throw new InexpressibleSchemaError(path, 'a rule in CEL needs rule and message');
    const unknown = Object.keys(rule).find((key) => !ruleKeys.has(key));
    if (unknown) throw new InexpressibleSchemaError(path, `a rule in CEL has no ${unknown}`);
  }
}

/** Keywords in one order, whatever the order in the source, so that generated files differ only where they mean to. */
const order = [
  'description',
  'type',
  'format',
  'default',
  ...Object.values(keywords).flat(),
  'x-kubernetes-int-or-string',
  'x-kubernetes-validations',
];

function ordered(node: Json): StructuralSchema {
  const rank = ([key]: [string, unknown]) => order.indexOf(key);
  return Object.fromEntries(Object.entries(node).sort((a, b) => rank(a) - rank(b))) as StructuralSchema;
}

function defined(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
