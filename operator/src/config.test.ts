import { describe, expect, it } from 'vitest';
import { type Config, type Invocation, parse, UsageError, type WebAdminConfig } from './config.ts';

const database = { ROSTER_DATABASE: 'pglite:./data' };

function configOf(args: string[], env: Record<string, string> = database, terminal = false): Config {
  const invocation = parse(args, env, terminal);
  if (!('config' in invocation) || invocation.command === 'web-admin') {
    throw new Error(`${invocation.command} has no such configuration`);
  }
  return invocation.config;
}

function complaint(args: string[], env: Record<string, string> = database): string {
  try {
    parse(args, env, false);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

function textOf(invocation: Invocation): string {
  if (invocation.command !== 'help') throw new Error(`help was expected, not ${invocation.command}`);
  return invocation.text;
}

/** Each flag with its variable, a value for either, and what the configuration makes of it. */
const flags = [
  ['kubeconfig', 'ROSTER_KUBECONFIG', 'kubeconfig', ['a.yaml', 'a.yaml'], ['b.yaml', 'b.yaml'], undefined],
  [
    'database',
    'ROSTER_DATABASE',
    'database',
    ['postgres://roster@db.example.com:5432/roster', 'postgres://roster@db.example.com:5432/roster'],
    ['pglite:/var/lib/roster', 'pglite:/var/lib/roster'],
    'pglite:./data',
  ],
  ['namespaces', 'ROSTER_NAMESPACES', 'namespaces', ['acme, globex', ['acme', 'globex']], ['acme', ['acme']], 'all'],
  ['installation', 'ROSTER_INSTALLATION', 'installation', ['blue', 'blue'], ['green', 'green'], 'roster'],
  ['lease-namespace', 'ROSTER_LEASE_NAMESPACE', 'leaseNamespace', ['ops', 'ops'], ['infra', 'infra'], 'default'],
  [
    'metrics-address',
    'ROSTER_METRICS_ADDRESS',
    'metricsAddress',
    ['127.0.0.1:9090', { host: '127.0.0.1', port: 9090 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    { host: '0.0.0.0', port: 8080 },
  ],
  ['compare-interval', 'ROSTER_COMPARE_INTERVAL', 'compareInterval', ['90s', 90_000], ['2h', 7_200_000], 600_000],
  ['log-format', 'ROSTER_LOG_FORMAT', 'logFormat', ['pretty', 'pretty'], ['json', 'json'], 'json'],
  ['log-level', 'ROSTER_LOG_LEVEL', 'logLevel', ['debug', 'debug'], ['error', 'error'], 'info'],
] as const;

describe.each(flags)('--%s', (flag, variable, key, [given, expected], [other, fromEnvironment], byDefault) => {
  it('is taken from the command line', () => {
    expect(configOf(['operator', `--${flag}`, given])[key]).toEqual(expected);
    expect(configOf(['operator', `--${flag}=${given}`])[key]).toEqual(expected);
  });

  it(`is taken from ${variable}`, () => {
    expect(configOf(['operator'], { ...database, [variable]: other })[key]).toEqual(fromEnvironment);
  });

  it('wins over its variable', () => {
    expect(configOf(['operator', `--${flag}`, given], { ...database, [variable]: other })[key]).toEqual(expected);
  });

  it('has a default', () => {
    expect(configOf(['operator'])[key]).toEqual(byDefault);
  });

  it('is listed in the help together with its variable', () => {
    expect(textOf(parse(['operator', '--help'], {}, false))).toContain(`--${flag} `);
    expect(textOf(parse(['operator', '--help'], {}, false))).toContain(`(${variable})`);
  });
});

it('takes an empty variable for an absent one, and an empty flag for the default', () => {
  expect(configOf(['operator'], { ...database, ROSTER_LOG_LEVEL: '', ROSTER_NAMESPACES: '' })).toMatchObject({
    logLevel: 'info',
    namespaces: 'all',
  });
  expect(configOf(['operator', '--installation='], { ...database, ROSTER_INSTALLATION: 'blue' }).installation).toBe(
    'roster',
  );
});

it("leads by a Lease in the pod's namespace unless told otherwise", () => {
  expect(configOf(['operator'], { ...database, POD_NAMESPACE: 'roster-system' }).leaseNamespace).toBe('roster-system');
  expect(configOf(['operator'], { ...database, POD_NAMESPACE: '' }).leaseNamespace).toBe('default');
  expect(
    configOf(['operator', '--lease-namespace', 'ops'], { ...database, POD_NAMESPACE: 'roster-system' }).leaseNamespace,
  ).toBe('ops');
});

it('logs for people on a terminal only', () => {
  expect(configOf(['operator'], database, true).logFormat).toBe('pretty');
  expect(configOf(['operator', '--log-format', 'json'], database, true).logFormat).toBe('json');
});

it('never reads KUBECONFIG', () => {
  expect(configOf(['operator'], { ...database, KUBECONFIG: '/root/.kube/config' }).kubeconfig).toBeUndefined();
});

describe('a wrong value', () => {
  it.each([
    ['metrics-address', 'ROSTER_METRICS_ADDRESS', 'localhost', 'is not HOST:PORT or :PORT'],
    ['metrics-address', 'ROSTER_METRICS_ADDRESS', 'http://localhost:80', 'is not HOST:PORT or :PORT'],
    ['metrics-address', 'ROSTER_METRICS_ADDRESS', '::1:8080', 'is not HOST:PORT or :PORT'],
    ['metrics-address', 'ROSTER_METRICS_ADDRESS', ':65536', 'has a port above 65535'],
    ['compare-interval', 'ROSTER_COMPARE_INTERVAL', '10', 'is not a number followed by s, m or h'],
    ['compare-interval', 'ROSTER_COMPARE_INTERVAL', '1.5m', 'is not a number followed by s, m or h'],
    ['compare-interval', 'ROSTER_COMPARE_INTERVAL', '0s', 'is not between 1s and 500h'],
    ['compare-interval', 'ROSTER_COMPARE_INTERVAL', '501h', 'is not between 1s and 500h'],
    ['installation', 'ROSTER_INSTALLATION', 'Blue', 'is not a name of lower-case letters, digits and -'],
    ['lease-namespace', 'ROSTER_LEASE_NAMESPACE', 'a_b', 'is not a name of lower-case letters, digits and -'],
    ['namespaces', 'ROSTER_NAMESPACES', 'acme,,globex', 'is not a list of namespaces'],
    ['namespaces', 'ROSTER_NAMESPACES', 'Acme', 'is not a list of namespaces'],
    ['log-format', 'ROSTER_LOG_FORMAT', 'xml', 'is neither json nor pretty'],
    ['log-level', 'ROSTER_LOG_LEVEL', 'trace', 'is none of debug, info, warn and error'],
  ])('of --%s or %s is named with what is wrong: %s', (flag, variable, value, why) => {
    const advice = 'See roster operator --help.';
    expect(complaint(['operator', `--${flag}`, value])).toBe(`--${flag} ${value} ${why}. ${advice}`);
    expect(complaint(['operator'], { ...database, [variable]: value })).toBe(`${variable} ${value} ${why}. ${advice}`);
  });
});

describe('the database', () => {
  it('is needed, and its absence named together with examples', () => {
    const sentence =
      '--database (or ROSTER_DATABASE) is missing: name a database, for example pglite:./data or ' +
      'postgres://roster@db.example.com/roster. See roster operator --help.';
    expect(complaint(['operator'], {})).toBe(sentence);
    expect(complaint(['operator'], { ROSTER_DATABASE: '' })).toContain('is missing: name a database');
    expect(complaint(['migrate'], {})).toContain('See roster migrate --help.');
  });

  it.each(['mysql://roster:geheim@db/roster', 'roster:geheim@db', 'postgres://roster:ge heim@db/roster', 'pglite:'])(
    'is not shown where it cannot be used: %s',
    (value) => {
      expect(complaint(['operator'], { ROSTER_DATABASE: value })).toBe(
        'ROSTER_DATABASE is neither postgres://USER@HOST/NAME nor pglite:DIRECTORY. See roster operator --help.',
      );
    },
  );

  it.each([
    'postgres://roster:geheim@db.example.com/roster',
    'postgresql://:geheim@db.example.com/roster',
    'postgres://roster:ge#heim@db.example.com/roster',
    'postgres://roster@db.example.com/roster?password=geheim',
  ])('is refused on the command line with a password: %s', (value) => {
    for (const args of [['--database', value], [`--database=${value}`]]) {
      const sentence = complaint(['operator', ...args]);
      expect(sentence).toMatch(/^--database holds a password, which every user of this machine could read: give/);
      expect(sentence).not.toContain('heim');
    }
    expect(configOf(['operator'], { ROSTER_DATABASE: value }).database).toBe(value);
  });

  it('is accepted on the command line without a password', () => {
    for (const value of ['postgres://db/roster', 'postgres://roster@db:5432/roster?sslmode=require', 'pglite:a@b:c']) {
      expect(configOf(['operator', '--database', value]).database).toBe(value);
    }
  });

  it('does not show in a complaint about an argument at the wrong place', () => {
    const sentence = complaint(['operator', 'postgres://roster:geheim@db/roster']);
    expect(sentence).toContain('Unexpected argument');
    expect(sentence).not.toContain('geheim');
  });
});

describe('all', () => {
  it('has a database of its own unless another is named', () => {
    expect(configOf(['all'], {}).database).toBe('pglite:./roster-data');
    expect(configOf(['all'], { ROSTER_DATABASE: '' }).database).toBe('pglite:./roster-data');
    expect(configOf(['all'], { ROSTER_DATABASE: 'pglite:/data' }).database).toBe('pglite:/data');
    expect(configOf(['all', '--database', 'pglite:/data'], {}).database).toBe('pglite:/data');
  });

  it('takes all flags of the operator', () => {
    expect(configOf(['all', '--namespaces', 'acme', '--log-level', 'debug'], {})).toMatchObject({
      namespaces: ['acme'],
      logLevel: 'debug',
    });
  });
});

describe('migrate', () => {
  it('adopts a database only when told to', () => {
    expect(configOf(['migrate']).adopt).toBe(false);
    expect(configOf(['migrate', '--adopt']).adopt).toBe(true);
    expect(complaint(['operator', '--adopt'])).toBe("Unknown option '--adopt'. See roster operator --help.");
  });

  it('has only the flags that it needs', () => {
    expect(complaint(['migrate', '--namespaces', 'acme'])).toContain("Unknown option '--namespaces'");
  });
});

describe('commands', () => {
  it('are listed where none is given', () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const text = textOf(parse(args, {}, false));
      for (const command of ['operator', 'all', 'web-admin', 'crds', 'migrate'])
        expect(text).toContain(`\n  ${command} `);
    }
  });

  it.each(['operate', 'toString', '__proto__'])('are named where there is none like %s', (command) => {
    expect(complaint([command])).toBe(
      `There is no command ${command}. Commands are operator, all, web-admin, crds, migrate; see roster --help.`,
    );
  });

  it('each have a help, which needs no configuration', () => {
    for (const command of ['operator', 'all', 'web-admin', 'crds', 'migrate']) {
      expect(textOf(parse([command, '--help'], {}, false))).toContain(`Usage: roster ${command} [FLAGS]`);
      expect(textOf(parse([command, '-h'], {}, false))).toContain(`Usage: roster ${command} [FLAGS]`);
    }
    expect(textOf(parse(['migrate', '--help'], {}, false))).toContain('--adopt\n');
  });

  it('print the CRDs without any configuration', () => {
    expect(parse(['crds'], {}, false)).toEqual({ command: 'crds' });
  });

  it('serve the web admin where they are told to, without a database', () => {
    const { command, config } = parse(['web-admin', '--web-address', '127.0.0.1:80'], {}, false) as Invocation & {
      config: WebAdminConfig;
    };
    expect(command).toBe('web-admin');
    expect(config).toEqual({ webAddress: { host: '127.0.0.1', port: 80 }, logFormat: 'json', logLevel: 'info' });
    expect(() => parse(['web-admin'], { ROSTER_WEB_ADDRESS: 'here' }, false)).toThrow(
      'ROSTER_WEB_ADDRESS here is not HOST:PORT or :PORT. See roster web-admin --help.',
    );
  });

  it('complain about unknown flags and flags without a value in one sentence', () => {
    expect(complaint(['operator', '--databse', 'x'])).toBe("Unknown option '--databse'. See roster operator --help.");
    expect(complaint(['operator', '--kubeconfig'])).toBe(
      "Option '--kubeconfig <value>' argument missing. See roster operator --help.",
    );
    expect(complaint(['operator', '--kubeconfig', '--help'])).toBe(
      "Option '--kubeconfig' argument is ambiguous. See roster operator --help.",
    );
  });
});
