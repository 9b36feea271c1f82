import { describe, expect, it } from 'vitest';
import { manifests } from './manifests.ts';
import { approverClusterRole, type Role } from './roles.ts';

const roles = manifests().filter((manifest): manifest is Role => manifest.kind === 'ClusterRole');

const holders = (...wanted: string[]) =>
  roles
    .filter(({ rules }) => rules.some(({ verbs }) => verbs.some((verb) => wanted.includes(verb))))
    .map(({ metadata }) => metadata.name);

describe('cluster roles', () => {
  it('leave approval to those who administer a namespace, and keep it from the operator and from editors', () => {
    expect(holders('approve')).toEqual(['roster-approver']);
    expect(approverClusterRole.metadata.labels).toMatchObject({
      'rbac.authorization.k8s.io/aggregate-to-admin': 'true',
    });
    expect(approverClusterRole.metadata.labels).not.toHaveProperty('rbac.authorization.k8s.io/aggregate-to-edit');
  });

  it('leave what a synchronisation writes to the operator', () => {
    expect(holders('link', 'bootstrap')).toEqual(['roster-operator']);
  });

  it('give nobody every verb', () => {
    expect(holders('*')).toEqual([]);
  });
});
