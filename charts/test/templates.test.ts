/** What the charts make of values, compared with what was looked at: `UPDATE=1 hack/test charts` writes it anew. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { yaml } from '@roster/crds/manifests';
import { describe, expect, it } from 'vitest';
import { ruleGroups } from '../observability/alerts.ts';
import { dashboard } from '../observability/dashboard.ts';
import { helm, rendered } from './helm.ts';

const monitoring = ['--api-versions', 'monitoring.coreos.com/v1'];
const set = (...values: readonly string[]) => values.flatMap((value) => ['--set', value]);
const postgres = 'database.urlSecret.name=roster-database';

const cases: Readonly<Record<string, readonly string[]>> = {
  trial: [],
  postgres: set(postgres),
  'two-namespaces': set(postgres, 'namespaces={acme,globex}', 'installation=blue'),
  everything: [
    ...monitoring,
    ...set(
      ...[postgres, 'webAdmin.enabled=true', 'metrics.serviceMonitor.enabled=true', 'metrics.dashboard.enabled=true'],
      ...['metrics.prometheusRule.enabled=true', 'metrics.prometheusRule.runbookURL=https://example.com/runbooks/'],
      ...['authorities.configMap=authorities', 'image.tag=1.2.3', 'replicas=3', 'priorityClassName=high'],
      ...['podLabels.team=identity', 'networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus'],
    ),
  ],
};

describe('the chart roster', () => {
  it.each(Object.entries(cases))('makes of the values %s what it made before', async (name, flags) => {
    const file = join(import.meta.dirname, '../testdata', `${name}.yaml`);
    // The dashboard is generated and stands in the chart as it is.
    const objects = (await rendered('roster', { flags })).map((object) =>
      object.kind === 'ConfigMap' ? { ...object, data: '...' } : object,
    );
    const text = yaml(...objects);
    if (process.env.UPDATE) await writeFile(file, text);
    expect(text).toBe(await readFile(file, 'utf8'));
  });

  it('passes the linter', async () => {
    expect(await helm('lint', '--strict', 'roster', 'roster-crds')).toContain('2 chart(s) linted, 0 chart(s) failed');
    expect(await helm('lint', '--strict', 'roster', ...set(postgres, 'webAdmin.enabled=true'))).toContain(
      '0 chart(s) failed',
    );
  });

  it.each([
    ['a second replica of the trial database', set('replicas=2'), "at '/replicas': value must be one of <nil>, 1"],
    ['a value that there is not', set('replica=2'), "additional properties 'replica' not allowed"],
    ['a nested value that there is not', set('image.name=x'), "at '/image': additional properties 'name' not allowed"],
    ['a Secret without name', set('database.urlSecret.key=x'), "missing property 'name'"],
    ['no replica', set(postgres, 'replicas=0'), "at '/replicas'"],
    ['a digest that is none', set('image.digest=sha256:1'), "at '/image/digest'"],
    ['a name that is none', set('installation=Blue'), "at '/installation'"],
    ['an interval that is none', set('compareInterval=often'), "at '/compareInterval'"],
  ])('refuses %s', async (_, flags, message) => {
    await expect(rendered('roster', { flags })).rejects.toThrow(message);
  });

  it('keeps the alerts of an installation apart from those of others', async () => {
    const flags = [...monitoring, ...set('metrics.prometheusRule.enabled=true', 'metrics.serviceMonitor.enabled=true')];
    const objects = await rendered('roster', { name: 'blue', namespace: 'ops', flags });
    const rules = JSON.stringify(objects.find(({ kind }) => kind === 'PrometheusRule'));
    expect(rules).toContain('{job=\\"ops/blue-roster\\"}');
    expect(rules).not.toContain('job=\\"roster\\"');
    expect(JSON.stringify(objects.find(({ kind }) => kind === 'ServiceMonitor'))).toContain(
      '"replacement":"ops/blue-roster"',
    );
  });

  it.each(['serviceMonitor', 'prometheusRule'])('refuses a %s where nobody knows it, unless told', async (kind) => {
    const enabled = set(`metrics.${kind}.enabled=true`);
    await expect(rendered('roster', { flags: enabled })).rejects.toThrow(
      `metrics.${kind}.enabled: this cluster has no API monitoring.coreos.com/v1. Install Prometheus Operator first`,
    );
    const kinds = async (...flags: readonly string[]) =>
      (await rendered('roster', { flags: [...enabled, ...flags] })).map((object) => object.kind?.toLowerCase());
    expect(await kinds(...set('metrics.skipAPICheck=true'))).toContain(kind.toLowerCase());
    expect(await kinds(...monitoring)).toContain(kind.toLowerCase());
  });

  it('hands the annotations of alerts and the dashboard to those who read them as they are', async () => {
    const flags = [...monitoring, ...set('metrics.prometheusRule.enabled=true', 'metrics.dashboard.enabled=true')];
    const objects = await rendered('roster', { flags });
    const rule = objects.find(({ kind }) => kind === 'PrometheusRule') as { spec?: unknown } | undefined;
    const job = (text: string) => text.replaceAll('job=\\"roster\\"', 'job=\\"roster-system/roster\\"');
    expect(JSON.stringify(rule?.spec)).toBe(job(JSON.stringify(ruleGroups('https://roster.dev/docs/runbooks'))));
    const map = objects.find(({ metadata }) => metadata.name === 'roster-dashboard') as { data?: object } | undefined;
    expect(map?.data).toEqual({ 'roster.json': `${JSON.stringify(dashboard(), null, 2)}\n` });
  });

  it('names nothing cluster-wide as another release does', async () => {
    const names = async (name: string, namespace: string) =>
      (await rendered('roster', { name, namespace }))
        .filter(({ kind = '' }) => ['ClusterRoleBinding', 'FlowSchema'].includes(kind))
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const all = [...(await names('a', 'x')), ...(await names('b', 'x')), ...(await names('a', 'y'))];
    expect(all.length).toBe(9);
    expect(new Set(all).size).toBe(all.length);
  });

  it('holds no object of Roster, and no role that reads Secrets', async () => {
    for (const flags of Object.values(cases)) {
      const objects = await rendered('roster', { flags });
      expect(objects.filter(({ apiVersion }) => apiVersion?.startsWith('roster.dev/'))).toEqual([]);
      expect(JSON.stringify(objects.filter(({ kind }) => (kind ?? '').endsWith('Role')))).not.toContain('secrets');
    }
  });
});

describe('the chart roster-crds', () => {
  it('keeps the definitions when it goes, and only those', async () => {
    for (const { kind, metadata } of await rendered('roster-crds')) {
      const policy = metadata.annotations?.['helm.sh/resource-policy'];
      expect(policy, `${kind} ${metadata.name}`).toBe(kind === 'CustomResourceDefinition' ? 'keep' : undefined);
    }
  });
});
