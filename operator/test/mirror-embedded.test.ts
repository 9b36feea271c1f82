import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../src/mirror/database.ts';
import { quiet } from '../src/mirror/fixture.ts';
import { Mirror } from '../src/mirror/mirror.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roster-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Kills a writer without warning once it has told of so many people; their names. */
async function writeAndDie(people: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'mirrorwriter.ts');
  const child = spawn(process.execPath, [script, `pglite:${directory}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const told: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('p-')) told.push(line);
    if (told.length >= people) child.kill('SIGKILL');
  }
  const [, signal] = await closed;
  expect(signal).toBe('SIGKILL');
  return told;
}

it('keeps all that it said was written, however often its process is killed', { timeout: 300_000 }, async () => {
  // The first dies while it makes the database.
  const told = await writeAndDie(0);
  for (const people of [1, 60, 300]) told.push(...(await writeAndDie(people)));

  const database = await openDatabase(`pglite:${directory}`, { logger: quiet });
  const mirror = await Mirror.open(database, { identity: 'cluster/roster', logger: quiet });
  await mirror.mint();
  await mirror.load();
  const kept = new Set(mirror.keys().map(({ name }) => name));
  expect(told.filter((name) => !kept.has(name))).toEqual([]);
  expect(told.length).toBeGreaterThan(360);
  expect((await mirror.claims.holders('acme')).size).toBe(kept.size);
  await database.close();
});
