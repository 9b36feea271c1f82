/** The alerts, judged by Prometheus' own tool; each has a page that says what to do. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { alerts } from '../observability/alerts.ts';

const charts = join(import.meta.dirname, '..');
const pages = join(charts, '../docs/runbooks');

const metricNames = /(?:roster|leader)_\w+/g;
const tests = ['alerts.promtool.yaml', 'rejected.promtool.yaml'];

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
    const said = await promtool('test', 'rules', ...tests.map((file) => `observability/${file}`));
    expect(said.match(/SUCCESS/g)).toHaveLength(tests.length);
  });

  it.each(alerts.map(({ name }) => name))('%s is tested firing and not firing', async (name) => {
    const texts = await Promise.all(tests.map((file) => readFile(join(charts, 'observability', file), 'utf8')));
    const [silent = 0, firing = 0] = [
      texts.join('').match(new RegExp(`\\{alertname: ${name}, eval_time`, 'g'))?.length,
      texts.join('').match(new RegExp(`\\balertname: ${name}\\n`, 'g'))?.length,
    ];
    expect(firing).toBeGreaterThan(0);
    expect(silent).toBeGreaterThan(0);
  });

  it('each have a runbook, and each runbook an alert', async () => {
    const named = (await readdir(pages))
      .filter((file) => file !== 'README.md')
      .map((file) => file.replace(/\.md$/, ''));
    expect(named.sort()).toEqual(alerts.map(({ name }) => name).sort());
    const list = await readFile(join(pages, 'README.md'), 'utf8');
    const operations = await readFile(join(pages, '../operations.md'), 'utf8');
    for (const { name, severity } of alerts) {
      expect(list).toContain(`| [${name}](${name}.md) | ${severity} |`);
      expect(operations).toContain(`| [${name}](runbooks/${name}.md) | ${severity} |`);
    }
  });

  it.each(alerts)('$name has a runbook that says what to do, and when it is over', async ({ name, expr }) => {
    const page = await readFile(join(pages, `${name}.md`), 'utf8');
    const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      name,
      'What it means',
      'What is affected',
      'How to look',
      'How to mend it',
      'When it ends',
    ]);
    expect(page).toMatch(/^\$ kubectl /m);
    const queries = [...page.matchAll(/^```promql\n(.*?)^```$/gms)].map(([, query = '']) => query);
    expect(queries.length).toBeGreaterThan(0);
    // At least one of them shows what the alert looks at.
    const metrics = new Set(expr.match(metricNames));
    const shown = queries.join('\n').match(metricNames) ?? [];
    expect(shown.some((metric) => metrics.has(metric))).toBe(true);
  });

  it('are linked with pages that there are', async () => {
    for (const page of await readdir(pages)) {
      const text = await readFile(join(pages, page), 'utf8');
      for (const [, target = '', anchor] of text.matchAll(/\]\(([^)#:]+\.md)(?:#([^)]+))?\)/g)) {
        const linked = await readFile(join(pages, target), 'utf8');
        const anchors = [...linked.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
        if (anchor !== undefined) expect(anchors, `${page}: ${target}#${anchor}`).toContain(anchor);
      }
    }
  });
});

/** As pages of Markdown are addressed by their headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
