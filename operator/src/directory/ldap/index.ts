/** Directories that speak LDAP. */
export type { ConnectionOptions, Credentials } from './connect.ts';
export { type LdapReaderOptions, ldapReader, type SearchOptions } from './reader.ts';
