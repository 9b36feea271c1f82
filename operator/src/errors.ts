/**
 * Every reason that a user of Roster can meet in a condition, an event, a run or on the command line.
 * The page docs/reference/errors.md is generated from this catalogue.
 */

/** One kind of failure: what a person reads about it. */
export interface ErrorDefinition {
  /** What it means, in a sentence. */
  readonly meaning: string;
  /** What to do about it, in a sentence. */
  readonly remedy: string;
}

const define = <const T extends Readonly<Record<string, ErrorDefinition>>>(catalogue: T): T => catalogue;

/** While a directory is connected to or read. */
export const directoryErrors = define({
  ServerUnreachable: {
    meaning: 'The directory server cannot be reached at this host and port.',
    remedy: 'Check host and port in urls, DNS, and that network policies and firewalls let the operator through.',
  },
  TLSFailed: {
    meaning: 'No TLS connection could be agreed with the server.',
    remedy: 'Use ldaps:// with the TLS port or startTLS with the plain one, and a server that speaks TLS 1.2 or later.',
  },
  CertificateNotTrusted: {
    meaning: "The server's certificate is not signed by an authority that the operator trusts, or is no longer valid.",
    remedy: 'Put the PEM certificate of the authority into caBundle, or renew the certificate of the server.',
  },
  HostNameMismatch: {
    meaning: "The host name in the URL is not one of the names in the server's certificate.",
    remedy: 'Use a name that the certificate holds, or issue a certificate for this name.',
  },
  InvalidCredentials: {
    meaning: 'The server refuses the account or its password.',
    remedy: 'Correct the credentials in the Secret; they are tried again when the Secret or the directory changes.',
  },
  AccountDisabled: {
    meaning: 'The account that the operator binds as is disabled in Active Directory.',
    remedy: 'Enable the account, or name another one in the Secret; it is tried again when one of both changes.',
  },
  AccountExpired: {
    meaning: 'The account that the operator binds as has expired in Active Directory.',
    remedy: 'Extend the account, or name another one in the Secret; then change the Secret or the directory.',
  },
  AccountLocked: {
    meaning: 'The account that the operator binds as is locked after too many wrong passwords.',
    remedy:
      'Find out who else uses the account, unlock it (Unlock-ADAccount), then change the Secret or the directory.',
  },
  LogonRestricted: {
    meaning: 'The account that the operator binds as may not sign in at this hour or from this computer.',
    remedy: 'Lift the logon hours and workstations of the account; then change the Secret or the directory.',
  },
  PasswordExpired: {
    meaning: 'The password of the account that the operator binds as has expired.',
    remedy: 'Set a new password that never expires, and put it into the Secret.',
  },
  PasswordMustChange: {
    meaning: 'The account that the operator binds as must change its password at the next logon.',
    remedy: 'Set a password without that demand, and put it into the Secret.',
  },
  SecretNotFound: {
    meaning: 'The Secret with the credentials does not exist.',
    remedy: 'Create the Secret in the namespace of the directory, or correct secretRef.',
  },
  SecretForbidden: {
    meaning: 'The operator may not read the Secret.',
    remedy: 'Bind the ClusterRole roster-secrets-reader to the operator in the namespace, or let the operator bind it.',
  },
  SecretIncomplete: {
    meaning: 'The Secret lacks a key that is needed.',
    remedy: 'Add the keys username and password to the Secret; for Entra ID clientSecret, or tls.crt and tls.key.',
  },
  HostNotAllowed: {
    meaning: 'The Secret does not allow its credentials to be sent to this server.',
    remedy: 'Add scheme, host and port of the server to the annotation roster.dev/hosts of the Secret.',
  },
  PlaintextNotAllowed: {
    meaning: 'The password would cross the network unencrypted.',
    remedy:
      'Use ldaps:// or startTLS, or allow it by adding allowPlaintext to the host in the annotation roster.dev/hosts.',
  },
  BaseNotFound: {
    meaning: 'The base DN does not exist on the server, or the account may not see it.',
    remedy:
      'Correct users.baseDN or groups.baseDN (of Active Directory baseDNs, of a URL its path), or let the account read it.',
  },
  InvalidURL: {
    meaning: 'The URL of the server is not one.',
    remedy:
      'Write ldap:// or ldaps://, the host and perhaps a port, and behind a slash perhaps the base DN; for Entra ID https://.',
  },
  InvalidFilter: {
    meaning:
      'The filter is not valid: RFC 4515 has the syntax of LDAP, the documentation of Microsoft Graph its $filter.',
    remedy: 'Correct the filter in the spec of the directory.',
  },
  InvalidBaseDN: {
    meaning: 'The base DN is not a valid distinguished name.',
    remedy: 'Correct it: a base DN is written like ou=People,dc=example,dc=com (RFC 4514).',
  },
  SizeLimitExceeded: {
    meaning: 'The server ended the search at its size limit, so people are missing from the answer.',
    remedy: 'Raise the size limit of the account on the server, or lower pageSize where the limit counts for a page.',
  },
  TimeLimitExceeded: {
    meaning: 'The server ended the search at its time limit.',
    remedy: 'Raise the time limit of the account on the server, or index the attributes of the filter.',
  },
  ServerTimeout: {
    meaning: 'The server stopped answering.',
    remedy: 'Look after the server; raise timeoutSeconds if it is only slow.',
  },
  ConnectionLost: {
    meaning: 'The connection to the server broke in the middle.',
    remedy: 'Nothing was changed; the next run reads everything afresh.',
  },
  ServerBusy: {
    meaning: 'The server is busy or not available.',
    remedy: 'Try again later.',
  },
  InsufficientAccess: {
    meaning: 'The account may not read what is asked for.',
    remedy: 'Let the account read people, groups and their ids.',
  },
  StrongerAuthRequired: {
    meaning: 'The server wants an encrypted connection for this.',
    remedy: 'Use ldaps:// or startTLS.',
  },
  UnexpectedIdentity: {
    meaning: 'The server takes the operator for somebody else than the configured account.',
    remedy: 'Check the bind on the server; what an anonymous or other account sees is not used.',
  },
  EmptyAnswer: {
    meaning: 'Nobody matches, although people of this directory exist.',
    remedy: 'Check base DN and filter, and that the account may read the people.',
  },
  IdentityMissing: {
    meaning: 'Entries lack the attribute that identifies them for good.',
    remedy:
      'Let the account read entryUUID (OpenLDAP), nsUniqueId (389 Directory Server) or objectGUID (Active Directory).',
  },
  NotActiveDirectory: {
    meaning: 'The server is no domain controller of Active Directory.',
    remedy: 'Correct urls, or use the block ldap for another kind of server.',
  },
  DomainsDoNotFit: {
    meaning: 'The domains of one directory are in different forests, or one of them is named twice.',
    remedy: 'Name each domain of the forest once in additionalDomains, and make a directory for each forest.',
  },
  GlobalCatalogRefused: {
    meaning: 'The ports 3268 and 3269 are the global catalog, which holds only a part of each entry.',
    remedy: 'Use 636 or 389 of a domain controller.',
  },
  ProtocolError: {
    meaning: 'The server answered something that is not LDAP, or an error without a better name.',
    remedy: 'Check that the port is an LDAP port; the message holds what the server said.',
  },
  SecretExpired: {
    meaning: 'The client secret or certificate of the application has ended.',
    remedy: 'Create a new one in the app registration, and put it into the Secret.',
  },
  ApplicationNotFound: {
    meaning: 'The Entra tenant has no such application, or it is disabled there.',
    remedy: 'Correct clientID and tenantID, and see that the application has a service principal that is enabled.',
  },
  EntraTenantNotFound: {
    meaning: 'Microsoft Entra ID has no such tenant.',
    remedy: 'Correct tenantID, and cloud if the tenant is in a national cloud.',
  },
  FederatedTokenMissing: {
    meaning: 'The operator has no federated token to sign in with.',
    remedy:
      'Give its pod workload identity, which mounts a token and sets AZURE_FEDERATED_TOKEN_FILE, or use a Secret.',
  },
  TokenRefused: {
    meaning: 'Microsoft Graph does not take the token that Entra ID gave.',
    remedy: "Check endpoints and the operator's clock; it is tried again.",
  },
  PermissionMissing: {
    meaning: 'The application lacks a permission of Microsoft Graph.',
    remedy: 'Add the application permission that the message names to the app registration, and grant admin consent.',
  },
  Throttled: {
    meaning: 'The server answers too many requests with a refusal, also after it was waited for.',
    remedy: 'Start another run later; other programs may use up the quota of the application or tenant.',
  },
  UnknownAttribute: {
    meaning: 'The directory knows no attribute of a name that is configured.',
    remedy: 'Correct the name in attributes.',
  },
  ResyncRequired: {
    meaning: 'The server wants everything to be read again, and does not let that come to an end.',
    remedy: 'Start another run later.',
  },
  DirectoryTypeUnavailable: {
    meaning: 'This version of Roster cannot read directories of this type.',
    remedy: 'Update the operator: its CRDs are of a later version.',
  },
});

