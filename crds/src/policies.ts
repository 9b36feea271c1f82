/**
 * What a schema cannot say, because it depends on who asks or on another object. The API server judges it by
 * ValidatingAdmissionPolicies, so there is no webhook that could be down:
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
import { group } from './kind.ts';

export interface Policy {
  /** Completed by the group to the name of the object. */
  readonly name: string;
  /** What it is for, in a sentence. */
  readonly description: string;
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
  /** Plurals of kinds. Subresources are not judged: only the operator may write a status. */
  readonly resources: readonly string[];
  /** Whether the expressions read the namespace's Tenant as `params`. Without a Tenant everything passes. */
  readonly readsTenant?: boolean;
  /** Requests that do not match cost nothing more. `namespaceObject` is not there yet. */
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly PolicyValidation[];
}

export interface PolicyValidation {
  /** True when the request may pass. */
  readonly expression: string;
  /** What a person sees who is refused. */
  readonly message: string;
  /** A better message, made from the objects. */
  readonly messageExpression?: string;
}

/** In a namespace that is being deleted everything goes, whatever protects it: otherwise it would stay for ever. */
const closing = { name: 'closing', expression: 'has(namespaceObject.metadata.deletionTimestamp)' };

/** Whether the person who asks has a verb that Kubernetes does not know, granted by RBAC like any other. */
const may = (verb: string) =>
  `authorizer.group('${group}').resource(request.resource.resource).namespace(request.namespace).check('${verb}').allowed()`;

export const policies: readonly Policy[] = [
  {
    name: 'source',
    description: 'Only a synchronisation writes spec.source. Whoever may update the object may remove the block.',
    operations: ['CREATE', 'UPDATE'],
    resources: ['users', 'recipients', 'groups'],
    matchConditions: [
      {
        name: 'source-changes',
        expression:
          'has(object.spec.source) && (oldObject == null || !has(oldObject.spec.source) || object.spec.source != oldObject.spec.source)',
      },
    ],
    validations: [
      {
        expression: may('link'),
        message:
          "spec.source is written by a directory's synchronisation: leave it as it is, or remove it to detach the object (writing it needs the verb link)",
      },
    ],
  },
  {
    name: 'approval',
    description: 'What a run holds is approved by those who have the verb approve, and who looked at exactly that.',
    operations: ['CREATE', 'UPDATE'],
    resources: ['directorysyncs'],
    matchConditions: [
      {
        name: 'approval-comes',
        expression: 'has(object.spec.approval) && (oldObject == null || !has(oldObject.spec.approval))',
      },
    ],
    variables: [
      {
        name: 'held',
        expression:
          "oldObject != null && has(oldObject.status) && has(oldObject.status.phase) && oldObject.status.phase == 'Held' && has(oldObject.status.held) && has(oldObject.status.held.hash) ? oldObject.status.held.hash : ''",
      },
    ],
    validations: [
      {
        expression: may('approve'),
        message: 'approving or rejecting held changes needs the verb approve on directorysyncs.roster.dev',
      },
      {
        expression: "variables.held != ''",
        message: 'only a run that is Held can be approved or rejected',
      },
      {
        expression: "variables.held == '' || variables.held == object.spec.approval.hash",
        message: 'the hash is not that of status.held: look at what is held now, and approve that',
      },
    ],
  },
  {
    name: 'built-in-roles',
    description: 'The built-in roles belong to the operator.',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources: ['approles'],
    matchConditions: [
      {
        name: 'built-in',
        expression: '(object != null && object.spec.builtIn) || (oldObject != null && oldObject.spec.builtIn)',
      },
    ],
    variables: [closing],
    validations: [
      {
        expression: `request.operation != 'CREATE' || ${may('bootstrap')}`,
        message: 'built-in roles are created by the operator; leave builtIn out (setting it needs the verb bootstrap)',
      },
      {
        expression: `request.operation != 'UPDATE' || object.spec == oldObject.spec || ${may('bootstrap')}`,
        message: 'a built-in role cannot be changed; create a role of your own',
      },
      {
        expression: "request.operation != 'DELETE' || variables.closing",
        message: 'a built-in role cannot be deleted',
      },
    ],
  },
  {
    name: 'all-users',
    description: 'The group all-users belongs to the operator: everybody in the default organization is a member.',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources: ['groups'],
    matchConditions: [
      {
        name: 'all-users',
        expression: "(object == null ? oldObject : object).metadata.name == 'all-users'",
      },
    ],
    variables: [closing],
    validations: [
      {
        expression: `request.operation != 'CREATE' || ${may('bootstrap')}`,
        message: 'the group all-users is created by the operator; choose another name (it needs the verb bootstrap)',
      },
      {
        expression: `request.operation != 'UPDATE' || object.spec == oldObject.spec || ${may('bootstrap')}`,
        message: 'the group all-users cannot be changed; create a group of your own',
      },
      {
        expression: "request.operation != 'DELETE' || variables.closing",
        message: 'the group all-users cannot be deleted',
      },
    ],
  },
  {
    name: 'tenant-owner',
    description: "The tenant's owner can always sign in and keeps the rights to administer the tenant.",
    operations: ['UPDATE', 'DELETE'],
    resources: ['users'],
    readsTenant: true,
    variables: [
      closing,
      { name: 'owner', expression: 'has(params.spec.owner) && params.spec.owner == oldObject.metadata.name' },
    ],
    validations: [
      {
        expression: "request.operation != 'DELETE' || variables.closing || !variables.owner",
        message: "the tenant's owner cannot be deleted; name another owner in the Tenant first",
      },
      {
        expression:
          "request.operation != 'UPDATE' || !variables.owner || object.spec.enabled || !oldObject.spec.enabled",
        message: "the tenant's owner cannot be disabled; name another owner in the Tenant first",
      },
      {
        expression:
          "request.operation != 'UPDATE' || !variables.owner || !has(oldObject.spec.roles) || oldObject.spec.roles.all(role, has(object.spec.roles) && role in object.spec.roles)",
        message: "the tenant's owner keeps the roles in spec.roles; name another owner in the Tenant first",
      },
    ],
  },
  {
    name: 'deletion-protection',
    description: 'A user or organization whose condition DeletionProtected is True cannot be deleted.',
    operations: ['DELETE'],
    resources: ['users', 'organizations'],
    variables: [
      closing,
      {
        name: 'protection',
        expression:
          "has(oldObject.status) && has(oldObject.status.conditions) ? oldObject.status.conditions.filter(c, c.type == 'DeletionProtected' && c.status == 'True') : []",
      },
    ],
    validations: [
      {
        expression: 'variables.closing || variables.protection.size() == 0',
        message: 'it cannot be deleted; the condition DeletionProtected says why',
        messageExpression: "oldObject.metadata.name + ' cannot be deleted: ' + variables.protection[0].message",
      },
    ],
  },
  {
    name: 'default-organization',
    description: 'A tenant always has its default organization.',
    operations: ['DELETE'],
    resources: ['organizations'],
    readsTenant: true,
    variables: [closing],
    validations: [
      {
        expression: 'variables.closing || params.spec.defaultOrganization != oldObject.metadata.name',
        message: 'the default organization cannot be deleted; name another defaultOrganization in the Tenant first',
      },
    ],
  },
];
