import { randomUUID } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Application, Permission } from '../../hack/graph/application.ts';
import { type Answered, type GraphServer, startGraphServer } from '../../hack/graph/server.ts';
import { type Certificate, selfSignedCertificate } from '../src/runtime/testing/certificate.ts';

export interface GraphFixtureOptions {
  /** What reading people and groups takes unless told. */
  readonly permissions?: readonly Permission[];
  /** Resource units in ten seconds; see GraphServerOptions. */
  readonly quota?: () => number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Whether Node's own clients in this process believe the server; they do unless told. */
  readonly trusted?: boolean;
}

/** A Microsoft Graph in this process, with one application. */
export interface GraphFixture extends GraphServer {
  readonly application: Application;
  /** Of the application, good for a day. */
  readonly clientSecret: string;
  /** PEM. */
  readonly caBundle: string;
  /** Every request, in the order of the answers; empty it as you like. */
  readonly answered: Answered[];
}

const readingPermissions: readonly Permission[] = ['User.Read.All', 'GroupMember.Read.All', 'Application.Read.All'];

export async function startGraph(options: GraphFixtureOptions = {}): Promise<GraphFixture> {
  const { permissions = readingPermissions, quota, now = Date.now, trusted = true } = options;
  const clientSecret = randomUUID();
  const application: Application = {
    ...{ clientID: randomUUID(), servicePrincipalID: randomUUID(), displayName: 'Roster', permissions },
    secrets: [{ value: clientSecret, expiresAt: now() + 86_400_000 }],
    ...{ certificates: [], federatedCredentials: [] },
  };
  const tls = trusted ? trustedCertificate() : selfSignedCertificate();
  const server = await startGraphServer({
    ...{ tenantID: randomUUID(), applications: [application], tls, now },
    ...(quota && { quota }),
  });
  const answered: Answered[] = [];
  server.observe = (one) => void answered.push(one);
  return Object.assign(server, { application, clientSecret, caBundle: tls.cert, answered });
}

let certificate: Certificate | undefined;

/** One for all servers of the process: of several authorities with the same name, OpenSSL would try the first. */
function trustedCertificate(): Certificate {
  if (!certificate) {
    certificate = selfSignedCertificate();
    setDefaultCACertificates([...getCACertificates('default'), certificate.cert]);
  }
  return certificate;
}
