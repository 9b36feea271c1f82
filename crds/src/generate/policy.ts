import { apiVersion, group } from '../kind.ts';
import type { Policy } from '../policies.ts';
import { labels, type Manifest } from './manifest.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/validating-admission-policy-v1/ */
export interface ValidatingAdmissionPolicy extends Manifest {
  readonly spec: object;
}

/** A policy and what puts it in force. */
export function admissionPolicy(policy: Policy): readonly [ValidatingAdmissionPolicy, ValidatingAdmissionPolicy] {
  const metadata = { name: `${policy.name}.${group}`, labels };
  const { matchConditions, variables } = policy;
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        ...(policy.readsTenant ? { paramKind: { apiVersion, kind: 'Tenant' } } : {}),
        matchConstraints: {
          resourceRules: [
            { apiGroups: [group], apiVersions: ['*'], operations: policy.operations, resources: policy.resources },
          ],
        },
        ...(matchConditions ? { matchConditions } : {}),
        ...(variables ? { variables } : {}),
        validations: policy.validations,
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: {
        policyName: metadata.name,
        // The Tenant of the namespace in which the request is made.
        ...(policy.readsTenant ? { paramRef: { name: 'tenant', parameterNotFoundAction: 'Allow' } } : {}),
        validationActions: ['Deny'],
      },
    },
  ];
}
