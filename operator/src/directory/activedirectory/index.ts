/** Domains of Active Directory. */
export { type ActiveDirectoryOptions, activeDirectoryReader, type DomainOptions } from './reader.ts';
