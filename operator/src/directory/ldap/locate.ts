import { AndFilter, EqualityFilter, type Filter, NotFilter, OrFilter } from 'ldapts';
import { DirectoryError } from '../../errors.ts';
import type { FoundEntry } from '../reader.ts';
import type { Whereabouts } from '../record.ts';
import { EntryAttributes } from './attributes.ts';
import { isWithin, normalizeDN } from './dn.ts';
import type { Directory, Place, Query } from './opened.ts';
import type { Preset } from './presets.ts';
import { identityOf, labelOf } from './records.ts';
import { anything, searchEntry, searchPages } from './search.ts';
import { Tally } from './tally.ts';

/** Entries that are looked for in one request. */
const chunkSize = 100;

/**
 * Says where entries are that a read did not give, by looking for their ids in the whole naming context.
 *
 * That nothing is found is taken for proof only where the same search gives the root of the naming context, whose id
 * is put among those looked for: so ids can be searched for and seen there. A rule of access that hides a part of the
 * tree from the account looks like a deletion all the same; the guard and the grace period are for that. FilteredOut is
 * who matches the negation of the filter: where the account may not read an attribute of the filter, that is neither
 * true nor false (RFC 4511 section 4.5.1.7), and proves nothing.
 * @throws DirectoryError
 */
export async function locate(
  { places, query }: Directory,
  externalIds: readonly string[],
): Promise<Map<string, Whereabouts>> {
  const found = new Map<string, Whereabouts>();
  for (const place of places) {
    const root = await rootId(place, query.preset);
    for (let at = 0; at < externalIds.length; at += chunkSize) {
      const chunk = externalIds.slice(at, at + chunkSize);
      for (const [id, here] of await locateChunk(place, query, chunk, root)) {
        found.set(id, together(found.get(id), here));
      }
    }
  }
  return found;
}

/** What two places say: whoever is in one of them is there, and only who is in neither, for sure, is deleted. */
function together(before: Whereabouts | undefined, here: Whereabouts): Whereabouts {
  if (before === undefined || before === 'Deleted') return here;
  return here === 'Deleted' || here === 'NotVisible' ? before : here;
}

/** Id of the root of the naming context, where the account may see it. */
async function rootId(place: Place, { identity }: Preset): Promise<string | undefined> {
  try {
    const search = { base: place.context, filter: anything, attributes: [identity.attribute] };
    const root = await searchEntry(place, search);
    return root && identity.of(new EntryAttributes(root));
  } catch (error) {
    if (isInvisible(error)) return undefined;
    throw error;
  }
}

/** Whether a search failed because the account may not see where it begins. */
const isInvisible = (error: unknown): boolean =>
  error instanceof DirectoryError && (error.reason === 'BaseNotFound' || error.reason === 'InsufficientAccess');

async function locateChunk(
  place: Place,
  { preset, userFilter }: Query,
  ids: readonly string[],
  root: string | undefined,
): Promise<Map<string, Whereabouts>> {
  const tally = new Tally();
  const wanted = ids.filter((id) => preset.identity.assertion(id) !== undefined);
  const all = await search(place, preset, anyOf(preset, root === undefined ? wanted : [...wanted, root]), tally);
  const inside = [...all].filter(([, { dn }]) => isInside(place, dn)).map(([id]) => id);
  const others = new AndFilter({ filters: [anyOf(preset, inside), new NotFilter({ filter: userFilter })] });
  const filteredOut = inside.length === 0 ? new Map() : await search(place, preset, others, tally);
  const isProof = root !== undefined && all.has(root) && tally.doubts.length === 0;
  return new Map(
    ids.map((id) => {
      const entry = all.get(id.toLowerCase());
      if (entry === undefined) return [id, isProof && wanted.includes(id) ? 'Deleted' : 'NotVisible'];
      if (!isInside(place, entry.dn)) return [id, 'OutOfBase'];
      return [id, filteredOut.has(id.toLowerCase()) ? 'FilteredOut' : 'NotVisible'];
    }),
  );
}

