/** The charts on a real API server, which runs no pods: what it accepts, and what stays and goes. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesObject } from '@roster/crds';
import { manifests, yaml } from '@roster/crds/manifests';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl, type Part, startCluster } from '../../hack/stack.ts';
import { helm, rendered } from './helm.ts';

type Cluster = Part & { readonly kubeconfig: string };

let cluster: Cluster;
let folder: string;
const run = (...args: readonly string[]) => kubectl(cluster.kubeconfig, args);
const release = (...args: readonly string[]) => helm(...args, '--kubeconfig', cluster.kubeconfig);
const apply = (...objects: readonly object[]) =>
  kubectl(cluster.kubeconfig, ['apply', '--server-side', '-f', '-'], yaml(...objects));

// A cluster of its own: definitions come and go here.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-charts-'));
  cluster = await startCluster(join(folder, 'cluster'));
});

afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

// What was applied by hand belongs to kubectl, down to its fields.
const takeOver = ['--take-ownership', '--force-conflicts'];

const tenantIn = (namespace: string) => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'Tenant',
  metadata: { name: 'tenant', namespace },
  spec: { displayName: 'Acme' },
});

async function namespaceWith(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `charts-${randomBytes(4).toString('hex')}`;
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  return name;
}

describe('roster-crds', () => {
  it('takes over definitions that were applied by hand, with the objects that are there', async () => {
    await kubectl(cluster.kubeconfig, ['apply', '--server-side', '-f', '-'], yaml(...manifests()));
    const namespace = await namespaceWith();
    await run('wait', '--for=condition=Established', 'crd/tenants.roster.dev', '--timeout=30s');
    await apply(tenantIn(namespace));
    const before = await run('get', 'tenants.roster.dev', 'tenant', '-n', namespace, '-o', 'jsonpath={.metadata.uid}');
    await expect(release('install', 'roster-crds', 'roster-crds')).rejects.toThrow(
      'cannot be imported into the current release',
    );
    await release('install', 'roster-crds', 'roster-crds', ...takeOver);
    expect(await run('get', 'tenants.roster.dev', 'tenant', '-n', namespace, '-o', 'jsonpath={.metadata.uid}')).toBe(
      before,
    );
  });

  it('upgrades from a version that knew less, with objects present', async () => {
    await release('uninstall', 'roster-crds');
    const older = join(folder, 'older');
    await cp(join(import.meta.dirname, '../roster-crds'), older, { recursive: true });
    const definition = join(older, 'templates/crds/tenants.yaml');
    const text = await readFile(definition, 'utf8');
    expect(text).toContain('publicURL:');
    await writeFile(definition, text.replace(/^( +)publicURL:\n(?:\1 .*\n)+/m, ''));
    await writeFile(
      join(older, 'Chart.yaml'),
      (await readFile(join(older, 'Chart.yaml'), 'utf8')).replace(/^version: .*/m, 'version: 0.0.1'),
    );
    await release('install', 'roster-crds', older, ...takeOver);
    const namespace = await namespaceWith();
    const withURL = { ...tenantIn(namespace), spec: { publicURL: 'https://reports.example.com' } };
    await expect(apply(withURL)).rejects.toThrow('publicURL');
    await apply(tenantIn(namespace));
    await release('upgrade', 'roster-crds', 'roster-crds');
    await expect.poll(() => apply(withURL).then(String, String), { timeout: 20_000 }).toContain('serverside-applied');
    const displayName = 'jsonpath={.spec.displayName}{.spec.publicURL}';
    expect(await run('get', 'tenants.roster.dev', 'tenant', '-n', namespace, '-o', displayName)).toContain('https://');
  });

  it('leaves definitions and objects when it is uninstalled', async () => {
    await release('uninstall', 'roster-crds');
    expect(await run('get', 'crds', '-l', 'app.kubernetes.io/part-of=roster', '-o', 'name')).toContain(
      '/users.roster.dev',
    );
    expect(await run('get', 'tenants.roster.dev', '-A', '-o', 'name')).toContain('tenant');
    expect(await run('get', 'clusterroles', '-l', 'app.kubernetes.io/part-of=roster', '-o', 'name')).toBe('');
    await release('install', 'roster-crds', 'roster-crds', ...takeOver);
  });
});

