/** What a person reads when a directory is configured wrongly, and that it changes nobody. */
import { setTimeout } from 'node:timers/promises';
import {
  type DirectorySync,
  Group,
  type KubernetesObject,
  Recipient,
  type ResourceType,
  Tenant,
  User,
  UserDirectory,
} from '@roster/crds';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Secret } from '../src/controllers/secrets.ts';
import { mayPass } from '../src/controllers/userdirectory/connection.ts';
import { catalogue, type Reason } from '../src/errors.ts';
import { peopleInDatabase } from './contract.ts';
import { Branch, type DirectoryOptions, startDirectoryServer, sync } from './directory.ts';
import { startFaultProxy } from './faultproxy.ts';
import { bindResponse, extendedResponse } from './ldapwire.ts';
import { group, organization, role, tenant, user } from './objects.ts';
import { type OpenLDAP, suffix } from './openldap.ts';
import { type Administrator, createNamespace, eventually, openRoster, type Roster } from './roster.ts';
import { startScriptedServer } from './scriptedldap.ts';
import { sentence, states, statusesHold } from './status.ts';

let server: OpenLDAP;
/** Gives two entries at most. */
let limited: OpenLDAP;
/** Shows nobody who is in a group. */
let silent: OpenLDAP;
let roster: Roster;
let acme: Administrator;
let branch: Branch;
let namespaces: string[];

beforeAll(async () => {
  [server, limited, silent] = await Promise.all([
    startDirectoryServer(),
    startDirectoryServer({ sizeLimit: 2 }),
    startDirectoryServer({ hidden: ['member'] }),
  ]);
  namespaces = await Promise.all(Array.from({ length: 5 }, () => createNamespace()));
  roster = await openRoster({ namespaces: [...namespaces] });
  return async () => {
    await roster.close();
    await Promise.all([server, limited, silent].map((each) => each[Symbol.asyncDispose]()));
  };
});

afterEach(async () => {
  await statusesHold(acme);
});

/** A part of the directory with three people in a group. */
async function populate(on: OpenLDAP): Promise<Branch> {
  const grown = await Branch.grow(on, acme.namespace);
  const uids = ['ann', 'ben', 'cid'];
  for (const uid of uids) await grown.addPerson(uid);
  await grown.addGroup('Choir', ...uids);
  return grown;
}

/** Everything that a run could change. */
async function everything(): Promise<unknown[]> {
  const types: ResourceType[] = [User, Recipient, Group].map((type) => type as ResourceType<KubernetesObject>);
  const objects = (await Promise.all(types.map((type) => acme.list(type)))).flat();
  const versions = objects
    .filter(({ metadata }) => metadata.name !== 'all-users')
    .map(({ kind, metadata }) => [kind, metadata.name, metadata.resourceVersion]);
  return [...versions, ...(await peopleInDatabase(roster.database, acme.namespace))];
}

const whenConnected = () =>
  acme.eventually(UserDirectory, 'corporate', (object) =>
    expect(states(object)).toMatchObject({ Connected: 'True Connected' }),
  );

/** Waits until the directory cannot be read for the reason; returns what one reads without the advice. */
async function disconnected(reason: Reason): Promise<string> {
  const directory = await acme.eventually(UserDirectory, 'corporate', (object) =>
    expect(states(object)).toMatchObject({
      Connected: `False ${reason}`,
      Ready: `False ${reason}`,
      [mayPass(reason) ? 'Reconciling' : 'Stalled']: `True ${reason}`,
    }),
  );
  expect(sentence(directory, 'Ready')).toBe(sentence(directory, 'Connected'));
  return withoutAdvice(sentence(directory, 'Connected'), reason);
}

/** A run that ends so for the reason; returns what one reads without the advice. */
async function failure(reason: Reason, phase: 'Failed' | 'Held' = 'Failed'): Promise<string> {
  const run: DirectorySync = await sync(acme);
  expect(states(run)).toEqual({ Ready: `False ${reason}`, Stalled: `True ${reason}` });
  expect(run.status).toMatchObject({ phase, message: sentence(run, 'Ready') });
  if (phase === 'Failed') expect(run.status?.stages?.map(({ name }) => name) ?? []).not.toContain('Apply');
  return withoutAdvice(run.status?.message, reason);
}

function withoutAdvice(message: string | undefined, reason: Reason): string {
  const { remedy } = catalogue[reason];
  expect(message?.endsWith(` ${remedy}`), message).toBe(true);
  return message?.slice(0, -remedy.length - 1) ?? '';
}

