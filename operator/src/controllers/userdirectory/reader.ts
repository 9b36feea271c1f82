import type { UserDirectory } from '@roster/crds';
import { type AllowedHost, hostsAnnotation, parseAllowedHosts } from '../../credentials.ts';
import { ldapReader } from '../../directory/ldap/index.ts';
import type { DirectoryReader } from '../../directory/reader.ts';
import { DirectoryError } from '../../errors.ts';
import type { Secret, Secrets } from '../secrets.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly hosts: readonly AllowedHost[];
}

/** Name of the Secret that a directory refers to. */
export function secretName({ spec }: UserDirectory): string | undefined {
  return (spec.ldap ?? spec.activeDirectory ?? spec.entraID)?.credentials?.secretRef?.name;
}

/**
 * A reader for one run or test.
 * @throws RosterError when the Secret is missing, incomplete or not understood, or the type cannot be read.
 */
export async function prepareReader(
  secrets: Secrets,
  directory: UserDirectory,
  signal: AbortSignal,
): Promise<DirectoryReader> {
  const { spec } = directory;
  if (spec.ldap === undefined) {
    const type = spec.activeDirectory === undefined ? 'entraID' : 'activeDirectory';
    throw new DirectoryError('DirectoryTypeUnavailable', `The block ${type} is known, but cannot be read yet.`);
  }
  const name = secretName(directory);
  const secret = name === undefined ? undefined : await secrets.read(directory.metadata.namespace ?? '', name, signal);
  const { urls, startTLS, caBundle, pageSize, timeoutSeconds, preset, users, groups } = spec.ldap;
  return ldapReader({
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
    hosts: parseAllowedHosts(metadata.annotations?.[hostsAnnotation]),
  };
}
