import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { InexpressibleSchemaError, structuralSchema } from './convert.ts';

const description = 'A field.';
const negatedNothing = '[^]';
const name = z.string().max(63).meta({ description });

/** Converts a field named `field` of a spec. */
function convert(field: z.ZodType) {
  return structuralSchema(z.object({ field }), 'spec').properties?.field;
}

describe('structuralSchema', () => {
  it.each<[string, z.ZodType, object]>([
    ['a string', z.string().min(1).max(9), { type: 'string', minLength: 1, maxLength: 9 }],
    ['a string of one length', z.string().length(3), { type: 'string', minLength: 3, maxLength: 3 }],
    [
      'a pattern',
      z
        .string()
        .max(9)
        .regex(/^[a-z]\/\(?$/),
      { type: 'string', maxLength: 9, pattern: '^[a-z]\\/\\(?$' },
    ],
    [
      'a pattern of code points',
      z
        .string()
        .max(9)
        .regex(/^\p{L}+$/u),
      { type: 'string', maxLength: 9, pattern: '^\\p{L}+$' },
    ],
    ['an enum', z.enum(['A', 'B']), { type: 'string', enum: ['A', 'B'] }],
    ['a literal', z.literal('A'), { type: 'string', enum: ['A'] }],
    ['several literals', z.literal(['A', 'B']), { type: 'string', enum: ['A', 'B'] }],
    ['a boolean', z.boolean(), { type: 'boolean' }],
    ['an integer without bounds', z.int(), { type: 'integer', format: 'int64' }],
    ['a small integer', z.int().min(0).max(9), { type: 'integer', format: 'int32', minimum: 0, maximum: 9 }],
    [
      'a large integer',
      z
        .int()
        .min(0)
        .max(2 ** 40),
      { type: 'integer', format: 'int64', minimum: 0, maximum: 2 ** 40 },
    ],
    ['a number', z.number(), { type: 'number', format: 'double' }],
    [
      'a number with open bounds',
      z.number().gt(0).lt(1),
      { type: 'number', format: 'double', minimum: 0, maximum: 1, exclusiveMinimum: true, exclusiveMaximum: true },
    ],
    ['a multiple', z.number().multipleOf(5), { type: 'number', format: 'double', multipleOf: 5 }],
    ['a time', z.string().meta({ format: 'date-time' }), { type: 'string', format: 'date-time' }],
    [
      'a map',
      z.record(z.string(), z.string().max(9)).meta({ maxProperties: 5 }),
      { type: 'object', maxProperties: 5, additionalProperties: { type: 'string', maxLength: 9 } },
    ],
    [
      'anything, where it is said to be kept',
      z.unknown().meta({ 'x-kubernetes-preserve-unknown-fields': true }),
      { 'x-kubernetes-preserve-unknown-fields': true },
    ],
    [
      'an integer or a string',
      z.union([z.int().min(0), z.string().max(4)]),
      { 'x-kubernetes-int-or-string': true, minimum: 0, maxLength: 4 },
    ],
    [
      'an atomic list',
      z.array(z.string().max(9)).min(1).max(5).meta({ 'x-kubernetes-list-type': 'atomic' }),
      {
        type: 'array',
        minItems: 1,
        maxItems: 5,
        items: { type: 'string', maxLength: 9 },
        'x-kubernetes-list-type': 'atomic',
      },
    ],
    [
      'a set',
      z
        .array(z.enum(['A', 'B']))
        .max(5)
        .meta({ 'x-kubernetes-list-type': 'set' }),
      { type: 'array', maxItems: 5, items: { type: 'string', enum: ['A', 'B'] }, 'x-kubernetes-list-type': 'set' },
    ],
    [
      'a list of objects by key, the key being required or having a default',
      z
        .array(z.object({ name, port: z.int32().default(80).meta({ description }) }))
        .max(5)
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name', 'port'] }),
      {
        type: 'array',
        maxItems: 5,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name', 'port'],
        items: {
          type: 'object',
          properties: {
            name: { description, type: 'string', maxLength: 63 },
            port: {
              description,
              type: 'integer',
              format: 'int32',
              default: 80,
              minimum: -(2 ** 31),
              maximum: 2 ** 31 - 1,
            },
          },
          required: ['name'],
        },
      },
    ],
    [
      'an object',
      z.object({ name, other: name.optional() }).meta({ 'x-kubernetes-map-type': 'atomic' }),
      {
        type: 'object',
        properties: {
          name: { description, type: 'string', maxLength: 63 },
          other: { description, type: 'string', maxLength: 63 },
        },
        required: ['name'],
        'x-kubernetes-map-type': 'atomic',
      },
    ],
    ['a strict object', z.strictObject({}), { type: 'object' }],
    ['a default', z.boolean().default(true), { type: 'boolean', default: true }],
    ['a default given before parsing', z.boolean().prefault(true), { type: 'boolean', default: true }],
    [
      'a rule',
      z.boolean().meta({ 'x-kubernetes-validations': [{ rule: 'self', message: 'must be true' }] }),
      { type: 'boolean', 'x-kubernetes-validations': [{ rule: 'self', message: 'must be true' }] },
    ],
  ])('expresses %s', (_, schema, expected) => {
    expect(convert(schema.meta({ ...schema.meta(), description }))).toEqual({ description, ...expected });
  });

  it('requires what is neither optional nor has a default', () => {
    const schema = z.object({ name, optional: name.optional(), filled: name.default('x') });
    expect(structuralSchema(schema, 'spec').required).toEqual(['name']);
  });

  it('keeps what stands on the schema inside optional()', () => {
    expect(convert(name.optional())).toEqual({ description, type: 'string', maxLength: 63 });
  });

  it('writes keywords in one order, whatever their order in the source', () => {
    const one = z.array(name).max(2).meta({ description, 'x-kubernetes-list-type': 'set' });
    const other = z.array(name).meta({ 'x-kubernetes-list-type': 'set', description }).max(2).meta({
      'x-kubernetes-list-type': 'set',
      description,
    });
    expect(JSON.stringify(convert(one))).toBe(JSON.stringify(convert(other)));
  });

  it('converts a schema that is used twice in both places', () => {
    const schema = structuralSchema(z.object({ one: name, other: name }), 'spec');
    expect(schema.properties?.one).toEqual(schema.properties?.other);
  });

  const list = { description, 'x-kubernetes-list-type': 'set' };
  const recursive = z.object({
    get child() {
      return recursive.optional();
    },
  });

  it.each<[string, z.ZodType, string]>([
    ['a refinement', name.refine((value) => value !== ''), 'a check (custom) would be lost'],
    ['a refinement of an object', z.object({ name }).refine(() => true), 'a check (custom) would be lost'],
    ['a check of its own', name.check(() => {}), 'a check (custom) would be lost'],
    ['a transform', name.transform((value) => value.length), 'pipe cannot be expressed: the API server stores'],
    ['a pipe', name.pipe(z.string()), 'pipe cannot be expressed: the API server stores'],
    ['a preprocessor', z.preprocess(String, z.string()), 'pipe cannot be expressed: the API server stores'],
    ['trim()', name.trim(), 'a value cannot be changed on the way in'],
    ['toLowerCase()', name.toLowerCase(), 'a value cannot be changed on the way in'],
    ['coercion', z.coerce.string().max(3), 'the API server does not coerce'],
    ['catch()', name.catch('x'), 'catch cannot be expressed: a CRD refuses'],
    ['null', name.nullable(), 'nullable cannot be expressed: null means absent'],
    ['a custom type', z.custom<string>(), 'custom cannot be expressed: write a rule in CEL'],
    ['a date', z.date(), 'date cannot be expressed: use a string with the format date-time'],
    ['a bigint', z.bigint(), 'bigint cannot be expressed: use another type'],
    ['a tuple', z.tuple([name]), 'tuple cannot be expressed: use an object'],
    ['an intersection', z.object({ name }).and(z.object({ name })), 'intersection cannot be expressed'],
    ['a lazy schema', z.lazy(() => name), 'lazy cannot be expressed'],
    ['literal numbers', z.literal(1), 'only literal strings can be expressed'],
    ['an enum of numbers', z.enum({ A: 1 }), 'enum cannot be expressed for the type number'],
    ['a flag of a pattern', z.string().max(9).regex(/a/i), 'the flag i of the pattern would be lost'],
    [
      'look-ahead',
      z
        .string()
        .max(9)
        .regex(/a(?=b)/),
      'the pattern looks around',
    ],
    [
      'look-behind',
      z
        .string()
        .max(9)
        .regex(/(?<!a)b/),
      'the pattern looks around',
    ],
    ['look-ahead in a format', z.iso.duration(), 'the pattern looks around'],
    ['a reference in a pattern', z.string().max(9).regex(/(a)\1/), 'the pattern refers back'],
    [
      'a reference by name',
      z
        .string()
        .max(9)
        .regex(/(?<x>a)\k<x>/),
      'the pattern refers back',
    ],
    [
      '\\u',
      z
        .string()
        .max(9)
        .regex(/\u0041/),
      'the pattern holds \\u',
    ],
    ['[^]', z.string().max(9).regex(RegExp(negatedNothing)), 'the pattern holds [^]'],
    [
      'a large repetition',
      z
        .string()
        .max(9)
        .regex(/a{1,1001}/),
      'the pattern repeats more than 1000 times',
    ],
    ['two patterns', z.string().max(9).regex(/a/).regex(/b/), 'a string has one pattern'],
    ['a format unknown to Kubernetes', z.nanoid().max(9), 'Kubernetes does not know the format nanoid'],
    ['startsWith()', z.string().max(9).startsWith('a'), 'Kubernetes does not know the format starts_with'],
    ['a union', z.union([z.boolean(), name]), 'a union cannot be expressed'],
    ['a union of three', z.union([z.int(), name, z.boolean()]), 'a union cannot be expressed'],
    [
      'a discriminated union',
      z.discriminatedUnion('type', [z.object({ type: z.literal('A') }), z.object({ type: z.literal('B') })]),
      'a union cannot be expressed',
    ],
    ['any', z.any(), 'a field of any type loses its content'],
    ['unknown', z.unknown(), 'a field of any type loses its content'],
    ['recursion', recursive, 'a reference cannot be expressed'],
    ['an id in meta()', name.meta({ id: 'Name' }), 'a reference cannot be expressed'],
    ['a loose object', z.looseObject({ name }), 'an object has either named fields or free keys'],
    ['keys of a map that are checked', z.record(name, name), 'what the keys of a map must be like would be lost'],
    ['keys from a list', z.record(z.enum(['A']), name), 'what the keys of a map must be like would be lost'],
    ['a map without a bound', z.record(z.string(), name), 'a map needs a greatest size'],
    ['a string without a bound', z.string(), 'a string needs a greatest length'],
    ['a URL without a bound', z.url(), 'a string needs a greatest length'],
    ['a list without a bound', z.array(name).meta(list), 'a list needs a greatest length'],
    ['a list without a type', z.array(name).max(5), 'a list needs x-kubernetes-list-type'],
    [
      'a list with a type that there is not',
      z.array(name).max(5).meta({ 'x-kubernetes-list-type': 'bag' }),
      'a list needs x-kubernetes-list-type',
    ],
    ['a set of objects', z.array(z.object({ name })).max(5).meta(list), 'a set holds scalars'],
    [
      'a list by key without keys',
      z.array(z.object({ name })).max(5).meta({ 'x-kubernetes-list-type': 'map' }),
      'a list of type map needs x-kubernetes-list-map-keys',
    ],
    [
      'a list by an optional key',
      z
        .array(z.object({ name: name.optional() }))
        .max(5)
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
      'the key name of the list must be a required field',
    ],
    ['a keyword that Kubernetes does not have', name.meta({ title: 'Name' }), 'title cannot be expressed'],
    ['a keyword of another type', name.meta({ maxItems: 3 }), 'maxItems cannot be expressed for the type string'],
    [
      'a rule without a message',
      name.meta({ 'x-kubernetes-validations': [{ rule: 'true' }] }),
      'a rule in CEL needs rule and message',
    ],
    [
      'a rule that stands there twice',
      name.meta({
        'x-kubernetes-validations': [
          { rule: 'true', message: 'one' },
          { rule: 'true', message: 'other' },
        ],
      }),
      'the same rule in CEL stands there twice',
    ],
    [
      'a rule with an unknown keyword',
      name.meta({ 'x-kubernetes-validations': [{ rule: 'true', message: 'no', field: '.x' }] }),
      'a rule in CEL has no field',
    ],
  ])('refuses %s', (_, schema, message) => {
    const field = schema.description ? schema : schema.meta({ ...schema.meta(), description });
    expect(() => convert(field)).toThrow(InexpressibleSchemaError);
    expect(() => convert(field)).toThrow(message);
  });

  it('refuses a field without a description, and one whose description is no sentence', () => {
    expect(() => convert(z.boolean())).toThrow('spec.field: a field needs a description');
    expect(() => convert(z.boolean().meta({ description: 'A field' }))).toThrow('ends with a full stop');
  });

  it.each<[string, z.ZodType, string]>([
    ['in an object', z.object({ inner: z.string().trim() }).meta({ description }), 'spec.field.inner'],
    ['in a list', z.array(z.string().trim()).max(5).meta(list), 'spec.field[]'],
    [
      'in the objects of a list',
      z
        .array(z.object({ inner: z.string() }))
        .max(5)
        .meta({ ...list, 'x-kubernetes-list-type': 'atomic' }),
      'spec.field[].inner',
    ],
    ['in a map', z.record(z.string(), z.string().trim()).meta({ description, maxProperties: 1 }), 'spec.field.*'],
    ['that has no type in JSON', z.object({ inner: z.date() }).meta({ description }), 'spec.field.inner'],
    ['that contains itself', z.object({ recursive }).meta({ description }), 'spec.field.recursive'],
  ])('names the path of a mistake %s', (_, schema, path) => {
    expect(() => convert(schema)).toThrow(expect.objectContaining({ path: expect.stringContaining(path) }));
  });
});
