/**
 * Measures the mirror: `node --expose-gc operator/src/mirror/mirror.bench.ts URL [PEOPLE]` prints JSON.
 * The database should be one to lose: its rows of Roster are deleted.
 */
import { sql } from 'kysely';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { Mirror } from './mirror.ts';
import { aPerson } from './samples.ts';

const [url = 'pglite:memory', count = '20000'] = process.argv.slice(2);
const people = Number(count);
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const database = await openDatabase(url, { logger });
await migrate(database);
await sql`truncate roster.installation, roster.people, roster.assignments, roster.memberships, roster.claims,
  roster.tombstones`.execute(database.writer);

/** Six groups each of a thousand, as large directories have; `round` moves one and renames. */
const person = (n: number, round: number, shift = 0) =>
  aPerson('acme', `firstname.lastname-${n.toString(32).padStart(8, '0')}`, {
    email: `firstname.lastname.${n}@example.com`,
    firstName: 'Firstname',
    lastName: `Lastname ${n} ${round}`,
    directory: 'corporate',
    authority: 'ldap.example.com',
    externalId: `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`,
    groups: Array.from({ length: 6 }, (_, g) => `group-${(n * 7 + g * 131 + (g === 0 ? shift : 0)) % 1000}`),
  });

async function load(): Promise<Mirror> {
  const mirror = await Mirror.open(database, { identity: 'bench/roster', logger });
  await mirror.mint();
  await mirror.load();
  return mirror;
}

const measures: Record<string, number> = {};

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  measures[`${name}: rows/s`] = Math.round(people / seconds);
  measures[`${name}: µs of this process a row`] = Math.round((user + system) / people);
  return result;
}

/** So many controllers write at a time. */
async function write(mirror: Mirror, callers: number, rowOf: (n: number) => ReturnType<typeof person>): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < people) await mirror.writePerson(rowOf(next++));
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

const mirror = await load();
await timed('new, 64 at a time', () => write(mirror, 64, (n) => person(n, 0)));
await timed('unchanged, known', () => write(mirror, 64, (n) => person(n, 0)));
await timed('renamed, 64 at a time', () => write(mirror, 64, (n) => person(n, 1)));
await timed('one group changed, 64 at a time', () => write(mirror, 64, (n) => person(n, 1, 1)));
await timed('renamed, 500 at a time', () => write(mirror, 500, (n) => person(n, 2, 1)));
await timed('compare', () => mirror.compare());

globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const second = await timed('load', load);
globalThis.gc?.();
measures['map: bytes a row'] = Math.round((process.memoryUsage().heapUsed - before) / second.stats().rows);
measures['resident MB'] = Math.round(process.memoryUsage().rss / 1e6);
console.log(JSON.stringify({ database: database.type, people, ...measures }, null, 2));
await database.close();
