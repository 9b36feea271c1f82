import type { EntryAttributes } from './attributes.ts';

/** What a directory says about an account; nothing when it is enabled and does not end. */
export interface AccountState {
  readonly enabled?: false;
  /** RFC 3339. */
  readonly expiresAt?: string;
}

/** How a kind of server tells the state of an account. */
export interface AccountRules {
  readonly attributes: readonly string[];
  /** Undefined when the server hides what every account has. Throws InvalidValue. */
  stateOf(entry: EntryAttributes): AccountState | undefined;
}

/** A value that makes the record unusable; the other records go on. */
export class InvalidValue extends Error {}

/** An account that is disabled when a Boolean (RFC 4517 section 3.3.3) is true. */
export function disabledWhenTrue(attribute: string): AccountRules {
  return {
    attributes: [attribute],
    stateOf: (entry) => (entry.first([attribute])?.toUpperCase() === 'TRUE' ? { enabled: false } : {}),
  };
}
