/** All that Roster puts into a cluster, as objects: printed, applied by tests, and put into charts. */
import { kinds } from '../kinds/all.ts';
import { policies } from '../policies.ts';
import { type CustomResourceDefinition, customResourceDefinition } from './crd.ts';
import type { Manifest } from './manifest.ts';
import { admissionPolicy, type ValidatingAdmissionPolicy } from './policy.ts';
import {
  approverClusterRole,
  editorClusterRole,
  operatorClusterRole,
  operatorClusterScopedRole,
  secretsReaderClusterRole,
  viewerClusterRole,
} from './roles.ts';

export { celRules } from '../schema/rules.ts';
export type { StructuralSchema } from '../schema/structural.ts';
export type { CustomResourceDefinition } from './crd.ts';
export type { Manifest } from './manifest.ts';
export type { ValidatingAdmissionPolicy } from './policy.ts';
export {
  approverClusterRole,
  editorClusterRole,
  leaderElectionRole,
  operatorClusterRole,
  operatorClusterScopedRole,
  type PolicyRule,
  type Role,
  secretsReaderClusterRole,
  viewerClusterRole,
} from './roles.ts';
export { sample } from './sample.ts';
export { yaml } from './yaml.ts';

export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return kinds.map(customResourceDefinition);
}

/** The policies, each followed by its binding. They name kinds: apply the definitions first. */
export function admissionPolicies(): readonly ValidatingAdmissionPolicy[] {
  return policies.flatMap(admissionPolicy);
}

/** Definitions, policies and cluster roles, in the order in which they can be applied. */
export function manifests(): readonly Manifest[] {
  const roles = [
    operatorClusterRole,
    operatorClusterScopedRole,
    secretsReaderClusterRole,
    viewerClusterRole,
    editorClusterRole,
    approverClusterRole,
  ];
  return [...customResourceDefinitions(), ...admissionPolicies(), ...roles];
}
