import type { Holder, PersonKind } from './rows.ts';

/** What only one person of a tenant can have. */
export type ClaimType = 'email' | 'domainAccount';

/** An address that a person is to have. `value` is canonical. */
export interface Want {
  readonly value: string;
  readonly kind: PersonKind;
  readonly name: string;
}

/** Who has which e-mail address: one row a tenant and canonical address. The holder keeps it. */
export interface Claims {
  /**
   * Takes addresses for people who are about to be created. Returns who has each of them afterwards: the one who
   * wants it, unless somebody was first. A claim whose person does not appear within ten minutes is released.
   */
  reserve(namespace: string, wants: readonly Want[]): Promise<Map<string, Holder>>;
  /** All addresses that are taken in a tenant. */
  holders(namespace: string): Promise<Map<string, Holder>>;
}
