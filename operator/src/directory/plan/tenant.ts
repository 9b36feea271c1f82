import {
  type AppRole,
  canonicalAccount,
  canonicalAddress,
  effectivePerson,
  type Group,
  type Licence,
  licences,
  type Person,
} from '@roster/crds';
import type { Rights } from './privilege.ts';
import { paced, type Steps } from './steps.ts';
import type { DirectorySettings, ExistingTenant, PersonKind, Tombstone } from './types.ts';

/** A person of the tenant before the run. */
export interface KnownPerson {
  readonly kind: PersonKind;
  readonly object: Person;
  /** Canonical address in force. */
  readonly address: string | undefined;
  /** Domain account in force, as accounts are compared. */
  readonly account: string | undefined;
  /** The one declared by hand, in force or not, as accounts are compared. */
  readonly declaredAccount: string | undefined;
  /** Whether the read has a record of this person, usable or not. */
  found: boolean;
  /** Whether the person wants another address in this plan. */
  movesAddress: boolean;
  /** Whether another domain account, or none, will be in force. */
  leavesAccount: boolean;
}

/** A group of the directory's organization before the run. */
export interface KnownGroup {
  readonly object: Group;
  /** Name in force, as names are compared. */
  readonly nameKey: string;
  found: boolean;
  /** Whether the group wants another name in this plan. */
  renamed: boolean;
}

/** The tenant before the run, by all that records are compared with. */
export interface Tenant extends Rights {
  /** How many people there are. */
  readonly people: number;
  /** People whom this directory fills. */
  readonly ours: readonly KnownPerson[];
  /** People of this authority by external id, whichever directory fills them. */
  readonly byIdentity: Multimap<KnownPerson>;
  readonly byAddress: Multimap<KnownPerson>;
  /** People whom other directories fill, by external id in lower case. */
  readonly elsewhere: Multimap<KnownPerson>;
  /** By the account in force and the declared one. */
  readonly byAccount: Multimap<KnownPerson>;
  /** By canonical address. */
  readonly tombstones: Multimap<Tombstone>;
  /** External ids of this authority that belong to tombstones. */
  readonly buried: ReadonlySet<string>;
  /** How many more users may hold a licence; undefined for any number. */
  freeSeats(licence: Licence): number | undefined;
  readonly claims: NonNullable<ExistingTenant['claims']>;
  readonly groups: {
    /** This directory's groups by external id. */
    readonly ours: ReadonlyMap<string, KnownGroup>;
    /** Groups of the directory's organization by name as compared. */
    readonly byName: Multimap<KnownGroup>;
    hasObject(name: string): boolean;
  };
  hasPerson(kind: string, name: string): boolean;
}

/** Most keys have one value only, so a list is made for the second. */
export class Multimap<V extends object> {
  readonly #values = new Map<string, V | V[]>();

  add(key: string, value: V) {
    const present = this.#values.get(key);
    if (present === undefined) this.#values.set(key, value);
    else if (Array.isArray(present)) present.push(value);
    else this.#values.set(key, [present, value]);
  }

  get(key: string): readonly V[] {
    const present = this.#values.get(key);
    if (present === undefined) return [];
    return Array.isArray(present) ? present : [present];
  }
}

