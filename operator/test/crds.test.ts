/** The definitions and policies on a real API server. */
import { randomBytes } from 'node:crypto';
import { kinds, policies } from '@roster/crds';
import {
  approverClusterRole,
  celRules,
  customResourceDefinitions,
  editorClusterRole,
  operatorClusterRole,
  type Role,
  sample,
} from '@roster/crds/manifests';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { install } from '../../hack/install.ts';
import { asUser, type Person } from './asuser.ts';
import { examples, type Requester, type RuleExample, type TestObject, type TestRequest } from './ruleexamples.ts';

const kubeconfig = inject('kubeconfig');
const administrator = asUser(kubeconfig);
const editor = asUser(kubeconfig, 'crds-test-editor');
const operator = asUser(kubeconfig, 'crds-test-operator');
const approver = asUser(kubeconfig, 'crds-test-approver');
const requesters: Readonly<Record<Requester, Person>> = { editor, operator, approver };

beforeAll(async () => {
  await install(kubeconfig);
  await bind(editorClusterRole, 'crds-test-editor');
  await bind(operatorClusterRole, 'crds-test-operator');
  // It may change less than the policies judge; they hold for it all the same.
  await bind(editorClusterRole, 'crds-test-operator');
  await bind(editorClusterRole, 'crds-test-approver');
  await bind(approverClusterRole, 'crds-test-approver');
});

describe('definitions', () => {
  it.each(customResourceDefinitions().map(({ metadata }) => metadata.name))(
    '%s is served as it is meant',
    async (name) => {
      const { status } = (await administrator.get(
        `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`,
      )) as {
        status: { conditions: { type: string; status: string; message: string }[] };
      };
      const conditions = Object.fromEntries(status.conditions.map(({ type, status }) => [type, status]));
      expect(conditions).toEqual({ NamesAccepted: 'True', Established: 'True' });
    },
  );

  it('short names are those of no other kind', async () => {
    const others = (await discover()).filter(({ group }) => group !== 'roster.dev');
    const taken = new Set(others.flatMap(({ names }) => names));
    const shortNames = kinds.flatMap((kind) => kind.shortNames);
    expect(shortNames.filter((name) => taken.has(name))).toEqual([]);
    expect(new Set(shortNames).size).toBe(shortNames.length);
  });

  it.each(kinds.map((kind) => [kind.kind, kind] as const))('the sample of %s is accepted', async (_, kind) => {
    const namespace = await createNamespace();
    const created = await editor.create(`${pathOf(namespace)}/${kind.plural}`, sample(kind));
    expect(created).toMatchObject({ spec: kind.sample.spec, status: { observedGeneration: -1 } });
  });

  it('kubectl explain has something to say of every field', async () => {
    const { components } = (await administrator.get('/openapi/v3/apis/roster.dev/v1alpha1')) as {
      components: { schemas: Record<string, PublishedSchema> };
    };
    const silent = kinds.flatMap(({ kind }) => {
      const schema = components.schemas[`dev.roster.v1alpha1.${kind}`];
      expect(schema?.description, kind).toBeTruthy();
      return fieldsWithoutDescription(
        { properties: { spec: schema?.properties?.spec ?? {}, status: schema?.properties?.status ?? {} } },
        kind,
      );
    });
    expect(silent).toEqual([]);
  });

  it.each(
    kinds.flatMap((kind) => kind.selectableFields.map((field) => [kind.kind, field.slice(1), kind.plural] as const)),
  )('%s can be selected by %s', async (_, field, plural) => {
    const list = await administrator.get(`/apis/roster.dev/v1alpha1/${plural}?fieldSelector=${field}%3Dnone&limit=1`);
    expect(list).toHaveProperty('items');
  });
});

