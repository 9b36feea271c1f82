import type { DirectoryContents, DirectoryRecord, Evidence, Whereabouts } from './record.ts';

/** What a test of the connection saw; nobody is changed by it. */
export interface ConnectionTest {
  readonly server: string;
  readonly boundAs: string;
  readonly authority: string;
  /** How many entries match. */
  readonly people: number;
  readonly groups: number;
  /** Labels of the first people, five at most. */
  readonly sample: readonly string[];
}

/** An entry that was looked for by hand. */
export interface FoundEntry {
  readonly externalId: string;
  readonly label: string;
  /** Absent when a read gives the person; Group when it gives the entry as a group. */
  readonly whereabouts?: Whereabouts | 'Group';
}

/** A directory that can be read, not connected yet. */
export interface DirectoryReader {
  /** Connects and signs in, for one run or one test. Throws `DirectoryError`. `signal` ends whatever is under way. */
  open(signal: AbortSignal): Promise<OpenDirectory>;
}

/**
 * One server that is connected to; it is read as one account and closed. Failures that end a read are thrown as
 * `DirectoryError`; what merely makes it doubtful stands in the evidence.
 */
export interface OpenDirectory extends Disposable {
  /** Counts who matches. Throws `DirectoryError`. */
  test(): Promise<ConnectionTest>;
  /** Yields every person and group that matches, in any order, and returns the evidence. Throws `DirectoryError`. */
  read(): AsyncGenerator<DirectoryRecord, Evidence>;
  /** Looks up, by id, people whom `read` did not give; says of each where it is. Throws `DirectoryError`. */
  locate(externalIds: readonly string[]): Promise<ReadonlyMap<string, Whereabouts>>;
  /** Looks for one person by e-mail address, DN or id, wherever the account can see. Throws `DirectoryError`. */
  find(person: string): Promise<FoundEntry | undefined>;
}

/** Drains a directory. */
export async function readAll(directory: OpenDirectory): Promise<DirectoryContents> {
  const people = [];
  const groups = [];
  const rejected = [];
  const records = directory.read();
  for (let next = await records.next(); ; next = await records.next()) {
    if (next.done) return { people, groups, rejected, evidence: next.value };
    if (next.value.kind === 'Person') people.push(next.value);
    else if (next.value.kind === 'Group') groups.push(next.value);
    else rejected.push(next.value);
  }
}
