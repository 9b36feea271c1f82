import type { Stated } from '../conditions.ts';

export interface ProtectionFacts {
  /** Whether the Tenant names it as its default organization. */
  readonly isDefault: boolean;
  /** Users and recipients who belong to it. */
  readonly people: number;
}

/** Whether an organization may be deleted: the admission policy refuses the deletion with this message. */
export function protection({ isDefault, people }: ProtectionFacts): Stated | undefined {
  if (isDefault) return protect('DefaultOrganization', 'it is the default organization of the tenant');
  if (people > 0) return protect('HasPeople', 'people belong to it; move or delete them first');
  return undefined;
}

const protect = (reason: string, message: string): Stated => ({
  type: 'DeletionProtected',
  status: 'True',
  reason,
  message,
});
