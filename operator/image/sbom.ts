/** The bill of materials of the image: CycloneDX 1.6, https://cyclonedx.org/specification/overview/ */
import { createHash } from 'node:crypto';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import type { Metafile } from 'esbuild';

/** What is read of package-lock.json: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json */
export interface Lock {
  readonly name: string;
  readonly version: string;
  /** By the path of the folder. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  /** Subresource integrity, such as `sha512-...` in base64. */
  readonly integrity?: string;
}

export interface Materials {
  readonly lock: Lock;
  /** What esbuild put into the program. */
  readonly metafile: Metafile;
  /** The npm package that Node.js comes from. */
  readonly nodePackage: string;
  readonly created: Date;
}

/**
 * Lists the npm packages whose code is in the image, with what package-lock.json knows of them; the packages of Debian
 * are listed by Debian itself, in /var/lib/dpkg. The same materials give the same text.
 */
export function billOfMaterials({ lock, metafile, nodePackage, created }: Materials): string {
  const program = new Models.Component(Enums.ComponentType.Application, lock.name, {
    version: lock.version,
    bomRef: lock.name,
    licenses: licenses(lock.packages['']?.license),
  });
  const folders = [...packageFolders(metafile), `node_modules/${nodePackage}`];
  const components = folders.map((folder) => component(folder, lock.packages[folder]));
  for (const { bomRef } of components) program.dependencies.add(bomRef);
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: program, timestamp: created }),
    components: new Models.ComponentRepository(components),
    serialNumber: serialNumber(JSON.stringify(folders.map((folder) => [folder, lock.packages[folder]]))),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** Folders of the packages that the bundle has code of, in order; the workspaces are the program itself. */
export function packageFolders({ inputs }: Metafile): string[] {
  const folders = Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

function component(folder: string, locked: LockedPackage | undefined): Models.Component {
  if (locked?.version === undefined) throw new Error(`${folder} is in the program and not in package-lock.json.`);
  const fullName = locked.name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const [name = fullName, scope] = fullName.split('/').reverse();
  const purl = `pkg:npm/${fullName.replace('@', '%40')}@${locked.version}`;
  return new Models.Component(Enums.ComponentType.Library, name, {
    ...(scope && { group: scope }),
    version: locked.version,
    bomRef: `${folder}@${locked.version}`,
    purl,
    licenses: licenses(locked.license),
    hashes: hashes(locked.integrity),
  });
}

function licenses(expression: string | undefined): Models.LicenseRepository {
  return new Models.LicenseRepository(expression === undefined ? [] : [new Models.LicenseExpression(expression)]);
}

function hashes(integrity: string | undefined): Models.HashDictionary {
  const [, digest] = /^sha512-(.+)$/.exec(integrity ?? '') ?? [];
  return new Models.HashDictionary(
    digest === undefined ? [] : [[Enums.HashAlgorithm['SHA-512'], Buffer.from(digest, 'base64').toString('hex')]],
  );
}

/** A UUID that follows from the contents: version 8 of RFC 9562. */
function serialNumber(contents: string): string {
  const hex = createHash('sha256').update(contents).digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join('-')}`;
}
