import type { Digest } from './digest.ts';
import type { KeyText } from './key.ts';

/** Equals no digest. */
const unknown: Digest = '';

/**
 * What each live row is known to hold. Writing what a row holds already costs a look in here and no query.
 * Rows that are being written are not known until the transaction is over, whatever its end.
 */
export class Inventory {
  #digests = new Map<KeyText, Digest>();
  readonly #underWay = new Set<KeyText>();
  #scan: Scan | undefined;

  get size(): number {
    return this.#digests.size;
  }

  keys(): IterableIterator<KeyText> {
    return this.#digests.keys();
  }

  has(key: KeyText): boolean {
    return this.#digests.has(key);
  }

  holds(key: KeyText, digest: Digest): boolean {
    return this.#digests.get(key) === digest;
  }

  /** A transaction is about to write these rows. */
  begin(keys: Iterable<KeyText>): void {
    for (const key of keys) {
      this.#underWay.add(key);
      this.#scan?.touched.add(key);
    }
  }

  /** It failed, maybe after it was committed: nobody can be sure what the rows hold. */
  doubt(keys: Iterable<KeyText>): void {
    for (const key of keys) {
      this.#underWay.delete(key);
      if (this.#digests.has(key)) this.#digests.set(key, unknown);
    }
  }

  /** It was committed: what the rows hold now, `undefined` for those that are gone. */
  end(rows: Iterable<readonly [KeyText, Digest | undefined]>): void {
    for (const [key, digest] of rows) {
      this.#underWay.delete(key);
      if (digest === undefined) this.#digests.delete(key);
      else this.#digests.set(key, digest);
    }
  }

  /**
   * Puts what a reading of all rows found in place of what was known, and returns the keys that differ. The reading
   * may overlap with transactions: of rows that one of them touched nothing is learned and nothing is reported.
   */
  async replace(read: AsyncIterable<readonly [KeyText, Digest]>): Promise<KeyText[]> {
    const scan: Scan = { touched: new Set(this.#underWay) };
    this.#scan = scan;
    try {
      const found = new Map<KeyText, Digest>();
      const differing: KeyText[] = [];
      for await (const [key, digest] of read) {
        found.set(key, digest);
        if (this.#digests.get(key) !== digest) differing.push(key);
      }
      for (const key of this.#digests.keys()) if (!found.has(key)) differing.push(key);
      for (const key of scan.touched) {
        const digest = this.#digests.get(key);
        if (digest === undefined) found.delete(key);
        else found.set(key, digest);
      }
      this.#digests = found;
      return differing.filter((key) => !scan.touched.has(key));
    } finally {
      this.#scan = undefined;
    }
  }
}

interface Scan {
  /** Rows that a transaction has written since the reading began, or was writing then. */
  readonly touched: Set<KeyText>;
}
