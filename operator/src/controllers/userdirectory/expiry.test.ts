import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../../runtime/testing/certificate.ts';
import { seconds } from '../conditions.ts';
import type { Secret } from '../secrets.ts';
import { at, now } from '../testing/objects.ts';
import { expiresAtAnnotation, expiryCondition, expiryOf, expiryReviewAt } from './expiry.ts';

const secret = (annotation?: string, data: Secret['data'] = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'entra', ...(annotation !== undefined && { annotations: { [expiresAtAnnotation]: annotation } }) },
  data,
});

describe('the end of credentials', () => {
  it.each([
    ['2027-01-31', '2027-01-31T00:00:00Z'],
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00Z'],
    ['2027-01-31T12:00:00+01:00\n', '2027-01-31T11:00:00Z'],
  ])('is what the annotation tells: %j', (annotation, expected) => {
    expect(expiryOf(secret(annotation))).toEqual({ secret: 'entra', expiresAt: new Date(expected) });
  });

  it.each(['', 'soon', '31.01.2027', '2027-13-01', '2027-02-30', '2027-01-31T25:00:00Z', '1 year', '1801526400'])(
    'is unknown where %j is told',
    (annotation) => {
      const expiry = expiryOf(secret(annotation));
      expect(expiry).toMatchObject({ problem: { reason: 'InvalidExpiry' } });
      expect(expiryCondition(expiry, now)).toMatchObject({ status: 'Unknown', reason: 'InvalidExpiry' });
      expect(expiryReviewAt(expiry, now)).toBeUndefined();
    },
  );

  it('is not known of a Secret that does not tell', () => {
    expect(expiryOf(secret())).toBeUndefined();
    expect(expiryOf(secret(undefined, { 'tls.crt': 'bm8gY2VydGlmaWNhdGU=' }))).toBeUndefined();
    expect(expiryCondition(undefined, now)).toBeUndefined();
    expect(expiryReviewAt(undefined, now)).toBeUndefined();
  });

  it('is that of the certificate, or what is told where that is earlier', () => {
    const { cert } = selfSignedCertificate();
    const end = new Date(new X509Certificate(cert).validTo);
    const data = { 'tls.crt': Buffer.from(cert).toString('base64') };
    expect(expiryOf(secret(undefined, data))).toEqual({ secret: 'entra', expiresAt: end });
    expect(expiryOf(secret('2999-01-01', data))).toEqual({ secret: 'entra', expiresAt: end });
    expect(expiryOf(secret('2001-01-01', data))).toEqual({ secret: 'entra', expiresAt: new Date('2001-01-01') });
  });
});

describe('what is said of it', () => {
  const days = (count: number) => at(count * 86_400);
  const said = (end: string, time = now) => expiryCondition({ secret: 'entra', expiresAt: new Date(end) }, time);

  it('is nothing while it is more than 30 days away', () => {
    expect(said(days(31))).toBeUndefined();
  });

  it('is when, from 30 days before', () => {
    expect(said(days(30))).toMatchObject({
      type: 'CredentialsExpiring',
      status: 'True',
      reason: 'CredentialsExpireSoon',
      message: expect.stringMatching(/^The credentials in the Secret entra end on 2026-03-31T12:00:00Z\. Renew it /),
    });
  });

  it('is that they have ended, from then on', () => {
    for (const end of [days(0), days(-400)]) {
      expect(said(end)).toMatchObject({ status: 'True', reason: 'CredentialsExpired' });
    }
  });

  it('is reviewed exactly when it changes', () => {
    const review = (end: string) => {
      const next = expiryReviewAt({ secret: 'entra', expiresAt: new Date(end) }, now);
      return next && seconds(next);
    };
    expect(review(days(40))).toBe(days(10));
    expect(review(days(30))).toBe(days(30));
    expect(review(days(0))).toBeUndefined();
    expect(said(days(40), new Date(days(10)))).toMatchObject({ reason: 'CredentialsExpireSoon' });
    expect(said(days(30), new Date(days(30)))).toMatchObject({ reason: 'CredentialsExpired' });
  });
});
