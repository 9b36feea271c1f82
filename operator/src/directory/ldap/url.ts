import { type Endpoint, endpointOf } from '../../credentials.ts';
import { DirectoryError } from '../../errors.ts';
import { normalizeDN } from './dn.ts';

/** One server as the resource names it. */
export interface LdapServer extends Endpoint {
  readonly scheme: 'ldap' | 'ldaps';
  /** For messages and evidence: scheme, host and port. */
  readonly url: string;
  /** The base DN in the path of the URL. */
  readonly baseDN?: string;
}

/** Ports of Active Directory's global catalog, which holds every object of a forest, but not whole. */
const globalCatalogPorts: readonly number[] = [3268, 3269];

/**
 * Parses `ldap://host[:port][/base DN]`, as RFC 4516 has it without the parts after a question mark.
 * @throws DirectoryError `InvalidURL`, `InvalidBaseDN` or `GlobalCatalogRefused`.
 */
export function parseServer(text: string): LdapServer {
  const invalid = (why: string) => new DirectoryError('InvalidURL', `${withoutUserinfo(text)} is not usable: ${why}.`);
  const [, authority = '', path = ''] = /^([^/]*:\/\/[^/?#]*)\/?(.*)$/s.exec(text.trim()) ?? [];
  if (/^[^/]*:\/\/.*@/.test(authority)) throw invalid('accounts belong into the Secret, not into the URL');
  const endpoint = endpointOf(authority);
  if (endpoint === undefined) throw invalid('it needs ldap:// or ldaps://, a host, and perhaps a port');
  const { scheme, host, port } = endpoint;
  if (scheme !== 'ldap' && scheme !== 'ldaps') throw invalid('its scheme is neither ldap nor ldaps');
  if (globalCatalogPorts.includes(port)) {
    throw new DirectoryError('GlobalCatalogRefused', `${authority} is a global catalog.`);
  }
  if (/[?#]/.test(path)) throw invalid('only a base DN may follow the host; filter and scope have fields of their own');
  const server = { scheme, host, port, url: `${scheme}://${host}:${port}` } as const;
  return path === '' ? server : { ...server, baseDN: decodeBaseDN(path, text) };
}

function decodeBaseDN(path: string, url: string): string {
  let baseDN: string | undefined;
  try {
    baseDN = decodeURIComponent(path);
  } catch {
    // Reported below.
  }
  if (baseDN === undefined || normalizeDN(baseDN) === undefined) {
    throw new DirectoryError('InvalidBaseDN', `The path of ${url} is not a distinguished name.`);
  }
  return baseDN;
}

/** So that a password that was put there does not get into a status. */
function withoutUserinfo(text: string): string {
  return text.replace(/\/\/.*@/s, '//...@');
}
