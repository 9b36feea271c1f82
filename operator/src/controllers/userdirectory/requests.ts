import type { UserDirectory } from '@roster/crds';

/** Set on a UserDirectory, it asks for a run; any new value asks for a new one. Flux uses the same convention. */
export const requestedAt = 'roster.dev/requestedAt';

/** Set on a UserDirectory, it asks for a test of the connection; any new value asks for a new one. */
export const testRequestedAt = 'roster.dev/testRequestedAt';

/** The request that stands in an annotation, as the status repeats it: 63 characters tell requests apart. */
export function requestOf({ metadata }: UserDirectory, annotation: string): string | undefined {
  return metadata.annotations?.[annotation]?.slice(0, 63).toWellFormed() || undefined;
}
