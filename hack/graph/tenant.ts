import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { remembered } from '../directory/server.ts';
import { createAuthority, issueCertificate } from '../openldap/certificates.ts';
import type { PopulationSize } from '../people/population.ts';
import { freePort } from '../stack.ts';
import type { Application } from './application.ts';
import { type Populated, populate } from './people.ts';
import { type GraphServer, startGraphServer } from './server.ts';

export interface TenantOptions {
  /** Folder with what stays the same from start to start: ids, the secret, certificates, the port. */
  readonly folder: string;
  readonly size: PopulationSize;
  /** Of the first start; a free one unless told. */
  readonly port?: number;
}

/** A server with people and groups, and an application that may read them. */
export interface Tenant extends GraphServer, Populated {
  readonly application: Application;
  readonly clientSecret: string;
  /** File with the authority of the server's certificate, PEM. */
  readonly authorities: string;
}

/** Starts the server of `folder`, whose directory is as at the first start, whatever changed since. */
export async function startTenant({ folder, size, port }: TenantOptions): Promise<Tenant> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const settings = await remembered(join(folder, 'tenant.json'), async () => {
    await createAuthority(folder, 'Roster demo');
    const { certificate: cert, key } = await issueCertificate(folder, ['127.0.0.1', 'localhost']);
    const ids = { tenantID: randomUUID(), clientID: randomUUID(), servicePrincipalID: randomUUID() };
    return {
      ...ids,
      port: port ?? (await freePort()),
      clientSecret: randomBytes(20).toString('base64url'),
      tls: { cert, key },
    };
  });
  const { tenantID, clientID, servicePrincipalID, clientSecret, tls } = settings;
  const application: Application = {
    ...{ clientID, servicePrincipalID, displayName: 'Roster' },
    secrets: [{ value: clientSecret, expiresAt: Date.now() + 365 * 86_400_000 }],
    ...{ certificates: [], federatedCredentials: [] },
    permissions: ['User.Read.All', 'GroupMember.Read.All', 'Application.Read.All'],
  };
  const server = await startGraphServer({ tenantID, applications: [application], tls, port: settings.port });
  const population = populate(server.directory, size);
  return Object.assign(server, { application, clientSecret, authorities: join(folder, 'ca.crt'), ...population });
}
