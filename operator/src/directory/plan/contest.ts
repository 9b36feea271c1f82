/** Who gets what only one may have: an address, or the name of a group. */
import { paced, type Steps } from './steps.ts';

/** Somebody who wants a key, and gives up another one if it gets it. */
export interface Bid {
  readonly wants: string;
  readonly leaves?: string | undefined;
}

/** Contested: several bids for one key. Occupied: somebody has the key who keeps it. */
export type Outcome = 'Granted' | 'Contested' | 'Occupied';

/**
 * Settles all bids at once, so that keys can be swapped and passed on in a chain. Whoever is refused keeps the key it
 * has, which may refuse others in turn: each is refused once, so this ends, and the order of the bids never matters.
 * `occupied` says whether somebody without a bid has the key.
 */
export function* settle(bids: readonly Bid[], occupied: (key: string) => boolean): Steps<Outcome[]> {
  const bidders = new Map<string, number>();
  const contested = new Set<string>();
  yield* paced(bids.entries(), ([index, { wants }]) => {
    if (bidders.has(wants)) contested.add(wants);
    bidders.set(wants, index);
  });
  const outcomes: Outcome[] = [];
  yield* paced(bids, ({ wants }) => {
    if (contested.has(wants)) outcomes.push('Contested');
    else outcomes.push(occupied(wants) ? 'Occupied' : 'Granted');
  });
  const refused = [...outcomes.keys()].filter((index) => outcomes[index] !== 'Granted');
  for (let index = refused.pop(); index !== undefined; index = refused.pop()) {
    const kept = bids[index]?.leaves;
    const next = kept === undefined ? undefined : bidders.get(kept);
    if (next === undefined || outcomes[next] !== 'Granted') continue;
    outcomes[next] = 'Occupied';
    refused.push(next);
  }
  return outcomes;
}
