import { type AccountState, InvalidValue } from '../ldap/account.ts';
import type { EntryAttributes } from '../ldap/attributes.ts';

/** Attributes with the state of an account. Both are in the property set Account Restrictions. */
export const accountAttributes = ['userAccountControl', 'accountExpires'] as const;

/** https://learn.microsoft.com/troubleshoot/windows-server/active-directory/useraccountcontrol-manipulate-account-properties */
const accountDisable = 0x2;

/**
 * What an entry says about its account, undefined when it does not show userAccountControl, which every account has.
 * That it is locked for wrong passwords or that its password has expired passes by itself: it stays enabled.
 */
export function accountState(entry: EntryAttributes): AccountState | undefined {
  const control = integer(entry, 'userAccountControl');
  if (control === undefined) return undefined;
  const expires = integer(entry, 'accountExpires');
  const expiresAt = expires === undefined ? undefined : timeOf(expires);
  return {
    ...((control & BigInt(accountDisable)) !== 0n && { enabled: false }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function integer(entry: EntryAttributes, attribute: string): bigint | undefined {
  const value = entry.first([attribute]);
  if (value === undefined) return undefined;
  if (!/^-?\d{1,19}$/.test(value)) throw new InvalidValue(`The value of ${attribute} is not a number.`);
  return BigInt(value);
}

/** Between 1601-01-01, from which Windows counts, and 1970-01-01, in units of 100 ns. */
const epoch = 116_444_736_000_000_000n;

/** RFC 3339 has four digits for the year. */
const lastSecond = BigInt(Date.UTC(9999, 11, 31) / 1000);

/**
 * The time that accountExpires means, to the second; undefined for never, which is 0 or 2^63-1
 * (https://learn.microsoft.com/windows/win32/adschema/a-accountexpires), and for what is beyond every calendar.
 */
function timeOf(accountExpires: bigint): string | undefined {
  const seconds = (accountExpires - epoch) / 10_000_000n;
  if (accountExpires <= 0n || seconds > lastSecond) return undefined;
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}
