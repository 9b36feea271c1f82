import { describe, expect, it } from 'vitest';
import { customResourceDefinition } from '../generate/crd.ts';
import type { StructuralSchema } from '../schema/structural.ts';
import { kinds } from './all.ts';

describe.each(kinds.map((kind) => [kind.kind, kind] as const))('%s', (_, kind) => {
  const schema = customResourceDefinition(kind).spec.versions[0]?.schema.openAPIV3Schema ?? {};

  it('has a sample that its own schema takes', () => {
    expect(kind.spec.strict().safeParse(kind.sample.spec)).toMatchObject({ success: true });
  });

  it('has columns of their own names, beside the NAME that kubectl adds', () => {
    const names = ['NAME', ...kind.columns.map(({ name }) => name.toUpperCase())];
    expect(new Set(names).size).toBe(names.length);
  });

  it('has columns and selectable fields that exist', () => {
    const paths = [...kind.columns.map(({ jsonPath }) => jsonPath), ...kind.selectableFields];
    const missing = paths.filter((path) => path !== '.metadata.creationTimestamp' && !fieldAt(schema, path));
    expect(missing).toEqual([]);
  });

  it('has no column about a condition that it does not explain', () => {
    const shown = kind.columns.flatMap(({ jsonPath }) => jsonPath.match(/@\.type=="(\w+)"/)?.[1] ?? []);
    expect(kind.conditions.map(({ type }) => type)).toEqual(expect.arrayContaining(shown));
  });

  it('has at most the eight selectable fields that the API server takes', () => {
    expect(kind.selectableFields.length).toBeLessThanOrEqual(8);
  });
});

/** The field at `.status.conditions[?(...)].reason`, say. */
function fieldAt(schema: StructuralSchema, path: string): StructuralSchema | undefined {
  const names = path
    .replace(/\[.*?\]/g, '')
    .split('.')
    .slice(1);
  return names.reduce<StructuralSchema | undefined>(
    (field, name) => (field?.items ?? field)?.properties?.[name],
    schema,
  );
}
