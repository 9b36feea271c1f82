import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { advice, catalogue, DirectoryError, databaseErrors, directoryErrors, RosterError } from './errors.ts';

const read = (...path: string[]) => readFileSync(join(import.meta.dirname, ...path), 'utf8');
const documented = read('../../docs/reference/errors.md');
const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|testing\/|fixtures|^errors\.ts$/.test(file))
  .map((file) => ({ file, text: read(file) }));
const code = sources.map(({ text }) => text).join('\n');
const directoryCode = sources.flatMap(({ file, text }) => (file.startsWith('directory/') ? [text] : [])).join('\n');

describe.each(Object.entries(catalogue))('%s', (reason, { meaning, remedy }) => {
  it('is a word that a condition takes', () => {
    expect(reason).toMatch(/^[A-Z][A-Za-z0-9]{1,62}$/);
  });

  it('is explained in sentences', () => {
    for (const sentence of [meaning, remedy]) expect(sentence).toMatch(/^[A-Z].*[^.]\.$/);
  });

  it('is documented', () => {
    const cells = [`\`${reason}\``, meaning, remedy].map((cell) => cell.replaceAll('|', '\\|'));
    expect(documented).toContain(`| ${cells.join(' | ')} |`);
  });
});

it('holds each reason once', () => {
  const reasons = read('errors.ts').match(/^ {2}[A-Z]\w+(?=: \{$)/gm) ?? [];
  expect(reasons.length).toBe(Object.keys(catalogue).length);
  expect(new Set(reasons).size).toBe(reasons.length);
});

it('holds no reason that nothing gives', () => {
  const unused = Object.keys(catalogue).filter((reason) => !new RegExp(`['"]${reason}['"]`).test(code));
  expect(unused).toEqual([]);
});

describe('a reason that is thrown', () => {
  const thrown = [
    ...code.matchAll(/new (Roster|Directory|Database)Error\(\s*'([A-Z]\w+)'/g),
    // Of records, whose reasons are plain text.
    ...directoryCode.matchAll(/\breason: ()'([A-Z]\w+)'/g),
  ].map(([, kind = '', reason = '']) => [kind, reason] as const);

  it('is in the catalogue, in the part of its error', () => {
    expect(thrown.length).toBeGreaterThan(30);
    const parts: Readonly<Record<string, object>> = { Directory: directoryErrors, Database: databaseErrors };
    const unknown = thrown.filter(([kind, reason]) => !(reason in (parts[kind] ?? catalogue)));
    expect(unknown).toEqual([]);
  });
});

describe('an error', () => {
  const error = new DirectoryError('EmptyAnswer', 'Nobody matches.', { cause: new Error('why') });

  it('carries its reason and its cause', () => {
    expect(error).toBeInstanceOf(RosterError);
    expect(error).toMatchObject({ name: 'DirectoryError', reason: 'EmptyAnswer', message: 'Nobody matches.' });
    expect(error.cause).toEqual(new Error('why'));
  });

  it('is shown with what to do', () => {
    expect(advice(error)).toBe('Nobody matches. Check base DN and filter, and that the account may read the people.');
  });
});
