import type { DirectoryContents, DirectoryRecord, Evidence } from './record.ts';

/** What a test of the connection saw; nothing was read but a sample. */
export interface ConnectionTest {
  readonly server: string;
  readonly boundAs: string;
  readonly authority: string;
}

/**
 * A directory that can be read. One reader serves one run: it connects afresh, reads one server and is closed.
 * Failures that end a read are thrown as `DirectoryError`; what merely makes it doubtful stands in the evidence.
 */
export interface DirectoryReader {
  /** Connects, binds and looks at the bases. Throws `DirectoryError`. */
  test(signal: AbortSignal): Promise<ConnectionTest>;
  /** Yields every person and group that matches, in any order, and returns the evidence. Throws `DirectoryError`. */
  read(signal: AbortSignal): AsyncGenerator<DirectoryRecord, Evidence>;
}

/** Drains a reader. */
export async function readAll(reader: DirectoryReader, signal: AbortSignal): Promise<DirectoryContents> {
  const people = [];
  const groups = [];
  const rejected = [];
  const records = reader.read(signal);
  for (let next = await records.next(); ; next = await records.next()) {
    if (next.done) return { people, groups, rejected, evidence: next.value };
    if (next.value.kind === 'Person') people.push(next.value);
    else if (next.value.kind === 'Group') groups.push(next.value);
    else rejected.push(next.value);
  }
}
