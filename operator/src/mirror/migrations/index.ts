import type { Migration } from 'kysely/migration';
import { up as tables } from './0001_tables.ts';
import { up as views } from './0002_views.ts';
import { up as runs } from './0003_runs.ts';
import { up as entra } from './0004_entra.ts';

/** In the order of their names. A migration that was released is never changed: what it got wrong, a later one mends. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001_tables': { up: tables },
  '0002_views': { up: views },
  '0003_runs': { up: runs },
  '0004_entra': { up: entra },
};
