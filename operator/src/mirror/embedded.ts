/** PGlite: PostgreSQL inside this process, for a trial. https://pglite.dev */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PGlite } from '@electric-sql/pglite';
import { DatabaseError } from '../errors.ts';

export interface Embedded {
  readonly engine: PGlite;
  /** Call it after the engine was closed. */
  close(): Promise<void>;
}

/** A quarter of the usual cache: it is memory of this process, and the operating system caches the files as well. */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=32MB'];

/** Opens the database of a directory, which nobody else can open meanwhile, or `memory`. */
export async function openEmbedded(directory: string): Promise<Embedded> {
  if (directory === 'memory') return { engine: await PGlite.create({ startParams }), close: async () => undefined };
  await mkdir(directory, { recursive: true });
  const lock = lockDirectory(directory);
  try {
    const data = join(directory, 'data');
    if (!(await exists(data))) await initialize(data);
    return { engine: await PGlite.create(data, { startParams }), close: async () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Under another name until it is whole, so that an interrupted start leaves nothing that a later one stumbles over. */
async function initialize(data: string): Promise<void> {
  const unfinished = `${data}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await (await PGlite.create(unfinished)).close();
  await rename(unfinished, data);
}

/** Node has no flock; SQLite has locks that end with the process, whatever way it ends. */
function lockDirectory(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, 'lock'));
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive');
    return lock;
  } catch (error) {
    lock.close();
    const busy = (error as { errcode?: number }).errcode === 5; // https://www.sqlite.org/rescode.html#busy
    if (!busy) throw error;
    throw new DatabaseError(
      'DatabaseInUse',
      `Another process uses the embedded database in ${directory}, and only one can.`,
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
