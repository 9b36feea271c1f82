/** What a run of a directory does: decided from a read and the tenant alone. */
export { effectKey, losses } from './effects.ts';
export { missingPeople } from './missing.ts';
export { isSuspiciouslyEmpty, planDirectory, planSteps } from './plan.ts';
export { heldLine, lines, samples } from './report.ts';
export { directorySettings } from './settings.ts';
export { finish, inSlices, paced, type Steps } from './steps.ts';
export type * from './types.ts';
export { withoutEffects } from './withhold.ts';
