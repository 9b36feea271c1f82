import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Makes the opaque state tokens of links, and takes back only its own, unaltered. */
export class StateTokens {
  readonly #key = randomBytes(32);

  seal(state: object): string {
    const body = Buffer.from(JSON.stringify(state)).toString('base64url');
    return `${body}.${this.#mac(body).toString('base64url')}`;
  }

  /** The state, or undefined where the token was not sealed here. */
  open(token: string): unknown {
    const [body = '', mac = ''] = token.split('.');
    const [given, expected] = [Buffer.from(mac, 'base64url'), this.#mac(body)];
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString());
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
