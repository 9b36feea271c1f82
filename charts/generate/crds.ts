import { customResourceDefinitions, manifests, yaml } from '@roster/crds/manifests';

/** Files of the chart roster-crds below its `templates`, by their names. */
export function crdTemplates(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const definition of customResourceDefinitions()) {
    // With a definition go all objects of its kind: no uninstall may take it away.
    const annotations = { 'helm.sh/resource-policy': 'keep' };
    const kept = { ...definition, metadata: { ...definition.metadata, annotations } };
    files.set(`crds/${definition.spec.names.plural}.yaml`, template(kept));
  }
  const others = manifests().filter(({ kind }) => kind !== 'CustomResourceDefinition');
  for (const [file, objects] of Map.groupBy(others, ({ kind }) => (kind === 'ClusterRole' ? 'roles' : 'policies'))) {
    files.set(`${file}.yaml`, template(...objects));
  }
  return files;
}

/** What Helm takes for its own is written so that it comes out again. */
function template(...objects: readonly object[]): string {
  return yaml(...objects).replace(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`);
}