describe('rules of the definitions', () => {
  it.each(titled(examples.definitions))('%s', async (_, example) => {
    const { kind, metadata } = example.refused.object;
    const path = example.rule.split(' ')[1] || '<nil>';
    await judge(example, (refusal) => {
      const begin = `${kind}.roster.dev "${metadata.name}" is invalid: ${path}: Invalid value: `;
      expect(refusal.slice(0, begin.length)).toBe(begin);
      expect(refusal.slice(-example.message.length - 2)).toBe(`: ${example.message}`);
    });
  });

  it('all have an example', () => {
    const rules = kinds.flatMap((kind) => {
      const schema = customResourceDefinitions().find(({ spec }) => spec.names.kind === kind.kind)?.spec.versions[0]
        ?.schema;
      return [...celRules(schema?.openAPIV3Schema ?? {}, '')].map(
        ([path, { fieldPath = '', message }]) => `${kind.kind} ${`${path}${fieldPath}`.replace(/^\./, '')}: ${message}`,
      );
    });
    expect(named(examples.definitions)).toEqual(new Set(rules));
  });
});

describe('policies', () => {
  it.each(titled(examples.policies))('%s', async (_, example) => {
    const { object } = example.refused;
    const policy = `${example.rule}.roster.dev`;
    await judge(example, (refusal) => {
      expect(refusal).toBe(
        `${plural(object)}.roster.dev "${object.metadata.name}" is forbidden: ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: ${example.sentence ?? example.message}`,
      );
    });
  });

  it('all have an example', () => {
    const rules = policies.flatMap(({ name, validations }) => validations.map(({ message }) => `${name}: ${message}`));
    expect(named(examples.policies)).toEqual(new Set(rules));
  });

  it('let a namespace go with everybody whom they protect', async () => {
    const namespace = await createNamespace();
    const everything = examples.policies.flatMap(({ given = [] }) => given);
    for (const object of new Map(everything.map((given) => [`${given.kind}/${given.metadata.name}`, given])).values()) {
      await provide(namespace, object);
    }
    await administrator.remove(`/api/v1/namespaces/${namespace}`);
    await expect
      .poll(() => administrator.get(`/api/v1/namespaces/${namespace}`).catch((error: Error) => error.message), {
        timeout: 30_000,
      })
      .toBe(`namespaces "${namespace}" not found`);
  });

  it('let an owner be changed who was disabled before becoming the owner', async () => {
    const namespace = await createNamespace();
    const jane: TestObject = {
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'User',
      metadata: { name: 'jane' },
      spec: { email: 'jane@example.com', organizations: [{ name: 'main' }], enabled: false },
    };
    await provide(namespace, jane);
    await provide(namespace, { ...jane, kind: 'Tenant', metadata: { name: 'tenant' }, spec: { owner: 'jane' } });
    const deletion = () => send(editor.dryRun, namespace, { verb: 'delete', object: jane }).catch(String);
    await expect.poll(deletion, { timeout: 30_000 }).toContain("the tenant's owner cannot be deleted");
    const patch = { spec: { language: 'fr' } };
    await expect(send(editor, namespace, { verb: 'patch', object: jane, patch })).resolves.toMatchObject(patch);
  });

  it('let Git and a synchronisation write the same person without end', async () => {
    const namespace = await createNamespace();
    const path = `${pathOf(namespace)}/users/jane`;
    const declared = {
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'User',
      metadata: { name: 'jane' },
      spec: { email: 'jane@example.com', organizations: [{ name: 'main' }] },
    };
    const source = { directory: 'corporate', authority: 'dc=example', externalId: '42' };
    await editor.apply(path, declared);
    const synchronised = await operator.apply(path, { ...declared, spec: { source } });
    const again = await editor.apply(path, declared);
    expect(again).toEqual(synchronised);
    expect(again).toHaveProperty('spec.source', source);
  });
});

/** All kinds that the server has, by every name that kubectl takes for them. */
async function discover(): Promise<{ group: string; names: string[] }[]> {
  const { groups } = (await administrator.get('/apis')) as {
    groups: { name: string; preferredVersion: { groupVersion: string } }[];
  };
  const versions = groups.map(
    ({ name, preferredVersion }) => [name, `/apis/${preferredVersion.groupVersion}`] as const,
  );
  const lists = [['', '/api/v1'] as const, ...versions].map(async ([group, path]) => {
    const { resources } = (await administrator.get(path)) as {
      resources: { name: string; singularName: string; shortNames?: string[] }[];
    };
    return resources.map(({ name, singularName, shortNames = [] }) => ({
      group,
      names: [name, singularName, ...shortNames],
    }));
  });
  return (await Promise.all(lists)).flat();
}

