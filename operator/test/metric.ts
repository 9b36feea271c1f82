import type { Roster } from './roster.ts';

/** Values of a metric at this moment, by the labels of its series as Prometheus writes them; `''` where it has none. */
export async function metric({ metricsUrl }: Pick<Roster, 'metricsUrl'>, name: string): Promise<Map<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const series = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
  return new Map([...series].map(([, labels = '', value]) => [labels, Number(value)]));
}
