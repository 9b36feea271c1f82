import type { PersonSource } from '@roster/crds';
import { differences } from './source.ts';
import type { Effect, UpdatePerson } from './types.ts';

/** As the schema has it; a block with more would be refused whole. */
const mostGroups = 1000;

/**
 * The update without the effects withheld, so that who is disabled in the directory cannot sign in, whatever else of
 * their entry is held. `changed` and `effects` are those that remain; undefined when nothing is left to change.
 */
export function withoutEffects(update: UpdatePerson, withheld: ReadonlySet<Effect>): UpdatePerson | undefined {
  const { before, awaits, effects: all = [], ...rest } = update;
  if (before === undefined) return undefined;
  const source = { ...update.source };
  if (all.includes('LostMembership') && withheld.has('LostMembership')) {
    const groups = new Set([...(before.groups ?? []), ...(source.groups ?? [])]);
    source.groups = [...groups].slice(0, mostGroups).sort();
  }
  const keepsAddress = all.includes('AddressChange') && withheld.has('AddressChange');
  if (keepsAddress) keepAddress(source, before);
  const changed = differences(before, source);
  if (changed.length === 0) return undefined;
  const effects = all.filter((effect) => !withheld.has(effect));
  return {
    ...rest,
    source,
    changed,
    ...(effects.length > 0 ? { before, effects } : {}),
    ...(awaits === undefined || keepsAddress ? {} : { awaits }),
  };
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

function keep<K extends 'email' | 'domainAccount' | 'precedence'>(
  field: K,
  source: PersonSource,
  before: PersonSource,
) {
  if (before[field] === undefined) delete source[field];
  else source[field] = before[field];
}
