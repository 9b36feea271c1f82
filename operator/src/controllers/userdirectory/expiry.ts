import { X509Certificate } from 'node:crypto';
import { advice, RosterError } from '../../errors.ts';
import { type Problem, type Stated, seconds } from '../conditions.ts';
import type { Secret } from '../secrets.ts';

/**
 * On a Secret: when the password or client secret in it ends, as RFC 3339 has dates, with or without a time. Nothing in
 * it would tell otherwise.
 */
export const expiresAtAnnotation = 'roster.dev/expiresAt';

/** When credentials end, or why that is not known although it is told. */
export type Expiry =
  | { readonly secret: string; readonly expiresAt: Date }
  | { readonly secret: string; readonly problem: Problem };

/** Before their end people are told, in milliseconds. */
const noticeMs = 30 * 86_400_000;

/** The end of the credentials in a Secret: that of its certificate or the one that its annotation tells, the earlier. */
export function expiryOf({ metadata, data }: Secret): Expiry | undefined {
  const secret = metadata.name;
  const told = metadata.annotations?.[expiresAtAnnotation];
  const annotated = told === undefined ? undefined : dateOf(told);
  if (annotated === null) {
    const message = `The annotation ${expiresAtAnnotation} of the Secret ${secret} holds "${told?.slice(0, 64)}", which is not a date.`;
    return { secret, problem: { reason: 'InvalidExpiry', message } };
  }
  const ends = [annotated, certificateEnd(data?.['tls.crt'])].filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : { secret, expiresAt: new Date(Math.min(...ends.map(Number))) };
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2}))?$/;

function dateOf(annotation: string): Date | null {
  const text = annotation.trim();
  const date = new Date(rfc3339.test(text) ? text : Number.NaN);
  // It takes the 30th of February for the 2nd of March.
  const day = new Date(text.slice(0, 10));
  if (Number.isNaN(date.getTime()) || day.toISOString().slice(0, 10) !== text.slice(0, 10)) return null;
  return date;
}

/** The first certificate in the file is the one that is shown. One that cannot be read, a test of the connection judges. */
function certificateEnd(base64: string | undefined): Date | undefined {
  if (base64 === undefined) return undefined;
  try {
    return new X509Certificate(Buffer.from(base64, 'base64')).validToDate;
  } catch {
    return undefined;
  }
}

/** What is to be said of the end of credentials; nothing while it is far. */
export function expiryCondition(expiry: Expiry | undefined, now: Date): Stated | undefined {
  const type = 'CredentialsExpiring';
  if (expiry === undefined) return undefined;
  if ('problem' in expiry) return { type, status: 'Unknown', ...advised(expiry.problem) };
  const { secret, expiresAt } = expiry;
  const left = expiresAt.getTime() - now.getTime();
  if (left > noticeMs) return undefined;
  const [reason, verb] =
    left > 0 ? (['CredentialsExpireSoon', 'end'] as const) : (['CredentialsExpired', 'ended'] as const);
  return {
    type,
    status: 'True',
    ...advised({ reason, message: `The credentials in the Secret ${secret} ${verb} on ${seconds(expiresAt)}.` }),
  };
}

/** When something else is to be said of it, if ever. */
export function expiryReviewAt(expiry: Expiry | undefined, now: Date): Date | undefined {
  if (expiry === undefined || 'problem' in expiry) return undefined;
  const end = expiry.expiresAt.getTime();
  return [end - noticeMs, end].map((time) => new Date(time)).find((time) => time > now);
}

const advised = ({ reason, message }: Problem) => ({ reason, message: advice(new RosterError(reason, message)) });
