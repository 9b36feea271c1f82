import { setImmediate } from 'node:timers/promises';
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
  readonly #emptyGroups: boolean;
  /** External id of each group; undefined for one that only passes its people on to the groups around it. */
  readonly #ids: (string | undefined)[] = [];
  readonly #keys: string[] = [];
  /** The groups that list a DN, which is in its normal form. */
  readonly #byDN = new Index();
  /** The groups that list a user id. */
  readonly #byUid = new Index();
  /** Members since others had their turn. */
  #work = 0;
  /** For each group: itself, and all groups around it. */
  readonly #around = new Map<number, readonly number[]>();

  /**
   * @param nested whether the members of a member group are members.
   * @param emptyGroups whether the server allows groups without members; if not, one that shows none hides them.
   */
  constructor(nested: boolean, emptyGroups: boolean) {
    this.#nested = nested;
    this.#emptyGroups = emptyGroups;
  }

  /**
   * Adds a group with what its entry lists, and notes what is doubtful about the list. Lets others have their turn
   * now and then, since a group may have as many members as there are people.
   */
  async add(group: EntryAttributes, externalId: string | undefined, tally: Tally): Promise<void> {
    const index = this.#ids.push(externalId) - 1;
    this.#keys.push(normalizeDN(group.dn) ?? group.dn);
    let members = 0;
    let unreadable = 0;
    for (const member of memberDNs(group)) {
      const key = normalizeDN(member);
      if (key === undefined) unreadable += 1;
      else this.#byDN.add(key, index);
      members += 1;
      if (this.#isTimeForOthers()) await setImmediate();
    }
    for (const uid of group.values('memberUid')) {
      this.#byUid.add(uid, index);
      if (this.#isTimeForOthers()) await setImmediate();
    }
    const hidden = members === 0 && !this.#emptyGroups && mustHaveMembers(group);
    if (unreadable > 0) tally.doubt('UnreadableMember', group.dn);
    if (group.isPartial('member')) tally.doubt('PartialGroup', group.dn);
    else if (hidden) tally.doubt('HiddenMembers', group.dn);
  }

  #isTimeForOthers(): boolean {
    this.#work = (this.#work + 1) % membersATurn;
    return this.#work === 0;
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
  of(dn: string, uids: Iterable<string>): string[] {
    const ids = new Set<string>();
    this.#collect(this.#byDN.of(normalizeDN(dn) ?? dn), ids);
    for (const uid of uids) this.#collect(this.#byUid.of(uid), ids);
    return [...ids];
  }

  #collect(listing: readonly number[], ids: Set<string>): void {
    for (const group of listing) {
      for (const around of this.#nested ? this.#groupsAround(group) : [group]) {
        const id = this.#ids[around];
        if (id !== undefined) ids.add(id);
      }
    }
  }

  /** The group and those that it is in, directly or not. A cycle is walked once. */
  #groupsAround(group: number): readonly number[] {
    const known = this.#around.get(group);
    if (known !== undefined) return known;
    const reached = new Set([group]);
    for (const inner of reached) {
      for (const outer of this.#byDN.of(this.#keys[inner] ?? '')) reached.add(outer);
    }
    const around = [...reached];
    this.#around.set(group, around);
    return around;
  }
}

/** Short lists of numbers by text, chained in arrays: an array each would take more room than the members. */
class Index {
  readonly #slots = new Map<string, number>();
  /** For each slot: where its chain begins. */
  readonly #heads: number[] = [];
  readonly #values: number[] = [];
  readonly #next: number[] = [];

  has(text: string): boolean {
    return this.#slots.has(text);
  }

  add(text: string, value: number): void {
    let slot = this.#slots.get(text);
    if (slot === undefined) {
      slot = this.#heads.push(none) - 1;
      this.#slots.set(text, slot);
    }
    this.#next.push(this.#heads[slot] ?? none);
    this.#heads[slot] = this.#values.push(value) - 1;
  }

  of(text: string): number[] {
    const values: number[] = [];
    const slot = this.#slots.get(text);
    if (slot === undefined) return values;
    for (let at = this.#heads[slot] ?? none; at !== none; at = this.#next[at] ?? none)
      values.push(this.#values[at] ?? none);
    return values;
  }
}

/** Ends a chain. */
const none = -1;

/** A few milliseconds of work. */
const membersATurn = 2000;

function* memberDNs(group: EntryAttributes): Generator<string> {
  yield* group.values('member');
  // A uniqueMember may end in a bit string that tells holders of one DN apart (RFC 4517 section 3.3.21).
  for (const member of group.values('uniqueMember')) yield member.replace(/#'[01]*'B$/, '');
}

function mustHaveMembers(group: EntryAttributes): boolean {
  return group.values('objectClass').some((name) => classesWithMembers.includes(name.toLowerCase()));
}
