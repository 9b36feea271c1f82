import { expect, it } from 'vitest';
import { at, directory } from '../testing/objects.ts';
import type { Connection } from './connection.ts';
import { Refusals } from './refusals.ts';
import { testRequestedAt } from './requests.ts';

const seen = (reason: 'InvalidCredentials' | 'ServerUnreachable'): Connection => ({
  connected: false,
  problem: { reason, message: 'It did not work.' },
  testedAt: at(0),
});

/** Which of the attempts are made, each of which ends with the reason. */
async function made(
  reason: 'InvalidCredentials' | 'ServerUnreachable',
  ...attempts: Parameters<Refusals['attempt']>[]
) {
  const refusals = new Refusals();
  const numbers: number[] = [];
  for (const [index, [object, version]] of attempts.entries()) {
    const connection = await refusals.attempt(object, version, () => {
      numbers.push(index);
      return Promise.resolve(seen(reason));
    });
    expect(connection).toEqual(seen(reason));
  }
  return numbers;
}

const none = () => Promise.reject(new Error('nobody asks for this'));
const asked = (value: string) => directory({}, { annotations: { [testRequestedAt]: value } });

it('does not try a refused account again while nothing changed', async () => {
  expect(await made('InvalidCredentials', [directory(), '7', none], [directory(), '7', none])).toEqual([0]);
});

it('tries it again when the spec, the Secret or the directory is another, or somebody asks', async () => {
  const attempts: Parameters<Refusals['attempt']>[] = [
    [directory(), '7', none],
    [directory(), '8', none],
    [directory({}, { generation: 2 }), '8', none],
    [directory({}, { generation: 2, uid: 'another' }), '8', none],
    [asked('now'), '8', none],
    [asked('later'), '8', none],
  ];
  expect(await made('InvalidCredentials', ...attempts)).toEqual([0, 1, 2, 3, 4, 5]);
});

it('tries again what may pass', async () => {
  expect(await made('ServerUnreachable', [directory(), '7', none], [directory(), '7', none])).toEqual([0, 1]);
});

it('forgets', async () => {
  const refusals = new Refusals();
  await refusals.attempt(directory(), '7', () => Promise.resolve(seen('InvalidCredentials')));
  refusals.forget({ namespace: 'acme', name: 'corporate' });
  await expect(refusals.attempt(directory(), '7', none)).rejects.toThrow('nobody asks for this');
});
