import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

/** Files that the embedded database reads beside the code: https://pglite.dev/docs/bundler-support */
export const databaseFiles = ['pglite.wasm', 'pglite.data', 'initdb.wasm'] as const;

/**
 * Writes the program as `roster.js` with its source map into the folder; returns what went into it. The names of
 * sources in stack traces are those of the checkout; the sources themselves stay out of the image.
 */
export async function bundle(root: string, folder: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['operator/src/main.ts'],
    outfile: join(folder, 'roster.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Packages in CommonJS call for modules of Node by a require that ES modules do not have.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
    // pg would take it where it is installed.
    external: ['pg-native'],
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}
