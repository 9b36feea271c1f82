import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KubernetesObject } from '@roster/crds';
import { parseAllDocuments } from 'yaml';

const charts = join(import.meta.dirname, '..');

/** Runs Helm in the folder of the charts; rejects with what it said. */
export async function helm(...args: readonly string[]): Promise<string> {
  const { ROSTER_HELM: program } = process.env;
  if (program === undefined) throw new Error('ROSTER_HELM is not set: run this by hack/test');
  try {
    const { stdout } = await promisify(execFile)(program, args, { cwd: charts, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    throw new Error((error as { stderr?: string }).stderr || String(error));
  }
}

/** What a chart makes of values, as flags for Helm. */
export async function rendered(
  chart: string,
  { name = chart, namespace = 'roster-system', flags = [] as readonly string[] } = {},
): Promise<KubernetesObject[]> {
  const text = await helm('template', name, chart, '--namespace', namespace, ...flags);
  return parseAllDocuments(text).flatMap((document) => document.toJS() ?? []);
}
