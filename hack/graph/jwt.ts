import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';

/** A JSON Web Token in its compact form (RFC 7519, RFC 7515), taken apart and not yet believed. */
export interface Token {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is over. */
  readonly signed: string;
  readonly signature: Buffer;
}

export function parseToken(text: string): Token | undefined {
  const [header = '', claims = '', signature, ...more] = text.split('.');
  if (signature === undefined || more.length > 0) return undefined;
  try {
    const [first, second] = [decode(header), decode(claims)];
    return first && second
      ? {
          ...{ header: first, claims: second },
          ...{ signed: `${header}.${claims}`, signature: Buffer.from(signature, 'base64url') },
        }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an RSA key signed this, by RS256 or PS256 (RFC 7518, sections 3.3 and 3.5). */
export function isSignedBy({ header, signed, signature }: Token, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false;
  const padding = paddings.get(header.alg);
  if (padding === undefined) return false;
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return verify('sha256', Buffer.from(signed), { key, padding, saltLength }, signature);
}

const paddings: ReadonlyMap<unknown, number> = new Map([
  ['RS256', constants.RSA_PKCS1_PADDING],
  ['PS256', constants.RSA_PKCS1_PSS_PADDING],
]);

/** A token signed by HS256 (RFC 7518, section 3.2), which only who has the key can check. */
export function issueToken(claims: object, key: Buffer): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`;
  return `${signed}.${mac(signed, key).toString('base64url')}`;
}

export function isIssuedWith({ header, signed, signature }: Token, key: Buffer): boolean {
  const expected = mac(signed, key);
  return header.alg === 'HS256' && signature.length === expected.length && timingSafeEqual(signature, expected);
}

const mac = (text: string, key: Buffer): Buffer => createHmac('sha256', key).update(text).digest();

function decode(part: string): Record<string, unknown> | undefined {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
