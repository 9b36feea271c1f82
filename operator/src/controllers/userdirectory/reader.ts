import type { UserDirectory } from '@roster/crds';
import { type AllowedHost, hostsAnnotation, parseAllowedHosts } from '../../credentials.ts';
import { activeDirectoryReader } from '../../directory/activedirectory/index.ts';
import { entraReader } from '../../directory/entra/index.ts';
import { ldapReader } from '../../directory/ldap/index.ts';
import type { DirectoryReader } from '../../directory/reader.ts';
import { DirectoryError } from '../../errors.ts';
import type { EntraSnapshots } from '../../mirror/index.ts';
import type { Secret, Secrets } from '../secrets.ts';
import { entraOptions } from './entra.ts';

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
  snapshots: Pick<EntraSnapshots, 'of'>,
): Promise<DirectoryReader> {
  const { ldap, activeDirectory, entraID, groups, attributes = {} } = directory.spec;
  const { namespace = '', uid = '' } = directory.metadata;
  const name = secretName(directory);
  const secret = name === undefined ? undefined : await secrets.read(namespace, name, signal);
  if (entraID !== undefined) {
    const store = snapshots.of({ uid, namespace, name: directory.metadata.name });
    return entraReader(entraOptions({ entraID, groups, attributes }, secret, store, process.env));
  }
  const credentials = secret && credentialsOf(secret);
  const common = { membership: groups.membership, attributes, credentials };
  if (ldap !== undefined) return ldapReader({ ...ldap, ...common, timeoutMs: ldap.timeoutSeconds * 1000 });
  if (activeDirectory !== undefined) {
    return activeDirectoryReader({
      ...activeDirectory,
      ...common,
      timeoutMs: activeDirectory.timeoutSeconds * 1000,
    });
  }
  throw new DirectoryError(
    'DirectoryTypeUnavailable',
    'The spec has none of the blocks ldap, activeDirectory and entraID.',
  );
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