/** About one record of a directory; the others go on. */
export const recordErrors = define({
  NoEmail: {
    meaning: 'The entry has no e-mail address.',
    remedy: 'Give the person an address in the directory, or name other attributes in attributes.email.',
  },
  InvalidEmail: {
    meaning: 'The address is not one that mail can be sent to.',
    remedy: 'Correct the address in the directory or in the resource.',
  },
  DuplicateEmail: {
    meaning: 'Several entries of the directory have this address.',
    remedy: 'Leave the address at one of them, or exclude the others.',
  },
  EmailOfLinkedPerson: {
    meaning: 'The address belongs to a person who is linked to another entry or directory.',
    remedy:
      'If it is that person with a new id, and the old entry is gone, list the new id in the annotation roster.dev/samePerson of the UserDirectory; else change one of the addresses, or delete the other person.',
  },
  EmailOfRecipient: {
    meaning: 'The address belongs to a recipient, and this directory makes users.',
    remedy: 'Delete the recipient, or exclude the entry.',
  },
  EmailOfUser: {
    meaning: 'The address belongs to a user, and this directory makes recipients.',
    remedy: 'Delete the user, or exclude the entry.',
  },
  EmailOfDeletedPerson: {
    meaning: 'The address belonged to another person who was deleted less than 30 days ago.',
    remedy:
      'List the id of the entry in the annotation roster.dev/samePerson of the UserDirectory if it is that person, in roster.dev/newPerson if it is not.',
  },
  EmailTaken: {
    meaning: 'Another resource holds the address.',
    remedy: 'Change one of the addresses.',
  },
  LinkNeedsApproval: {
    meaning:
      'A person with this address exists who is not linked unasked: the owner, a holder of administration rights, somebody disabled, or anybody where linking is Approve.',
    remedy: 'Approve the run if they are one person; else give one of them another address, or exclude the entry.',
  },
  LinkingOff: {
    meaning: 'A person with this address exists, and linking is Never.',
    remedy: 'Set linking to ByEmail, or change one of the addresses.',
  },
  TooManyGroups: {
    meaning: 'The person is in more than 1,000 groups.',
    remedy: 'Narrow the group filter.',
  },
  InvalidValue: {
    meaning: 'A value of the entry is not valid text.',
    remedy: 'Correct the value in the directory.',
  },
  DuplicateIdentity: {
    meaning: 'Several entries have the same id.',
    remedy: 'Read one server only; a proxy that merges servers may repeat entries.',
  },
  GroupNameTaken: {
    meaning: 'A group with this name exists that was not made by this directory.',
    remedy: 'Rename one of the groups, or set groupPrefix.',
  },
  GroupWithoutName: {
    meaning: 'The entry has no name that a group could have.',
    remedy: 'Give it a name in the directory, or name other attributes in attributes.groupName.',
  },
  LinkedToOtherDirectory: {
    meaning: 'The entry is a person of another UserDirectory already.',
    remedy: 'Exclude the entry in one of the two, or narrow its filter.',
  },
  NameTaken: {
    meaning: 'The object that the entry would become exists, and belongs to no entry.',
    remedy: 'Give that object the address of the entry so that they are linked, or delete it.',
  },
  ChangeNeedsApproval: {
    meaning: 'A change of address, domain account or access concerns a person with great rights.',
    remedy: 'Approve the run if the change is meant; nothing of it is done until then.',
  },
  RemovalNeedsApproval: {
    meaning: 'The directory no longer has somebody with great rights.',
    remedy: 'Approve the run if the person shall go; nobody is disabled or deleted until then.',
  },
  GrantNeedsApproval: {
    meaning: 'The directory would give somebody administration rights, by a mapping or by defaultRole.',
    remedy: 'Approve the run if it shall; who would be new is not created until then.',
  },
  TakenOver: {
    meaning: 'Another directory takes over the people of this one, which therefore brings nobody new.',
    remedy: 'Delete this directory when nobody is left in it, or remove takesOver from the other one.',
  },
  TakeOverNeedsApproval: {
    meaning: 'People of another directory would become people of this one.',
    remedy: 'Look at the lines of the run, and approve it if each of them is who the line says.',
  },
  OwnerKeepsAccess: {
    meaning: 'The directory no longer has or admits the owner of the tenant, whom no directory locks out.',
    remedy: 'Name another owner in the Tenant if this one shall go.',
  },
  DeletionProtected: {
    meaning: 'The person is missing and would be deleted, but is protected against it.',
    remedy: 'The condition DeletionProtected of the person says why.',
  },
  AuthorityChanged: {
    meaning: 'The person came from another server or tenant than the directory reads now, and is kept.',
    remedy: 'Read the former one again, move the people by takesOver, or delete those who are not wanted.',
  },
  Deleted: {
    meaning: 'The directory was asked for the entry and has it no more.',
    remedy: 'Nothing: the person is treated as whenMissing says.',
  },
  OutOfBase: {
    meaning: 'The directory has the entry outside the base that is read.',
    remedy: 'Widen the base if the person is wanted, or move the entry back.',
  },
  FilteredOut: {
    meaning: 'The directory has the entry, and the filter does not match it.',
    remedy: 'Correct the filter if the person is wanted.',
  },
  NotVisible: {
    meaning: 'The entry was not found, and it is not proved that it is gone; the person is kept.',
    remedy: 'Let the account read the whole directory, so that it can tell who is gone.',
  },
  OutsidePilot: {
    meaning: 'The person is in none of the groups in onlyMembersOf.',
    remedy: 'Add the person to one of the groups, or the group to onlyMembersOf.',
  },
  PilotGroupNotFound: {
    meaning: 'The directory has no group that onlyMembersOf names.',
    remedy: 'Correct the name, give the id of the group, or let the group filter match it.',
  },
  DisabledInDirectory: {
    meaning: 'The account is disabled or has ended, and nobody is created from it.',
    remedy: 'Enable the account in the directory, or set createDisabled.',
  },
  Recreated: {
    meaning: 'A person whose resource was deleted is in the directory still, and comes back without an invitation.',
    remedy: 'List the person in exclude if it shall stay deleted.',
  },
  MappedGroupNotFound: {
    meaning: 'The directory has no group that a mapping names.',
    remedy: 'Correct the name, give the id of the group, or let the group filter match it.',
  },
  MappedGroupNotUnique: {
    meaning: 'Several groups of the directory have the name in a mapping.',
    remedy: 'Give the id of the group instead of its name.',
  },
  NotInOrganization: {
    meaning: 'The person is not in the organization of the directory, so its groups are left out.',
    remedy: 'Add the organization to the person if the groups are wanted.',
  },
  Excluded: {
    meaning: 'The directory lists the person in exclude.',
    remedy: 'Remove the entry from exclude if the person is wanted.',
  },
  OutsideEmailDomains: {
    meaning: 'The address is in none of the domains in emailDomains.',
    remedy: 'Add the domain to emailDomains if the person is wanted; each subdomain counts for itself.',
  },
  NoLongerFound: {
    meaning: 'The directory no longer has the entry, or the filter no longer matches it.',
    remedy: 'Nothing: whenMissing says what becomes of it. Delete the resource if it is not wanted any more.',
  },
});

