/** Texts of a directory, as the resources take them. */

/** Lengths that the resources allow. Names are cut, since a cut name is still a name. */
export const lengths = {
  personName: 100,
  groupName: 200,
  description: 2048,
  account: 128,
  identity: 128,
  label: 1024,
} as const;

/** One line without control characters, which databases and terminals trip over. */
export function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** Several lines; only NUL, which PostgreSQL cannot store, goes. */
export function multipleLines(text: string): string {
  return text.replaceAll('\0', '').trim();
}

/** At most that many characters (code points, as the API server counts them). */
export function truncate(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('').trimEnd();
}

/** The text in a form and cut to a length; undefined when nothing is left. */
export function tidy(text: string | undefined, form: (text: string) => string, length = Number.POSITIVE_INFINITY) {
  const tidied = text === undefined ? '' : truncate(form(text), length);
  return tidied === '' ? undefined : tidied;
}

/**
 * The language tag that a person prefers. RFC 2798 has preferredLanguage in the form of the HTTP header
 * Accept-Language (`fr, en-gb;q=0.8`). Anything else than a tag in it is no language.
 */
export function preferredLanguage(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const ranges = value.split(',').map((range) => {
    const [tag = '', quality] = range.split(/;\s*q=/i);
    return { tag: tag.trim(), quality: quality === undefined ? 1 : Number(quality) };
  });
  const best = ranges.reduce((a, b) => (b.quality > a.quality ? b : a)).tag;
  return /^[a-z]{2,3}(-[a-z0-9]{1,8})*$/i.test(best) && best.length <= 35 ? best : undefined;
}