/** Looks for one person by DN, id, e-mail address or a name in that form, in the whole naming context of each place. */
export async function find({ places, query }: Directory, person: string): Promise<FoundEntry | undefined> {
  let best: FoundEntry | undefined;
  for (const place of places) {
    for (const entry of await candidates(place, query, person.trim())) {
      const found = await describe(place, query, entry);
      if (found.whereabouts === undefined) return found;
      best ??= found;
    }
  }
  return best;
}

/** The entry, and whether a read gives it. */
async function describe(place: Place, { preset, userFilter }: Query, entry: EntryAttributes): Promise<FoundEntry> {
  const externalId = identityOf(entry, preset);
  const label = labelOf(entry);
  if (!isInside(place, entry.dn)) return { externalId, label, whereabouts: 'OutOfBase' };
  const search = { base: entry.dn, filter: userFilter, attributes: [preset.identity.attribute] };
  const matching = await searchEntry(place, search);
  return matching === undefined ? { externalId, label, whereabouts: 'FilteredOut' } : { externalId, label };
}

async function candidates(place: Place, { preset, mapping }: Query, person: string): Promise<EntryAttributes[]> {
  if (person.includes('=') && normalizeDN(person) !== undefined) {
    const entry = await entryAt(place, person, preset);
    return entry === undefined ? [] : [entry];
  }
  const isId = preset.identity.assertion(person) !== undefined;
  const filter = isId
    ? anyOf(preset, [person])
    : withAddress([...mapping.email, ...(preset.signInNames ?? [])], person);
  return [...(await search(place, preset, filter, new Tally())).values()];
}

/** The entry with this DN; undefined where there is none, or none that this place can show. */
async function entryAt(place: Place, dn: string, { identity }: Preset): Promise<EntryAttributes | undefined> {
  try {
    const entry = await searchEntry(place, { base: dn, filter: anything, attributes: [identity.attribute] });
    return entry && new EntryAttributes(entry);
  } catch (error) {
    if (isInvisible(error)) return undefined;
    throw error;
  }
}

function withAddress(attributes: readonly string[], address: string): Filter {
  const filters = attributes.map((attribute) => {
    const value = attribute.toLowerCase() === 'proxyaddresses' ? `smtp:${address}` : address;
    return new EqualityFilter({ attribute, value });
  });
  return new OrFilter({ filters });
}

function anyOf({ identity }: Preset, ids: readonly string[]): Filter {
  const filters = ids.flatMap((id) => {
    const value = identity.assertion(id);
    return value === undefined ? [] : [new EqualityFilter({ attribute: identity.attribute, value })];
  });
  return new OrFilter({ filters });
}

const isInside = ({ userBases }: Place, dn: string): boolean =>
  userBases.some((base) => isWithin(normalizeDN(dn) ?? dn, normalizeDN(base) ?? base));

/** Entries that match, by id: in the naming context, or below the bases where the rest cannot be seen. */
async function search(
  place: Place,
  preset: Preset,
  filter: Filter,
  tally: Tally,
): Promise<Map<string, EntryAttributes>> {
  try {
    return await searchBelow([place.context], place, preset, filter, tally);
  } catch (error) {
    if (!isInvisible(error)) throw error;
    return await searchBelow(place.userBases, place, preset, filter, tally);
  }
}

async function searchBelow(
  bases: readonly string[],
  place: Place,
  preset: Preset,
  filter: Filter,
  tally: Tally,
): Promise<Map<string, EntryAttributes>> {
  const found = new Map<string, EntryAttributes>();
  const attributes = [preset.identity.attribute];
  for (const base of bases) {
    for await (const page of searchPages(place, { base, filter, attributes }, tally, preset.references)) {
      for (const entry of page.map((given) => new EntryAttributes(given))) found.set(identityOf(entry, preset), entry);
    }
  }
  return found;
}
