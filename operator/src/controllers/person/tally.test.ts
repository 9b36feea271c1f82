import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createMetrics } from '../../metrics.ts';
import { condition, namespace } from '../testing/objects.ts';
import type { PersonStatus } from './status.ts';
import { PeopleTally } from './tally.ts';

const status = (ready: 'True' | 'False', active: 'True' | 'False' | 'Unknown'): PersonStatus => ({
  conditions: [condition('Active', active, 'Any'), condition('Ready', ready, 'Any')],
});

function counting() {
  const metrics = createMetrics(new Registry(), { version: '1' });
  const counts = async () =>
    Object.fromEntries(
      (await metrics.peopleByState.get()).values.map(({ labels, value }) => [
        `${labels.namespace} ${labels.kind} ${labels.state}`,
        value,
      ]),
    );
  return { tally: new PeopleTally(metrics), counts };
}

it('counts people by kind and state', async () => {
  const { tally, counts } = counting();
  tally.count('User', namespace, 'a', status('True', 'True'));
  tally.count('User', namespace, 'b', status('True', 'True'));
  tally.count('User', namespace, 'c', status('True', 'False'));
  tally.count('User', namespace, 'd', status('False', 'True'));
  tally.count('User', 'globex', 'a', status('False', 'Unknown'));
  tally.count('Recipient', namespace, 'a', status('True', 'True'));
  expect(await counts()).toEqual({
    'acme User active': 2,
    'acme User inactive': 1,
    'acme User stalled': 1,
    'globex User stalled': 1,
    'acme Recipient active': 1,
  });
});

it('counts each person once, in the state they are in now', async () => {
  const { tally, counts } = counting();
  for (const active of ['True', 'True', 'False', 'True', 'False'] as const) {
    tally.count('User', namespace, 'a', status('True', active));
  }
  expect(await counts()).toEqual({ 'acme User active': 0, 'acme User inactive': 1 });
});

it('forgets people who are gone, and does not mind those it never saw', async () => {
  const { tally, counts } = counting();
  tally.count('User', namespace, 'a', status('True', 'True'));
  tally.forget('User', namespace, 'a');
  tally.forget('User', namespace, 'a');
  tally.forget('User', namespace, 'nobody');
  expect(await counts()).toEqual({ 'acme User active': 0 });
  tally.count('User', namespace, 'a', status('True', 'True'));
  expect(await counts()).toEqual({ 'acme User active': 1 });
});
