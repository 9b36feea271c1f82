import { setTimeout } from 'node:timers/promises';
import { RosterError } from '../../errors.ts';
import { ApiError, TransportError } from '../../runtime/index.ts';

/** So long a run waits for an API server that does not answer, in milliseconds, before it gives up. */
const patienceMs = 60_000;
const firstDelayMs = 250;
const longestDelayMs = 5_000;

/**
 * Repeats a write while the API server does not answer, or answers that it cannot now. Only for writes that may be
 * repeated, since each says what it expects to find.
 * @throws RosterError ApiServerUnavailable when the server stays away; whatever else the write throws, a refusal too.
 */
export async function persistently<T>(signal: AbortSignal, write: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (let delay = firstDelayMs; ; delay = Math.min(delay * 2, longestDelayMs)) {
    try {
      return await write();
    } catch (error) {
      signal.throwIfAborted();
      if (!mayPass(error)) throw error;
      if (Date.now() + delay > deadline) {
        throw new RosterError('ApiServerUnavailable', 'The API server did not answer for a minute.', { cause: error });
      }
      await setTimeout(delay, undefined, { signal });
    }
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof TransportError || (error instanceof ApiError && (error.code >= 500 || error.code === 429));
}
