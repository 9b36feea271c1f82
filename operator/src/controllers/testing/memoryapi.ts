import type { KubernetesObject, ResourceType } from '@roster/crds';
import {
  ApiError,
  type DeleteOptions,
  type JsonPatchOperation,
  type ObjectKey,
  TransportError,
} from '../../runtime/index.ts';

/** How the next request ends: with a refusal; carried out and without an answer; or as it should. */
export type Ending = Error | 'lost' | 'answered';

/** Holds objects as an API server does, for controllers under test: what one of them wrote is there to be looked at. */
export class MemoryApi {
  /** By kind and name. */
  readonly objects = new Map<string, KubernetesObject>();
  /** `create User jane`, in the order in which they came. */
  readonly requests: string[] = [];
  /** Every state that a request gave an object, in order. */
  readonly history: KubernetesObject[] = [];
  /** Of the next requests; those after them are answered. */
  readonly endings: Ending[] = [];
  /** Waited for before each request. */
  gate: Promise<unknown> = Promise.resolve();

  constructor(...objects: readonly KubernetesObject[]) {
    for (const object of objects) this.put(object);
  }

  put(object: KubernetesObject): void {
    this.objects.set(`${object.kind} ${object.metadata.name}`, object);
  }

  /** The object as the API server holds it. */
  at<T extends KubernetesObject>({ kind }: ResourceType<T>, name: string): T | undefined {
    return this.objects.get(`${kind} ${name}`) as T | undefined;
  }

  create<T extends KubernetesObject>({ kind }: ResourceType<T>, object: T): Promise<T> {
    const key = `${kind} ${object.metadata.name}`;
    return this.#answer(`create ${key}`, () => {
      if (this.objects.has(key)) throw new ApiError(409, { reason: 'AlreadyExists', message: `${key} exists` });
      return this.#write(object);
    });
  }

  get<T extends KubernetesObject>({ kind }: ResourceType<T>, { name }: ObjectKey): Promise<T> {
    return this.#answer(`get ${kind} ${name}`, () => this.#find<T>(kind, name));
  }

  delete<T extends KubernetesObject>(
    { kind }: ResourceType<T>,
    { name }: ObjectKey,
    { preconditions = {} }: DeleteOptions = {},
  ): Promise<void> {
    return this.#answer(`delete ${kind} ${name}`, () => {
      const { uid, resourceVersion } = this.#find(kind, name).metadata;
      const demanded = { uid, resourceVersion, ...preconditions };
      if (demanded.uid !== uid || demanded.resourceVersion !== resourceVersion) {
        throw new ApiError(409, { reason: 'Conflict', message: 'it is not the one that was to be deleted' });
      }
      this.objects.delete(`${kind} ${name}`);
    });
  }

  /** Knows the subresource status, of which nothing else is taken. */
  replace<T extends KubernetesObject>({ kind }: ResourceType<T>, object: T): Promise<T> {
    const { name, uid } = object.metadata;
    return this.#answer(`replace ${kind} ${name}`, () => {
      const found = this.#find<T>(kind, name);
      if (uid !== found.metadata.uid) throw new ApiError(409, { reason: 'Conflict', message: 'it is another one' });
      const { status } = object as { status?: unknown };
      return this.#write({ ...found, status });
    });
  }

  /** Knows the operations test and add, and takes each patch for one that changes the spec. */
  jsonPatch<T extends KubernetesObject>(
    { kind }: ResourceType<T>,
    { name }: ObjectKey,
    operations: readonly JsonPatchOperation[],
  ): Promise<T> {
    return this.#answer(`patch ${kind} ${name}`, () => {
      const object = structuredClone(this.#find<T>(kind, name)) as Json;
      for (const operation of operations) {
        if (operation.op !== 'add' && operation.op !== 'test') throw new Error(`${operation.op} is not known here`);
        const names = operation.path.split('/').slice(1);
        const last = names.pop() ?? '';
        const parent = names.reduce<Json>((value, part) => (value[part] ?? {}) as Json, object);
        if (operation.op === 'add') parent[last] = operation.value;
        else if (JSON.stringify(parent[last] ?? null) !== JSON.stringify(operation.value)) {
          throw new ApiError(422, { reason: 'Invalid', message: 'the server rejected our request' });
        }
      }
      const { metadata, ...rest } = object as unknown as T;
      const generation = (metadata.generation ?? 0) + 1;
      return this.#write({ ...rest, metadata: { ...metadata, generation } } as T);
    });
  }

  #write<T extends KubernetesObject>(object: T): T {
    this.put(object);
    this.history.push(object);
    return object;
  }

  #find<T extends KubernetesObject>(kind: string, name: string): T {
    const found = this.objects.get(`${kind} ${name}`);
    if (found === undefined) throw new ApiError(404, { reason: 'NotFound', message: `${kind} ${name} is not there` });
    return found as T;
  }

  async #answer<T>(request: string, work: () => T): Promise<T> {
    this.requests.push(request);
    await this.gate;
    const ending = this.endings.shift();
    if (ending instanceof Error) throw ending;
    const result = work();
    if (ending === 'lost') throw new TransportError(request, 'UND_ERR_SOCKET', true);
    return result;
  }
}

type Json = Record<string, unknown>;
