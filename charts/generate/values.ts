/** What can be set in the chart roster: the one source of values.yaml, values.schema.json and the table in its README. */
import { z } from 'zod';

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
  .max(63);
const subdomain = z
  .string()
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/)
  .max(253);
const quantity = z.string().regex(/^[0-9]+(\.[0-9]+)?([EPTGMk]i?|m)?$/);
const strings = z.record(z.string(), z.string());
/** Something of Kubernetes' own, which the API server judges. */
const native = z.record(z.string(), z.unknown());
const port = z.int().min(1).max(65535);

const secretKey = (key: string) =>
  z.strictObject({
    name: subdomain.meta({ description: 'Name of the Secret, in the namespace of the release.' }),
    key: z.string().min(1).max(253).default(key).meta({ description: 'Key in it.' }),
  });

export const values = z.strictObject({
  nameOverride: name.optional().meta({ description: 'Stands for the name of the chart in the names of objects.' }),
  fullnameOverride: name.optional().meta({ description: 'Stands for release and chart in the names of objects.' }),
  image: z
    .strictObject({
      repository: z.string().min(1).default('roster').meta({ description: 'Image without tag.' }),
      tag: z.string().default('').meta({ description: 'Tag; the appVersion of the chart when empty.' }),
      digest: z
        .string()
        .regex(/^(sha256:[0-9a-f]{64})?$/)
        .default('')
        .meta({ description: 'Digest such as sha256:..., which wins over the tag.' }),
      pullPolicy: z
        .enum(['Always', 'IfNotPresent', 'Never'])
        .default('IfNotPresent')
        .meta({ description: 'When to pull.' }),
    })
    .prefault({}),
  imagePullSecrets: z
    .array(z.strictObject({ name: subdomain }))
    .default([])
    .meta({ description: 'Secrets for pulling the image, as `[{name: ...}]`.' }),
  replicas: z.int().min(1).max(9).nullable().default(null).meta({
    description:
      'Operators, of which one leads and the others take over. Default: 2 with PostgreSQL; 1 with the trial database, which allows no more.',
  }),
  installation: name.nullable().default(null).meta({
    description:
      'Name of this installation; default: the name of the release. Namespaces with the label `roster.dev/installation` of this value belong to it, to the one named roster also those without the label.',
  }),
  namespaces: z.array(name).default([]).meta({
    description: 'Namespaces that the operator may work in; in all of them when empty. They have to exist.',
  }),
  database: z
    .strictObject({
      urlSecret: secretKey('url').nullable().default(null).meta({
        description:
          'Secret with the URL of a PostgreSQL, postgres://USER:PASSWORD@HOST/NAME; a trial database while it is null.',
      }),
      port: port.default(5432).meta({ description: 'Port of PostgreSQL, for the NetworkPolicy.' }),
      trial: z
        .strictObject({
          size: quantity.default('1Gi').meta({ description: 'Size of the volume.' }),
          storageClassName: z.string().nullable().default(null).meta({
            description: 'Class of the volume; that of the cluster when null.',
          }),
          existingClaim: subdomain.nullable().default(null).meta({
            description: 'PersistentVolumeClaim to use instead of one of the release.',
          }),
        })
        .prefault({})
        .meta({ description: 'The database inside the operator, in force while urlSecret is not set.' }),
    })
    .prefault({}),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').meta({
    description: 'Names of people appear at debug only.',
  }),
  compareInterval: z
    .string()
    .regex(/^\d+(s|m|h)$/)
    .default('10m')
    .meta({
      description: 'How often every row of the database is compared with the resources.',
    }),
  authorities: z
    .strictObject({
      configMap: subdomain.meta({ description: 'Name of the ConfigMap, in the namespace of the release.' }),
      key: z.string().min(1).default('ca.crt').meta({ description: 'Key in it, with certificates in PEM.' }),
    })
    .nullable()
    .default(null)
    .meta({
      description:
        'Authorities that the operator trusts besides the usual ones, as a proxy that looks into TLS needs it.',
    }),
  extraEnv: z
    .array(native)
    .default([])
    .meta({ description: 'Further environment variables of the operator, such as HTTPS_PROXY.' }),
  serviceAccount: z
    .strictObject({
      name: subdomain.nullable().default(null).meta({ description: 'Name; that of the release when null.' }),
      annotations: strings.default({}).meta({ description: 'Annotations, as a cloud’s workload identity wants them.' }),
      labels: strings.default({}).meta({ description: 'Labels of the service account.' }),
    })
    .prefault({}),
  resources: native.nullable().default(null).meta({
    description:
      'Resources of the operator. Default: 384Mi of memory and 1Gi at most; with the trial database inside, 768Mi and 2Gi. docs/operations.md has what was measured.',
  }),
  podAnnotations: strings.default({}).meta({ description: 'Annotations of the pods.' }),
  podLabels: strings.default({}).meta({ description: 'Labels of the pods.' }),
  nodeSelector: strings.default({}).meta({ description: 'Nodes for the pods.' }),
  tolerations: z.array(native).default([]).meta({ description: 'Taints that the pods tolerate.' }),
  affinity: native.default({}).meta({ description: 'Affinity of the pods.' }),
  topologySpreadConstraints: z.array(native).nullable().default(null).meta({
    description: 'How replicas are spread; over nodes and zones where possible when null.',
  }),
  priorityClassName: z.string().default('').meta({ description: 'Priority class of the pods.' }),
  podDisruptionBudget: z
    .strictObject({ enabled: z.boolean().default(true).meta({ description: 'Whether one replica has to stay.' }) })
    .prefault({}),
  networkPolicy: z
    .strictObject({
      enabled: z.boolean().default(true).meta({ description: 'Whether everything that is not needed is denied.' }),
      apiServerPorts: z.array(port).default([443, 6443]).meta({ description: 'Ports of the API server.' }),
      directoryPorts: z
        .array(port)
        .default([389, 636, 443])
        .meta({ description: 'Ports of directories: LDAP, LDAPS, Microsoft Entra ID.' }),
      egress: z.array(native).default([]).meta({ description: 'Further rules for what the operator may reach.' }),
      metricsFrom: z.array(native).default([]).meta({
        description: 'Peers that may read metrics; everybody in the cluster when empty.',
      }),
    })
    .prefault({}),
  flowSchema: z
    .strictObject({
      enabled: z.boolean().default(true).meta({
        description:
          'Whether the Lease has a priority of its own at the API server, so that it never waits behind bulk writes.',
      }),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      skipAPICheck: z.boolean().default(false).meta({
        description:
          'Whether ServiceMonitor and PrometheusRule are rendered although the cluster is not known to have their API.',
      }),
      serviceMonitor: z
        .strictObject({
          enabled: z.boolean().default(false).meta({ description: 'Whether Prometheus Operator is told to scrape.' }),
          labels: strings.default({}).meta({ description: 'Labels by which Prometheus selects it.' }),
          interval: z
            .string()
            .regex(/^\d+(s|m)$/)
            .default('30s')
            .meta({ description: 'How often.' }),
        })
        .prefault({}),
      prometheusRule: z
        .strictObject({
          enabled: z.boolean().default(false).meta({ description: 'Whether the alerts are installed.' }),
          labels: strings.default({}).meta({ description: 'Labels by which Prometheus selects it.' }),
          runbookURL: z.string().default('https://roster.dev/docs/runbooks').meta({
            description:
              'Where your people find the pages of docs/runbooks; a slash, the name of the alert and .md follow.',
          }),
        })
        .prefault({}),
      dashboard: z
        .strictObject({
          enabled: z
            .boolean()
            .default(false)
            .meta({ description: 'Whether the dashboard is installed, as a ConfigMap.' }),
          labels: strings
            .default({ grafana_dashboard: '1' })
            .meta({ description: 'Labels by which Grafana’s sidecar selects it.' }),
        })
        .prefault({}),
    })
    .prefault({}),
  webAdmin: z
    .strictObject({
      enabled: z.boolean().default(false).meta({ description: 'Whether the web admin runs; it is small as yet.' }),
    })
    .prefault({}),
});