/** Reads every object of the tenant once. */
export function* knowTenant(existing: ExistingTenant, directory: DirectorySettings): Steps<Tenant> {
  const ours: KnownPerson[] = [];
  const byIdentity = new Multimap<KnownPerson>();
  const byAddress = new Multimap<KnownPerson>();
  const elsewhere = new Multimap<KnownPerson>();
  const seats = new Map<Licence, number>();
  const byAccount = new Multimap<KnownPerson>();
  const names: Record<string, Set<string>> = { User: new Set(), Recipient: new Set() };
  let people = 0;
  const meet = (kind: PersonKind, object: Person) => {
    const effective = effectivePerson(object.spec);
    const declared = 'domainAccount' in object.spec ? object.spec.domainAccount : undefined;
    const person: KnownPerson = {
      kind,
      object,
      address: effective.email,
      account: effective.domainAccountKey,
      declaredAccount: declared === undefined ? undefined : canonicalAccount(declared),
      found: false,
      movesAddress: false,
      leavesAccount: false,
    };
    people += 1;
    names[kind]?.add(object.metadata.name);
    if (person.address !== undefined) byAddress.add(person.address, person);
    const { account, declaredAccount } = person;
    if (account !== undefined) byAccount.add(account, person);
    if (declaredAccount !== undefined && declaredAccount !== account) byAccount.add(declaredAccount, person);
    const source = object.spec.source;
    if (source?.authority === directory.authority) byIdentity.add(source.externalId, person);
    if (source?.directory === directory.name) ours.push(person);
    else if (source !== undefined) elsewhere.add(source.externalId.toLowerCase(), person);
    if (existing.seats === undefined || kind === 'Recipient' || !effective.enabled) return;
    const licence = licenceOf(object.spec, existing.roles);
    seats.set(licence, (seats.get(licence) ?? 0) + 1);
  };
  yield* paced(existing.users, (user) => meet('User', user));
  yield* paced(existing.recipients, (recipient) => meet('Recipient', recipient));

  const tombstones = new Multimap<Tombstone>();
  const buried = new Set<string>();
  yield* paced(existing.tombstones, (tombstone) => {
    const address = canonicalAddress(tombstone.email);
    if (typeof address === 'string') tombstones.add(address, tombstone);
    const { authority, externalId } = tombstone;
    if (authority === directory.authority && externalId !== undefined) buried.add(externalId);
  });
  return {
    people,
    ours,
    byIdentity,
    byAddress,
    elsewhere,
    byAccount,
    tombstones,
    buried,
    freeSeats: (licence) => {
      const limit = licence === 'Unlicensed' ? undefined : existing.seats?.[seatOf[licence]];
      return limit === undefined ? undefined : Math.max(0, limit - (seats.get(licence) ?? 0));
    },
    claims: existing.claims ?? new Map(),
    groups: yield* knowGroups(existing.groups, directory),
    roles: existing.roles,
    owner: existing.owner,
    hasPerson: (kind, name) => names[kind]?.has(name) ?? false,
  };
}

const seatOf = { Creator: 'creator', Explorer: 'explorer', Viewer: 'viewer' } as const;

/** The licence that somebody takes: the highest of the enabled roles in force. */
export function licenceOf(spec: Person['spec'], known: ReadonlyMap<string, AppRole>): Licence {
  const { roles, organizations } = effectivePerson(spec);
  let highest = licences.length - 1;
  for (const name of [...roles, ...organizations.flatMap((membership) => membership.roles)]) {
    const role = known.get(name)?.spec;
    if (role?.enabled) highest = Math.min(highest, licences.indexOf(role.licence));
  }
  return licences[highest] ?? 'Unlicensed';
}

function* knowGroups(groups: Iterable<Group>, directory: DirectorySettings): Steps<Tenant['groups']> {
  const ours = new Map<string, KnownGroup>();
  const byName = new Multimap<KnownGroup>();
  const names = new Set<string>();
  yield* paced(groups, (object) => {
    const { source, organization } = object.spec;
    const name = object.spec.displayName ?? source?.displayName ?? object.metadata.name;
    const group: KnownGroup = { object, nameKey: groupNameKey(name), found: false, renamed: false };
    names.add(object.metadata.name);
    if (organization === directory.organization) byName.add(group.nameKey, group);
    if (source?.directory === directory.name && source.authority === directory.authority) {
      ours.set(source.externalId, group);
    }
  });
  return { ours, byName, hasObject: (name) => names.has(name) };
}

/** The spelling by which names of groups are compared: people take `Sales` and `sales ` for one group. */
export function groupNameKey(name: string): string {
  return name.trim().normalize('NFC').toLowerCase();
}
