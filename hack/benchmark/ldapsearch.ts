/** What reading costs when nothing is made of it: the yardstick for a read over LDAP. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LdapSearch } from '../directory/server.ts';

/** Seconds that OpenLDAP's `ldapsearch` takes for the same searches over LDAPS, its output thrown away. */
export async function ldapsearchSeconds(search: LdapSearch, pageSize: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'roster-ldapsearch-'));
  try {
    const [authorities, password] = [join(folder, 'ca.crt'), join(folder, 'password')];
    await writeFile(authorities, search.caBundle);
    await writeFile(password, search.password, { mode: 0o600 });
    const start = performance.now();
    for (const { base, filter, attributes } of search.searches) {
      const child = spawn(
        'ldapsearch',
        [
          ...['-x', '-LLL', '-o', 'ldif-wrap=no', '-E', `pr=${pageSize}/noprompt`, '-H', search.url],
          ...['-D', search.username, '-y', password, '-b', base, ...search.options, filter, ...attributes],
        ],
        { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, LDAPTLS_CACERT: authorities } },
      );
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`ldapsearch below ${base} ended with ${code}.`);
    }
    return (performance.now() - start) / 1000;
  } finally {
    await rm(folder, { recursive: true });
  }
}
