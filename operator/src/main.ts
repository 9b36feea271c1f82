/** The program `roster`. */
import { manifests } from '@roster/crds/manifests';
import { serveWebAdmin } from '@roster/web-admin';
import { stringify } from 'yaml';
import { type Config, parse, UsageError } from './config.ts';
import { advice, RosterError } from './errors.ts';
import { installationIdentity } from './installation.ts';
import { createLogger } from './log.ts';
import { Mirror, migrate, openDatabase } from './mirror/index.ts';
import { connect, runOperator } from './operator.ts';

// Whoever reads only the beginning, as `head` does, closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  const invocation = parse(process.argv.slice(2), process.env, process.stderr.isTTY === true);
  switch (invocation.command) {
    case 'help':
      process.stdout.write(invocation.text);
      break;
    case 'crds':
      process.stdout.write(
        manifests()
          .map((manifest) => stringify(manifest))
          .join('---\n'),
      );
      break;
    case 'migrate':
      await runMigrate(invocation.config);
      break;
    case 'operator':
      await run(invocation.config);
      break;
    case 'web-admin':
      await serveWebAdmin(invocation.config.webAddress, createLogger(invocation.config), untilTold());
      break;
    case 'all':
      if (!invocation.config.database.startsWith('pglite:')) await runMigrate(invocation.config);
      await run(invocation.config);
      break;
  }
} catch (error) {
  process.stderr.write(`roster: ${explain(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(config: Config): Promise<void> {
  await runOperator(config, createLogger(config), untilTold());
}

/** Aborts when the process is told to end. */
function untilTold(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // Whoever asks twice does not want to wait for what is under way; the next leader makes up for it.
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  return stop.signal;
}

async function runMigrate(config: Config): Promise<void> {
  const log = createLogger(config);
  const client = connect(config);
  const database = await openDatabase(config.database, { logger: log });
  try {
    await migrate(database);
    await Mirror.open(database, {
      identity: await installationIdentity(client, config.installation),
      logger: log,
      adopt: config.adopt,
    });
  } finally {
    await database.close();
    await client.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof RosterError) return advice(error);
  return error instanceof Error ? error.message : String(error);
}
