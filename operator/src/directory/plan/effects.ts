import { hash } from 'node:crypto';
import type { PersonSource } from '@roster/crds';
import type { Effect, PersonAction } from './types.ts';

/**
 * Names one effect of an action, the same in every run in which it is due, and another one as soon as anything about it
 * differs: whose it is, what for, or why it needs approval. So an approval never covers more than was looked at. A SHA-256
 * in hexadecimal digits, so that nobody's data stands in it.
 */
export function effectKey(action: PersonAction, effect: Effect): string {
  const { kind, restriction } = action;
  const source = action.action === 'Create' ? action.spec.source : action.source;
  const whose = [kind, source?.authority, source?.externalId, 'ref' in action ? action.ref.uid : action.name];
  return hash('sha256', JSON.stringify([effect, ...whose, details(action, effect, source), restriction]), 'hex');
}

/** What an approval of the effect is about, beside the person. */
function details(action: PersonAction, effect: Effect, source: PersonSource | undefined): unknown {
  switch (effect) {
    case 'LostMembership':
      return losses(action);
    case 'Grant':
      return [source?.email, source?.domainAccount, source?.organizations];
    case 'Removal':
    case 'RestrictedRemoval':
      return action.action;
    case 'Restore':
      return source?.expiresAt;
    default:
      return [source?.email, source?.domainAccount, source?.precedence, source?.enabled, source?.expiresAt];
  }
}

const none: readonly string[] = [];

/**
 * What an update takes from a person: `group sales`, `organization branch`, `role viewer in the organization branch`. In
 * the order of the block that is replaced.
 */
export function losses(action: PersonAction): readonly string[] {
  if (!('before' in action) || action.before === undefined || !action.effects?.includes('LostMembership')) return none;
  const kept = new Set(belongings(action.source));
  return belongings(action.before).filter((belonging) => !kept.has(belonging));
}

/** Groups, organizations and roles that a block gives. */
export function belongings({ groups = [], organizations = [] }: PersonSource): string[] {
  const given = groups.map((name) => `group ${name}`);
  for (const { name, roles = [] } of organizations) {
    given.push(`organization ${name}`);
    for (const role of roles) given.push(`role ${role} in the organization ${name}`);
  }
  return given;
}
