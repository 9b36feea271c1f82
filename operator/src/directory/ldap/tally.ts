import { truncate } from '../text.ts';

/** What makes a read doubtful: how many times it was met, and where first. */
const sentences = {
  Reference: (count: number, first: string) =>
    `The server refers to other servers for ${count} parts of the tree, first to ${first}.`,
  NoCookie: (_: number, first: string) => `The server does not say whether there is more below ${first}.`,
  PartialGroup: (count: number, first: string) =>
    `The server lists only some of the members of ${count} groups, first of ${first}.`,
  HiddenMembers: (count: number, first: string) =>
    `The server shows no members of ${count} groups that must have some, first of ${first}: let the account read them.`,
  UnreadableMember: (count: number, first: string) =>
    `${count} groups list members that are not distinguished names, first ${first}.`,
} as const;

/** As the status of a run allows. */
const maximumLength = 512;

/** Counts what the server gave, and what is doubtful about it. Shared by the searches of one read. */
export class Tally {
  pages = 0;
  entries = 0;
  readonly #doubts = new Map<keyof typeof sentences, { count: number; readonly first: string }>();

  /** Notes a reason to doubt; `where` is told of the first of its kind. */
  doubt(kind: keyof typeof sentences, where: string): void {
    const known = this.#doubts.get(kind);
    if (known === undefined) this.#doubts.set(kind, { count: 1, first: where });
    else known.count += 1;
  }

  /** One sentence for each kind. */
  get doubts(): string[] {
    return [...this.#doubts].map(([kind, { count, first }]) => truncate(sentences[kind](count, first), maximumLength));
  }
}
