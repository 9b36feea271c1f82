/** The command line and environment of the program, parsed once into one value. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { defaultInstallation } from './installation.ts';

/** A flag of the command line; each can be given in the environment, too. The flag wins. */
interface Flag {
  readonly env: string;
  readonly placeholder: string;
  readonly description: string;
  readonly schema: z.ZodType<unknown, string | undefined>;
}

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s[\]]*):\d{1,5}$/, 'is not HOST:PORT or :PORT')
  .transform((value) => {
    const colon = value.lastIndexOf(':');
    return { host: value.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(value.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65535, 'has a port above 65535');

const duration = z
  .string()
  .regex(/^\d+(s|m|h)$/, 'is not a number followed by s, m or h')
  .transform(
    (value) => Number(value.slice(0, -1)) * { s: 1000, m: 60_000, h: 3_600_000 }[value.at(-1) as 's' | 'm' | 'h'],
  )
  // Timers of Node hold some 596 hours; a longer one would fire at once.
  .refine((milliseconds) => milliseconds >= 1000 && milliseconds <= 500 * 3_600_000, 'is not between 1s and 500h');

const database = z
  .string({
    error: 'is missing: name a database, for example pglite:./data or postgres://roster@db.example.com/roster',
  })
  .regex(/^(postgres(ql)?:\/\/\S+|pglite:\S+)$/, 'is neither postgres://USER@HOST/NAME nor pglite:DIRECTORY');

const name = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'is not a name of lower-case letters, digits and -');

const flags = {
  kubeconfig: {
    env: 'ROSTER_KUBECONFIG',
    placeholder: 'FILE',
    description: 'Cluster to use. Without it: the cluster whose pod this is. KUBECONFIG is never read.',
    schema: z.string().optional(),
  },
  database: {
    env: 'ROSTER_DATABASE',
    placeholder: 'URL',
    description:
      'postgres://USER@HOST/NAME, or pglite:DIRECTORY for a trial. A password belongs into ROSTER_DATABASE or PGPASSWORD, where other users of the machine cannot read it.',
    schema: database,
  },
  namespaces: {
    env: 'ROSTER_NAMESPACES',
    placeholder: 'A,B',
    description: 'Namespaces to manage, of those that belong to this installation; all of them when absent.',
    schema: z
      .string()
      .optional()
      .transform((value) => value?.split(',').map((item) => item.trim()) ?? ('all' as const))
      .refine(
        (value) => value === 'all' || value.every((item) => name.safeParse(item).success),
        'is not a list of namespaces',
      ),
  },
  installation: {
    env: 'ROSTER_INSTALLATION',
    placeholder: 'NAME',
    description:
      'Name of this installation. It works in the namespaces that have it as their label roster.dev/installation; the one named roster also in those without the label. Default: roster.',
    schema: name.default(defaultInstallation),
  },
  'lease-namespace': {
    env: 'ROSTER_LEASE_NAMESPACE',
    placeholder: 'NAMESPACE',
    description: "Namespace of the Lease by which one of several operators leads. Default: the pod's, or default.",
    schema: name.optional(),
  },
  'metrics-address': {
    env: 'ROSTER_METRICS_ADDRESS',
    placeholder: 'HOST:PORT',
    description: 'Where /metrics, /healthz and /readyz are served. Default: :8080.',
    schema: address.prefault(':8080'),
  },
  'web-address': {
    env: 'ROSTER_WEB_ADDRESS',
    placeholder: 'HOST:PORT',
    description: 'Where the web admin is served. Default: :8081.',
    schema: address.prefault(':8081'),
  },
  'compare-interval': {
    env: 'ROSTER_COMPARE_INTERVAL',
    placeholder: '10m',
    description: 'How often every row of the database is compared with the resources. Default: 10m.',
    schema: duration.prefault('10m'),
  },
  'log-format': {
    env: 'ROSTER_LOG_FORMAT',
    placeholder: 'json|pretty',
    description: 'Format of the log. Default: pretty on a terminal, else json.',
    schema: z.enum(['json', 'pretty'], 'is neither json nor pretty').optional(),
  },
  'log-level': {
    env: 'ROSTER_LOG_LEVEL',
    placeholder: 'LEVEL',
    description: 'debug, info, warn or error. Names of people appear in debug only. Default: info.',
    schema: z.enum(['debug', 'info', 'warn', 'error'], 'is none of debug, info, warn and error').default('info'),
  },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof flags;

const operatorFlags = [
  'kubeconfig',
  'database',
  'namespaces',
  'installation',
  'lease-namespace',
  'metrics-address',
  'compare-interval',
  'log-format',
  'log-level',
] as const satisfies FlagName[];

interface Command {
  readonly summary: string;
  readonly flags: readonly FlagName[];
  /** Yes/no flags that only the command line has. */
  readonly switches?: Readonly<Record<string, string>>;
}

const commands = {
  operator: { summary: 'Run the operator.', flags: operatorFlags },
  all: {
    summary: 'Run the operator with a database of its own in one process: a trial. It is kept in ./roster-data.',
    flags: operatorFlags,
  },
  'web-admin': {
    summary: 'Serve the web admin, which is one page as yet.',
    flags: ['web-address', 'log-format', 'log-level'],
  },
  crds: { summary: 'Print the CRDs, policies and cluster roles, for kubectl apply --server-side -f -.', flags: [] },
  migrate: {
    summary: 'Create or update the tables of the database.',
    flags: ['kubeconfig', 'database', 'installation', 'log-format', 'log-level'],
    switches: {
      adopt: 'Take over a database of another installation, for example after a restore into a new cluster.',
    },
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

/** Configuration of a run of the program; times are in milliseconds. */
export interface Config {
  readonly kubeconfig: string | undefined;
  readonly database: string;
  readonly namespaces: readonly string[] | 'all';
  readonly installation: string;
  readonly leaseNamespace: string;
  readonly metricsAddress: { readonly host: string; readonly port: number };
  readonly compareInterval: number;
  readonly logFormat: 'json' | 'pretty';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly adopt: boolean;
}

export interface WebAdminConfig extends Pick<Config, 'logFormat' | 'logLevel'> {
  readonly webAddress: Config['metricsAddress'];
}

export type Invocation =
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'crds' }
  | { readonly command: 'web-admin'; readonly config: WebAdminConfig }
  | { readonly command: Exclude<CommandName, 'crds' | 'web-admin'>; readonly config: Config };

/** What is wrong with the command line, in a sentence for the person who typed it. */
export class UsageError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads arguments (without the program's own name) and environment.
 * @throws UsageError naming the flag or variable and what is wrong with its value.
 */
export function parse(args: readonly string[], env: Environment, terminal: boolean): Invocation {
  const [first, ...rest] = args;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    return { command: 'help', text: overview() };
  }
  if (!Object.hasOwn(commands, first)) {
    throw new UsageError(
      `There is no command ${first}. Commands are ${Object.keys(commands).join(', ')}; see roster --help.`,
    );
  }
  const command = first as CommandName;
  const given = parseFlags(command, rest);
  if (given.help) return { command: 'help', text: usage(command) };
  if (command === 'crds') return { command };
  if (command === 'web-admin') {
    const value = valuesOf(command, given, env);
    return { command, config: { webAddress: value('web-address'), ...logConfig(value, terminal) } };
  }
  refuseVisiblePassword(given.database);
  const withDefaults =
    command === 'all' ? { ...env, ROSTER_DATABASE: env.ROSTER_DATABASE || 'pglite:./roster-data' } : env;
  return { command, config: toConfig(command, given, withDefaults, terminal) };
}

function parseFlags(
  command: CommandName,
  args: string[],
): Record<string, string | undefined> & { help?: string; adopt?: string } {
  const definition: Command = commands[command];
  const options = Object.fromEntries([
    ...definition.flags.map((flag) => [flag, { type: 'string' as const }]),
    ...Object.keys(definition.switches ?? {}).map((flag) => [flag, { type: 'boolean' as const }]),
    ['help', { type: 'boolean' as const, short: 'h' }],
  ]);
  try {
    const { values } = parseArgs({ args, options, strict: true });
    return Object.fromEntries(Object.entries(values).map(([flag, value]) => [flag, String(value)]));
  } catch (error) {
    // Node's message goes on with advice of its own, and may repeat a URL that was meant for --database.
    const [sentence = ''] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${sentence.replace(/\/\/.*@/s, '//...@')}. See roster ${command} --help.`);
  }
}

function refuseVisiblePassword(url: string | undefined): void {
  if (url !== undefined && holdsPassword(url)) {
    throw new UsageError(
      '--database holds a password, which every user of this machine could read: give the URL in ROSTER_DATABASE, or the password in PGPASSWORD.',
    );
  }
}

function holdsPassword(text: string): boolean {
  // A password with characters that a URL must escape is one all the same.
  if (!URL.canParse(text)) return /^[^:]+:\/\/[^@/?#]*:[^@]*@/.test(text);
  const url = new URL(text);
  return url.password !== '' || url.searchParams.has('password');
}

type Values = <Name extends FlagName>(flag: Name) => z.output<(typeof flags)[Name]['schema']>;

/** Reads flags, each from where it was given. */
function valuesOf(command: CommandName, given: Record<string, string | undefined>, env: Environment): Values {
  return <Name extends FlagName>(flag: Name): z.output<(typeof flags)[Name]['schema']> => {
    const { schema, env: variable } = flags[flag] as Flag;
    const origin = given[flag] !== undefined ? `--${flag}` : variable;
    const text = given[flag] ?? env[variable];
    const result = schema.safeParse(text === '' ? undefined : text);
    if (result.success) return result.data as z.output<(typeof flags)[Name]['schema']>;
    // The value of ROSTER_DATABASE may hold a password.
    const shown =
      text === undefined ? `--${flag} (or ${variable})` : `${origin}${flag === 'database' ? '' : ` ${text}`}`;
    throw new UsageError(`${shown} ${result.error.issues[0]?.message}. See roster ${command} --help.`);
  };
}

const logConfig = (value: Values, terminal: boolean): Pick<Config, 'logFormat' | 'logLevel'> => ({
  logFormat: value('log-format') ?? (terminal ? 'pretty' : 'json'),
  logLevel: value('log-level'),
});

function toConfig(
  command: CommandName,
  given: Record<string, string | undefined>,
  env: Environment,
  terminal: boolean,
): Config {
  const value = valuesOf(command, given, env);
  return {
    kubeconfig: value('kubeconfig'),
    database: value('database'),
    namespaces: value('namespaces'),
    installation: value('installation'),
    leaseNamespace: value('lease-namespace') ?? (env.POD_NAMESPACE || 'default'),
    metricsAddress: value('metrics-address'),
    compareInterval: value('compare-interval'),
    ...logConfig(value, terminal),
    adopt: given.adopt === 'true',
  };
}

function overview(): string {
  const lines = Object.entries(commands).map(([command, { summary }]) => `  ${command.padEnd(12)}${summary}`);
  return ['Usage: roster COMMAND [FLAGS]', '', ...lines, '', 'roster COMMAND --help lists its flags.', ''].join('\n');
}

function usage(command: CommandName): string {
  const definition: Command = commands[command];
  const lines = definition.flags.flatMap((flag) => {
    const { env, placeholder, description } = flags[flag];
    return [`  --${flag} ${placeholder}  (${env})`, `      ${description}`];
  });
  const switches = Object.entries(definition.switches ?? {}).flatMap(([flag, description]) => [
    `  --${flag}`,
    `      ${description}`,
  ]);
  return [`Usage: roster ${command} [FLAGS]`, '', definition.summary, '', ...lines, ...switches, ''].join('\n');
}
