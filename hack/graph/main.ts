/**
 * Serves a tenant of made-up people on loopback: `node hack/graph/main.ts --people 1000 --groups 60 --dir DIR`.
 * Writes one line of JSON when it is ready, and serves until it is told to stop. The client secret stands in
 * DIR/credentials.json and nowhere else.
 */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startTenant } from './tenant.ts';

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '1000' },
    groups: { type: 'string', default: '60' },
    memberships: { type: 'string', default: '4' },
    dir: { type: 'string' },
    port: { type: 'string' },
  },
});

try {
  await main();
} catch (error) {
  console.error(`hack/graph: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  if (values.dir === undefined) throw new Error('--dir names the folder for its settings');
  const folder = resolve(values.dir);
  const size = {
    people: natural('people', values.people),
    groups: natural('groups', values.groups),
    memberships: natural('memberships', values.memberships),
  };
  const port = values.port === undefined ? undefined : natural('port', values.port);
  const tenant = await startTenant({ folder, size, ...(port !== undefined && { port }) });
  const { url, tenantID, clientSecret, authorities, made, application } = tenant;
  const { clientID } = application;
  const credentials = join(folder, 'credentials.json');
  await writeFile(credentials, JSON.stringify({ tenantID, clientID, clientSecret }), { mode: 0o600 });
  console.log(
    JSON.stringify({
      ready: true,
      url,
      tenantID,
      clientID,
      authorities,
      credentials,
      people: made.people,
      groups: made.groups,
    }),
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void tenant[Symbol.asyncDispose]());
  }
}

function natural(option: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`--${option} takes a number, not ${text}`);
  return Number(text);
}