/** About what a run could not write; the next run tries again. */
export const writeErrors = define({
  WriteRefused: {
    meaning: 'The API server does not take the object.',
    remedy: 'The message holds what the server said; a policy or a quota of the cluster may be the cause.',
  },
  WritesFailed: {
    meaning: 'Some people or groups could not be written.',
    remedy: 'The samples of the run say which and why; the next run tries them again.',
  },
  WritesForbidden: {
    meaning: 'The API server forbids the operator one write after another, so the run gave up.',
    remedy:
      'Give the operator its rights back, or lift the quota or policy that the message names; then start another run.',
  },
  ApiServerUnavailable: {
    meaning: 'The Kubernetes API server could not be reached for a while.',
    remedy: 'Nothing is lost: start another run, which plans afresh.',
  },
});

/** About a resource; it heals when what is wrong is put right. */
export const resourceErrors = define({
  TenantNotFound: {
    meaning: 'The namespace has no Tenant.',
    remedy: 'Create a Tenant named tenant in the namespace.',
  },
  OrganizationNotFound: {
    meaning: 'An organization that is named does not exist.',
    remedy: 'Create the organization, or correct the name.',
  },
  RoleNotFound: {
    meaning: 'A role that is named does not exist.',
    remedy: 'Create the AppRole, or correct the name.',
  },
  RoleScopeMismatch: {
    meaning: 'A role is held where its scope does not allow it.',
    remedy: 'Name tenant roles in spec.roles and organization roles under the organization.',
  },
  GroupNotFound: {
    meaning: 'A group that is named does not exist.',
    remedy: 'Create the group, or correct the name.',
  },
  GroupOfOtherOrganization: {
    meaning: 'A group belongs to an organization that the person is not in.',
    remedy: 'Add the organization to the person, or remove the group.',
  },
  BuiltInsMissing: {
    meaning: 'The default organization, a built-in role or the group of everybody cannot be created.',
    remedy: 'See that the CRDs are installed and that the operator may create these objects; it is tried again.',
  },
  OwnerNotFound: {
    meaning: 'The owner of the tenant is not a user of it.',
    remedy: 'Create the user, or name another owner.',
  },
  EmailNotUnique: {
    meaning: 'Another person of the tenant has the address.',
    remedy: 'Change one of the addresses; the other person keeps it until then.',
  },
  DomainAccountNotUnique: {
    meaning: 'Another person of the tenant has the domain account.',
    remedy: 'Change one of the accounts; the other person keeps it until then.',
  },
  InvalidTimeZone: {
    meaning: 'The time zone of the schedule is not one that the operator knows, so no run starts by itself.',
    remedy: 'Correct schedule.timeZone; the IANA database has the names, for example Europe/Paris.',
  },
  CredentialsExpireSoon: {
    meaning: 'The certificate or the secret that the directory is read with ends within 30 days.',
    remedy: 'Renew it and put the new one into the Secret; where roster.dev/expiresAt tells its end, correct that too.',
  },
  CredentialsExpired: {
    meaning: 'The certificate or the secret that the directory is read with has ended.',
    remedy: 'Renew it and put the new one into the Secret; where roster.dev/expiresAt tells its end, correct that too.',
  },
  InvalidExpiry: {
    meaning: 'The annotation roster.dev/expiresAt of the Secret is not a date, so nobody is told before it ends.',
    remedy: 'Write the date as RFC 3339 has it, for example 2027-01-31 or 2027-01-31T12:00:00Z.',
  },
  LastRunFailed: {
    meaning: 'The directory can be read again, but the last run failed before that.',
    remedy: 'Start another run.',
  },
});

