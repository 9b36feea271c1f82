import type { UserDirectory } from '@roster/crds';
import type { DirectorySettings } from './types.ts';

/**
 * Annotations of a UserDirectory by which an administrator says who an entry is whose address belongs, or belonged, to
 * a person with another id: external ids, separated by commas.
 */
const samePersonAnnotation = 'roster.dev/samePerson';
const newPersonAnnotation = 'roster.dev/newPerson';

/**
 * What the plan needs to know of a UserDirectory; `authority` as in the evidence of the read, `others` the directories of
 * the tenant.
 */
export function directorySettings(
  { metadata, spec }: UserDirectory,
  authority: string,
  others: readonly UserDirectory[] = [],
): DirectorySettings {
  return {
    ...spec,
    name: metadata.name,
    authority,
    membership: spec.groups.membership,
    takenOverBy: others.find((other) => other.spec.takesOver === metadata.name)?.metadata.name,
    samePerson: listed(metadata.annotations?.[samePersonAnnotation]),
    newPerson: listed(metadata.annotations?.[newPersonAnnotation]),
  };
}

function listed(text: string | undefined): string[] | undefined {
  return text
    ?.split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
}
