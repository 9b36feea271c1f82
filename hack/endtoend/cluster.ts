/** The cluster that `hack/e2e` has brought up; this process runs inside its network. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { yaml } from '@roster/crds/manifests';

export const charts = join(import.meta.dirname, '../../charts');

/** Runs a program; resolves to what it prints, rejects with what it complains about. */
export async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { cwd: charts });
  let [output, complaint] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  // Who does not read it may have ended already.
  child.stdin.on('error', () => {}).end(input);
  const [code] = await once(child, 'close');
  if (code !== 0)
    throw new Error(`${program} ${args.slice(0, 4).join(' ')} failed: ${complaint.trim() || output.trim()}`);
  return output;
}

export const kubectl = (...args: readonly string[]) => run('kubectl', args);
export const helm = (...args: readonly string[]) => run('helm', args);
export const apply = (...objects: readonly object[]) =>
  run('kubectl', ['apply', '--server-side', '-f', '-'], yaml(...objects));

/** What a person looks at first when something is wrong: pods, their logs and the events. */
export async function report(): Promise<string> {
  const attempts = [
    ['get', 'pods', '-A', '-o', 'wide'],
    ['get', 'events', '-A', '--sort-by=.lastTimestamp'],
    ['get', 'tenants.roster.dev,userdirectories,directorysyncs', '-A', '-o', 'wide'],
    ...['roster-system', 'roster-trial'].flatMap((namespace) =>
      ['', '--previous'].map((flag) => [
        ...[
          'logs',
          '-n',
          namespace,
          '-l',
          'app.kubernetes.io/name=roster',
          '--prefix',
          '--all-containers',
          '--tail=60',
        ],
        ...(flag === '' ? [] : [flag]),
      ]),
    ),
  ];
  const parts = attempts.map(async (args) => `$ kubectl ${args.join(' ')}\n${await kubectl(...args).catch(String)}`);
  return (await Promise.all(parts)).join('\n');
}

/** The operator's process in a pod, which is one of this machine's. */
export async function processOf(pod: string): Promise<number> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const read = (file: string) => readFile(join('/proc', name, file), 'utf8').catch(() => '');
    if (!(await read('cmdline')).includes('/app/roster.js')) continue;
    if ((await read('environ')).split('\0').includes(`HOSTNAME=${pod}`)) return Number(name);
  }
  throw new Error(`no process of the pod ${pod} is found`);
}
