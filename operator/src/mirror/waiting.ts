import type { Conflict, Freed } from './claims.ts';
import type { KeyText } from './key.ts';

/**
 * Who waits for what somebody else has. Only in memory: after a restart everybody is written again, and whoever
 * finds the address taken waits again.
 */
export class Waiting {
  readonly #byClaim = new Map<string, Set<KeyText>>();
  readonly #byPerson = new Map<KeyText, ReadonlySet<string>>();

  /** What a person waits for now, in place of what it was. Who waits for the same thing still keeps the place. */
  update(person: KeyText, conflicts: readonly Conflict[]): void {
    const claims = new Set(conflicts.map(claimText));
    for (const claim of this.#byPerson.get(person) ?? []) if (!claims.has(claim)) this.#leave(claim, person);
    if (claims.size === 0) {
      this.#byPerson.delete(person);
      return;
    }
    this.#byPerson.set(person, claims);
    for (const claim of claims) this.#byClaim.set(claim, (this.#byClaim.get(claim) ?? new Set()).add(person));
  }

  /** Who waits for it, longest first. */
  of(freed: Freed): KeyText[] {
    return [...(this.#byClaim.get(claimText(freed)) ?? [])];
  }

  everybody(): KeyText[] {
    return [...this.#byPerson.keys()];
  }

  #leave(claim: string, person: KeyText): void {
    const waiting = this.#byClaim.get(claim);
    waiting?.delete(person);
    if (waiting?.size === 0) this.#byClaim.delete(claim);
  }
}

/** Namespaces and types hold no slash. */
function claimText({ namespace, type, value }: Freed): string {
  return `${namespace}/${type}/${value}`;
}
