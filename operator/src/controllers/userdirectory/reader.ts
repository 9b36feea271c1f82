import type { KubernetesObject, ResourceType, UserDirectory } from '@roster/crds';
import { type AllowedHost, parseAllowedHosts } from '../../credentials.ts';
import { ldapReader } from '../../directory/ldap/index.ts';
import type { DirectoryReader } from '../../directory/reader.ts';
import { DirectoryError } from '../../errors.ts';
import { type ApiClient, isForbidden, isNotFound } from '../../runtime/index.ts';

export interface Secret extends KubernetesObject {
  /** Base64, as the API has it. */
  readonly data?: Readonly<Record<string, string>>;
}

export const Secret: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

/** On a Secret: where its credentials may be sent. */
const hostsAnnotation = 'roster.dev/hosts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly hosts: readonly AllowedHost[];
}

/** A reader for one run or test, and the version of the Secret that it uses. */
export interface PreparedReader {
  readonly reader: DirectoryReader;
  readonly secretVersion: string | undefined;
}

/** Name of the Secret that a directory refers to. */
export function secretName({ spec }: UserDirectory): string | undefined {
  return (spec.ldap ?? spec.activeDirectory ?? spec.entraID)?.credentials?.secretRef?.name;
}

/** @throws DirectoryError when the Secret is missing or incomplete, or the type of directory cannot be read. */
export async function prepareReader(
  client: ApiClient,
  directory: UserDirectory,
  signal: AbortSignal,
): Promise<PreparedReader> {
  const { spec } = directory;
  if (spec.ldap === undefined) {
    const type = spec.activeDirectory === undefined ? 'entraID' : 'activeDirectory';
    throw new DirectoryError('DirectoryTypeUnavailable', `The block ${type} is known, but cannot be read yet.`);
  }
  const name = secretName(directory);
  const secret =
    name === undefined ? undefined : await fetchSecret(client, directory.metadata.namespace ?? '', name, signal);
  const { urls, startTLS, caBundle, pageSize, timeoutSeconds, preset, users, groups } = spec.ldap;
  const reader = ldapReader({
    urls,
    startTLS,
    pageSize,
    timeoutMs: timeoutSeconds * 1000,
    preset,
    users,
    groups,
    membership: spec.groups.membership,
    attributes: spec.attributes ?? {},
    ...(caBundle === undefined ? {} : { caBundle }),
    ...(secret === undefined ? {} : { credentials: credentialsOf(secret) }),
  });
  return { reader, secretVersion: secret?.metadata.resourceVersion };
}

async function fetchSecret(client: ApiClient, namespace: string, name: string, signal: AbortSignal): Promise<Secret> {
  try {
    return await client.get(Secret, { namespace, name }, { signal });
  } catch (error) {
    if (isNotFound(error)) {
      throw new DirectoryError('SecretNotFound', `There is no Secret ${name} in the namespace ${namespace}.`);
    }
    if (isForbidden(error)) {
      throw new DirectoryError(
        'SecretNotFound',
        `The operator may not read the Secret ${name} in the namespace ${namespace}.`,
      );
    }
    throw error;
  }
}

function credentialsOf({ metadata, data = {} }: Secret): Credentials {
  const value = (key: string): string => {
    const text = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    if (text === '')
      throw new DirectoryError('SecretIncomplete', `The Secret ${metadata.name} has no value for the key ${key}.`);
    return text;
  };
  return {
    username: value('username'),
    password: value('password'),
    hosts: parseAllowedHosts(metadata.annotations?.[hostsAnnotation] ?? ''),
  };
}
