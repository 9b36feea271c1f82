import { parseFilter } from '../ldap/filter.ts';
import type { Preset } from '../ldap/presets.ts';
import { accountAttributes, accountState } from './account.ts';
import { objectGUID } from './guid.ts';
import { sidOfDomain, sidText } from './sid.ts';

/**
 * Values of sAMAccountType (https://learn.microsoft.com/windows/win32/adschema/a-samaccounttype). It is indexed, and
 * unlike objectClass it tells accounts of people from managed service accounts and from trusts between domains.
 */
const people = '(sAMAccountType=805306368)';
/** Computers and managed service accounts, which derive from them. */
const machines = '(sAMAccountType=805306369)';

/** All groups but those of the domain BUILTIN, which only rule the domain controllers; they are the first bit. */
const groups = '(&(objectCategory=group)(!(groupType:1.2.840.113556.1.4.803:=1)))';

/** What is particular to Active Directory. */
export function activeDirectoryPreset(includeServiceAccounts: boolean): Preset {
  return {
    identity: objectGUID,
    userFilter: parseFilter(includeServiceAccounts ? `(|${people}${machines})` : people),
    groupFilter: parseFilter(groups),
    emptyGroups: true,
    memberAttributes: ['member'],
    references: 'Remark',
    account: { attributes: accountAttributes, stateOf: accountState },
    signInNames: ['userPrincipalName'],
    primaryGroup: {
      memberAttributes: ['primaryGroupID', 'objectSid'],
      groupAttributes: ['objectSid'],
      ofMember(entry) {
        const [sid, relativeId] = [sidOf(entry), entry.first(['primaryGroupID'])];
        return sid === undefined || relativeId === undefined ? undefined : sidOfDomain(sid, relativeId);
      },
      ofGroup: sidOf,
    },
    attributes: {
      firstName: ['givenName'],
      lastName: ['sn'],
      email: ['mail'],
      domainAccount: ['sAMAccountName'],
      language: ['preferredLanguage'],
      groupName: ['cn'],
      groupDescription: ['description'],
    },
  };
}

function sidOf(entry: { bytes(attribute: string): Buffer | undefined }): string | undefined {
  const bytes = entry.bytes('objectSid');
  return bytes && sidText(bytes);
}
