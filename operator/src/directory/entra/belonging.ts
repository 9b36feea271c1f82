/** A group as far as memberships go: the groups that list it. */
export interface Nesting {
  readonly id: string;
  readonly groups: readonly string[];
}

/** Which of the wanted groups somebody is in, told by the groups that list them. */
export class Belonging {
  readonly #nested: boolean;
  readonly #groups: ReadonlyMap<string, Nesting>;
  readonly #wanted: ReadonlySet<string>;
  /** For each group: the wanted ones at it or around it. */
  readonly #around = new Map<string, readonly string[]>();

  /**
   * @param groups all groups: one that is not wanted still passes its people on to those around it.
   * @param nested whether the members of a member group are members.
   */
  constructor(groups: ReadonlyMap<string, Nesting>, wanted: ReadonlySet<string>, nested: boolean) {
    this.#groups = groups;
    this.#wanted = wanted;
    this.#nested = nested;
  }

  /** Ids of the wanted groups, each once. */
  of(listing: readonly string[]): readonly string[] {
    const [first, ...others] = listing.map((group) => this.#reach(group));
    if (first === undefined) return [];
    if (others.every((list) => list.length === 0)) return first;
    return [...new Set([...first, ...others.flat()])];
  }

  #reach(group: string): readonly string[] {
    const known = this.#around.get(group);
    if (known !== undefined) return known;
    const reached = new Set<string>();
    const pending = [group];
    // A group inside itself is walked once.
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      const found = this.#groups.get(id);
      if (found === undefined || reached.has(found.id)) continue;
      reached.add(found.id);
      if (this.#nested) pending.push(...found.groups);
    }
    const around = [...reached].filter((id) => this.#wanted.has(id));
    this.#around.set(group, around);
    return around;
  }
}
