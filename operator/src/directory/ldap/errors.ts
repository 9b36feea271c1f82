import { DirectoryError, type directoryErrors } from '../../errors.ts';
import { type ConnectionPhase, networkError } from '../networkerror.ts';
import { truncate } from '../text.ts';
import { MalformedMessage } from './ber.ts';
import type { Result } from './message.ts';

type DirectoryReason = keyof typeof directoryErrors;

/** What was being done when it failed; the same code means another thing to a bind than to a search. */
export interface Attempt {
  /** URL of the server. */
  readonly server: string;
  readonly stage: 'Bind' | 'StartTLS' | 'WhoAmI' | 'Search';
  /** The account, or undefined when anonymous. */
  readonly username?: string | undefined;
  /** What is searched. */
  readonly base?: string;
  /** By what. */
  readonly filter?: string;
}

/** Reasons of result codes (RFC 4511 appendix A.2) whatever is being done. */
const reasonsOfCodes: Readonly<Record<number, DirectoryReason>> = {
  3: 'TimeLimitExceeded',
  4: 'SizeLimitExceeded',
  8: 'StrongerAuthRequired',
  10: 'BaseNotFound', // referral: another server has the base
  11: 'SizeLimitExceeded', // adminLimitExceeded: 389 Directory Server's lookthrough limit, for example
  13: 'StrongerAuthRequired', // confidentialityRequired
  18: 'InvalidFilter', // inappropriateMatching
  21: 'InvalidFilter', // invalidAttributeSyntax
  32: 'BaseNotFound',
  34: 'InvalidBaseDN',
  50: 'InsufficientAccess',
  51: 'ServerBusy',
  52: 'ServerBusy',
  53: 'InsufficientAccess', // unwillingToPerform
};

/** Where a code says something about the account when the account is what is being tried. */
const reasonsOfBind: Readonly<Record<number, DirectoryReason>> = {
  7: 'InvalidCredentials', // authMethodNotSupported
  19: 'InvalidCredentials', // 389 Directory Server: too many wrong passwords
  32: 'InvalidCredentials',
  34: 'InvalidCredentials',
  48: 'InvalidCredentials', // inappropriateAuthentication
  49: 'InvalidCredentials',
  50: 'InvalidCredentials',
  53: 'InvalidCredentials', // 389 Directory Server: the account is inactivated
};

/**
 * What Active Directory adds to invalidCredentials, as `AcceptSecurityContext error, data 52e`: the low part of a
 * Windows error code. https://learn.microsoft.com/windows/win32/debug/system-error-codes--1300-1699-
 */
const reasonsOfWindows: Readonly<Record<string, DirectoryReason>> = {
  '525': 'InvalidCredentials', // ERROR_NO_SUCH_USER
  '52e': 'InvalidCredentials', // ERROR_LOGON_FAILURE
  '530': 'LogonRestricted', // ERROR_INVALID_LOGON_HOURS
  '531': 'LogonRestricted', // ERROR_INVALID_WORKSTATION
  '532': 'PasswordExpired', // ERROR_PASSWORD_EXPIRED
  '533': 'AccountDisabled', // ERROR_ACCOUNT_DISABLED
  '701': 'AccountExpired', // ERROR_ACCOUNT_EXPIRED
  '773': 'PasswordMustChange', // ERROR_PASSWORD_MUST_CHANGE
  '775': 'AccountLocked', // ERROR_ACCOUNT_LOCKED_OUT
};

function reasonOfWindows(diagnostic: string): DirectoryReason | undefined {
  const [, code = ''] = /AcceptSecurityContext error, data ([0-9a-f]+)/i.exec(diagnostic) ?? [];
  return reasonsOfWindows[code.toLowerCase()];
}

/** Says what a result other than success means. */
export function resultError(result: Result, attempt: Attempt): DirectoryError {
  const ofAccount = attempt.stage === 'Bind' && result.code === 49 ? reasonOfWindows(result.diagnostic) : undefined;
  const reason = ofAccount ?? reasonOfResult(result.code, attempt);
  const said = result.diagnostic === '' ? '' : `: "${result.diagnostic}"`;
  return new DirectoryError(reason, `${sentence(reason, attempt)} (result code ${result.code}${said}).`);
}

function reasonOfResult(code: number, { stage, username }: Attempt): DirectoryReason {
  if (stage === 'StartTLS') return code === 51 || code === 52 ? 'ServerBusy' : 'TLSFailed';
  const ofBind = stage === 'Bind' ? reasonsOfBind[code] : undefined;
  // OpenLDAP asks who is anonymous for stronger authentication where it wants an account at all.
  const ofAnonymous = username === undefined && [1, 8, 48, 49].includes(code) ? 'InsufficientAccess' : undefined;
  return ofBind ?? ofAnonymous ?? reasonsOfCodes[code] ?? 'ProtocolError';
}

/** Of which a person recognises which filter it is, and which leaves room for what the server says of it. */
const longestFilter = 300;

/** What is wrong with the account, not with the server or the way to it. */
const reasonsOfAccounts: ReadonlySet<DirectoryReason> = new Set(Object.values(reasonsOfWindows));

function sentence(reason: DirectoryReason, { server, stage, username, base, filter }: Attempt): string {
  const who = username === undefined ? 'an anonymous reader' : username;
  if (stage === 'Bind' && reasonsOfAccounts.has(reason)) return `${server} refuses the account ${who}`;
  if (reason === 'BaseNotFound') return `${server} does not find ${base} for ${who}`;
  if (reason === 'InsufficientAccess') return `${server} does not let ${who} read${base ? ` ${base}` : ''}`;
  if (reason === 'InvalidFilter' && filter !== undefined) {
    return `${server} refuses to search below ${base} by ${truncate(filter, longestFilter)}`;
  }
  const what = { Bind: 'the bind', StartTLS: 'StartTLS', WhoAmI: '"Who am I?"', Search: 'the search' }[stage];
  return `${server} answers ${what}${base ? ` below ${base}` : ''} with an error`;
}

/** Says what an error of the socket means. */
export function connectionError(error: unknown, server: string, phase: ConnectionPhase): DirectoryError {
  if (error instanceof MalformedMessage) {
    return new DirectoryError('ProtocolError', `${server} sends something that is not LDAP: ${error.message}.`, {
      cause: error,
    });
  }
  return networkError(error, server, phase);
}