describe('roster', () => {
  it('makes pods that a restricted namespace takes', async () => {
    const namespace = await namespaceWith({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const privileged = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x', namespace },
      spec: { containers: [{ name: 'x', image: 'x' }] },
    };
    await expect(dryRun(privileged)).rejects.toThrow('violates PodSecurity "restricted');
    for (const flags of [[], ['--set', 'database.urlSecret.name=db,webAdmin.enabled=true']]) {
      for (const { kind, metadata, ...rest } of await rendered('roster', { namespace, flags })) {
        if (kind !== 'Deployment') continue;
        const { template } = (rest as unknown as { spec: { template: { metadata: object; spec: object } } }).spec;
        const spec = { ...template.spec, serviceAccountName: 'default' };
        await dryRun({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { ...template.metadata, name: metadata.name, namespace },
          spec,
        });
      }
    }
  });

  it('is accepted whole, with every value set', async () => {
    const namespace = await namespaceWith();
    const flags = ['--set', 'database.urlSecret.name=db,webAdmin.enabled=true,metrics.dashboard.enabled=true'];
    const objects = await rendered('roster', { name: 'whole', namespace, flags });
    await dryRun(...objects.map((object) => (isNamespaced(object) ? withNamespace(object, namespace) : object)));
  });

  it('gives its service account what its roles say, and nothing more', async () => {
    const namespace = await namespaceWith();
    const elsewhere = await namespaceWith();
    await release('install', 'all', 'roster', '-n', namespace);
    const account = `--as=system:serviceaccount:${namespace}:all-roster`;
    const can = (verb: string, resource: string, ...where: string[]) =>
      run('auth', 'can-i', verb, resource, account, ...where).then(
        () => 'yes',
        () => 'no',
      );
    expect(await can('create', 'users.roster.dev', '-n', elsewhere)).toBe('yes');
    expect(await can('update', 'users.roster.dev/status', '-n', elsewhere)).toBe('no');
    expect(await can('update', 'users.roster.dev', '--subresource=status', '-n', elsewhere)).toBe('yes');
    expect(await can('get', 'namespaces/kube-system')).toBe('yes');
    expect(await can('update', 'leases.coordination.k8s.io/all', '-n', namespace)).toBe('yes');
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['list', 'secrets'],
      ['escalate', 'clusterroles'],
      ['create', 'roles'],
      ['approve', 'directorysyncs.roster.dev'],
      ['delete', 'groups.roster.dev'],
      ['update', 'userdirectories.roster.dev'],
      ['get', 'namespaces'],
    ] as const) {
      expect(await can(verb, resource, '-n', elsewhere), `${verb} ${resource}`).toBe('no');
    }
    await release('uninstall', 'all', '-n', namespace);
    expect(await can('create', 'users.roster.dev', '-n', elsewhere)).toBe('no');
  });

  it('is confined to the namespaces that it is told, beside another release', async () => {
    const [namespace, acme, globex] = [await namespaceWith(), await namespaceWith(), await namespaceWith()];
    await release('install', 'one', 'roster', '-n', namespace, '--set', `namespaces={${acme}}`);
    await release('install', 'two', 'roster', '-n', namespace, '--set', `namespaces={${globex}}`);
    const can = (name: string, where: string) =>
      run(
        'auth',
        'can-i',
        'create',
        'users.roster.dev',
        `--as=system:serviceaccount:${namespace}:${name}-roster`,
        '-n',
        where,
      ).then(
        () => true,
        () => false,
      );
    expect([await can('one', acme), await can('one', globex)]).toEqual([true, false]);
    expect([await can('two', acme), await can('two', globex)]).toEqual([false, true]);
    await release('uninstall', 'one', '-n', namespace);
    expect([await can('one', acme), await can('two', globex)]).toEqual([false, true]);
    await release('uninstall', 'two', '-n', namespace);
  });

  it('is upgraded and rolled back, and leaves the volume of the trial database', async () => {
    const namespace = await namespaceWith();
    const deployment = (path: string) =>
      run('get', 'deployment', 'trial-roster', '-n', namespace, '-o', `jsonpath={${path}}`);
    await release('install', 'trial', 'roster', '-n', namespace);
    expect(await deployment('.spec.strategy.type')).toBe('Recreate');
    await release('upgrade', 'trial', 'roster', '-n', namespace, '--set', 'database.urlSecret.name=db');
    expect([await deployment('.spec.strategy.type'), await deployment('.spec.replicas')]).toEqual([
      'RollingUpdate',
      '2',
    ]);
    await release('rollback', 'trial', '1', '-n', namespace);
    expect([await deployment('.spec.strategy.type'), await deployment('.spec.replicas')]).toEqual(['Recreate', '1']);
    await release('uninstall', 'trial', '-n', namespace);
    expect(await run('get', 'persistentvolumeclaims', '-n', namespace, '-o', 'name')).toContain(
      'trial-roster-database',
    );
    expect(await run('get', 'deployments,serviceaccounts', '-n', namespace, '-o', 'name')).not.toContain('trial');
  });

  it('says what to do next', async () => {
    const namespace = await namespaceWith();
    const notes = await release('install', 'notes', 'roster', '-n', namespace, '--dry-run=server');
    expect(notes).toContain(`kubectl rollout status deployment/notes-roster -n ${namespace}`);
    expect(notes).toContain('THIS IS A TRIAL');
    expect(notes).toContain('kubectl label namespace acme roster.dev/installation=notes');
    expect(notes).not.toContain('not in this cluster yet');
  });
});

async function dryRun(...objects: readonly object[]): Promise<void> {
  await kubectl(cluster.kubeconfig, ['apply', '--server-side', '--dry-run=server', '-f', '-'], yaml(...objects));
}

const isNamespaced = ({ kind = '' }: KubernetesObject) => !/^Cluster|FlowSchema/.test(kind);
const withNamespace = (object: KubernetesObject, namespace: string) => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});
