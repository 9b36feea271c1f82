/**
 * What the regular expressions of JavaScript can say and those of the API server cannot.
 * Kubernetes matches patterns with Go's RE2: https://github.com/google/re2/wiki/Syntax
 */

/** RE2 refuses to repeat anything more often. */
const maxRepetition = 1000;

/** Says why RE2 does not understand the pattern, or understands it otherwise; undefined when it is fine. */
export function notRE2(pattern: RegExp): string | undefined {
  // u only makes JavaScript read code points, which RE2 does anyway.
  const flags = pattern.flags.replace('u', '');
  if (flags !== '') return `the flag ${flags} of the pattern would be lost; write what it means into the pattern`;
  // An escaped character is taken as one token, so that \\( or \[ begin nothing.
  for (const [token, least, most] of pattern.source.matchAll(
    /\\k<|\\u|\\c|\\[\s\S]|\[\^?\]|\(\?<?[=!]|\{(\d+)(?:,(\d*))?\}/g,
  )) {
    if (token.startsWith('(?')) return 'the pattern looks around, which RE2 cannot; write a rule in CEL';
    if (token === '\\k<' || /^\\[1-9]$/.test(token)) return 'the pattern refers back, which RE2 cannot';
    if (token === '\\u' || token === '\\c') return `the pattern holds ${token}, which RE2 writes \\x{...}`;
    if (token === '[]' || token === '[^]') return `the pattern holds ${token}, which RE2 does not know`;
    if (Math.max(Number(least ?? 0), Number(most ?? 0)) > maxRepetition) {
      return `the pattern repeats more than ${maxRepetition} times, which RE2 refuses; bound the length instead`;
    }
  }
  return undefined;
}
