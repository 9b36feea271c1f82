/** Manifests as a person would write them. */
import type { AppRole, Group, KubernetesObject, Organization, Recipient, Tenant, User } from '@roster/crds';
import { apiVersion } from '@roster/crds';

type Spec<T extends { spec: object }> = { readonly [Field in keyof T['spec']]?: T['spec'][Field] };

const manifest = (kind: string, name: string, spec: object): KubernetesObject & { readonly spec: object } => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
});

export const tenant = (spec: Spec<Tenant> = {}) => manifest('Tenant', 'tenant', spec);

export const organization = (name: string, spec: Spec<Organization> = {}) => manifest('Organization', name, spec);

export const role = (name: string, scope: AppRole['spec']['scope'], spec: Spec<AppRole> = {}) =>
  manifest('AppRole', name, { scope, ...spec });

export const group = (name: string, spec: Spec<Group> = {}) =>
  manifest('Group', name, { organization: 'main', ...spec });

/** In the organization main, with an address of the name, unless told. */
export const user = (name: string, spec: Spec<User> = {}) => manifest('User', name, { ...person(name), ...spec });

export const recipient = (name: string, spec: Spec<Recipient> = {}) =>
  manifest('Recipient', name, { ...person(name), ...spec });

const person = (name: string) => ({ email: `${name}@example.com`, organizations: [{ name: 'main' }] });
