import { createHash } from 'node:crypto';
import { DirectoryError } from '../../errors.ts';
import { EntryAttributes } from './attributes.ts';
import { isWithin, normalizeDN } from './dn.ts';
import { pagedResultsControl } from './message.ts';
import { anything, extendedNamesControl, type Source, searchEntry } from './search.ts';

/** What a server says about itself in its root DSE (RFC 4512 section 5.1). */
export interface RootDSE {
  readonly namingContexts: readonly string[];
  readonly defaultNamingContext?: string;
  /** Active Directory: the domain at the root of the forest, and the forest's configuration. */
  readonly rootDomainNamingContext?: string;
  readonly configurationNamingContext?: string;
  /** False while a domain controller has not everything yet. */
  readonly synchronized: boolean;
  readonly paging: boolean;
  readonly extendedNames: boolean;
}

export async function readRootDSE(source: Source): Promise<RootDSE> {
  const single = ['defaultNamingContext', 'rootDomainNamingContext', 'configurationNamingContext'] as const;
  const attributes = ['namingContexts', ...single, 'isSynchronized', 'supportedControl'];
  const entry = await searchEntry(source, { base: '', filter: anything, attributes });
  const root = entry && new EntryAttributes(entry);
  const controls = new Set(root?.values('supportedControl'));
  const contexts = single.flatMap((name) => {
    const context = root?.first([name]);
    return context === undefined ? [] : [[name, context] as const];
  });
  return {
    namingContexts: [...(root?.values('namingContexts') ?? [])],
    ...Object.fromEntries(contexts),
    synchronized: root?.first(['isSynchronized'])?.toUpperCase() !== 'FALSE',
    paging: controls.has(pagedResultsControl),
    extendedNames: controls.has(extendedNamesControl),
  };
}

/** The naming context to search when the directory names no base in this field. @throws DirectoryError `BaseNotFound` */
export function soleNamingContext(root: RootDSE, server: string, field: string): string {
  const [sole, ...others] = root.namingContexts;
  const found = root.defaultNamingContext ?? (others.length === 0 ? sole : undefined);
  if (found) return found;
  const what =
    others.length === 0 ? 'no naming context' : `several naming contexts (${root.namingContexts.join('; ')})`;
  throw new DirectoryError('BaseNotFound', `${server} shows ${what}, and ${field} is not set.`);
}

/**
 * The naming context that holds a base, as the server spells it.
 * @throws DirectoryError `BaseNotFound`
 */
export function namingContextOf(base: string, root: Pick<RootDSE, 'namingContexts'>, server: string): string {
  const key = normalizeDN(base) ?? base;
  const holding = root.namingContexts
    .map((context) => ({ context, key: normalizeDN(context) ?? context }))
    .filter((candidate) => isWithin(key, candidate.key))
    .sort((a, b) => b.key.length - a.key.length)[0];
  if (holding === undefined) {
    const shown = root.namingContexts.length === 0 ? 'shows no naming context' : 'has no naming context';
    throw new DirectoryError('BaseNotFound', `${server} ${shown} that holds ${base}.`);
  }
  return holding.context;
}

/**
 * Who issued the ids of the entries in a naming context: the context itself, in its normal form.
 *
 * Ids have to be told apart only between directories with different contents. The naming context stays when the
 * base is narrowed, when another replica answers, and when the server gets another name or is restored from a
 * backup; in all those cases entryUUID and nsUniqueId stay, too, so people are recognised again.
 */
export function authorityOf(context: string): string {
  const key = normalizeDN(context) ?? context;
  // The context of a server with one database for everything is the empty DN.
  if (key === '') return 'root';
  return key.length <= maximumLength ? key : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** Of `authority` in the resources. */
const maximumLength = 253;
