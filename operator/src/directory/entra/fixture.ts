/** For tests: a tenant of our own Microsoft Graph, and a reader of it whose snapshot lies in a database in memory. */
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type GraphFixture, type GraphFixtureOptions, startGraph } from '../../../test/graph.ts';
import { parseAllowedHosts } from '../../credentials.ts';
import type { Database } from '../../mirror/database.ts';
import type { EntraSnapshot } from '../../mirror/entrasnapshots.ts';
import { empty, leadingMirror, memoryDatabase } from '../../mirror/fixture.ts';
import { type OpenDirectory, readAll } from '../reader.ts';
import type { DirectoryContents } from '../record.ts';
import { type EntraReaderOptions, entraReader } from './reader.ts';

/** A database for the tests of a file; each has an empty snapshot. */
export function useSnapshot(): { readonly snapshot: EntraSnapshot } {
  const used: { database?: Database; snapshot?: EntraSnapshot } = {};
  beforeAll(async () => {
    used.database = await memoryDatabase();
  });
  beforeEach(async () => {
    if (used.database === undefined) return;
    await empty(used.database);
    const mirror = await leadingMirror(used.database);
    used.snapshot = mirror.entraSnapshots.of({ uid: 'uid-1', namespace: 'acme', name: 'corporate' });
  });
  afterAll(() => used.database?.close());
  return {
    get snapshot() {
      if (used.snapshot === undefined) throw new Error('there is a snapshot within tests only');
      return used.snapshot;
    },
  };
}

/** A Graph of which the test reads. */
export class TestTenant implements AsyncDisposable {
  readonly graph: GraphFixture;
  readonly #snapshots: EntraSnapshot;

  private constructor(graph: GraphFixture, snapshots: EntraSnapshot) {
    this.graph = graph;
    this.#snapshots = snapshots;
  }

  static async start(snapshots: EntraSnapshot, options: GraphFixtureOptions = {}): Promise<TestTenant> {
    return new TestTenant(await startGraph(options), snapshots);
  }

  options(options: Partial<EntraReaderOptions> = {}): EntraReaderOptions {
    const { tenantID, url, application, clientSecret } = this.graph;
    return {
      tenantID,
      clientID: application.clientID,
      endpoints: { login: url, graph: url },
      credentials: { type: 'ClientSecret', clientSecret, hosts: parseAllowedHosts(url) },
      guests: false,
      membership: 'Nested',
      snapshots: this.#snapshots,
      timeoutMs: 10_000,
      now: () => new Date(),
      ...options,
    };
  }

  async open(options: Partial<EntraReaderOptions> = {}, signal?: AbortSignal): Promise<OpenDirectory> {
    return await entraReader(this.options(options)).open(signal ?? new AbortController().signal);
  }

  async read(options: Partial<EntraReaderOptions> = {}): Promise<DirectoryContents> {
    using directory = await this.open(options);
    return await readAll(directory);
  }

  /** A user with an address of that name. */
  user(name: string, properties: Readonly<Record<string, string | boolean | readonly string[] | null>> = {}): string {
    return this.graph.directory.createUser({
      userPrincipalName: `${name}@example.com`,
      displayName: name,
      givenName: name,
      surname: 'Smith',
      mail: `${name}@example.com`,
      ...properties,
    });
  }

  group(displayName: string, ...members: readonly string[]): string {
    const { directory } = this.graph;
    const group = directory.createGroup({ displayName });
    for (const member of members) directory.addMember(group, member);
    return group;
  }

  /** Requests to Graph since the last call, token requests left out. */
  requests(): string[] {
    const { answered } = this.graph;
    return answered.splice(0).flatMap(({ path }) => (path.startsWith('/v1.0') ? [path] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.graph[Symbol.asyncDispose]();
  }
}
