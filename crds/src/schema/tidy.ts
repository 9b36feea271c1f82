/**
 * From what zod writes to what the API server takes. Every keyword is either known here or refused, so that a new
 * version of zod cannot slip something in. Beside what the API server asks for, each field must have a description,
 * and each string, list and map a bound: without one the cost of a rule in CEL has none either.
 */
import type { CelRule } from '../fields.ts';
import { refuse, type StructuralSchema } from './structural.ts';

/** What zod writes: JSON schema in the dialect of OpenAPI 3.0. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

/** https://github.com/kubernetes/apiextensions-apiserver/blob/v0.36.3/pkg/apiserver/validation/formats.go */
const stringFormats: ReadonlySet<string> = new Set(
  'byte cidr date date-time duration email hostname ipv4 ipv6 mac password uri uuid'.split(' '),
);
/** Formats whose values are short whatever they say. */
const boundedFormats: ReadonlySet<unknown> = new Set(['date', 'date-time', 'duration', 'ipv4', 'ipv6', 'mac', 'uuid']);

const keywords: Readonly<Record<string, readonly string[]>> = {
  any: ['x-kubernetes-preserve-unknown-fields'],
  union: ['anyOf', 'oneOf'],
  string: ['format', 'enum', 'pattern', 'minLength', 'maxLength'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  boolean: [],
  array: ['minItems', 'maxItems', 'items', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  object: ['minProperties', 'maxProperties', 'properties', 'required', 'additionalProperties', 'x-kubernetes-map-type'],
};
/** Keywords of any type, and all keywords in the order in which they are written, whatever their order in the source. */
const common = ['description', 'type', 'format', 'default', 'x-kubernetes-validations'];
const order = [
  ...common.slice(0, -1),
  ...Object.values(keywords).flat(),
  'x-kubernetes-int-or-string',
  'x-kubernetes-validations',
];
const ruleKeywords: ReadonlySet<string> = new Set(
  'rule message messageExpression reason fieldPath optionalOldSelf'.split(' '),
);

/**
 * @param json what `z.toJSONSchema` made of a schema all of whose parts are expressible
 * @throws InexpressibleSchemaError
 */
export function tidy(node: JsonSchema, path: string): StructuralSchema {
  if ('$ref' in node) refuse(path, 'a reference cannot be expressed: no recursion, and no id in meta()');
  const type = node.type ?? (node.anyOf || node.oneOf ? 'union' : 'any');
  assertKeywords(node, type, path);
  assertRules(node, path);
  switch (type) {
    case 'any':
      return anything(node, path);
    case 'union':
      return intOrString(node, path);
    case 'string':
      return string(node, path);
    case 'integer':
    case 'number':
      return number(node);
    case 'array':
      return array(node, path);
    case 'object':
      return object(node, path);
    default:
      return ordered(node);
  }
}

function anything(node: JsonSchema, path: string): StructuralSchema {
  if (node['x-kubernetes-preserve-unknown-fields'] === true) return ordered(node);
  return refuse(
    path,
    'a field of any type loses its content; say x-kubernetes-preserve-unknown-fields in meta() if it is meant',
  );
}

/** `z.union([z.int(), z.string()])` is the one union there is: `x-kubernetes-int-or-string`. */
function intOrString({ anyOf = [], ...node }: JsonSchema, path: string): StructuralSchema {
  const integer = anyOf.find((option) => option.type === 'integer');
  const text = anyOf.find((option) => option.type === 'string');
  if (!integer || !text || anyOf.length > 2) {
    return refuse(
      path,
      'a union cannot be expressed: use optional blocks and a rule in CEL that wants exactly one of them',
    );
  }
  // Bounds of one type do not concern values of the other, so both can stand side by side.
  const { type: _type, format: _format, ...bounds } = { ...tidy(integer, path), ...tidy(text, path) };
  return ordered({ ...bounds, ...node, 'x-kubernetes-int-or-string': true });
}

function string(node: JsonSchema, path: string): StructuralSchema {
  const { format, maxLength } = node;
  if (format !== undefined && !stringFormats.has(format)) {
    refuse(path, `Kubernetes does not know the format ${format}; use a pattern`);
  }
  if (maxLength === undefined && node.enum === undefined && !boundedFormats.has(format)) {
    refuse(path, 'a string needs a greatest length: max()');
  }
  return ordered(node);
}

function number(node: JsonSchema): StructuralSchema {
  const { minimum = -Infinity, maximum = Infinity, ...rest } = node;
  const format = node.type === 'number' ? 'double' : minimum >= -(2 ** 31) && maximum < 2 ** 31 ? 'int32' : 'int64';
  // zod bounds integers by what JavaScript can count exactly. That is no wish of the author.
  return ordered({
    ...rest,
    format,
    ...(minimum > Number.MIN_SAFE_INTEGER ? { minimum } : {}),
    ...(maximum < Number.MAX_SAFE_INTEGER ? { maximum } : {}),
  });
}

function array(node: JsonSchema, path: string): StructuralSchema {
  const listType = node['x-kubernetes-list-type'];
  if (node.maxItems === undefined) refuse(path, 'a list needs a greatest length: max()');
  if (listType !== 'atomic' && listType !== 'set' && listType !== 'map') {
    refuse(path, 'a list needs x-kubernetes-list-type in meta(): atomic, set or map');
  }
  const items = tidy(node.items ?? {}, `${path}[]`);
  if (listType === 'set' && (items.type === 'object' || items.type === 'array')) {
    refuse(path, 'a set holds scalars; use a map with keys for objects');
  }
  if (listType === 'map') assertMapKeys(node['x-kubernetes-list-map-keys'], items, path);
  return ordered({ ...node, items });
}

/** Each key must be in each item: required, or filled in by a default. */
function assertMapKeys(keys: unknown, items: StructuralSchema, path: string): void {
  if (!Array.isArray(keys) || keys.length === 0) {
    refuse(path, 'a list of type map needs x-kubernetes-list-map-keys in meta()');
  }
  for (const key of keys) {
    const present = items.required?.includes(key) || items.properties?.[key]?.default !== undefined;
    if (!present) refuse(path, `the key ${key} of the list must be a required field of its items`);
  }
}

function object(node: JsonSchema, path: string): StructuralSchema {
  const { properties = {}, additionalProperties, required, ...rest } = node;
  const fields = Object.entries(properties);
  // z.strictObject says false; the API server prunes or refuses unknown fields anyway.
  if (!additionalProperties) {
    return ordered({
      ...rest,
      ...(fields.length > 0
        ? { properties: Object.fromEntries(fields.map(([name, value]) => [name, field(value, `${path}.${name}`)])) }
        : {}),
      ...(required ? { required } : {}),
    });
  }
  if (fields.length > 0) {
    refuse(path, 'an object has either named fields or free keys, not both');
  }
  if (node.maxProperties === undefined) {
    refuse(path, 'a map needs a greatest size: maxProperties in meta()');
  }
  return ordered({ ...rest, additionalProperties: tidy(additionalProperties, `${path}.*`) });
}

function field(node: JsonSchema, path: string): StructuralSchema {
  const schema = tidy(node, path);
  if (!schema.description) refuse(path, 'a field needs a description in meta()');
  if (!schema.description.endsWith('.')) {
    refuse(path, 'a description is made of sentences and ends with a full stop');
  }
  return schema;
}

function assertKeywords(node: JsonSchema, type: string, path: string): void {
  const known = keywords[type];
  if (!known) refuse(path, `the type ${type} cannot be expressed`);
  if (type === 'string' && 'allOf' in node) refuse(path, 'a string has one pattern; join them into one');
  const unknown = Object.keys(node).find((keyword) => !common.includes(keyword) && !known.includes(keyword));
  if (unknown) refuse(path, `${unknown} cannot be expressed for the type ${type}`);
}

/** A refusal without a message shows the person an expression, which is nothing to read. */
function assertRules(node: JsonSchema, path: string): void {
  const rules = (node['x-kubernetes-validations'] ?? []) as CelRule[];
  for (const rule of rules) {
    if (!rule.rule || !rule.message) refuse(path, 'a rule in CEL needs rule and message');
    const unknown = Object.keys(rule).find((key) => !ruleKeywords.has(key));
    if (unknown) refuse(path, `a rule in CEL has no ${unknown}`);
  }
  // The API server tells the rules of one field apart by their text.
  if (new Set(rules.map(({ rule }) => rule)).size < rules.length)
    refuse(path, 'the same rule in CEL stands there twice');
}

function ordered(node: object): StructuralSchema {
  const rank = ([key]: [string, unknown]) => order.indexOf(key);
  return Object.fromEntries(Object.entries(node).sort((a, b) => rank(a) - rank(b))) as StructuralSchema;
}