describe('a directory', () => {
  beforeAll(async () => {
    acme = roster.within(namespaces.pop() ?? '');
    branch = await populate(server);
    await acme.apply(tenant(), ...branch.manifests());
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Ready: 'True Connected' }),
    );
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { created: 3 } });
    await eventually(async () => {
      for (const person of await acme.list(User)) expect(states(person)).toMatchObject({ Ready: 'True Mirrored' });
      for (const { metadata, status } of await acme.list(Group)) {
        expect(status?.members, metadata.name).toBe(3);
      }
    });
    return () => branch[Symbol.asyncDispose]();
  });

  /** Puts right what was wrong, after which nobody needs a change. */
  const mend = async () => {
    await acme.apply(...branch.manifests());
    await whenConnected();
    expect((await sync(acme)).status).toMatchObject({ phase: 'Succeeded', people: { unchanged: 3 } });
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toEqual({
        Connected: 'True Connected',
        Ready: 'True Connected',
        Synced: 'True Succeeded',
      }),
    );
  };

  const at = (host: string) => ({ url: server.urls.ldaps.replace('127.0.0.1', host) });

  it.each<[string, Reason, () => DirectoryOptions, () => string]>([
    [
      'on a host that does not exist',
      'ServerUnreachable',
      () => ({ url: 'ldaps://ldap.invalid' }),
      () => 'ldaps://ldap.invalid:636 cannot be reached (ENOTFOUND).',
    ],
    [
      'on a port where nobody listens',
      'ServerUnreachable',
      () => ({ url: 'ldaps://127.0.0.1:1' }),
      () => 'ldaps://127.0.0.1:1 cannot be reached (ECONNREFUSED).',
    ],
    [
      'whose certificate nobody vouches for',
      'CertificateNotTrusted',
      () => ({ ldap: { caBundle: undefined } }),
      () => `The certificate of ${server.urls.ldaps} is not trusted (SELF_SIGNED_CERT_IN_CHAIN).`,
    ],
    [
      'whose certificate another authority signed',
      'CertificateNotTrusted',
      () => ({ ldap: { caBundle: limited.caBundle } }),
      () => `The certificate of ${server.urls.ldaps} is not trusted (SELF_SIGNED_CERT_IN_CHAIN).`,
    ],
    [
      'whose certificate is for another host',
      'HostNameMismatch',
      () => at('127.0.0.2'),
      () => `The certificate of ${at('127.0.0.2').url} is for other names.`,
    ],
    [
      'that refuses the password',
      'InvalidCredentials',
      () => ({ secret: { password: 'not-the-password' } }),
      () => `${server.urls.ldaps} refuses the account ${server.username} (result code 49).`,
    ],
    [
      'with a base DN that does not exist',
      'BaseNotFound',
      () => ({ ldap: { users: { baseDN: `ou=Nowhere,${suffix}` } } }),
      () => `${server.urls.ldaps} does not find ou=Nowhere,${suffix} for ${server.username} (result code 32).`,
    ],
    [
      'with a base DN that is none',
      'InvalidBaseDN',
      () => ({ ldap: { groups: { baseDN: 'Groups' } } }),
      () => 'Groups of groups.baseDN is not a distinguished name.',
    ],
    [
      'with a filter that is none',
      'InvalidFilter',
      () => ({ ldap: { users: { filter: '(&(objectClass=person)(mail=*)' } } }),
      () => 'The filter (&(objectClass=person)(mail=*) of users.filter is not valid: ) is expected at its end.',
    ],
    [
      'that the Secret does not list',
      'HostNotAllowed',
      () => ({ secret: { hosts: 'ldaps://ldap.example.com' } }),
      () => `The annotation roster.dev/hosts of the Secret does not list ${server.urls.ldaps}.`,
    ],
    [
      'whose Secret lists what cannot be understood',
      'HostNotAllowed',
      () => ({ secret: { hosts: 'ldap.example.com' } }),
      () =>
        'The annotation roster.dev/hosts of the Secret holds "ldap.example.com", which is not understood: ' +
        'it is not a URL of scheme, host and port only.',
    ],
    [
      'that would get the password in the clear',
      'PlaintextNotAllowed',
      () => ({ url: server.urls.ldap }),
      () => `The password would go to ${server.urls.ldap} unencrypted.`,
    ],
    [
      'whose Secret has an empty key',
      'SecretIncomplete',
      () => ({ secret: { password: '' } }),
      () => 'The Secret corporate has no value for the key password.',
    ],
  ])('%s: %s', async (_, reason, wrong, said) => {
    const before = await everything();
    await acme.apply(...branch.manifests(wrong()));
    expect(await disconnected(reason)).toBe(said());
    expect(await failure(reason)).toBe(said());
    await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toMatchObject({ Synced: `False ${reason}` }),
    );
    expect(await everything()).toEqual(before);
    await mend();
    expect(await everything()).toEqual(before);
  });

  it('that takes the operator for somebody else: UnexpectedIdentity', async () => {
    await using impostor = await startScriptedServer(({ kind }) =>
      kind === 'Bind' ? [bindResponse()] : [extendedResponse({ value: '' })],
    );
    const before = await everything();
    const { url } = impostor;
    await acme.apply(...branch.manifests({ url, secret: { hosts: `${url} allowPlaintext` } }));
    const said = `${url} accepts the account ${server.username}, but then treats it as anonymous.`;
    expect(await disconnected('UnexpectedIdentity')).toBe(said);
    expect(await failure('UnexpectedIdentity')).toBe(said);
    expect(await everything()).toEqual(before);
    await mend();
  });

  it('that gives no more entries than its size limit: SizeLimitExceeded', async () => {
    const grown = await populate(limited);
    onTestFinished(() => grown[Symbol.asyncDispose]());
    const before = await everything();
    await acme.apply(...grown.manifests());
    // A test of the connection counts, so that it meets the limit, too.
    const said = `${limited.urls.ldaps} answers the search below ${grown.people} with an error (result code 4).`;
    expect(await disconnected('SizeLimitExceeded')).toBe(said);
    expect(await failure('SizeLimitExceeded')).toBe(said);
    expect(await everything()).toEqual(before);
    await mend();
  });

  it('that hides who is in a group: IncompleteRead', async () => {
    const grown = await populate(silent);
    onTestFinished(() => grown[Symbol.asyncDispose]());
    const before = await everything();
    await acme.apply(...grown.manifests());
    await acme.eventually(UserDirectory, 'corporate', ({ status }) =>
      expect(status?.connection?.server).toBe(silent.urls.ldaps),
    );
    expect(await failure('IncompleteRead')).toBe(
      'The read is not proved to be complete: The server shows no members of 1 groups that must have some, ' +
        `first of ${grown.group('Choir')}: let the account read them.`,
    );
    expect(await everything()).toEqual(before);
    await mend();
  });

  it('that finds nobody although it had people: EmptyAnswer', async () => {
    const before = await everything();
    await acme.apply(...branch.manifests({ ldap: { users: { baseDN: branch.people, filter: '(mail=nobody@*)' } } }));
    await whenConnected();
    expect(await failure('EmptyAnswer', 'Held')).toBe(
      'Nobody matches, although this directory still had 3 people. Nobody was changed for that.',
    );
    expect(await everything()).toEqual(before);
    await mend();
  });

  it('that dies in the middle: ConnectionLost', async () => {
    const port = Number(new URL(server.urls.ldap).port);
    const through = (proxy: { readonly port: number }) => {
      const url = `ldap://127.0.0.1:${proxy.port}`;
      return branch.manifests({ url, secret: { hosts: `${url} allowPlaintext` } });
    };
    const before = await everything();
    await using sound = await startFaultProxy(port, 'message', 0);
    await acme.apply(...through(sound));
    await acme.eventually(UserDirectory, 'corporate', ({ status }) =>
      expect(status?.connection?.server).toBe(`ldap://127.0.0.1:${sound.port}`),
    );
    const ofTest = sound.units;
    await sync(acme);
    const middle = ofTest + Math.ceil((sound.units - ofTest) * 0.75);

    await using mortal = await startFaultProxy(port, 'message', middle, 'reset');
    await acme.apply(...through(mortal));
    const url = `ldap://127.0.0.1:${mortal.port}`;
    await acme.eventually(UserDirectory, 'corporate', ({ status }) => expect(status?.connection?.server).toBe(url));
    expect(await failure('ConnectionLost')).toBe(`The connection to ${url} broke (ECONNRESET).`);
    expect(await everything()).toEqual(before);
    await mend();
  });

  it('reads the right Secret as soon as it is there, and again when it is put right', async () => {
    const before = await everything();
    const [secret, directory] = branch.manifests();
    await acme.delete(Secret, 'corporate');
    expect(await disconnected('SecretNotFound')).toBe(
      `There is no Secret corporate in the namespace ${acme.namespace}.`,
    );
    expect(await failure('SecretNotFound')).toMatch(/^There is no Secret corporate /);
    const { metadata, ...rest } = secret as KubernetesObject & { stringData: { username: string; password: string } };

    await acme.apply({ ...rest, metadata, stringData: { username: rest.stringData.username } } as KubernetesObject);
    expect(await disconnected('SecretIncomplete')).toBe('The Secret corporate has no value for the key password.');
    await acme.apply({ ...rest, metadata: { name: 'corporate' } });
    expect(await disconnected('HostNotAllowed')).toMatch(/does not list/);
    await acme.apply({ ...rest, metadata });
    await whenConnected();
    expect(await everything()).toEqual(before);
    await acme.apply(directory as KubernetesObject);
    await mend();
  });
});

