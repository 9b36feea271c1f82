import type { PersonSource } from '@roster/crds';
import { belongings } from './effects.ts';
import { differences } from './source.ts';
import type { Effect, UpdatePerson } from './types.ts';

/** As the schema has it; a block with more would be refused whole. */
const mostGroups = 1000;

/** What each effect is about, beside memberships and addresses: these fields stay as they are without it. */
const fields: Readonly<Partial<Record<Effect, readonly (keyof PersonSource)[]>>> = {
  Restore: ['enabled', 'expiresAt', 'missingSince'],
  RestrictedChange: ['email', 'domainAccount', 'precedence', 'enabled', 'expiresAt', 'missingSince'],
  // With an organization would go what the groups in it need.
  Grant: ['organizations', 'groups'],
  Seat: ['organizations', 'groups'],
};

/**
 * The update without the effects withheld, so that who is disabled in the directory cannot sign in, whatever else of
 * their entry is held. `changed` and `effects` are those that remain; undefined when nothing is left to change.
 */
export function withoutEffects(update: UpdatePerson, withheld: ReadonlySet<Effect>): UpdatePerson | undefined {
  const { before, awaits, restriction, effects: all = [], ...rest } = update;
  if (before === undefined) return undefined;
  const source = { ...update.source };
  const held = all.filter((effect) => withheld.has(effect));
  if (held.includes('LostMembership')) keepMemberships(source, before);
  if (held.includes('AddressChange')) keepAddress(source, before);
  for (const effect of held) for (const field of fields[effect] ?? []) keep(field, source, before);
  const changed = differences(before, source);
  if (changed.length === 0) return undefined;
  const effects = all.filter((effect) => !withheld.has(effect));
  const keepsAddress = held.includes('AddressChange') || held.includes('RestrictedChange');
  return {
    ...rest,
    action: source.missingSince === undefined ? update.action : 'Update',
    source,
    changed,
    ...(effects.length > 0 ? { before, effects } : {}),
    ...(restriction === undefined || effects.length === 0 ? {} : { restriction }),
    ...(awaits === undefined || keepsAddress ? {} : { awaits }),
  };
}

/** What goes stays, beside what comes. */
function keepMemberships(source: PersonSource, before: PersonSource) {
  const groups = new Set([...(before.groups ?? []), ...(source.groups ?? [])]);
  if (groups.size > 0) source.groups = [...groups].slice(0, mostGroups).sort();
  const kept = new Set(belongings(source));
  if (belongings({ ...before, groups: [] }).every((belonging) => kept.has(belonging))) return;
  const roles = new Map<string, Set<string>>();
  for (const { name, roles: held = [] } of [...(before.organizations ?? []), ...(source.organizations ?? [])]) {
    roles.set(name, new Set([...(roles.get(name) ?? []), ...held]));
  }
  source.organizations = [...roles]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, held]) => (held.size === 0 ? { name } : { name, roles: [...held].sort() }));
}

/**
 * Which address is in force depends on the precedence, too. It decides about the domain account as well, and with the
 * former one an account would come into force that nobody settled: so the account stays where the precedence changes.
 */
function keepAddress(source: PersonSource, before: PersonSource) {
  if (source.precedence !== before.precedence) keep('domainAccount', source, before);
  keep('precedence', source, before);
  keep('email', source, before);
}

function keep<K extends keyof PersonSource>(field: K, source: PersonSource, before: PersonSource) {
  if (before[field] === undefined) delete source[field];
  else source[field] = before[field];
}
