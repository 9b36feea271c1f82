import { group, type KindDefinition, version } from '../kind.ts';
import { structuralSchema } from '../schema/convert.ts';
import type { StructuralSchema } from '../schema/structural.ts';
import { labels, type Manifest } from './manifest.ts';

/**
 * What Roster says in a CRD:
 * https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
 */
export interface CustomResourceDefinition extends Manifest {
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly CustomResourceVersion[];
  };
}

export interface CustomResourceVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly subresources: { readonly status: object };
  readonly additionalPrinterColumns: KindDefinition['columns'];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
  readonly schema: { readonly openAPIV3Schema: StructuralSchema };
}

/** @throws InexpressibleSchemaError when the kind says what a CRD cannot say */
export function customResourceDefinition(definition: KindDefinition): CustomResourceDefinition {
  const { kind, plural, singular, shortNames, columns, selectableFields } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ['roster'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          ...(selectableFields.length > 0
            ? { selectableFields: selectableFields.map((jsonPath) => ({ jsonPath })) }
            : {}),
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  };
}

/** The schema of the whole object. The API server adds apiVersion, kind and metadata. */
function objectSchema(definition: KindDefinition): StructuralSchema {
  const spec = structuralSchema(definition.spec, 'spec');
  const status = structuralSchema(definition.status, 'status');
  return {
    description: definition.description,
    type: 'object',
    properties: {
      spec: { description: 'What is wanted.', ...spec },
      status: {
        description: 'What the operator has observed. Only the operator writes it.',
        // kstatus takes an object without status for healthy. This says, at the cost of no write, that nobody has
        // looked at it yet: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
        default: { observedGeneration: -1 },
        ...status,
      },
    },
    required: ['spec'],
    ...(definition.rules.length > 0 ? { 'x-kubernetes-validations': definition.rules } : {}),
  };
}
