/**
 * Fields that several kinds share. Whatever is in `meta` beside `description` is copied into the
 * CRD's schema as it is, so a rule stands beside the field that it judges.
 * Extensions: https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/#JSONSchemaProps
 */
import { z } from 'zod';

/** One rule in the Common Expression Language; `message` is what a person sees when it refuses. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** Points at the field to blame, relative to the schema that carries the rule. */
  readonly fieldPath?: string;
}

export const rules = (...list: CelRule[]) => ({ 'x-kubernetes-validations': list });
/** A list whose order means nothing and whose items are unique: appliers own their own items. */
export const set = { 'x-kubernetes-list-type': 'set' } as const;
/** A list of objects, one for each value of `key`. */
export const mapBy = (key: string) =>
  ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] }) as const;
/** A list or object that one writer replaces whole. */
export const atomicList = { 'x-kubernetes-list-type': 'atomic' } as const;
export const atomicObject = { 'x-kubernetes-map-type': 'atomic' } as const;

/** Once set, the field keeps its value. */
export const immutable = (field: string, advice: string): CelRule => ({
  rule: 'self == oldSelf',
  message: `${field} cannot be changed; ${advice}`,
});

/** The name of an object in the same namespace. 63 characters, so that it also fits a label. */
export const objectName = (description: string) =>
  z
    .string()
    .min(1)
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .meta({ description });

/** Objects that others name must have names that references can hold. */
export const referableName: CelRule = {
  rule: 'self.metadata.name.size() <= 63',
  message: 'the name must have at most 63 characters, so that other objects can refer to it',
};

export const text = (max: number, description: string) => z.string().min(1).max(max).meta({ description });

/** Kept loose on purpose: `canonicalAddress` decides what is an address, and says why not. */
export const email = (description: string) =>
  z
    .string()
    .min(3)
    .max(254)
    .regex(/^[^@\s]+@[^@\s]+$/)
    .meta({ description });

export const language = (description: string) =>
  z
    .string()
    .min(2)
    .max(35)
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/)
    .meta({ description });

export const timestamp = (description: string) => z.string().meta({ description, format: 'date-time' });

/** A number of minutes or hours: `30m`, `720h`. */
export const duration = (description: string) =>
  z
    .string()
    .max(8)
    .regex(/^[0-9]{1,6}[mh]$/)
    .meta({ description });

export const count = (description: string) => z.int().min(0).max(2_147_483_647).meta({ description });

export const roleNames = (description: string) =>
  z
    .array(objectName('Name of an AppRole.'))
    .max(20)
    .meta({ description, ...set });

export const groupNames = (max: number, description: string) =>
  z
    .array(objectName('Name of a Group.'))
    .max(max)
    .meta({ description, ...set });

/** Membership of an organization, with the roles held there. */
export const organizationMembership = z.object({
  name: objectName('Name of the Organization.'),
  roles: roleNames('AppRoles of scope Organization that the person holds in this organization.').optional(),
});

export const conditions = z
  .array(
    z.object({
      type: z
        .string()
        .min(1)
        .max(63)
        .regex(/^[A-Za-z][A-Za-z0-9]*$/)
        .meta({ description: 'What is observed, in one CamelCase word.' }),
      status: z
        .enum(['True', 'False', 'Unknown'])
        .meta({ description: 'Whether it holds: True, False, or Unknown while that cannot be said.' }),
      reason: z
        .string()
        .min(1)
        .max(63)
        .regex(/^[A-Za-z][A-Za-z0-9]*$/)
        .meta({ description: 'Why, in one CamelCase word that programs can rely on.' }),
      message: z.string().max(1024).meta({ description: 'A sentence for people: what is, and what to do about it.' }),
      observedGeneration: z.int().min(0).optional().meta({ description: 'The metadata.generation that was judged.' }),
      lastTransitionTime: timestamp('When the status of the condition last changed.'),
    }),
  )
  .max(12)
  .meta({ description: 'What was observed, one entry for each type.', ...mapBy('type') });

export const observedGeneration = z.int().min(-1).meta({
  description: 'The metadata.generation that this status speaks of; -1 until the operator has looked at the object.',
});

/** The status every kind has; kinds add their own facts to it. */
export const baseStatus = {
  observedGeneration: observedGeneration.optional(),
  conditions: conditions.optional(),
};
