import { canonicalAddress } from '@roster/crds';
import type { PersonRecord } from '../record.ts';
import { personKind, type Succession } from './candidate.ts';
import { paced, type Steps } from './steps.ts';
import type { KnownPerson, Tenant } from './tenant.ts';
import type { PlanInput } from './types.ts';

export interface Successor {
  readonly person: KnownPerson;
  readonly how: Succession;
}

/**
 * Finds, for entries that are nobody yet, the person whose block they come to: of the directory that is taken over, by
 * on-premises id and then by address; or of this directory, when an administrator says that an entry is the person who is
 * missing and has its address. Nobody is found for whom there are several entries, nor for an entry that could be several.
 */
export function* findSuccessors(
  { directory, contents }: PlanInput,
  tenant: Tenant,
): Steps<ReadonlyMap<PersonRecord, Successor>> {
  const same = new Set(directory.samePerson);
  if (directory.takesOver === undefined && same.size === 0) return new Map();
  const present = new Set<string>();
  yield* paced(contents.people, ({ externalId }) => present.add(externalId));
  const kind = personKind(directory);

  const takenOver = ({ kind: actual, object }: KnownPerson) =>
    actual === kind && directory.takesOver !== undefined && object.spec.source?.directory === directory.takesOver;
  const isMissing = ({ kind: actual, object: { spec } }: KnownPerson) =>
    actual === kind && spec.source?.directory === directory.name && !present.has(spec.source.externalId);

  const byId = new Claims();
  const byAddress = new Claims();
  yield* paced(contents.people, (record) => {
    const known = tenant.byIdentity.get(record.externalId);
    // A directory that was made anew reads the very entries of the one that it takes over.
    if (known.length === 1) byId.add(record, known.filter(takenOver));
    if (known.length > 0) return;
    const { onPremisesId } = record;
    if (onPremisesId !== undefined)
      byId.add(record, tenant.elsewhere.get(onPremisesId.toLowerCase()).filter(takenOver));
    const address = record.email === undefined ? undefined : canonicalAddress(record.email);
    const holders = typeof address === 'string' ? tenant.byAddress.get(address) : [];
    const wanted = same.has(record.externalId) ? isMissing : takenOver;
    if (holders.length === 1) byAddress.add(record, holders.filter(wanted));
  });

  const successors = new Map<PersonRecord, Successor>();
  const succeeded = new Set<KnownPerson>();
  for (const claims of [byId, byAddress]) {
    for (const [person, record] of claims.undisputed()) {
      if (succeeded.has(person) || successors.has(record)) continue;
      const how = takenOver(person) ? 'TakeOver' : 'SamePerson';
      successors.set(record, { person, how });
    }
    // Whoever is claimed by id belongs to one of these entries, even when nobody can tell to which.
    for (const person of claims.people()) succeeded.add(person);
  }
  return successors;
}

/** Which entries come into question for whom. */
class Claims {
  readonly #records = new Map<KnownPerson, PersonRecord[]>();

  add(record: PersonRecord, people: readonly KnownPerson[]) {
    const [person] = people;
    if (person === undefined || people.length > 1) return;
    this.#records.set(person, [...(this.#records.get(person) ?? []), record]);
  }

  people() {
    return this.#records.keys();
  }

  *undisputed(): Generator<[KnownPerson, PersonRecord]> {
    for (const [person, [record, ...others]] of this.#records) {
      if (record !== undefined && others.length === 0) yield [person, record];
    }
  }
}
