import type { Digest } from './digest.ts';
import type { KeyText } from './key.ts';
import type { MirroredKind, RowKey } from './rows.ts';

/** A row as the database holds it: what names the object, and a value of JSON for each column. */
export interface Stored {
  readonly namespace: string;
  readonly kind: MirroredKind;
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What is to become of a row. */
export type Change<S extends Stored = Stored> = { readonly stored: S } | { readonly gone: Gone };

export interface Gone extends RowKey {
  /** An administrator or the guard of a run let it pass already. */
  readonly confirmed: boolean;
}

/** What became of it. */
export interface Result {
  /** Whether the database was changed. */
  readonly written: boolean;
  /** What the row holds now; undefined when it is gone. */
  readonly digest: Digest | undefined;
}

/** What one transaction did to its rows, and what else there is to tell of it. */
export interface Applied<R extends Result> {
  readonly results: ReadonlyMap<KeyText, R>;
}