/** Shows that one request is refused, once the policies are in force, and that the other one is accepted. */
async function judge(example: RuleExample, expectRefusal: (message: string) => void): Promise<void> {
  const namespace = await createNamespace();
  for (const given of example.given ?? []) await provide(namespace, given);
  if (example.before) await send(approver, namespace, example.before);
  const { refusedFrom = 'editor', acceptedFrom = 'editor' } = example;
  const refusal = () =>
    send(requesters[refusedFrom].dryRun, namespace, example.refused).then(
      () => 'accepted',
      (error: Error) => error.message,
    );
  // A policy and the Tenant it reads take effect a moment after they were written.
  await expect.poll(refusal, { timeout: 30_000 }).not.toBe('accepted');
  expectRefusal(await refusal());
  await send(requesters[acceptedFrom], namespace, example.accepted);
}

async function send(person: Person, namespace: string, request: TestRequest): Promise<unknown> {
  const collection = `${pathOf(namespace)}/${plural(request.object)}`;
  const path = `${collection}/${request.object.metadata.name}`;
  switch (request.verb) {
    case 'create':
      return await person.create(collection, request.object);
    case 'patch':
      return await person.patch(path, request.patch);
    case 'delete':
      return await person.remove(path);
  }
}

/** Puts an object there with its status. */
async function provide(namespace: string, object: TestObject): Promise<void> {
  const collection = `${pathOf(namespace)}/${plural(object)}`;
  await administrator.create(collection, object);
  if (!object.status) return;
  await administrator.patch(`${collection}/${object.metadata.name}/status`, { status: object.status });
}

async function createNamespace(): Promise<string> {
  const name = `crds-${randomBytes(5).toString('hex')}`;
  await administrator.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** Gives a person a role everywhere, and waits until the authorizer knows. */
async function bind(role: Role, user: string): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await administrator.apply(`${rbac}/clusterroles/${role.metadata.name}`, role);
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `${user}-${role.metadata.name}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role.metadata.name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  };
  await administrator.apply(`${rbac}/clusterrolebindings/${binding.metadata.name}`, binding);
  const [rule] = role.rules;
  const resourceAttributes = {
    group: rule?.apiGroups[0],
    resource: rule?.resources[0],
    verb: rule?.verbs.at(-1),
    namespace: 'default',
  };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, resourceAttributes },
  };
  await vi.waitFor(
    async () => {
      const answer = await administrator.create('/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
      expect(answer).toMatchObject({ status: { allowed: true } });
    },
    { timeout: 30_000 },
  );
}

interface PublishedSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, PublishedSchema>>;
  readonly items?: PublishedSchema;
}

function fieldsWithoutDescription(schema: PublishedSchema, path: string): string[] {
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
      ...(field.description ? [] : [`${path}.${name}`]),
      ...fieldsWithoutDescription(field, `${path}.${name}`),
    ]),
    ...(schema.items ? fieldsWithoutDescription(schema.items, `${path}[]`) : []),
  ];
}

function pathOf(namespace: string): string {
  return `/apis/roster.dev/v1alpha1/namespaces/${namespace}`;
}

function plural(object: TestObject): string {
  const kind = kinds.find(({ kind }) => kind === object.kind);
  if (!kind) throw new Error(`there is no kind ${object.kind}`);
  return kind.plural;
}

function named(list: readonly RuleExample[]): Set<string> {
  return new Set(list.map(({ rule, message }) => `${rule}: ${message}`));
}

function titled(list: readonly RuleExample[]): [string, RuleExample][] {
  return list.map((example) => {
    const { verb, object } = example.refused;
    return [`${example.rule.trim()}, ${verb} ${object.kind}: ${example.message}`, example];
  });
}
