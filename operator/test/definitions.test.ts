/** Deleting a definition deletes all resources of its kind; the database keeps what it holds. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Condition, DirectorySync, kinds, type Resource, type ResourceType, Tenant, User } from '@roster/crds';
import { manifests } from '@roster/crds/manifests';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { install } from '../../hack/install.ts';
import { type Cluster, kubectl, startCluster } from '../../hack/stack.ts';
import { type Database, openDatabase } from '../src/mirror/index.ts';
import { silentLogger } from '../src/runtime/index.ts';
import { acme, establish } from './acme.ts';
import { everythingInDatabase, personInDatabase } from './contract.ts';
import { metric } from './metric.ts';
import { user } from './objects.ts';
import { createNamespace, eventually, openRoster, type Roster, types } from './roster.ts';
import { sentence, states } from './status.ts';

/** Of this file alone: definitions are everybody's. */
let cluster: Cluster;
let database: Database;
let namespace: string;
let roster: Roster;
let before: object;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'roster-definitions-'));
  cluster = await startCluster(directory);
  await install(cluster.kubeconfig);
  namespace = await createNamespace(cluster);
  database = await openDatabase('pglite:memory', { logger: silentLogger });
  roster = await start();
  await establish(roster);
  before = await contents();
  return async () => {
    await roster.close();
    await database.close();
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  };
});

const start = () => openRoster({ cluster, database, namespaces: [namespace] });
const contents = () => everythingInDatabase(database, namespace);
const heldRows = async () => (await metric(roster, 'roster_mirror_held')).get(`namespace="${namespace}"`);

type Definition = (typeof kinds)[number];
const definition = (kind: string) => kinds.filter((candidate) => candidate.kind === kind);

async function remove(definitions: readonly Definition[]): Promise<void> {
  const names = definitions.map(({ plural }) => `${plural}.roster.dev`);
  await kubectl(cluster.kubeconfig, ['delete', 'customresourcedefinitions', ...names]);
}

/** Serves the kinds again, and applies their resources as whoever has them in Git would. */
async function restore(definitions: readonly Definition[]): Promise<void> {
  const names = definitions.map(({ plural }) => `${plural}.roster.dev`);
  const yaml = manifests()
    .filter(({ metadata }) => names.includes(metadata?.name ?? ''))
    .map((manifest) => stringify(manifest));
  await kubectl(cluster.kubeconfig, ['apply', '--server-side', '-f', '-'], yaml.join('---\n'));
  await kubectl(cluster.kubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', 'crd', ...names]);
  const resources = acme.filter(({ kind }) => definitions.some((one) => one.kind === kind));
  await eventually(() => roster.apply(...resources));
  for (const { kind, metadata } of resources) {
    const type = types.find((candidate) => candidate.kind === kind) as ResourceType<Served>;
    await roster.eventually(type, metadata.name, (object) =>
      expect(states(object)).toMatchObject({ Ready: 'True Mirrored' }),
    );
  }
}
type Served = Resource<unknown, { observedGeneration?: number; conditions?: readonly Condition[] }>;

const isHeld = (expected: string) =>
  roster.eventually(Tenant, 'tenant', (tenant) => {
    expect(states(tenant)).toMatchObject({ MirrorHeld: 'True ResourcesVanished' });
    expect(sentence(tenant, 'MirrorHeld')).toContain(expected);
  });

describe('without the definition of', () => {
  it.each([
    ['Organization', 'The default organization main vanished, which cannot be deleted.'],
    ['AppRole', '14 of 14 roles vanished at once, and at most 3 may without confirmation.'],
    ['Group', '3 of 3 groups vanished at once, and half of them or more may not without confirmation.'],
    ['Recipient', '2 of 2 recipients vanished at once, and half of them or more may not without confirmation.'],
    ['User', '8 of 10 people vanished within seven days, and at most 3 may without confirmation.'],
  ])('%s the database stays as it is', async (kind, message) => {
    await remove(definition(kind));
    await isHeld(message);
    expect(await contents()).toEqual(before);
    await restore(definition(kind));
    expect(await contents()).toEqual(before);
  });

  it('Tenant the database stays as it is', async () => {
    await remove(definition('Tenant'));
    await eventually(async () => expect(await heldRows()).toBe(1));
    expect(await contents()).toEqual(before);
    await restore(definition('Tenant'));
    expect(await contents()).toEqual(before);
  });

  it('UserDirectory and DirectorySync people go on', async () => {
    const two = [...definition('UserDirectory'), ...definition('DirectorySync')];
    await remove(two);
    await roster.apply(user('user-2', { lastName: 'Changed' }));
    await roster.eventually(User, 'user-2', ({ status }) => expect(status?.displayName).toBe('Changed'));
    expect(await personInDatabase(database, namespace, 'user-2')).toMatchObject({ display_name: 'Changed' });
    await restore(two);
    await restore(definition('User'));
    await roster.list(DirectorySync);
    expect(await contents()).toEqual(before);
  });

  it('any kind an operator that starts waits, and keeps the database until everything is there again', async () => {
    await remove(kinds);
    await eventually(async () => expect(await heldRows()).toBe(30));
    expect(await contents()).toEqual(before);
    await roster.close();

    roster = await start();
    const ready = roster.metricsUrl.replace('metrics', 'readyz');
    await eventually(async () => expect(await (await fetch(ready)).text()).toContain('users.roster.dev'));
    expect(await contents()).toEqual(before);
    await restore(kinds);
    await roster.eventually(Tenant, 'tenant', (tenant) =>
      expect(states(tenant)).toMatchObject({ MirrorHeld: 'False InStep', Ready: 'True Mirrored' }),
    );
    expect(await heldRows()).toBe(0);
    expect(await contents()).toEqual(before);
  });
});
