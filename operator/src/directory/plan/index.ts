/** What a run of a directory does: decided from a read and the tenant alone. */
export { isSuspiciouslyEmpty, planDirectory } from './plan.ts';
export { lines, samples } from './report.ts';
export type * from './types.ts';
export { withoutEffects } from './withhold.ts';
