import type { EntryAttributes } from './attributes.ts';

/** The attribute with the id that an entry keeps when it is renamed or moved, and how the id is written. */
export interface Identity {
  readonly attribute: string;
  /** The id of an entry in lower case; undefined when the server shows none. */
  of(entry: EntryAttributes): string | undefined;
  /** What a filter compares the attribute with; undefined for a text that is no id, which would match nothing. */
  assertion(id: string): string | Buffer | undefined;
}

/** An id that is text, of this form. */
export function textIdentity(attribute: string, form: RegExp): Identity {
  return {
    attribute,
    of: (entry) => entry.values(attribute).next().value?.trim().toLowerCase(),
    assertion: (id) => (form.test(id) ? id : undefined),
  };
}

/** RFC 4122 section 3. */
export const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
