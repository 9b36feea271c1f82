import type { Candidate } from './candidate.ts';
import type { Notes } from './notes.ts';
import { isOwner, privilegeOf } from './privilege.ts';
import type { KnownPerson, Tenant } from './tenant.ts';

/**
 * Keeps a directory from taking over, or locking out, people with great rights whom it fills: whoever can change an
 * address in the directory could otherwise have the password of an administrator sent to it. Such changes need approval;
 * everything else of these people, names and groups for example, follows the directory.
 */
export function protect(candidate: Candidate, tenant: Tenant, now: Date, notes: Notes) {
  const { record, person } = candidate;
  if (person === undefined) return;
  candidate.restriction = restrictionOf(person, tenant);
  if (!isOwner(person.kind, person.object, tenant)) return;
  candidate.keepsAccess = true;
  const ended = record.expiresAt !== undefined && Date.parse(record.expiresAt) <= now.getTime();
  if (record.enabled !== false && !ended) return;
  const { name } = person.object.metadata;
  const message = `The account is disabled or has ended, but ${name} owns the tenant and keeps access.`;
  notes.record('Warn', record, 'OwnerKeepsAccess', message, name);
}

/** Why what a directory does to the person needs approval, as the end of a sentence; undefined for ordinary people. */
export function restrictionOf({ kind, object }: KnownPerson, tenant: Tenant): string | undefined {
  const privilege = privilegeOf(kind, object, tenant);
  return privilege === undefined ? undefined : `${object.metadata.name} ${privilege}`;
}
