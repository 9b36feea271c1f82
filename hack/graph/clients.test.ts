import { ClientSecretCredential } from '@azure/identity';
import { Client } from '@microsoft/microsoft-graph-client';
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js';
import { expect, test } from 'vitest';
import { startGraph } from '../../operator/test/graph.ts';

test('reads users with a client secret', async () => {
  await using graph = await startGraph();
  const id = graph.directory.createUser({ userPrincipalName: 'ada@example.com', displayName: 'Ada' });
  const credential = new ClientSecretCredential(graph.tenantID, graph.application.clientID, graph.clientSecret, {
    authorityHost: graph.url,
    disableInstanceDiscovery: true,
  });
  const client = Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: [`${graph.url}/.default`] }),
    baseUrl: graph.url,
    customHosts: new Set(['127.0.0.1']),
  });
  const page = await client.api('/users/delta').select('displayName').get();
  expect(page.value).toEqual([{ displayName: 'Ada', id }]);
});
