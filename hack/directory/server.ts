/** Directory servers of different kinds with the same made-up people, for the demo and the benchmark. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { apiVersion, type KubernetesObject, UserDirectory } from '@roster/crds';
import type { PopulationSize } from '../people/population.ts';

export interface DirectoryServerOptions {
  /** Folder with everything that the server keeps; continued from when it holds a directory already. */
  readonly folder: string;
  readonly size: PopulationSize;
  /** Whether nothing is to be left of it when it is stopped, outside the folder either. */
  readonly temporary?: boolean;
}

/** A server that runs, and what a UserDirectory has to say to read it. */
export interface DirectoryServer {
  /** What the Secret holds, and where it may be sent. */
  readonly secret: { readonly hosts: string; readonly data: Readonly<Record<string, string>> };
  /** The block of the UserDirectory, which refers to the Secret by `secretRef`. */
  readonly block: Pick<UserDirectory['spec'], 'activeDirectory' | 'ldap' | 'entraID'>;
  /** File with the authorities that the operator's process has to trust, where the block cannot name them. */
  readonly authorities?: string;
  /** What a read asks for, as plain `ldapsearch` does; absent where the directory does not speak LDAP. */
  readonly search?: LdapSearch;
  /** Resolves when it has ended, asked for or not. */
  readonly ended: Promise<void>;
  /** Gives every `every`-th person a new family name; each `round` gives others. */
  marry(every: number, round: number): Promise<void>;
  stop(): Promise<void>;
}

export interface LdapSearch {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM. */
  readonly caBundle: string;
  /** Further arguments, such as controls. */
  readonly options: readonly string[];
  readonly searches: readonly {
    readonly base: string;
    readonly filter: string;
    readonly attributes: readonly string[];
  }[];
}

const secretName = 'corporate-directory';
/** How a block names the Secret. */
export const secretRef = { name: secretName } as const;

/** The Secret and the UserDirectory, as a platform team would keep them in Git. */
export function directoryManifests(
  { secret, block }: DirectoryServer,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): KubernetesObject[] {
  const credentials = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName, namespace, annotations: { 'roster.dev/hosts': secret.hosts } },
    stringData: secret.data,
  };
  const spec = { ...block, organization: 'main', defaultRole: 'users' };
  return [
    credentials,
    { apiVersion, kind: UserDirectory.kind, metadata: { name, namespace }, spec } as KubernetesObject,
  ];
}

/** What was made up at the first start, such as ports and passwords, so that nothing looks changed at the next. */
export async function remembered<T extends object>(file: string, makeUp: () => Promise<T>): Promise<T> {
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as T;
  const madeUp = await makeUp();
  await writeFile(file, JSON.stringify(madeUp), { mode: 0o600 });
  return madeUp;
}
