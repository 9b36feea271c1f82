import type { KubernetesObject } from '@roster/crds';
import type { Status } from './apierror.ts';

/**
 * One line of a watch: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 * A bookmark carries only a resourceVersion, and the annotation `k8s.io/initial-events-end` at the end of the
 * initial events.
 */
export type WatchEvent<T extends KubernetesObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: Status };

/** The stream held something that is no event, or ended inside one: what was on that line is lost. */
export class MalformedWatchError extends Error {
  override readonly name = 'MalformedWatchError';
}

const NEWLINE = 0x0a;
const EVENT_TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/** Splits a watch's bytes into events. Throws MalformedWatchError, and what the source throws. */
export async function* readWatchEvents<T extends KubernetesObject>(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end);
      start = end + 1;
      yield parseEvent<T>(rest.length === 0 ? line : Buffer.concat([...rest, line]));
      rest = [];
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
    }
  }
  if (rest.length > 0) {
    throw new MalformedWatchError('The watch ended within an event.');
  }
}

function parseEvent<T extends KubernetesObject>(line: Buffer): WatchEvent<T> {
  let event: Partial<WatchEvent<T>> | null;
  try {
    event = JSON.parse(line.toString());
  } catch {
    event = null;
  }
  const known = event?.type !== undefined && EVENT_TYPES.has(event.type) && typeof event.object === 'object';
  const named = event?.type === 'ERROR' || event?.type === 'BOOKMARK' || isNamed(event?.object);
  if (!known || event?.object === null || !named) {
    throw new MalformedWatchError('The watch sent a line that is not an event.');
  }
  return event as WatchEvent<T>;
}

function isNamed(object: unknown): boolean {
  return typeof (object as KubernetesObject | undefined)?.metadata?.name === 'string';
}
