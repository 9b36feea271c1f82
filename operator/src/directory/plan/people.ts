import { type Licence, licences, type PersonSource } from '@roster/crds';
import { type Candidate, inForce, isInOrganization, personKind } from './candidate.ts';
import { belongings } from './effects.ts';
import type { GroupPlan } from './groups.ts';
import { grantOf } from './mappings.ts';
import type { Notes } from './notes.ts';
import { administers } from './privilege.ts';
import { reference } from './reference.ts';
import { differences, personSource } from './source.ts';
import { type KnownPerson, licenceOf, type Tenant } from './tenant.ts';
import type { Effect, PersonAction, PlanInput } from './types.ts';

/** What is done about a person; undefined when there is nothing to do. */
export interface PersonDecision {
  readonly action: PersonAction | undefined;
  /** Names of the Groups that the directory puts the person in from now on, sorted. */
  readonly groups: readonly string[];
}

const none: readonly string[] = [];

/** Turns an accepted candidate into what is written. */
export function decidePerson(
  candidate: Candidate,
  input: PlanInput,
  tenant: Tenant,
  groupPlan: GroupPlan,
  notes: Notes,
): PersonDecision {
  const { person, link, record, succession } = candidate;
  const { directory } = input;
  const groups = groupsOf(candidate, input, groupPlan, notes);
  const source = personSource(candidate, directory, groups);
  if (person === undefined) return { action: create(candidate, source, input, tenant), groups };

  const before = person.object.spec.source;
  const common = { kind: person.kind, ref: reference(person.object), source, record };
  const awaits = candidate.awaits === undefined ? {} : { awaits: candidate.awaits };
  const grant = grantOf(source.organizations, before?.organizations, tenant);
  const granted: Effect[] = grant === undefined ? [] : ['Grant'];
  const why = candidate.restriction ?? grant;
  const licence = newLicence(person, source, input);
  const told = { ...(why === undefined ? {} : { restriction: why }), ...(licence === undefined ? {} : { licence }) };
  if (grant !== undefined) {
    const name = person.object.metadata.name;
    notes.record('Warn', record, 'GrantNeedsApproval', `The grant to ${name} needs approval, because ${grant}.`, name);
  }
  if (link || before === undefined) {
    const effects: Effect[] = [candidate.restriction === undefined ? 'Link' : 'RestrictedLink', ...granted];
    return { action: { ...common, action: 'Link', effects, ...told }, groups };
  }
  if (succession !== undefined) {
    const ordinary = candidate.restriction === undefined ? 'Link' : 'RestrictedLink';
    const effects: Effect[] = [succession === 'TakeOver' ? 'TakeOver' : ordinary, ...granted];
    return { action: { ...common, action: 'TakeOver', before, effects, ...told, ...awaits }, groups };
  }
  const changed = differences(before, source);
  if (changed.length === 0) return { action: undefined, groups };

  const effects = [...changes(candidate, person, before, source, input, notes), ...granted];
  const action = before.missingSince !== undefined && source.missingSince === undefined ? 'Restore' : 'Update';
  const consequences =
    effects.length > 0 ? { effects, before, ...told } : licence === undefined ? {} : { before, licence };
  return { action: { ...common, action, changed, ...consequences, ...awaits }, groups };
}

/** What an update does to the person's address, account, access and belongings. */
function changes(
  candidate: Candidate,
  person: KnownPerson,
  before: PersonSource,
  source: PersonSource,
  { now }: PlanInput,
  notes: Notes,
): Effect[] {
  const effects: Effect[] = [];
  const after = inForce(candidate, person);
  const isDisabled = ({ enabled }: PersonSource) => enabled === false;
  const state = isDisabled(before) !== isDisabled(source) || before.expiresAt !== source.expiresAt;
  const { name } = person.object.metadata;
  if (candidate.restriction !== undefined) {
    const moves = after.address !== person.address || after.account !== person.account;
    if (moves || state || before.missingSince !== undefined) {
      effects.push('RestrictedChange');
      const message = `A change of address, domain account or access needs approval, because ${candidate.restriction}.`;
      notes.record('Warn', candidate.record, 'ChangeNeedsApproval', message, name);
    }
  } else {
    if (after.address !== person.address) effects.push('AddressChange');
    if (!mayEnter(before, now) && mayEnter(source, now)) effects.push('Restore');
  }
  const kept = new Set(belongings(source));
  if (belongings(before).some((belonging) => !kept.has(belonging))) effects.push('LostMembership');
  return effects;
}

/** The licence that somebody takes with this block and did not before, where the tenant's seats are limited. */
function newLicence({ kind, object }: KnownPerson, source: PersonSource, { existing }: PlanInput): Licence | undefined {
  // Only the roles of mappings come by a block.
  if (existing.seats === undefined || source.organizations === undefined) return undefined;
  if (kind === 'Recipient' || !object.spec.enabled) return undefined;
  const before = licenceOf(object.spec, existing.roles);
  const after = licenceOf({ ...object.spec, source }, existing.roles);
  return licences.indexOf(after) < licences.indexOf(before) ? after : undefined;
}

/** Whether the directory lets the person in. */
function mayEnter({ enabled, expiresAt, missingSince }: PersonSource, now: Date): boolean {
  if (enabled === false || missingSince !== undefined) return false;
  return expiresAt === undefined || Date.parse(expiresAt) > now.getTime();
}

function create(
  { name = '', record, awaits, returns }: Candidate,
  source: PersonSource,
  { directory, existing }: PlanInput,
  tenant: Tenant,
): PersonAction {
  const { organization, defaultRole } = directory;
  const rest = { record, ...(awaits === undefined ? {} : { awaits }) };
  if (personKind(directory) === 'Recipient') {
    const spec = { enabled: true, organizations: [{ name: organization }], source };
    return { action: 'Create', kind: 'Recipient', name, spec, effects: plainCreation, ...rest };
  }
  const passwordSetup = returns ? 'None' : directory.passwordSetup;
  const roles = defaultRole === undefined ? {} : { roles: [defaultRole] };
  const spec = { enabled: true, passwordSetup, organizations: [{ name: organization, ...roles }], source };

  const role = defaultRole === undefined ? undefined : tenant.roles.get(defaultRole);
  const byDefault = role !== undefined && administers(role.metadata.name, role);
  const grant = byDefault
    ? `the role ${defaultRole}, which new users get, gives administration rights`
    : grantOf(source.organizations, undefined, tenant);
  const effects: Effect[] = ['Creation'];
  if (passwordSetup === 'Invite') effects.push('Mail');
  if (grant !== undefined) effects.push('Grant');
  const consequences = effects.length === 1 ? { effects: plainCreation } : { effects };
  const restriction = grant === undefined ? {} : { restriction: grant };
  const licence = existing.seats === undefined ? {} : { licence: licenceOf(spec, existing.roles) };
  return { action: 'Create', kind: 'User', name, spec, ...consequences, ...restriction, ...licence, ...rest };
}

/** Shared by the many. */
const plainCreation: readonly Effect[] = ['Creation'];

/** Names of the person's Groups: in code-unit order, each once. */
function groupsOf(
  candidate: Candidate,
  { directory }: PlanInput,
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
