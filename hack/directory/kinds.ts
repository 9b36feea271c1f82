import { startActiveDirectory } from './activedirectory.ts';
import { startEntra } from './entra.ts';
import { startOpenLDAP } from './openldap.ts';
import type { DirectoryServer, DirectoryServerOptions } from './server.ts';

interface Kind {
  /** For people. */
  readonly product: string;
  /** How long a first start takes, where that is worth a word. */
  readonly patience: string;
  start(options: DirectoryServerOptions): Promise<DirectoryServer>;
}

/** What `--directory` takes. */
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['ldap', { product: 'OpenLDAP', patience: '', start: startOpenLDAP }],
  [
    'ad',
    {
      product: 'Active Directory (Samba)',
      patience: '; building its image and filling it take some minutes at first',
      start: startActiveDirectory,
    },
  ],
  ['entra', { product: 'Microsoft Entra ID (imitated)', patience: '', start: startEntra }],
]);

/** @throws Error with the words that are allowed. */
export function kindNamed(name: string): Kind {
  const kind = kinds.get(name);
  if (kind === undefined) throw new Error(`--directory takes ${[...kinds.keys()].join(', ')}, not ${name}.`);
  return kind;
}
