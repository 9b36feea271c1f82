/** The alerts, judged by Prometheus' own tool; each has a page that says what to do. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { alerts } from '../observability/alerts.ts';

const charts = join(import.meta.dirname, '..');
const pages = join(charts, '../docs/runbooks');

const promtool = async (...args: readonly string[]) => {
  const { ROSTER_PROMTOOL: program } = process.env;
  if (program === undefined) throw new Error('ROSTER_PROMTOOL is not set: run this by hack/test');
  return (await promisify(execFile)(program, args, { cwd: charts })).stdout;
};

describe('alerts', () => {
  it('are rules as Prometheus reads them', async () => {
    expect(await promtool('check', 'rules', 'roster/files/alerts.yaml')).toContain(`SUCCESS: ${alerts.length} rules`);
  });

  it('fire when they are to, and only then', async () => {
    expect(await promtool('test', 'rules', 'observability/alerts.promtool.yaml')).toContain('SUCCESS');
  });

  it.each(alerts.map(({ name }) => name))('%s is tested firing and not firing', async (name) => {
    const tests = await readFile(join(charts, 'observability/alerts.promtool.yaml'), 'utf8');
    const [silent = 0, firing = 0] = [
      tests.match(new RegExp(`\\{alertname: ${name}, eval_time`, 'g'))?.length,
      tests.match(new RegExp(`- alertname: ${name}\\n`, 'g'))?.length,
    ];
    // What concerns directories stays silent for the other directory of the same test.
    expect(firing).toBeGreaterThan(0);
    expect(silent + Number(name === 'RosterCredentialsExpiring')).toBeGreaterThan(0);
  });

  it('each have a runbook, and each runbook an alert', async () => {
    const named = (await readdir(pages))
      .filter((file) => file !== 'README.md')
      .map((file) => file.replace(/\.md$/, ''));
    expect(named.sort()).toEqual(alerts.map(({ name }) => name).sort());
    const list = await readFile(join(pages, 'README.md'), 'utf8');
    for (const { name, severity } of alerts) expect(list).toContain(`| [${name}](${name}.md) | ${severity} |`);
  });

  it.each(alerts.map(({ name }) => name))(
    'the runbook of %s says what it means, where to look and when it ends',
    async (name) => {
      const page = await readFile(join(pages, `${name}.md`), 'utf8');
      for (const part of [`# ${name}`, '**Means:**', '**Look:**', '**Ends**', 'kubectl ']) expect(page).toContain(part);
    },
  );
});
