import { hash } from 'node:crypto';
import type { DirectorySync, UserDirectory } from '@roster/crds';
import type { Evidence } from '../../directory/record.ts';
import { inOrderOfTheirEnd, isWhole } from '../userdirectory/runs.ts';

/**
 * A SHA-256, in hexadecimal digits, over what decides who is found and what they are in: servers, bases, filters,
 * attributes, scope, mappings and the account. After a change of any of it a person who is missing may only be out of
 * sight. The Secret and limits, for example of a page, decide nothing of this.
 */
export function readSettings(
  { spec }: UserDirectory,
  { authority, boundAs }: Pick<Evidence, 'authority' | 'boundAs'>,
): string {
  const { ldap, activeDirectory, entraID, groups, attributes, emailDomains, onlyMembersOf, mappings } = spec;
  const read = [
    { authority, boundAs, groups, attributes, emailDomains, onlyMembersOf, mappings },
    ldap && { urls: ldap.urls, preset: ldap.preset, users: ldap.users, groups: ldap.groups },
    activeDirectory && {
      urls: activeDirectory.urls,
      baseDNs: activeDirectory.baseDNs,
      additionalDomains: activeDirectory.additionalDomains,
      includeServiceAccounts: activeDirectory.includeServiceAccounts,
      userFilter: activeDirectory.userFilter,
      groupFilter: activeDirectory.groupFilter,
    },
    entraID && {
      clientID: entraID.clientID,
      tenantID: entraID.tenantID,
      cloud: entraID.cloud,
      endpoints: entraID.endpoints,
      userFilter: entraID.userFilter,
      guests: entraID.guests,
      groups: entraID.groups,
    },
  ];
  return hash('sha256', JSON.stringify(read, inKeyOrder), 'hex');
}

/** The API server gives keys in an order of its own. */
function inKeyOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What the last successful run of a directory read by. Its status may be behind the end of that run, and the run may be
 * gone: whichever ended last counts.
 */
export function lastReadSettings(
  { metadata, status }: UserDirectory,
  runs: readonly DirectorySync[],
): string | undefined {
  const last = inOrderOfTheirEnd(runs).find(
    (run) => run.spec.directory === metadata.name && isWhole(run) && run.status?.phase === 'Succeeded',
  );
  const isNewer = (last?.status?.finishedAt ?? '') >= (status?.lastSuccessAt ?? '');
  return (isNewer ? last?.status?.readSettings : undefined) ?? status?.readSettings;
}
