import { apiVersion, DirectorySync, type KubernetesObject, type UserDirectory } from '@roster/crds';
import { Attribute, Change, Client } from 'ldapts';
import { administrator } from '../../hack/openldap/config.ts';
import { generateDirectory } from '../../hack/openldap/people.ts';
import { type OpenLDAP, type OpenLDAPOptions, password, startOpenLDAP, suffix } from './openldap.ts';
import type { Administrator } from './roster.ts';

/** An OpenLDAP without people, in which each test has a part of the tree. */
export async function startDirectoryServer(options: Omit<OpenLDAPOptions, 'entries'> = {}): Promise<OpenLDAP> {
  const empty = generateDirectory({ suffix, people: 0, groups: 0, memberships: 0, specialCases: false });
  return await startOpenLDAP({ ...options, entries: empty.entries(password) });
}

type Attributes = Readonly<Record<string, string | readonly string[]>>;

/** A part of the tree with people and groups, and whoever administers it. */
export class Branch implements AsyncDisposable {
  readonly people: string;
  readonly groups: string;
  readonly #client: Client;
  readonly #server: OpenLDAP;

  private constructor(name: string, server: OpenLDAP, client: Client) {
    this.people = `ou=${name},ou=People,${suffix}`;
    this.groups = `ou=${name},ou=Groups,${suffix}`;
    this.#server = server;
    this.#client = client;
  }

  static async grow(server: OpenLDAP, name: string): Promise<Branch> {
    const client = new Client({ url: server.urls.ldap });
    await client.bind(administrator(suffix), server.password);
    const branch = new Branch(name, server, client);
    for (const dn of [branch.people, branch.groups]) {
      await client.add(dn, { objectClass: ['organizationalUnit'], ou: [name] });
    }
    return branch;
  }

  /** With a name and an address of the uid unless told; an empty list leaves an attribute out. */
  async addPerson(uid: string, attributes: Attributes = {}): Promise<void> {
    const defaults = { givenName: uid, sn: 'Smith', mail: `${uid}@example.com`, cn: uid };
    await this.#client.add(this.person(uid), values({ objectClass: 'inetOrgPerson', uid, ...defaults, ...attributes }));
  }

  async addGroup(cn: string, ...members: readonly string[]): Promise<void> {
    await this.#client.add(this.group(cn), values({ objectClass: 'groupOfNames', cn, member: this.#members(members) }));
  }

  async setPerson(uid: string, attributes: Attributes): Promise<void> {
    await this.#replace(this.person(uid), attributes);
  }

  async setMembers(cn: string, ...members: readonly string[]): Promise<void> {
    await this.#replace(this.group(cn), { member: this.#members(members) });
  }

  async renamePerson(uid: string, newUid: string): Promise<void> {
    await this.#client.modifyDN(this.person(uid), this.person(newUid));
  }

  async removePerson(uid: string): Promise<void> {
    await this.#client.del(this.person(uid));
  }

  person(uid: string): string {
    return `uid=${uid},${this.people}`;
  }

  group(cn: string): string {
    return `cn=${cn},${this.groups}`;
  }

  /** The Secret and the UserDirectory for this part. */
  manifests({ url = this.#server.urls.ldaps, secret = {}, ldap, ...spec }: DirectoryOptions = {}): KubernetesObject[] {
    const { username, password, caBundle } = this.#server;
    const { hosts = url, ...keys } = secret;
    const credentials = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'corporate', annotations: { 'roster.dev/hosts': hosts } },
      stringData: { username, password, ...keys },
    };
    const directory = {
      apiVersion,
      kind: 'UserDirectory',
      metadata: { name: 'corporate' },
      spec: {
        organization: 'main',
        ldap: {
          urls: [url],
          caBundle,
          credentials: { secretRef: { name: 'corporate' } },
          users: { baseDN: this.people },
          groups: { baseDN: this.groups },
          ...ldap,
        },
        ...spec,
      },
    };
    return [credentials, directory];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.unbind();
  }

  /** RFC 4519 wants at least one member: nobody is one as good as any other. */
  #members(uids: readonly string[]): readonly string[] {
    return uids.length === 0 ? [`cn=nobody,${suffix}`] : uids.map((uid) => this.person(uid));
  }

  async #replace(dn: string, attributes: Attributes): Promise<void> {
    const changes = Object.entries(values(attributes)).map(
      ([type, list]) => new Change({ operation: 'replace', modification: new Attribute({ type, values: list }) }),
    );
    await this.#client.modify(dn, changes);
  }
}

function values(attributes: Attributes): Record<string, string[]> {
  const lists = Object.entries(attributes).map(([type, list]) => [type, [list].flat()] as const);
  return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
}

type Spec = UserDirectory['spec'];
type Ldap = NonNullable<Spec['ldap']>;

/** Fields of the spec, over those that every test has. */
export type DirectoryOptions = { readonly [Field in Exclude<keyof Spec, 'ldap'>]?: Spec[Field] } & {
  readonly ldap?: { readonly [Field in keyof Ldap]?: Ldap[Field] };
  /** That of the server when absent. */
  readonly url?: string;
  /** What the Secret says: the service account, for the URL, unless told. */
  readonly secret?: { readonly hosts?: string; readonly username?: string; readonly password?: string };
};

const ended: readonly unknown[] = ['Succeeded', 'Failed', 'Held', 'Aborted'];
let runs = 0;

/** Creates a run and waits for its end. */
export async function sync(
  administrator: Administrator,
  spec: { readonly directory?: string; readonly dryRun?: boolean; readonly person?: string } = {},
): Promise<DirectorySync> {
  const name = `run-${++runs}`;
  const manifest = { apiVersion, kind: 'DirectorySync', metadata: { name }, spec: { directory: 'corporate', ...spec } };
  await administrator.apply(manifest);
  return await whenEnded(administrator, name);
}

export async function whenEnded(administrator: Administrator, run: string): Promise<DirectorySync> {
  return await administrator.eventually(DirectorySync, run, ({ status }) => {
    if (!ended.includes(status?.phase)) throw new Error(`the run ${run} is ${status?.phase}: ${status?.message}`);
  });
}
