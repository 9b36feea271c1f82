import type { z } from 'zod';
import type { CelRule } from './fields.ts';
import type { KubernetesObject, Resource, ResourceType } from './object.ts';

export const group = 'roster.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

/** A column of `kubectl get`, as `additionalPrinterColumns` has it. Priority 1 shows with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: 0 | 1;
}

/** A type of condition that objects of a kind carry. */
export interface ConditionType {
  readonly type: string;
  /** What it means when it is True, and otherwise. */
  readonly description: string;
}

/** All that is needed to generate a kind's CRD, types, reference page and sample. */
export interface KindDefinition<Spec extends z.ZodObject = z.ZodObject, Status extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** The first paragraph of the reference page, and what `kubectl explain` says of the kind. */
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  /** Rules over the whole object: they see metadata.name, spec and, on updates, oldSelf. */
  readonly rules: readonly CelRule[];
  readonly columns: readonly PrinterColumn[];
  /** What stands in status.conditions, the most telling first. */
  readonly conditions: readonly ConditionType[];
  /** JSON paths usable in `kubectl get --field-selector`: KEP-4358. */
  readonly selectableFields: readonly string[];
  /** A small valid object, checked against the schema and printed in the docs. */
  readonly sample: { readonly metadata: { readonly name: string }; readonly spec: z.input<Spec> };
  /** What a reader of the docs needs beside the sample, for example a Secret that it names. */
  readonly companions?: readonly (KubernetesObject & Readonly<Record<string, unknown>>)[];
}

/** The object of a kind as the API server returns it: defaults filled in. */
export type ObjectOf<K> =
  K extends KindDefinition<infer Spec, infer Status> ? Resource<z.output<Spec>, z.output<Status>> : never;

export type Kind<Spec extends z.ZodObject, Status extends z.ZodObject> = KindDefinition<Spec, Status> &
  ResourceType<Resource<z.output<Spec>, z.output<Status>>>;

export function defineKind<Spec extends z.ZodObject, Status extends z.ZodObject>(
  definition: KindDefinition<Spec, Status>,
): Kind<Spec, Status> {
  return { ...definition, group, version, namespaced: true };
}

/** Conditions by which kstatus, and so Flux and Argo CD, judge any object: present only while True. */
export const progressConditions: readonly ConditionType[] = [
  { type: 'Reconciling', description: 'True while the operator is at work or waits for something that will come.' },
  { type: 'Stalled', description: 'True while nothing goes on until somebody changes what the reason names.' },
];

const condition = (type: string) => `.status.conditions[?(@.type=="${type}")]`;

/** Columns that every kind ends with. */
export const readyColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: `${condition('Ready')}.status`,
    description: 'Whether the declared state is in force.',
  },
  { name: 'Reason', type: 'string', jsonPath: `${condition('Ready')}.reason`, description: 'Why, in one word.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
];

export const conditionStatus = (name: string, type: string, description: string): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath: `${condition(type)}.status`,
  description,
});

/** A sentence too wide for the ordinary table. */
export const readyMessage: PrinterColumn = {
  name: 'Message',
  type: 'string',
  jsonPath: `${condition('Ready')}.message`,
  description: 'The same in a sentence.',
  priority: 1,
};
