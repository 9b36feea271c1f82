import type { Database } from './database.ts';

export interface InstallationOptions {
  /** uid of the namespace kube-system, a slash, and the name of the installation. */
  readonly identity: string;
  /** Takes over a database that belongs to another installation, as after a restore into a new cluster. */
  readonly adopt?: boolean;
}

/**
 * Makes sure that the database is this installation's; an empty one is adopted by the first who comes.
 * Rejects with DatabaseError('DatabaseOfOtherInstallation').
 */
export async function claimInstallation(_database: Database, _options: InstallationOptions): Promise<void> {
  throw new Error('not built yet');
}
