/** Writes everything that follows from the kinds. `npm run generate` calls it; what it writes is committed. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { kinds } from '../kinds/all.ts';
import { customResourceDefinition } from './crd.ts';
import { admissionPolicies } from './manifests.ts';
import { referenceIndex, referencePage } from './reference.ts';
import { sample } from './sample.ts';
import { yaml } from './yaml.ts';

const root = join(import.meta.dirname, '../../..');
const generated = join(root, 'crds/generated');
const reference = join(root, 'docs/reference');

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

// Files of kinds that are no more must go, too.
await rm(generated, { recursive: true, force: true });
for (const kind of kinds) {
  const definition = customResourceDefinition(kind);
  await write(join(generated, 'crds', `${kind.plural}.yaml`), yaml(definition));
  await write(join(generated, 'samples', `${kind.singular}.yaml`), yaml(...(kind.companions ?? []), sample(kind)));
  await write(join(reference, `${kind.singular}.md`), referencePage(kind, definition));
}
await write(join(generated, 'policies.yaml'), yaml(...admissionPolicies()));
await write(join(reference, 'README.md'), referenceIndex(kinds));
