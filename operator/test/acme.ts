import { Group, type KubernetesObject, Organization, Tenant } from '@roster/crds';
import { expect } from 'vitest';
import { group, organization, recipient, role, tenant, user } from './objects.ts';
import type { Administrator } from './roster.ts';
import { states, statusesHold } from './status.ts';

/** A tenant with ten people who belong to something. */
export const acme: readonly KubernetesObject[] = [
  tenant({ displayName: 'Acme', owner: 'user-1' }),
  organization('sales'),
  role('editors', 'Tenant'),
  role('sellers', 'Organization'),
  group('band'),
  group('choir'),
  ...Array.from({ length: 8 }, (_, index) =>
    user(`user-${index + 1}`, {
      roles: ['editors'],
      organizations: [{ name: 'main' }, { name: 'sales', roles: ['sellers'] }],
      groups: index % 2 === 0 ? ['band', 'choir'] : ['choir'],
    }),
  ),
  recipient('press', { groups: ['band'] }),
  recipient('board'),
];

/** Applies it and waits until all of it is in force, and nothing is left to be counted. */
export async function establish(administrator: Administrator): Promise<void> {
  await administrator.apply(...acme);
  await administrator.eventually(Tenant, 'tenant', (object) => {
    expect(states(object)).toMatchObject({ MirrorHeld: 'False InStep', Ready: 'True Mirrored' });
    expect(object.status).toMatchObject({ users: 8, recipients: 2, groups: 3 });
  });
  for (const [name, members] of Object.entries({ 'all-users': 10, band: 5, choir: 8 })) {
    await administrator.eventually(Group, name, ({ status }) => expect(status).toMatchObject({ members }));
  }
  await administrator.eventually(Organization, 'sales', (sales) =>
    expect(states(sales)).toMatchObject({ DeletionProtected: 'True HasPeople' }),
  );
  await statusesHold(administrator);
}
