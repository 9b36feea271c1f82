import { DirectoryError } from '../../errors.ts';
import { EntryAttributes } from '../ldap/attributes.ts';
import { isWithin, normalizeDN, parseDN, plainDN } from '../ldap/dn.ts';
import { parseFilter } from '../ldap/filter.ts';
import { type Source, searchPages } from '../ldap/search.ts';
import { Tally } from '../ldap/tally.ts';

/** A domain of the forest. */
export interface Domain {
  /** Normal form of its naming context. */
  readonly context: string;
  readonly netBIOSName: string;
}

/** The domains of a forest, from CN=Partitions of its configuration; none where the account may not read them. */
export async function readDomains(source: Source, configuration: string | undefined): Promise<readonly Domain[]> {
  if (configuration === undefined) return [];
  try {
    const domains = await domainsBelow(source, `CN=Partitions,${configuration}`);
    // A child's naming context ends with its parent's: the longest that fits is an entry's own.
    return domains.sort((a, b) => b.context.length - a.context.length);
  } catch (error) {
    // Active Directory hides what an account may not see. Any other refusal may pass, and accounts must not change for it.
    if (error instanceof DirectoryError && error.reason === 'BaseNotFound') return [];
    throw error;
  }
}

async function domainsBelow(source: Source, base: string): Promise<Domain[]> {
  const domains: Domain[] = [];
  const attributes = ['nCName', 'nETBIOSName'];
  for await (const page of searchPages(source, { base, filter: crossReferences, attributes }, new Tally())) {
    for (const entry of page.map((given) => new EntryAttributes(given))) {
      const context = normalizeDN(plainDN(entry.first(['nCName']) ?? ''));
      const netBIOSName = entry.first(['nETBIOSName']);
      if (context && netBIOSName) domains.push({ context, netBIOSName });
    }
  }
  return domains;
}

/** Only domains have a NetBIOS name: https://learn.microsoft.com/windows/win32/adschema/a-netbiosname */
const crossReferences = parseFilter('(&(objectClass=crossRef)(nETBIOSName=*))');

/** The domain that an entry belongs to; undefined when it is none of these. */
export function domainOf(dn: string, domains: readonly Domain[]): Domain | undefined {
  const key = normalizeDN(dn);
  return key === undefined ? undefined : domains.find(({ context }) => isWithin(key, context));
}

/**
 * `DOMAIN\name`, with the NetBIOS name of the entry's own domain, or else its DNS name, which Windows takes as well.
 * What names its domain already stays as it is.
 */
export function domainAccount(account: string, dn: string, domains: readonly Domain[]): string {
  if (/[\\@]/.test(account)) return account;
  const name = domainOf(dn, domains)?.netBIOSName ?? dnsName(dn);
  return name === '' ? account : `${name}\\${account}`;
}

/** RFC 2247: the domain components of a DN. */
function dnsName(dn: string): string {
  const components = (parseDN(dn) ?? []).flatMap(([first]) =>
    first?.type.toLowerCase() === 'dc' ? [first.value] : [],
  );
  return components.join('.');
}
