import { type Candidate, inForce } from './candidate.ts';
import type { Notes } from './notes.ts';
import { isOwner, privilegeOf } from './privilege.ts';
import type { Tenant } from './tenant.ts';

/**
 * Keeps a directory from taking over, or locking out, people with great rights whom it fills: whoever can change an
 * address in the directory could otherwise have the password of an administrator sent to it. Everything else of them,
 * names and groups for example, follows the directory.
 */
export function protect(candidate: Candidate, tenant: Tenant, now: Date, notes: Notes) {
  const { record, person } = candidate;
  if (person === undefined) return;
  const { name } = person.object.metadata;
  if (isOwner(person.kind, person.object, tenant)) {
    candidate.keepsAccess = true;
    const ended = record.expiresAt !== undefined && Date.parse(record.expiresAt) <= now.getTime();
    if (record.enabled === false || ended) {
      const message = `The account is disabled or has ended, but ${name} owns the tenant and keeps access.`;
      notes.record('Warn', record, 'ChangeNeedsApproval', message, name);
    }
  }
  const after = inForce(candidate, person);
  if (after.address === person.address && after.account === person.account) return;
  const privilege = privilegeOf(person.kind, person.object, tenant);
  if (privilege === undefined) return;
  const before = person.object.spec.source;
  candidate.address = before?.email;
  candidate.domainAccount = before?.domainAccount;
  candidate.precedence = before?.precedence ?? 'Directory';
  const message = `Address and domain account stay as they are, because ${name} ${privilege}.`;
  notes.record('Warn', record, 'ChangeNeedsApproval', message, name);
}
