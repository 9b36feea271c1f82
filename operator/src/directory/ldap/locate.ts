import { AndFilter, EqualityFilter, type Filter, NotFilter, OrFilter } from 'ldapts';
import { DirectoryError } from '../../errors.ts';
import type { FoundEntry } from '../reader.ts';
import type { Whereabouts } from '../record.ts';
import { EntryAttributes } from './attributes.ts';
import type { Connection } from './connect.ts';
import { isWithin, normalizeDN } from './dn.ts';
import { parseFilter } from './filter.ts';
import type { Preset } from './presets.ts';
import { identityOf, labelOf } from './records.ts';
import { type Paging, searchEntry, searchPages } from './search.ts';
import { Tally } from './tally.ts';

/** Where a read looks for people, and what is around that. */
export interface Surroundings {
  readonly connection: Connection;
  /** The naming context that holds the base. */
  readonly context: string;
  readonly base: string;
  /** Which entries are people. */
  readonly filter: Filter;
  readonly preset: Preset;
  readonly paging: Paging;
}

/** Entries that are looked for in one request. */
const chunkSize = 100;

/**
 * Says where entries are that a read did not give, by looking for their ids in the whole naming context.
 *
 * That nothing is found is taken for proof only where the same search gives the root of the naming context, whose id
 * is put among those looked for: so ids can be searched for and seen there, and no rule of access, index or proxy
 * keeps them back. FilteredOut is who matches the negation of the filter: where the account may not read an attribute
 * of the filter, that is neither true nor false (RFC 4511 section 4.5.1.7), and proves nothing.
 * @throws DirectoryError
 */
export async function locate(
  surroundings: Surroundings,
  externalIds: readonly string[],
): Promise<Map<string, Whereabouts>> {
  const found = new Map<string, Whereabouts>();
  const root = await rootId(surroundings);
  for (let at = 0; at < externalIds.length; at += chunkSize) {
    const chunk = externalIds.slice(at, at + chunkSize);
    for (const [id, whereabouts] of await locateChunk(surroundings, chunk, root)) found.set(id, whereabouts);
  }
  return found;
}

/** Id of the root of the naming context, where the account may see it. */
async function rootId({ connection, context, preset }: Surroundings): Promise<string | undefined> {
  try {
    const root = await searchEntry(connection, { base: context, filter: anything, attributes: [preset.identity] });
    return root && new EntryAttributes(root).first([preset.identity])?.toLowerCase();
  } catch (error) {
    if (isInvisible(error)) return undefined;
    throw error;
  }
}

/** Whether a search failed because the account may not see where it begins. */
const isInvisible = (error: unknown): boolean =>
  error instanceof DirectoryError && (error.reason === 'BaseNotFound' || error.reason === 'InsufficientAccess');

const anything = parseFilter('(objectClass=*)');

async function locateChunk(
  surroundings: Surroundings,
  ids: readonly string[],
  root: string | undefined,
): Promise<Map<string, Whereabouts>> {
  const tally = new Tally();
  const all = await search(surroundings, anyOf(surroundings, root === undefined ? ids : [...ids, root]), tally);
  const inside = [...all].filter(([, { dn }]) => isInside(surroundings, dn)).map(([id]) => id);
  const filteredOut =
    inside.length === 0 ? new Map() : await search(surroundings, without(surroundings, inside), tally);
  const isProof = root !== undefined && all.has(root) && tally.doubts.length === 0;
  return new Map(
    ids.map((id) => {
      const entry = all.get(id.toLowerCase());
      if (entry === undefined) return [id, isProof && isId(id) ? 'Deleted' : 'NotVisible'];
      if (!isInside(surroundings, entry.dn)) return [id, 'OutOfBase'];
      return [id, filteredOut.has(id.toLowerCase()) ? 'FilteredOut' : 'NotVisible'];
    }),
  );
}

/** Looks for one person by DN, id or one of these attributes with an e-mail address, in the whole naming context. */
export async function find(
  surroundings: Surroundings,
  person: string,
  addressAttributes: readonly string[],
): Promise<FoundEntry | undefined> {
  const entry = await findEntry(surroundings, person.trim(), addressAttributes);
  if (entry === undefined) return undefined;
  const externalId = identityOf(entry, surroundings.preset);
  const label = labelOf(entry);
  if (!isInside(surroundings, entry.dn)) return { externalId, label, whereabouts: 'OutOfBase' };
  const { connection, filter, preset } = surroundings;
  const matching = await searchEntry(connection, { base: entry.dn, filter, attributes: [preset.identity] });
  return matching === undefined ? { externalId, label, whereabouts: 'FilteredOut' } : { externalId, label };
}

async function findEntry(
  surroundings: Surroundings,
  person: string,
  addressAttributes: readonly string[],
): Promise<EntryAttributes | undefined> {
  if (person.includes('=') && normalizeDN(person) !== undefined) {
    const { connection, preset } = surroundings;
    const entry = await searchEntry(connection, { base: person, filter: anything, attributes: [preset.identity] });
    return entry && new EntryAttributes(entry);
  }
  const filter = isId(person)
    ? anyOf(surroundings, [person])
    : new OrFilter({ filters: addressAttributes.map((attribute) => new EqualityFilter({ attribute, value: person })) });
  const entries = [...(await search(surroundings, filter, new Tally())).values()];
  return entries.find(({ dn }) => isInside(surroundings, dn)) ?? entries[0];
}

/** An id as OpenLDAP and 389 Directory Server write it. Looking for anything else, a server finds nothing. */
const isId = (text: string): boolean =>
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^[0-9a-f]{8}(?:-[0-9a-f]{8}){3}$/i.test(text);

const anyOf = ({ preset }: Surroundings, ids: readonly string[]): Filter =>
  new OrFilter({ filters: ids.map((value) => new EqualityFilter({ attribute: preset.identity, value })) });

const without = (surroundings: Surroundings, ids: readonly string[]): Filter =>
  new AndFilter({ filters: [anyOf(surroundings, ids), new NotFilter({ filter: surroundings.filter })] });

const isInside = ({ base }: Surroundings, dn: string): boolean =>
  isWithin(normalizeDN(dn) ?? dn, normalizeDN(base) ?? base);

/** Entries that match, by id in lower case: in the naming context, or below the base where the rest cannot be seen. */
async function search(surroundings: Surroundings, filter: Filter, tally: Tally): Promise<Map<string, EntryAttributes>> {
  try {
    return await searchBelow(surroundings.context, surroundings, filter, tally);
  } catch (error) {
    if (!isInvisible(error)) throw error;
    return await searchBelow(surroundings.base, surroundings, filter, tally);
  }
}

async function searchBelow(
  base: string,
  { connection, preset, paging }: Surroundings,
  filter: Filter,
  tally: Tally,
): Promise<Map<string, EntryAttributes>> {
  const found = new Map<string, EntryAttributes>();
  for await (const page of searchPages(connection, { base, filter, attributes: [preset.identity] }, paging, tally)) {
    for (const entry of page.map((given) => new EntryAttributes(given))) found.set(identityOf(entry, preset), entry);
  }
  return found;
}
