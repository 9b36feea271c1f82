/** Whether rows may be buried whose objects vanished, or whether so many at once look like an accident. */

/** What happened to the rows of a tenant that are judged together. */
export interface Vanishing {
  /** What they stand for: `['person', 'people']`. */
  readonly noun: readonly [one: string, many: string];
  /** Live rows now, those that vanished included. */
  readonly live: number;
  /** Of them, those whose object is gone. */
  readonly vanished: number;
  /** Buried within the last seven days without anybody's confirmation; absent where nobody counts that. */
  readonly buriedLastSevenDays?: number;
  /** How large a part of them may go; 0.05 when absent. */
  readonly share?: number;
}

export interface VanishingJudgement {
  /** Whether the database is to be left as it is. */
  readonly hold: boolean;
  /** How many may go. */
  readonly allowance: number;
  /** What is so, in a sentence. */
  readonly sentence: string;
}

const defaultShare = 0.05;
const floor = 3;
const cap = 500;

/**
 * Counts people over seven days, so that what vanishes piece by piece is seen as a whole: an emptied cluster tells of each
 * person apart. Held is what goes beyond five per cent of the people there were, at least 3 and at most 500, and
 * whatever makes half of them, as the floor would let a tenant of three be emptied.
 *
 * One person may always go, even the only one or one of two: that is somebody being deleted by hand. Two of three or
 * of four are half of the tenant and wait for a confirmation; a wrong guess costs an annotation, the other way round
 * it would cost people their access.
 */
export function judgeVanishing({
  noun,
  live,
  vanished,
  buriedLastSevenDays,
  share = defaultShare,
}: Vanishing): VanishingJudgement {
  const before = live + (buriedLastSevenDays ?? 0);
  const going = vanished + (buriedLastSevenDays ?? 0);
  const allowance = Math.min(cap, Math.max(floor, Math.floor(share * before)));
  const hold = vanished > 0 && going > 1 && (going > allowance || going * 2 >= before);
  const number = (count: number) => count.toLocaleString('en');
  const what = `${number(going)} of ${number(before)} ${noun[before === 1 ? 0 : 1]}`;
  const when = buriedLastSevenDays === undefined ? 'at once' : 'within seven days';
  const limit = going > allowance ? `at most ${number(allowance)} may` : 'half of them or more may not';
  return {
    hold,
    allowance,
    sentence: hold ? `${what} vanished ${when}, and ${limit} without confirmation.` : `${what} vanished ${when}.`,
  };
}
