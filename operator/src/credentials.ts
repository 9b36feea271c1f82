/**
 * Where credentials may be sent. A Secret lists it in the annotation `roster.dev/hosts`, so that whoever may write
 * a directory, but not read the Secret, cannot have its password sent to a server of their own.
 *
 * The annotation holds one entry a line (or comma): scheme, host and, unless it is the scheme's own, port; then
 * `allowPlaintext` where the password may cross the network unencrypted. Empty lines and lines starting with `#`
 * do not count. There are no wildcards.
 *
 * ```
 * ldaps://ldap.example.com
 * ldap://10.0.0.5:389 allowPlaintext
 * ```
 */

import { isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { RosterError } from './errors.ts';

export const hostsAnnotation = 'roster.dev/hosts';

/** A service to connect to, in the one spelling by which endpoints are compared. */
export interface Endpoint {
  /** In lower case, without `://`. */
  readonly scheme: string;
  /** A DNS name in lower case and ASCII, or an IP address (IPv6 in brackets). */
  readonly host: string;
  readonly port: number;
}

export interface AllowedHost extends Endpoint {
  readonly allowPlaintext: boolean;
}

const defaultPorts: Readonly<Record<string, number>> = { ldap: 389, ldaps: 636, https: 443, smtp: 25, smtps: 465 };

/** Parses `scheme://host[:port]`; undefined when it is not that, or when neither it nor its scheme says the port. */
export function endpointOf(url: string): Endpoint | undefined {
  const [, scheme, name, digits] =
    /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]*\]|[^:/?#@[\]\s]+)(?::(\d{1,5}))?\/?$/i.exec(url) ?? [];
  if (scheme === undefined || name === undefined) return undefined;
  const host = normalizeHost(name);
  const port = digits === undefined ? defaultPorts[scheme.toLowerCase()] : Number(digits);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return undefined;
  return { scheme: scheme.toLowerCase(), host, port };
}

function normalizeHost(name: string): string | undefined {
  if (name.startsWith('[')) {
    // URL writes IPv6 addresses as RFC 5952 wants.
    return isIPv6(name.slice(1, -1)) ? new URL(`http://${name}`).hostname : undefined;
  }
  const ascii = domainToASCII(name.replace(/\.$/, ''));
  return /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(ascii) ? ascii : undefined;
}

/**
 * Parses the annotation. An absent one allows nothing.
 * @throws RosterError `HostNotAllowed` at an entry that is not understood: a slip must not widen or narrow the list.
 */
export function parseAllowedHosts(annotation: string | undefined): AllowedHost[] {
  return (annotation ?? '')
    .split(/[\n,]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && !entry.startsWith('#'))
    .map(parseAllowedHost);
}

function parseAllowedHost(entry: string): AllowedHost {
  const [url = '', ...options] = entry.split(/\s+/);
  const endpoint = endpointOf(url);
  const problem =
    endpoint === undefined
      ? 'it is not a URL of scheme, host and port only'
      : options.some((option) => option !== 'allowPlaintext')
        ? 'only allowPlaintext may follow the URL'
        : undefined;
  if (endpoint === undefined || problem !== undefined) {
    const where = `The annotation ${hostsAnnotation} of the Secret holds "${entry.replace(/\/\/.*@/, '//...@')}"`;
    throw new RosterError('HostNotAllowed', `${where}, which is not understood: ${problem}.`);
  }
  return { ...endpoint, allowPlaintext: options.length > 0 };
}

/** Whether credentials may be sent to the endpoint over a connection that is encrypted or not. */
export function mayReceive(
  hosts: readonly AllowedHost[],
  { scheme, host, port }: Endpoint,
  encrypted: boolean,
): 'Allowed' | 'HostNotAllowed' | 'PlaintextNotAllowed' {
  const entries = hosts.filter((entry) => entry.scheme === scheme && entry.host === host && entry.port === port);
  if (entries.length === 0) return 'HostNotAllowed';
  return encrypted || entries.some((entry) => entry.allowPlaintext) ? 'Allowed' : 'PlaintextNotAllowed';
}
