/**
 * The RFC 7396 merge patch that turns one JSON value into another; undefined when they are equal. Fields that are
 * undefined count as missing. Lists are compared and replaced whole.
 */
export function mergePatch(from: unknown, to: unknown): unknown {
  if (!isObject(to)) {
    return equal(from, to) ? undefined : to;
  }
  const before = isObject(from) ? from : {};
  const patch: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(to)) {
    const change = value === undefined ? undefined : mergePatch(before[name], value);
    if (change !== undefined) {
      patch[name] = change;
    }
  }
  for (const [name, value] of Object.entries(before)) {
    if (value !== undefined && to[name] === undefined) {
      patch[name] = null;
    }
  }
  return Object.keys(patch).length > 0 || !isObject(from) ? patch : undefined;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    return mergePatch(a, b) === undefined;
  }
  return a === b;
}
