/** A process that writes people to the embedded database named by its argument, and tells of each that is written. */
import { openDatabase } from '../src/mirror/database.ts';
import { migrate } from '../src/mirror/migrate.ts';
import { Mirror } from '../src/mirror/mirror.ts';
import { aPerson } from '../src/mirror/samples.ts';

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
console.log('opening');
const database = await openDatabase(process.argv[2] ?? '', { logger });
await migrate(database);
const mirror = await Mirror.open(database, { identity: 'cluster/roster', logger });
await mirror.mint();
await mirror.load();
for (let batch = 0; ; batch++) {
  const names = Array.from({ length: 20 }, (_, n) => `p-${process.pid}-${batch}-${n}`);
  await Promise.all(names.map((name) => mirror.writePerson(aPerson('acme', name, { groups: ['a', 'b'] }))));
  console.log(names.join('\n'));
}