/** How a DirectorySync ended, and what a guard held. */
export const runErrors = define({
  DirectoryNotFound: {
    meaning: 'The directory that the run names does not exist.',
    remedy: 'Correct spec.directory and create another run.',
  },
  UnexpectedError: {
    meaning: 'The run met an error that is not foreseen.',
    remedy: 'The log of the operator has it under the name of the run; report it, and start another run.',
  },
  DirectoryDeleted: {
    meaning: 'The directory was deleted before its run had ended.',
    remedy: 'Its people and groups stay as they are; create the directory again to go on with them.',
  },
  Superseded: {
    meaning: 'A newer run of the directory took the place of one that held changes.',
    remedy:
      'Look at the run that status.lastAttempt of the UserDirectory names: only that one can hold what can be approved.',
  },
  ApprovalRejected: {
    meaning: 'Somebody rejected the changes that the run held.',
    remedy: 'Correct the directory, since the next run holds the same changes if they are still due.',
  },
  ApprovalExpired: {
    meaning: 'The changes that the run held were not approved and begun within 24 hours.',
    remedy: 'Start another run, and approve what that one holds.',
  },
  ApprovalUnknown: {
    meaning: 'The database no longer has what the run held, so that nobody can tell what was approved.',
    remedy: 'Start another run, and approve what that one holds.',
  },
  RunInterrupted: {
    meaning: 'The operator ended while the run was under way.',
    remedy: 'Nothing is lost: start another run, which plans afresh.',
  },
  IncompleteRead: {
    meaning: 'It is not proved that everything was read, so nobody was changed.',
    remedy: 'The evidence in the status says what is doubtful.',
  },
  ChangesHeld: {
    meaning: 'More would change at once than the guard lets pass.',
    remedy:
      'The samples of the run show what is held. If it is a slip, correct the spec or the contents of the directory: the next run judges anew.',
  },
  ManyMembershipsLost: {
    meaning: 'More memberships would go at once than the guard lets pass.',
    remedy: 'Check base and filter of the groups, and what the account may read.',
  },
  GroupLosesMembers: {
    meaning: 'A group would lose half of its members or more.',
    remedy: 'Check the group in the directory; nobody loses a membership until then.',
  },
  ManyAddressChanges: {
    meaning: 'More people would get another address at once than the guard lets pass.',
    remedy: 'Check attributes.email and the addresses in the directory.',
  },
  ManyRemovals: {
    meaning:
      'More people would be disabled or deleted, because the directory no longer has them, than the guard lets pass.',
    remedy: 'Check base, filter and what the account may read; approve the run if these people shall go.',
  },
  ReadSettingsChanged: {
    meaning: 'Somebody or something would go at the first run after a change of what is read.',
    remedy: 'Check the change; approve the run if what would go shall go.',
  },
  ManyRestored: {
    meaning: 'More people could sign in again at once than the guard lets pass.',
    remedy: 'Check that their accounts are enabled on purpose, and approve the run.',
  },
  ManyCreations: {
    meaning: 'A directory would bring many people into a tenant that others work in already.',
    remedy: 'Check base and filter; approve the run if all of these people are wanted.',
  },
  ManyInvitations: {
    meaning: 'More people would be invited by mail within seven days than the guard lets pass.',
    remedy: 'Set passwordSetup to None if they need no password, or approve the run.',
  },
  SeatsMissing: {
    meaning: 'The tenant has not seats enough for the licences that people would take, who are new or get more rights.',
    remedy: 'Raise seats in the Tenant, choose roles with another licence, or approve the run.',
  },
  ManyLinks: {
    meaning: 'More people who have no directory would be linked at once than the guard lets pass.',
    remedy: 'Check that this is the right directory for these people, or set linking to Never.',
  },
});

