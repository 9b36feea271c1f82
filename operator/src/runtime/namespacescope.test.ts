import type { KubernetesObject } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { Store } from './cache.ts';
import type { InformerHandler } from './informer.ts';
import { NamespaceScope } from './namespacescope.ts';

/** A namespace whose label is `ours`, or not. */
const namespace = (name: string, ours: boolean): KubernetesObject => ({
  metadata: { name, labels: ours ? { ours: 'yes' } : {} },
});

function setUp() {
  const handlers: InformerHandler<KubernetesObject>[] = [];
  const informer = {
    cache: new Store<KubernetesObject>(),
    onEvent: (handler: InformerHandler<KubernetesObject>) => {
      handlers.push(handler);
      return () => {};
    },
  };
  const scope = new NamespaceScope(informer, ({ metadata }) => metadata.labels?.ours === 'yes');
  const changes: string[] = [];
  const end = scope.onChange((name, included) => changes.push(`${included ? '+' : '-'}${name}`));
  const tell: InformerHandler<KubernetesObject> = (event) => {
    for (const handler of handlers) handler(event);
  };
  const add = (object: KubernetesObject) => tell({ type: 'added', object, initial: false });
  const remove = (object: KubernetesObject) => tell({ type: 'deleted', object, missedDelete: false });
  const update = (object: KubernetesObject) => tell({ type: 'updated', object, old: object, initial: false });
  return { scope, changes, end, add, update, remove };
}

describe('the scope of namespaces', () => {
  it('follows what the namespaces say, and tells what changes', () => {
    const { scope, changes, add, update, end } = setUp();
    expect([scope.includes('acme'), scope.excludes('acme')]).toEqual([false, false]);
    add(namespace('acme', true));
    add(namespace('globex', false));
    expect([scope.includes('acme'), scope.excludes('acme')]).toEqual([true, false]);
    expect([scope.includes('globex'), scope.excludes('globex')]).toEqual([false, true]);
    expect([...scope]).toEqual(['acme']);
    update(namespace('acme', true));
    update(namespace('globex', true));
    update(namespace('acme', false));
    expect(changes).toEqual(['+acme', '-globex', '+globex', '-acme']);
    expect([...scope]).toEqual(['globex']);
    end();
    update(namespace('acme', true));
    expect(changes).toHaveLength(4);
  });

  it('keeps a namespace that ended, until one of its name says otherwise', () => {
    const { scope, changes, add, remove } = setUp();
    add(namespace('acme', true));
    remove(namespace('acme', true));
    expect(scope.includes('acme')).toBe(true);
    add(namespace('acme', false));
    expect(scope.excludes('acme')).toBe(true);
    expect(changes).toEqual(['+acme', '-acme']);
  });
});
