import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Store } from './cache.ts';
import { lean } from './lean.ts';
import { type Widget, widget } from './testing/widget.ts';

const bySize = (object: Widget) => (object.spec.size === undefined ? [] : [String(object.spec.size)]);

describe('Store', () => {
  it('finds objects by namespace and name', () => {
    const store = new Store<Widget>();
    const object = widget('one', 'a');
    expect(store.set(object)).toBeUndefined();
    store.set(widget('two', 'a'));
    expect(store.get('one', 'a')).toBe(object);
    expect(store.get('one', 'b')).toBeUndefined();
    expect(store.get('three', 'a')).toBeUndefined();
    expect([...store.list('one')]).toEqual([object]);
    expect([...store.list('three')]).toEqual([]);
    expect([...store.list()].length).toBe(2);
    expect(store.delete('one', 'a')).toBe(object);
    expect(store.delete('one', 'a')).toBeUndefined();
    expect(store.size).toBe(1);
  });

  it('keeps cluster-scoped objects under no namespace', () => {
    const store = new Store();
    store.set({ metadata: { name: 'a' } });
    expect(store.get('', 'a')).toBeDefined();
  });

  it('refuses an index nobody declared', () => {
    expect(() => new Store<Widget>({ bySize }).byIndex('color', 'red')).toThrow('No index "color"');
  });

  it('keeps its indexes equal to a search through everything', () => {
    const object = fc.record({
      namespace: fc.constantFrom('one', 'two'),
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      sizes: fc.option(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 })),
    });
    fc.assert(
      fc.property(fc.array(object), (changes) => {
        const sizesOf = ({ spec }: Widget) => (spec.note ?? '').split(',').filter(Boolean);
        const store = new Store<Widget>({ sizes: sizesOf });
        const expected = new Map<string, Widget>();
        for (const { namespace, name, sizes } of changes) {
          if (sizes === null) {
            store.delete(namespace, name);
            expected.delete(`${namespace}/${name}`);
          } else {
            const next = widget(namespace, name, { spec: { note: sizes.join(',') } });
            store.set(next);
            expected.set(`${namespace}/${name}`, next);
          }
        }
        expect(new Set(store.list())).toEqual(new Set(expected.values()));
        expect(store.size).toBe(expected.size);
        for (const value of '0123') {
          const found = store.byIndex('sizes', value);
          expect(found.length).toBe(new Set(found).size);
          expect(new Set(found)).toEqual(new Set([...expected.values()].filter((one) => sizesOf(one).includes(value))));
        }
      }),
    );
  });
});

describe('lean', () => {
  it('leaves the object as it came, except for what nobody reads', () => {
    const object = widget('one', 'a', {
      metadata: { name: 'a', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', b: 'c' } },
      spec: { size: 1 },
    });
    Object.assign(object.metadata, { managedFields: [{}] });
    const before = structuredClone(object);
    expect(lean(object)).toEqual(
      widget('one', 'a', { metadata: { name: 'a', annotations: { b: 'c' } }, spec: { size: 1 } }),
    );
    expect(object).toEqual(before);
  });
});
