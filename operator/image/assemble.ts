/**
 * Puts together what is ours in the image, below the folder that is named on the command line: `app/` with the program,
 * Node.js and the files of the embedded database, and `app/sbom.cdx.json`. The Dockerfile calls it.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { bundle, databaseFiles } from './bundle.ts';
import { billOfMaterials, type Lock } from './sbom.ts';

const root = dirname(dirname(import.meta.dirname));
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('Name the folder to put the image together in.');
const app = join(target, 'app');
mkdirSync(app, { recursive: true });

const metafile = await bundle(root, app);

const nodePackage = `node-linux-${arch()}`;
copyFileSync(join(root, 'node_modules', nodePackage, 'bin/node'), join(app, 'node'));
// Symbols that only a debugger of Node.js itself needs: 18 MB.
execFileSync('strip', ['--strip-all', join(app, 'node')]);

for (const file of databaseFiles) {
  copyFileSync(join(root, 'node_modules/@electric-sql/pglite/dist', file), join(app, file));
}
copyFileSync(join(root, 'LICENSE'), join(app, 'LICENSE'));

const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? 0);
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
const bill = billOfMaterials({ lock, metafile, nodePackage, created: new Date(epoch * 1000) });
writeFileSync(join(app, 'sbom.cdx.json'), bill);

// The time when it was built would make every layer another one.
for (const path of [...readdirSync(app).map((name) => join(app, name)), app]) utimesSync(path, epoch, epoch);
