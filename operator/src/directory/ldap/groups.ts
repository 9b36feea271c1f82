import { setImmediate } from 'node:timers/promises';
import type { EntryAttributes, Range } from './attributes.ts';
import { keyOfName, plainDN } from './dn.ts';
import type { Tally } from './tally.ts';

/** Classes that RFC 4519 allows no entry of without a member. */
const classesWithMembers: readonly string[] = ['groupofnames', 'groupofuniquenames'];

export interface MembershipOptions {
  /** Whether the members of a member group are members. */
  readonly nested: boolean;
  /** Whether the server allows groups without members; if not, one that shows none hides them. */
  readonly emptyGroups: boolean;
  /** Whether the entry of a DN is known to be in a directory that is not read. */
  readonly isElsewhere?: ((dn: string) => boolean) | undefined;
}

export interface GroupNames {
  /** Undefined for a group that only passes its people on. */
  readonly externalId?: string | undefined;
  /** What members call it whose primary group it is. */
  readonly primaryName?: string | undefined;
}

/** Members of a group that are still to be read. */
export interface Remainder {
  readonly group: number;
  readonly key: string;
  readonly dn: string;
  /** Place of the first one. */
  readonly from: number;
}

/** What is left behind this range; nothing, and a doubt, where it is not the range that was expected. */
function remainder(asked: Remainder, { start, end }: Range, tally: Tally): Remainder | undefined {
  const fits = start === asked.from && (end === undefined || end >= start);
  if (!fits) tally.doubt('PartialGroup', asked.dn);
  return fits && end !== undefined ? { ...asked, from: end + 1 } : undefined;
}

/**
 * The container of placeholders for members from outside the forest, and for groups that are computed.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/ (foreignSecurityPrincipals Container)
 */
const foreignPrincipals = ',CN=ForeignSecurityPrincipals,';

/**
 * Who is in which group. Groups are added first, then people are asked for, so that neither entries nor pairs of
 * DNs are kept: for each member there is one key, with the groups that list it.
 */
export class Memberships {
  readonly #nested: boolean;
  readonly #emptyGroups: boolean;
  readonly #isElsewhere: (dn: string) => boolean;
  /** External id of each group; undefined for one that only passes its people on to the groups around it. */
  readonly #ids: (string | undefined)[] = [];
  readonly #keys: string[] = [];
  readonly #known = new Set<string>();
  /** The groups that list a name. */
  readonly #byName = new Index();
  /** The groups that list a user id. */
  readonly #byUid = new Index();
  /** The groups that members name as their primary one. */
  readonly #primary = new Index();
  /** Members since others had their turn. */
  #work = 0;
  /** For each group: itself, and all groups around it. */
  readonly #around = new Map<number, readonly number[]>();

  constructor({ nested, emptyGroups, isElsewhere = () => false }: MembershipOptions) {
    this.#nested = nested;
    this.#emptyGroups = emptyGroups;
    this.#isElsewhere = isElsewhere;
  }

  /**
   * Adds a group with what its entry lists, and notes what is doubtful about the list. Lets others have their turn
   * now and then, since a group may have as many members as there are people. Gives what is still to be read where
   * the server listed only some of the members.
   */
  async add(
    group: EntryAttributes,
    { externalId, primaryName }: GroupNames,
    tally: Tally,
  ): Promise<Remainder | undefined> {
    const index = this.#ids.push(externalId) - 1;
    this.#keys.push(group.key);
    this.#known.add(group.key);
    if (primaryName !== undefined) this.#primary.add(primaryName, index);
    const members = await this.#addMembers(group, index, tally);
    for (const uid of group.values('memberUid')) {
      this.#byUid.add(uid, index);
      if (this.#isTimeForOthers()) await setImmediate();
    }
    const range = group.range('member');
    if (range === undefined) {
      if (members === 0 && !this.#emptyGroups && mustHaveMembers(group)) tally.doubt('HiddenMembers', group.dn);
      return undefined;
    }
    return remainder({ group: index, key: group.key, dn: group.dn, from: 0 }, range, tally);
  }

  /** Adds what was asked for as a remainder; undefined when the group is no longer there. */
  async addRemainder(
    asked: Remainder,
    group: EntryAttributes | undefined,
    tally: Tally,
  ): Promise<Remainder | undefined> {
    const range = group?.range('member');
    if (group === undefined || range === undefined) {
      tally.doubt('PartialGroup', asked.dn);
      return undefined;
    }
    await this.#addMembers(group, asked.group, tally);
    return remainder(asked, range, tally);
  }

  async #addMembers(group: EntryAttributes, index: number, tally: Tally): Promise<number> {
    let members = 0;
    let unreadable = 0;
    for (const member of memberNames(group)) {
      const key = keyOfName(member);
      if (key === undefined) unreadable += 1;
      else this.#byName.add(key, index);
      if (member.includes(foreignPrincipals)) tally.remark('ForeignMember', plainDN(member));
      else if (this.#isElsewhere(plainDN(member))) tally.remark('MemberElsewhere', plainDN(member));
      members += 1;
      if (this.#isTimeForOthers()) await setImmediate();
    }
    if (unreadable > 0) tally.doubt('UnreadableMember', group.dn);
    return members;
  }

  #isTimeForOthers(): boolean {
    this.#work = (this.#work + 1) % membersATurn;
    return this.#work === 0;
  }

  /** Whether a group lists this name, and no group of this name was added. */
  misses(key: string): boolean {
    return this.#byName.has(key) && !this.#known.has(key);
  }

  /**
   * External ids of the groups that somebody is in, each once. `memberUid` is compared with `uid` exactly, as Unix
   * compares names of accounts.
   */
  of(key: string, uids: Iterable<string> = [], primaryName?: string): string[] {
    const ids = new Set<string>();
    this.#collect(this.#byName.of(key), ids);
    for (const uid of uids) this.#collect(this.#byUid.of(uid), ids);
    if (primaryName !== undefined) this.#collect(this.#primary.of(primaryName), ids);
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
      for (const outer of this.#byName.of(this.#keys[inner] ?? '')) reached.add(outer);
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

function* memberNames(group: EntryAttributes): Generator<string> {
  yield* group.values('member');
  // A uniqueMember may end in a bit string that tells holders of one DN apart (RFC 4517 section 3.3.21).
  for (const member of group.values('uniqueMember')) yield member.replace(/#'[01]*'B$/, '');
}

function mustHaveMembers(group: EntryAttributes): boolean {
  return group.values('objectClass').some((name) => classesWithMembers.includes(name.toLowerCase()));
}
