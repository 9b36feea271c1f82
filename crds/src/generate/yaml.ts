import { stringify } from 'yaml';

/**
 * One document an object, separated by `---`. Kubernetes' tools read YAML 1.1, where y, on and 012 mean something
 * else; such words are quoted.
 */
export function yaml(...objects: readonly object[]): string {
  return objects
    .map((object) => stringify(object, { lineWidth: 120, aliasDuplicateObjects: false, compat: 'yaml-1.1' }))
    .join('---\n');
}