describe('a directory that names', () => {
  const stalls = async (reason: Reason): Promise<string> => {
    const directory = await acme.eventually(UserDirectory, 'corporate', (object) =>
      expect(states(object)).toEqual({ Ready: `False ${reason}`, Stalled: `True ${reason}` }),
    );
    return withoutAdvice(sentence(directory, 'Ready'), reason);
  };

  it('what does not exist waits for it', async () => {
    acme = roster.within(namespaces.pop() ?? '');
    const grown = await populate(server);
    onTestFinished(() => grown[Symbol.asyncDispose]());
    await acme.apply(...grown.manifests({ organization: 'sales', defaultRole: 'sellers' }));
    expect(await stalls('TenantNotFound')).toBe(`The namespace ${acme.namespace} has no Tenant named tenant.`);
    const waiting = sync(acme);
    await acme.apply(tenant());
    expect(await stalls('OrganizationNotFound')).toBe('There is no organization sales.');
    await acme.apply(organization('sales'));
    expect(await stalls('RoleNotFound')).toBe('There is no role sellers.');
    await acme.apply(role('sellers', 'Tenant'));
    expect(await stalls('RoleScopeMismatch')).toBe('The role sellers has scope Tenant.');
    expect(await acme.list(User)).toEqual([]);
    await acme.apply(...grown.manifests({ organization: 'sales', defaultRole: 'users' }));
    await whenConnected();
    expect((await waiting).status).toMatchObject({ phase: 'Succeeded', people: { created: 3 } });
    expect(await peopleInDatabase(roster.database, acme.namespace)).toHaveLength(3);
  });
});

