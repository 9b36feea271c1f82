/** How migrations are written: a column and what it means stand on one line. */
import { type Kysely, sql } from 'kysely';

export interface Column {
  /** Name, type and constraints. */
  readonly definition: string;
  readonly meaning: string;
}

/** One column a line: its definition, a bar, what it means. */
export function columns(text: string): Column[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [definition = '', meaning] = line.split(' | ');
      if (meaning === undefined) throw new Error(`column without a meaning: ${line}`);
      return { definition: definition.trim().replace(/\s+/g, ' '), meaning: meaning.trim() };
    });
}

/** The statements that create a table with comments on it and on its columns. */
export function commented(table: string, meaning: string, list: readonly Column[], constraint?: string): string[] {
  const definitions = [...list.map(({ definition }) => definition), ...(constraint === undefined ? [] : [constraint])];
  return [
    `create table roster.${table} (\n  ${definitions.join(',\n  ')}\n)`,
    comment(`table roster.${table}`, meaning),
    ...list.map(({ definition, meaning }) => comment(`column roster.${table}.${nameOf(definition)}`, meaning)),
  ];
}

/** A view with comments; the names of its columns must be those of the list, in any order. */
export function view(name: string, meaning: string, meanings: readonly Column[], select: string): string[] {
  return [
    `create view roster_api.${name} as ${select}`,
    comment(`view roster_api.${name}`, meaning),
    ...meanings.map(({ definition, meaning }) => comment(`column roster_api.${name}.${definition}`, meaning)),
  ];
}

/** A migration: statements that run one after another in its transaction. */
export function statements(list: readonly string[]): (session: Kysely<never>) => Promise<void> {
  return async (session) => {
    for (const statement of list) await sql.raw(statement).execute(session);
  };
}

function comment(on: string, text: string): string {
  return `comment on ${on} is '${text.replaceAll("'", "''")}'`;
}

function nameOf(definition: string): string {
  return definition.slice(0, definition.indexOf(' '));
}
