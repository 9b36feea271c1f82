import { describe, expect, it } from 'vitest';
import { tenant } from './controllers/testing/objects.ts';
import { installationOf } from './installation.ts';
import { neglected } from './namespaces.ts';

const now = new Date('2026-03-31T12:00:00Z');
const made = (secondsAgo: number) => new Date(now.getTime() - secondsAgo * 1000).toISOString();

describe('namespaces', () => {
  it('belong to one installation by their label, and to roster without', () => {
    const labelled = (labels?: Record<string, string>) => ({ metadata: { name: 'acme', ...(labels && { labels }) } });
    expect(installationOf(labelled())).toBe('roster');
    expect(installationOf(labelled({ 'roster.dev/installation': '' }))).toBe('roster');
    expect(installationOf(labelled({ 'roster.dev/installation': 'blue' }))).toBe('blue');
  });

  it('are neglected when their Tenant has waited half a minute for any operator', () => {
    const aged = (seconds: number, observedGeneration?: number) => {
      const { metadata, ...rest } = tenant();
      const status = observedGeneration === undefined ? {} : { status: { observedGeneration } };
      return { ...rest, ...status, metadata: { ...metadata, creationTimestamp: made(seconds) } };
    };
    const [unlooked, defaulted] = [aged(31), aged(31, -1)];
    expect(neglected([unlooked, defaulted, aged(29), aged(29, -1), aged(31, 1), aged(9_000, 0)], now)).toEqual([
      unlooked,
      defaulted,
    ]);
  });
});
