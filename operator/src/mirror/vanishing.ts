/** What happened to the people of a tenant. */
export interface Vanishing {
  /** Live rows now, those that vanished included. */
  readonly live: number;
  /** Of them, those whose object is gone. */
  readonly vanished: number;
  /** Buried within the last seven days without anybody's confirmation. */
  readonly buriedLastSevenDays: number;
}

export interface VanishingJudgement {
  /** Whether the database is to be left as it is. */
  readonly hold: boolean;
  /** How many may go within seven days. */
  readonly allowance: number;
  /** What is so, in a sentence. */
  readonly sentence: string;
}

export function judgeVanishing(_vanishing: Vanishing): VanishingJudgement {
  throw new Error('not built yet');
}
