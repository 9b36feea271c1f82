import type { EntryAttributes } from './attributes.ts';
import { normalizeDN } from './dn.ts';
import type { Tally } from './tally.ts';

/** The attributes that list members (RFC 4519 and RFC 2307). */
export const memberAttributes = ['objectClass', 'member', 'uniqueMember', 'memberUid'] as const;

/** Classes that RFC 4519 allows no entry of without a member. */
const classesWithMembers: readonly string[] = ['groupofnames', 'groupofuniquenames'];

/**
 * Who is in which group. Groups are added first, then people are asked for, so that neither entries nor pairs of
 * DNs are kept: for each member there is one normalised DN, with the groups that list it.
 */
export class Memberships {
  readonly #nested: boolean;
  /** External id of each group; undefined for one that only passes its people on to the groups around it. */
  readonly #ids: (string | undefined)[] = [];
  readonly #keys: string[] = [];
  /** Indices of the groups that list a DN, which is in its normal form. */
  readonly #byDN = new Map<string, number[]>();
  /** Indices of the groups that list a user id. */
  readonly #byUid = new Map<string, number[]>();
  /** For each group: itself, and all groups around it. */
  readonly #around = new Map<number, readonly number[]>();

  /** @param nested whether the members of a member group are members. */
  constructor(nested: boolean) {
    this.#nested = nested;
  }

  /** Adds a group with what its entry lists, and notes what is doubtful about the list. */
  add(group: EntryAttributes, externalId: string | undefined, tally: Tally): void {
    const index = this.#ids.push(externalId) - 1;
    this.#keys.push(normalizeDN(group.dn) ?? group.dn);
    const members = [...group.all('member'), ...group.all('uniqueMember').map(withoutUniqueIdentifier)];
    for (const member of members) {
      const key = normalizeDN(member);
      if (key === undefined) tally.doubt('UnreadableMember', group.dn);
      else enlist(this.#byDN, key, index);
    }
    for (const uid of group.all('memberUid')) enlist(this.#byUid, uid, index);
    if (group.isPartial('member')) tally.doubt('PartialGroup', group.dn);
    else if (members.length === 0 && mustHaveMembers(group)) tally.doubt('HiddenMembers', group.dn);
  }

  /** Whether a group lists this DN, and no group of this DN was added. */
  misses(dn: string): boolean {
    const key = normalizeDN(dn) ?? dn;
    return this.#byDN.has(key) && !this.#keys.includes(key);
  }

  /**
   * External ids of the groups that somebody is in, each once. `memberUid` is compared with `uid` exactly, as Unix
   * compares names of accounts.
   */
  of(dn: string, uids: readonly string[]): string[] {
    const listing = [this.#byDN.get(normalizeDN(dn) ?? dn), ...uids.map((uid) => this.#byUid.get(uid))];
    const ids = new Set<string>();
    for (const group of listing.flatMap((groups) => groups ?? [])) {
      for (const around of this.#nested ? this.#groupsAround(group) : [group]) {
        const id = this.#ids[around];
        if (id !== undefined) ids.add(id);
      }
    }
    return [...ids];
  }

  /** The group and those that it is in, directly or not. A cycle is walked once. */
  #groupsAround(group: number): readonly number[] {
    const known = this.#around.get(group);
    if (known !== undefined) return known;
    const reached = new Set([group]);
    for (const inner of reached) {
      for (const outer of this.#byDN.get(this.#keys[inner] ?? '') ?? []) reached.add(outer);
    }
    const around = [...reached];
    this.#around.set(group, around);
    return around;
  }
}

function enlist(groups: Map<string, number[]>, key: string, group: number): void {
  const known = groups.get(key);
  if (known === undefined) groups.set(key, [group]);
  else if (known.at(-1) !== group) known.push(group);
}

/** A uniqueMember may end in a bit string that tells holders of one DN apart (RFC 4517 section 3.3.21). */
function withoutUniqueIdentifier(member: string): string {
  return member.replace(/#'[01]*'B$/, '');
}

function mustHaveMembers(group: EntryAttributes): boolean {
  return group.all('objectClass').some((name) => classesWithMembers.includes(name.toLowerCase()));
}
