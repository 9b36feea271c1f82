import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { watchEventLoop } from './eventloop.ts';

it('tells for how long the event loop stood still', async () => {
  const longest = watchEventLoop();
  await setTimeout(20);
  const start = performance.now();
  while (performance.now() - start < 200);
  await setTimeout(20);
  expect(longest()).toBeGreaterThan(0.18);
});

it('tells of none when it was not given the time to look', () => {
  expect(watchEventLoop()()).toBe(0);
});
