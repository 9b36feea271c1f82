/** A real Prometheus beside the pods, with the rules of the chart. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { yaml } from '@roster/crds/manifests';
import { charts, kubectl } from './cluster.ts';

export interface Prometheus extends AsyncDisposable {
  /** The value of each series, by its labels as text. */
  query(expr: string): Promise<ReadonlyMap<string, number>>;
  /** Names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
}

const address = '127.0.0.1:9099';

/** Scrapes every second; alerts fire after a second, whatever time they have in the chart. */
export async function startPrometheus(folder: string): Promise<Prometheus> {
  const { ROSTER_PROMETHEUS: program } = process.env;
  if (program === undefined) throw new Error('run this by hack/e2e');
  await mkdir(folder, { recursive: true });
  const rules = await readFile(join(charts, 'roster/files/alerts.yaml'), 'utf8');
  await writeFile(join(folder, 'alerts.yaml'), rules.replaceAll(/for: \S+/g, 'for: 1s'));
  await writeFile(
    join(folder, 'prometheus.yaml'),
    yaml({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['alerts.yaml'],
      scrape_configs: [{ job_name: 'roster', honor_labels: true, file_sd_configs: [{ files: ['targets.json'] }] }],
    }),
  );
  const discovery = new AbortController();
  const discovered = discover(join(folder, 'targets.json'), discovery.signal);
  const flags = ['--config.file=prometheus.yaml', '--storage.tsdb.path=data', `--web.listen-address=${address}`];
  const child = spawn(program, flags, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const ask = async (path: string) => {
    const answer = await fetch(`http://${address}${path}`);
    const { data, error } = (await answer.json()) as { data: never; error?: string };
    if (error !== undefined) throw new Error(error);
    return data;
  };
  while (
    !(await fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
    await setTimeout(100);
  }
  return {
    async query(expr) {
      const { result } = (await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`)) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return new Map(result.map(({ metric, value }) => [JSON.stringify(metric), Number(value[1])]));
    },
    async firing() {
      const { alerts } = (await ask('/api/v1/alerts')) as {
        alerts: { state: string; labels: { alertname: string } }[];
      };
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    },
    async [Symbol.asyncDispose]() {
      discovery.abort();
      await discovered;
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Tells Prometheus once a second which pods there are: Debian's is built without discovery in Kubernetes. */
async function discover(file: string, signal: AbortSignal): Promise<void> {
  const template = '{range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}';
  const selector = ['-n', 'roster-system', '-l', 'app.kubernetes.io/component=operator'];
  while (!signal.aborted) {
    const pods = await kubectl('get', 'pods', ...selector, '-o', `jsonpath=${template}`).catch(() => '');
    const targets = pods.split('\n').flatMap((line) => {
      const [pod = '', ip = ''] = line.split(' ');
      return ip === '' ? [] : [{ targets: [`${ip}:8080`], labels: { pod } }];
    });
    await writeFile(`${file}.new`, JSON.stringify(targets));
    await rename(`${file}.new`, file);
    await setTimeout(1000, undefined, { signal }).catch(() => {});
  }
}