/** About the database. */
export const databaseErrors = define({
  DatabaseUnavailable: {
    meaning: 'The database cannot be reached.',
    remedy: 'Look after the database; everything is written when it returns.',
  },
  DatabaseURLInvalid: {
    meaning: 'The URL of the database cannot be used.',
    remedy: 'Write postgres://USER:PASSWORD@HOST:PORT/DATABASE, or pglite:DIRECTORY for a trial.',
  },
  DatabaseInUse: {
    meaning: 'The embedded database is open in another process.',
    remedy: 'End the other process, or use a directory of its own for each; PostgreSQL serves several.',
  },
  DatabaseLoginRefused: {
    meaning: 'The database server refuses the user or the password.',
    remedy: 'Correct user and password in the database URL, or let pg_hba.conf accept the user from here.',
  },
  DatabaseNotFound: {
    meaning: 'The server has no database of this name.',
    remedy: 'Create the database, or correct its name at the end of the URL.',
  },
  DatabaseNotAuthorized: {
    meaning: 'The database user may not do what Roster needs.',
    remedy: 'Make the user owner of the database, or let it create schemas: GRANT CREATE ON DATABASE.',
  },
  DatabaseOfOtherInstallation: {
    meaning: 'The database belongs to another installation of Roster.',
    remedy: 'Correct the database URL; after a restore into a new cluster, take it over with roster migrate --adopt.',
  },
  DatabaseTooNew: {
    meaning: 'The database was migrated by a newer version of Roster.',
    remedy: 'Run that version or a later one.',
  },
  DatabaseNotMigrated: {
    meaning: 'The tables of the database are missing or older than this version.',
    remedy: 'Run roster migrate.',
  },
  RowRejected: {
    meaning: 'The database refuses the row.',
    remedy: 'The message holds what the database said; correct the field it names.',
  },
  ResourcesVanished: {
    meaning: 'So much vanished at once that the database was left as it was.',
    remedy: 'Restore the resources, or confirm the removal with the annotation that the message names.',
  },
  NoLongerLeader: {
    meaning: 'Another operator has taken over.',
    remedy: 'Nothing: the other one goes on.',
  },
});

export const catalogue = {
  ...directoryErrors,
  ...recordErrors,
  ...writeErrors,
  ...runErrors,
  ...resourceErrors,
  ...databaseErrors,
};
export type Reason = keyof typeof catalogue;

/** A failure with a reason from the catalogue. `message` is a sentence for users, without secrets. */
export class RosterError extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RosterError';
    this.reason = reason;
  }
}

/** A read of a directory that failed. */
export class DirectoryError extends RosterError {
  constructor(reason: keyof typeof directoryErrors, message: string, options?: ErrorOptions) {
    super(reason, message, options);
    this.name = 'DirectoryError';
  }
}

/** The database could not do what was asked. */
export class DatabaseError extends RosterError {
  constructor(reason: keyof typeof databaseErrors, message: string, options?: ErrorOptions) {
    super(reason, message, options);
    this.name = 'DatabaseError';
  }
}

/** What went wrong and what to do, as conditions and runs show it. */
export function advice(error: RosterError): string {
  return `${error.message} ${catalogue[error.reason].remedy}`;
}
