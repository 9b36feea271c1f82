import type { UserDirectory } from '@roster/crds';
import { hostsAnnotation, parseAllowedHosts } from '../../credentials.ts';
import {
  clouds,
  type EntraCredentials,
  type EntraReaderOptions,
  type SnapshotStore,
} from '../../directory/entra/index.ts';
import { DirectoryError } from '../../errors.ts';
import type { Secret } from '../secrets.ts';

type EntraID = NonNullable<UserDirectory['spec']['entraID']>;

/** What the environment of the operator's pod says about workload identity, as its webhook sets it. */
interface Environment {
  readonly AZURE_FEDERATED_TOKEN_FILE?: string | undefined;
  readonly AZURE_AUTHORITY_HOST?: string | undefined;
}

/** How long one answer of Microsoft Graph may take, in milliseconds. */
const timeoutMs = 60_000;

/**
 * What the reader of an Entra tenant is told.
 * @throws DirectoryError SecretIncomplete
 * @throws RosterError HostNotAllowed when the annotation of the Secret is not understood.
 */
export function entraOptions(
  { entraID, groups, attributes }: Pick<UserDirectory['spec'], 'groups' | 'attributes'> & { readonly entraID: EntraID },
  secret: Secret | undefined,
  snapshots: SnapshotStore,
  environment: Environment,
): EntraReaderOptions {
  const { clientID, tenantID, cloud, endpoints, userFilter, guests } = entraID;
  return {
    clientID: clientID.toLowerCase(),
    tenantID: tenantID.toLowerCase(),
    endpoints: endpoints === undefined ? clouds[cloud] : withoutSlashes(endpoints),
    credentials: secret === undefined ? workloadIdentity(environment) : credentialsOf(secret),
    userFilter,
    guests,
    groups: entraID.groups,
    membership: groups.membership,
    attributes,
    snapshots,
    timeoutMs,
    now: () => new Date(),
  };
}

function withoutSlashes({ login, graph }: { readonly login: string; readonly graph: string }) {
  return { login: login.replace(/\/+$/, ''), graph: graph.replace(/\/+$/, '') };
}

function workloadIdentity({ AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST }: Environment): EntraCredentials {
  return { type: 'WorkloadIdentity', tokenFile: AZURE_FEDERATED_TOKEN_FILE, authorityHost: AZURE_AUTHORITY_HOST };
}

/** A certificate counts before a secret: who adds one means to do away with the other. */
function credentialsOf({ metadata, data = {} }: Secret): EntraCredentials {
  const value = (key: string) =>
    Buffer.from(data[key] ?? '', 'base64')
      .toString('utf8')
      .trim();
  const hosts = parseAllowedHosts(metadata.annotations?.[hostsAnnotation]);
  const [certificate, privateKey, clientSecret] = [value('tls.crt'), value('tls.key'), value('clientSecret')];
  if (certificate !== '' && privateKey !== '') return { type: 'Certificate', certificate, privateKey, hosts };
  if (clientSecret !== '') return { type: 'ClientSecret', clientSecret, hosts };
  throw new DirectoryError(
    'SecretIncomplete',
    `The Secret ${metadata.name} has no value for the key clientSecret, nor for both tls.crt and tls.key.`,
  );
}