it('what waits for somebody asks for nothing meanwhile', async () => {
  acme = roster.within(namespaces.pop() ?? '');
  const grown = await Branch.grow(server, acme.namespace);
  onTestFinished(() => grown[Symbol.asyncDispose]());
  const [, directory] = grown.manifests();
  await acme.apply(
    tenant({ owner: 'nobody' }),
    user('lost', { organizations: [{ name: 'nowhere' }], roles: ['none'], groups: ['none'] }),
    user('wrong', { email: 'two..dots@example.com' }),
    group('orphans', { organization: 'nowhere' }),
    directory as KubernetesObject,
    {
      ...(directory as KubernetesObject),
      metadata: { name: 'nameless' },
      spec: specOf(grown, 'nowhere'),
    } as KubernetesObject,
  );
  const stalled = { Stalled: expect.stringMatching(/^True /) };
  await acme.eventually(Tenant, 'tenant', (object) => expect(states(object)).toMatchObject(stalled));
  for (const name of ['lost', 'wrong']) {
    await acme.eventually(User, name, (object) => expect(states(object)).toMatchObject(stalled));
  }
  await acme.eventually(Group, 'orphans', (object) => expect(states(object)).toMatchObject(stalled));
  for (const name of ['corporate', 'nameless']) {
    await acme.eventually(UserDirectory, name, (object) => expect(states(object)).toMatchObject(stalled));
  }
  // Counts of members and people are written a while after the last change.
  await vi.waitFor(
    async () => {
      const before = await counters();
      await setTimeout(5_000);
      const after = await counters();
      expect(after.reconciles).toBe(before.reconciles);
      // The lease is renewed every two seconds.
      expect(after.requests - before.requests).toBeLessThan(8);
    },
    { timeout: 40_000 },
  );
});

const specOf = (grown: Branch, organization: string) =>
  (grown.manifests({ organization })[1] as KubernetesObject & { spec: object }).spec;

async function counters(): Promise<{ reconciles: number; requests: number }> {
  const text = await (await fetch(roster.metricsUrl)).text();
  const sum = (metric: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${metric}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  return { reconciles: sum('controller_runtime_reconcile_total'), requests: sum('rest_client_requests_total') };
}
