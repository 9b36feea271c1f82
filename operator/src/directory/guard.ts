import type { Effect, GuardFacts, PersonAction } from './plan/index.ts';

/** How much may change at once: up to the floor always, beyond it a share of what there is, never more than the cap. */
export interface GuardSettings {
  readonly floor: number;
  readonly share: number;
  readonly cap: number;
}

export const defaultGuard: GuardSettings = { floor: 3, share: 0.05, cap: 500 };

export interface Verdict {
  /** What the run's status says; absent when nothing is held. */
  readonly held?: { readonly reason: string; readonly message: string; readonly count: number };
  /** Effects that are not executed. */
  readonly withheld: ReadonlySet<Effect>;
}

/** Judges a plan before anything of it is written. */
export function judge(_facts: GuardFacts, _settings: GuardSettings = defaultGuard): Verdict {
  return { withheld: new Set() };
}

/** Whether an action may be executed under the verdict: actions without a withheld effect go on. */
export function allows(verdict: Verdict, action: Pick<PersonAction, 'effects'>): boolean {
  return action.effects?.every((effect) => !verdict.withheld.has(effect)) ?? true;
}
