import { truncate } from '../text.ts';

/** How many times something was met, and where first. */
type Sentences = Readonly<Record<string, (count: number, first: string) => string>>;

/** What makes a read doubtful. */
const doubtful = {
  Reference: (count: number, first: string) =>
    count === 1
      ? `The server refers to another server for a part of the tree: ${first}.`
      : `The server refers to other servers for ${count} parts of the tree, first to ${first}.`,
  NoCookie: (_: number, first: string) => `The server does not say whether there is more below ${first}.`,
  PartialGroup: (count: number, first: string) =>
    `The server lists only some of the members of ${count} groups, first of ${first}.`,
  HiddenMembers: (count: number, first: string) =>
    `The server shows no members of ${count} groups that must have some, first of ${first}: let the account read them.`,
  UnreadableMember: (count: number, first: string) =>
    `${count} groups list members that are not distinguished names, first ${first}.`,
  HiddenAccount: (count: number, first: string) =>
    `The server does not show whether ${count} accounts are disabled, first of ${first}: let the account read userAccountControl.`,
} as const satisfies Sentences;

/** What makes nothing doubtful, and is worth a word. */
const remarkable = {
  Reference: (count: number, first: string) =>
    count === 1
      ? `The server refers to another part of the forest, ${first}; it is not read.`
      : `The server refers to ${count} other parts of the forest, first to ${first}; they are not read.`,
  ForeignMember: (count: number, first: string) =>
    `${count} members of groups are foreign security principals, first ${first}; they are not followed.`,
  MemberElsewhere: (count: number, first: string) =>
    `${count} members of groups belong to domains that are not read, first ${first}; they are not followed.`,
  SmallerPages: (_: number, first: string) =>
    `The server refuses large pages; it was asked for ${first} entries at a time.`,
} as const satisfies Sentences;

/** As the status of a run allows. */
const maximumLength = 512;

/** Counts what the server gave, and what is doubtful or remarkable about it. Shared by the searches of one read. */
export class Tally {
  pages = 0;
  entries = 0;
  readonly #doubts = new Map<keyof typeof doubtful, Count>();
  readonly #remarks = new Map<keyof typeof remarkable, Count>();
  readonly #references = new Set<string>();

  /** Notes a reason to doubt; `where` is told of the first of its kind. */
  doubt(kind: keyof typeof doubtful, where: string): void {
    note(this.#doubts, kind, where);
  }

  remark(kind: keyof typeof remarkable, where: string): void {
    note(this.#remarks, kind, where);
  }

  /** Notes a reference to another server, each once however many searches meet it. */
  reference(meaning: 'Doubt' | 'Remark', uri: string): void {
    if (this.#references.has(uri)) return;
    if (this.#references.size < maximumReferences) this.#references.add(uri);
    if (meaning === 'Doubt') this.doubt('Reference', uri);
    else this.remark('Reference', uri);
  }

  /** One sentence for each kind. */
  get doubts(): string[] {
    return [...this.#doubts].map(([kind, { count, first }]) => truncate(doubtful[kind](count, first), maximumLength));
  }

  /** One sentence for each kind. */
  get remarks(): string[] {
    return [...this.#remarks].map(([kind, { count, first }]) =>
      truncate(remarkable[kind](count, first), maximumLength),
    );
  }
}

interface Count {
  count: number;
  readonly first: string;
}

function note<Kind>(counts: Map<Kind, Count>, kind: Kind, where: string): void {
  const known = counts.get(kind);
  if (known === undefined) counts.set(kind, { count: 1, first: where });
  else known.count += 1;
}

/** Against a server that makes them up. */
const maximumReferences = 1000;
