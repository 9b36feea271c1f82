import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

/**
 * The log for operators, on standard error. Keys are stable: time, level, msg, controller, namespace, name, and err for
 * an error, which is pino's own word: https://getpino.io/#/docs/api?id=errorkey-string. It is never a plain string.
 * Personal data appears at level debug only; values under keys that hold secrets are never printed.
 */
export function createLogger(config: Pick<Config, 'logFormat' | 'logLevel'>): Logger {
  const options = {
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: ['password', '*.password', 'token', '*.token', 'authorization', '*.authorization'],
      censor: '***',
    },
  };
  return config.logFormat === 'pretty'
    ? pino(
        options,
        pretty({
          destination: 2,
          sync: true,
          translateTime: 'SYS:HH:MM:ss',
          singleLine: true,
          colorize: process.stderr.isTTY,
        }),
      )
    : pino(options, pino.destination({ dest: 2, sync: false }));
}
