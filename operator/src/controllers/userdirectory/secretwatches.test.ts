import type { UserDirectory } from '@roster/crds';
import { expect, test } from 'vitest';
import { type ApiClient, silentLogger } from '../../runtime/index.ts';
import { SecretWatches } from './secretwatches.ts';

const request = { namespace: 'acme', name: 'corporate' };
const directory = { spec: { ldap: { credentials: { secretRef: { name: 'corporate' } } } } } as UserDirectory;

/** A client that counts what it is asked for, and answers nothing. */
function silentClient() {
  const asked: string[] = [];
  const client = new Proxy({} as ApiClient, {
    get: (_, method) => () => {
      asked.push(String(method));
      return Promise.withResolvers().promise;
    },
  });
  return { client, asked };
}

test('a Secret is watched until the operator stops', async () => {
  const { client, asked } = silentClient();
  const watches = new SecretWatches(client, silentLogger, () => {});
  watches.follow(request, directory);
  await expect.poll(() => asked.length).toBeGreaterThan(0);
});

test('a reconcile that outlasts the watches begins none, which would keep the process from ending', async () => {
  const { client, asked } = silentClient();
  const watches = new SecretWatches(client, silentLogger, () => {});
  await watches.run(AbortSignal.abort());
  watches.follow(request, directory);
  await Promise.resolve();
  expect(asked).toEqual([]);
});
