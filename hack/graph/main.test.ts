import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

// A process starts each time.
vi.setConfig({ testTimeout: 60_000 });

const main = fileURLToPath(new URL('main.ts', import.meta.url));

function start(...options: string[]): ChildProcess {
  return spawn(process.execPath, [main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
}

test('says when it is ready, keeps the secret to a file, and ends when it is told to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roster-graph-'));
  try {
    const child = start('--people', '20', '--groups', '10', '--dir', folder);
    const ended = once(child, 'exit');
    const [line] = (await once(
      createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }),
      'line',
    )) as [string];
    const ready = JSON.parse(line);
    expect(ready).toMatchObject({ ready: true, people: 20, groups: 10, url: expect.stringMatching(/^https:\/\/127/) });
    const credentials = JSON.parse(await readFile(ready.credentials, 'utf8'));
    expect(credentials).toMatchObject({ tenantID: ready.tenantID, clientID: ready.clientID });
    expect(line).not.toContain(credentials.clientSecret);
    expect(await readFile(ready.authorities, 'utf8')).toContain('BEGIN CERTIFICATE');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each<[string[], string]>([
  [[], '--dir names the folder'],
  [['--dir', '/tmp', '--people', 'many'], '--people takes a number, not many'],
])('ends with a sentence when it is called with %j', async (options, sentence) => {
  const child = start(...options);
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(said).toContain(sentence);
});
