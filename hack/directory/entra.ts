import { startTenant } from '../graph/tenant.ts';
import { type DirectoryServer, type DirectoryServerOptions, secretRef } from './server.ts';

/** The strict local Graph, in this process. */
export async function startEntra({ folder, size }: DirectoryServerOptions): Promise<DirectoryServer> {
  const tenant = await startTenant({ folder, size });
  const { url, tenantID, clientSecret, authorities, application, marry } = tenant;
  const ended = Promise.withResolvers<void>();
  return {
    secret: { hosts: url, data: { clientSecret } },
    block: {
      entraID: {
        ...{ clientID: application.clientID, tenantID, cloud: 'Global', guests: false },
        credentials: { secretRef, workloadIdentity: false },
        endpoints: { login: url, graph: url },
      },
    },
    authorities,
    ended: ended.promise,
    marry: async (every, round) => marry(every, round),
    async stop() {
      await tenant[Symbol.asyncDispose]();
      ended.resolve();
    },
  };
}
