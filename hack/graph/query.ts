import type { Properties } from './directory.ts';
import { badRequest, unsupportedQuery } from './error.ts';
import type { Schema } from './schema.ts';

/** System query options: https://learn.microsoft.com/graph/query-parameters. */
export type Option =
  | '$count'
  | '$deltatoken'
  | '$expand'
  | '$filter'
  | '$orderby'
  | '$search'
  | '$select'
  | '$skip'
  | '$skiptoken'
  | '$top';

const options: ReadonlySet<string> = new Set<Option>([
  ...(['$count', '$deltatoken', '$expand', '$filter', '$orderby'] as const),
  ...(['$search', '$select', '$skip', '$skiptoken', '$top'] as const),
]);

export type Query = Readonly<Partial<Record<Option, string>>>;

/** Takes the query of a URL apart, and refuses options that the resource does not know. */
export function parseQuery(search: URLSearchParams, allowed: readonly Option[]): Query {
  const query: Partial<Record<Option, string>> = {};
  for (const [key, value] of search) {
    const name = key.toLowerCase();
    if (!isOption(name)) throw badRequest(`The query parameter '${key}' is not supported.`);
    if (!allowed.includes(name)) throw unsupportedQuery(`'${name}' is not supported by the service for this resource.`);
    if (query[name] !== undefined) throw badRequest(`Query option '${name}' was specified more than once.`);
    query[name] = value;
  }
  return query;
}

const isOption = (name: string): name is Option => options.has(name);

/** What $select names, without repetition, or undefined for the defaults. */
export function parseSelect(select: string | undefined, schema: Schema, relationships: boolean): string[] | undefined {
  if (select === undefined) return undefined;
  const names = new Set(select.split(',').map((name) => name.trim()));
  for (const name of names) {
    if (Object.hasOwn(schema.properties, name)) continue;
    if (relationships && schema.relationships.includes(name)) continue;
    throw badRequest(
      `Parsing OData Select and Expand failed: Could not find a property named '${name}' on type '${schema.type}'.`,
    );
  }
  return [...names];
}

/** Objects a page; 100 unless told, 999 at most: https://learn.microsoft.com/graph/paging. */
export function parseTop(top: string | undefined): number {
  const size = top === undefined ? 100 : Number(top);
  if (!/^\d+$/.test(top ?? '1')) throw badRequest(`Invalid value '${top}' for $top query option found.`);
  if (size < 1 || size > 999) {
    throw unsupportedQuery(`Invalid page size specified: '${top}'. Must be between 1 and 999 inclusive.`);
  }
  return size;
}

export function parseCount(count: string | undefined): boolean {
  if (count === undefined || count === 'false') return false;
  if (count !== 'true') throw badRequest(`Invalid value '${count}' for $count query option found.`);
  return true;
}

/** Preferences of a request (RFC 7240): `odata.maxpagesize=50, return=minimal`. */
export function parsePreferences(prefer: string | undefined): ReadonlyMap<string, string> {
  return new Map(
    (prefer ?? '').split(',').map((preference): [string, string] => {
      const [name = '', value = ''] = preference.split('=', 2);
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );
}

/** An object with the properties that were selected, null for those without a value. */
export function selected(object: { id: string; properties: Properties }, schema: Schema, select?: readonly string[]) {
  const names = select ?? Object.keys(schema.properties).filter((name) => schema.properties[name]?.byDefault);
  const value = (name: string) => object.properties[name] ?? (schema.properties[name]?.type === 'strings' ? [] : null);
  return {
    ...Object.fromEntries(names.filter((name) => name !== 'id').map((name) => [name, value(name)])),
    ...((select === undefined || select.includes('id')) && { id: object.id }),
  };
}
