/** Microsoft Entra ID, through Microsoft Graph. */
export { clouds } from './clouds.ts';
export type { EntraCredentials } from './credentials.ts';
export { type EntraReaderOptions, entraReader } from './reader.ts';
export type { SnapshotStore } from './snapshot.ts';
