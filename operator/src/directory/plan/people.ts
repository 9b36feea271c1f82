import type { PersonSource } from '@roster/crds';
import { type Candidate, inForce, isInOrganization, personKind } from './candidate.ts';
import type { GroupPlan } from './groups.ts';
import type { Notes } from './notes.ts';
import { reference } from './reference.ts';
import { differences, personSource } from './source.ts';
import type { DirectorySettings, Effect, PersonAction } from './types.ts';

/** What is done about a person; undefined when there is nothing to do. */
export interface PersonDecision {
  readonly action: PersonAction | undefined;
  /** Names of the Groups that the directory puts the person in from now on, sorted. */
  readonly groups: readonly string[];
  /** Names of those that it no longer does. */
  readonly lost: readonly string[];
}

const none: readonly string[] = [];

/** Turns an accepted candidate into what is written. */
export function decidePerson(
  candidate: Candidate,
  directory: DirectorySettings,
  groupPlan: GroupPlan,
  notes: Notes,
): PersonDecision {
  const { person, link, record } = candidate;
  const before = person?.object.spec.source;
  const groups = groupsOf(candidate, directory, groupPlan, notes);
  const source = personSource(candidate, directory, groups);
  const awaits = candidate.awaits === undefined ? {} : { awaits: candidate.awaits };

  if (person === undefined) {
    return { action: { ...creation(candidate, directory, source), record, ...awaits }, groups, lost: none };
  }
  const ref = reference(person.object);
  if (link || before === undefined) {
    return {
      action: { action: 'Link', kind: person.kind, ref, source, record, effects: ['Link'] },
      groups,
      lost: none,
    };
  }
  const changed = differences(before, source);
  if (changed.length === 0) return { action: undefined, groups, lost: none };

  const now = new Set(groups);
  const lost = changed.includes('groups') ? (before.groups ?? none).filter((group) => !now.has(group)) : none;
  const effects: Effect[] = [];
  if (inForce(candidate, person).address !== person.address) effects.push('AddressChange');
  if (lost.length > 0) effects.push('LostMembership');
  return {
    action: {
      action: 'Update',
      kind: person.kind,
      ref,
      source,
      changed,
      record,
      ...(effects.length > 0 ? { effects, before } : {}),
      ...awaits,
    },
    groups,
    lost,
  };
}

function creation({ name = '' }: Candidate, directory: DirectorySettings, source: PersonSource) {
  const { organization, defaultRole, passwordSetup } = directory;
  if (personKind(directory) === 'Recipient') {
    const spec = { enabled: true, organizations: [{ name: organization }], source };
    return { action: 'Create', kind: 'Recipient', name, spec } as const;
  }
  const roles = defaultRole === undefined ? {} : { roles: [defaultRole] };
  const spec = { enabled: true, passwordSetup, organizations: [{ name: organization, ...roles }], source };
  return { action: 'Create', kind: 'User', name, spec } as const;
}

/** Names of the person's Groups: in code-unit order, each once. */
function groupsOf(
  candidate: Candidate,
  directory: DirectorySettings,
  { names, unclear }: GroupPlan,
  notes: Notes,
): string[] {
  const { record, person } = candidate;
  const groups: string[] = [];
  for (const externalId of record.groups) {
    const name = names.get(externalId);
    if (name !== undefined) groups.push(name);
  }
  if (unclear.size > 0) {
    for (const group of person?.object.spec.source?.groups ?? none) if (unclear.has(group)) groups.push(group);
  }
  if (groups.length > 0 && !isInOrganization(candidate, directory)) {
    const name = person?.object.metadata.name;
    const message = `${name} is not in the organization ${directory.organization}, so the groups of the entry are left out.`;
    notes.record('Warn', record, 'NotInOrganization', message, name);
    return [];
  }
  groups.sort();
  return groups.filter((group, index) => group !== groups[index - 1]);
}
