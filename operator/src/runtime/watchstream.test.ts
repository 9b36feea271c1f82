import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedWatchError, readWatchEvents, type WatchEvent } from './watchstream.ts';

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (let turn = 0; start < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

async function read(text: string, sizes: readonly number[] = [7]) {
  const events: WatchEvent<never>[] = [];
  for await (const event of readWatchEvents<never>(chunksOf(Buffer.from(text), sizes))) {
    events.push(event);
  }
  return events;
}

const added = { type: 'ADDED', object: { metadata: { name: 'a' } } };

describe('readWatchEvents', () => {
  it('finds the events however the bytes are cut', async () => {
    const event = fc.record({
      type: fc.constant('ADDED'),
      object: fc.record({ metadata: fc.record({ name: fc.string({ unit: 'grapheme' }) }) }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        async (events, sizes) => {
          const text = events.map((value) => `${JSON.stringify(value)}\n`).join('');
          expect(await read(text, sizes)).toEqual(events);
        },
      ),
    );
  });

  it('takes bookmarks and errors, which name no object', async () => {
    const events = [
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '5' } } },
      { type: 'ERROR', object: { code: 410 } },
    ];
    expect(await read(events.map((value) => `${JSON.stringify(value)}\n`).join(''))).toEqual(events);
  });

  it.each([
    ['no JSON', '{"type":\n'],
    ['an empty line', '\n'],
    ['a list', '[]\n'],
    ['null', 'null\n'],
    ['an unknown type', '{"type":"RENAMED","object":{"metadata":{"name":"a"}}}\n'],
    ['no object', '{"type":"ADDED"}\n'],
    ['a null object', '{"type":"ERROR","object":null}\n'],
    ['an object without a name', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['an event without its end', JSON.stringify(added)],
  ])('refuses %s, after what came before it', async (_, text) => {
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of readWatchEvents<never>(
        chunksOf(Buffer.from(`${JSON.stringify(added)}\n${text}`), [30]),
      )) {
        seen.push(event);
      }
    })();
    await expect(reading).rejects.toBeInstanceOf(MalformedWatchError);
    expect(seen).toEqual([added]);
  });
});
