import type { UserDirectory } from '@roster/crds';
import type { Reason } from '../../errors.ts';
import { findCondition } from '../../runtime/index.ts';
import type { Problem } from '../conditions.ts';
import { requestOf, testRequestedAt } from './requests.ts';

/** What the last test of the connection saw, or why it failed. */
export type Connection =
  | {
      readonly connected: true;
      readonly server: string;
      readonly boundAs: string;
      /** How many match. */
      readonly people: number;
      readonly groups: number;
      /** Labels of the first people. */
      readonly sample: readonly string[];
      readonly secretVersion?: string;
      readonly testedAt: string;
    }
  | {
      readonly connected: false;
      readonly problem: Problem;
      readonly secretVersion?: string;
      readonly testedAt: string;
    };

/** A server that cannot be reached is tried again after so long, in milliseconds. */
export const retryMs = 60_000;

const passing: ReadonlySet<string> = new Set<Reason>([
  'ServerUnreachable',
  'ServerTimeout',
  'ServerBusy',
  'ConnectionLost',
  'TLSFailed',
  'CertificateNotTrusted',
  'HostNameMismatch',
  'Throttled',
  'TokenRefused',
]);

/** Whether what failed may work again without any change here. A refused password never does: trying it locks accounts. */
export const mayPass = (reason: string): boolean => passing.has(reason);

const refusals: ReadonlySet<string> = new Set<Reason>([
  'InvalidCredentials',
  'AccountDisabled',
  'AccountExpired',
  'AccountLocked',
  'LogonRestricted',
  'PasswordExpired',
  'PasswordMustChange',
]);

/** Whether the server does not let the account in. Each further attempt may bring its lockout nearer. */
export const isRefusal = (reason: string): boolean => refusals.has(reason);

/** Whether the account was refused when it was last tried: until the spec or the Secret changes it is not tried unasked. */
export function isRefused(status: UserDirectory['status']): boolean {
  const connected = findCondition(status?.conditions, 'Connected');
  return connected?.status === 'False' && isRefusal(connected.reason);
}

/** Whether the connection failed in a way that is worth another try. */
export function failsForNow(status: UserDirectory['status']): boolean {
  const connected = findCondition(status?.conditions, 'Connected');
  return connected?.status === 'False' && mayPass(connected.reason);
}

/**
 * Whether to test the connection: when somebody asks for it, when the spec or the Secret changed since the last test,
 * and again after a failure that may have passed.
 */
export function testIsDue(directory: UserDirectory, secretVersion: string | undefined, now: Date): boolean {
  const { metadata, status } = directory;
  const tested = findCondition(status?.conditions, 'Connected');
  if (tested === undefined || status?.connection === undefined) return true;
  const requested = requestOf(directory, testRequestedAt);
  if (requested !== undefined && requested !== status.lastHandledTestAt) return true;
  if (tested.observedGeneration !== metadata.generation) return true;
  if (status.connection.secretVersion !== secretVersion) return true;
  return failsForNow(status) && now.getTime() - Date.parse(status.connection.testedAt) >= retryMs;
}
