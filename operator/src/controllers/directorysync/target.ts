import { apiVersion, Group, type KubernetesObject, Recipient, type ResourceType, User } from '@roster/crds';
import { type Target, WriteRefused } from '../../directory/apply.ts';
import {
  type ApiClient,
  ApiError,
  isAlreadyExists,
  isConflict,
  isInvalid,
  isNotFound,
  type JsonPatchOperation,
  jsonEqual,
} from '../../runtime/index.ts';
import { persistently } from './persistently.ts';

type Synced = KubernetesObject & {
  readonly spec: {
    readonly source?: { readonly authority: string; readonly externalId: string; readonly missingSince?: string };
  };
};

const types = { Group, User, Recipient } as const;

/** Carries plans out on the API server. */
export function apiTarget(
  client: Pick<ApiClient, 'create' | 'get' | 'jsonPatch' | 'delete'>,
  namespace: string,
  reserve: Target['reserve'],
  signal: AbortSignal,
): Target {
  const create = async (kind: keyof typeof types, name: string, spec: Synced['spec']) => {
    const type = types[kind] as ResourceType<KubernetesObject> as ResourceType<Synced>;
    const object: Synced = { apiVersion, kind, metadata: { name, namespace }, spec };
    await perform(signal, async () => {
      try {
        await client.create(type, object, { signal });
      } catch (error) {
        // A create whose answer was lost, or a run that was interrupted: the object may be this very one.
        if (!isAlreadyExists(error)) throw error;
        const found = await client.get(type, { namespace, name }, { signal });
        if (!sameIdentity(found.spec.source, spec.source))
          throw new WriteRefused(`An object with the name ${name} exists already.`);
      }
    });
  };
  return {
    createGroup: (name, spec) => create('Group', name, spec),
    createUser: (name, spec) => create('User', name, spec),
    createRecipient: (name, spec) => create('Recipient', name, spec),
    setSource: async (kind, { name, uid, generation }, source, replaces) => {
      const operations: JsonPatchOperation[] = [
        // Whatever changed since the plan was made, by hand or by another leader's run, is left to the next plan.
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/generation', value: generation },
        replaces === undefined
          ? { op: 'test', path: '/spec/source', value: null }
          : { op: 'test', path: '/spec/source/externalId', value: replaces },
        { op: 'add', path: '/spec/source', value: source },
      ];
      const type = types[kind] as ResourceType<KubernetesObject> as ResourceType<Synced>;
      await perform(signal, async () => {
        try {
          await client.jsonPatch(type, { namespace, name }, operations, { signal });
        } catch (error) {
          // A write whose answer was lost: the object may have this very block.
          if (!isInvalid(error)) throw error;
          const found = await client.get(type, { namespace, name }, { signal });
          if (found.metadata.uid !== uid || !jsonEqual(found.spec.source, source)) throw error;
        }
      });
    },
    deletePerson: async (kind, { name, uid, generation }, source) => {
      const type = types[kind] as ResourceType<KubernetesObject> as ResourceType<Synced>;
      await perform(signal, async () => {
        for (;;) {
          try {
            const { metadata, spec } = await client.get(type, { namespace, name }, { signal });
            if (metadata.uid !== uid || metadata.generation !== generation || !jsonEqual(spec.source, source)) {
              throw new WriteRefused('The object changed meanwhile.');
            }
            const preconditions = { uid, resourceVersion: metadata.resourceVersion };
            return await client.delete(type, { namespace, name }, { preconditions, signal });
          } catch (error) {
            // By a delete whose answer was lost, or by somebody else.
            if (isNotFound(error)) return;
            // A status may be written at any time, and then the object is looked at again.
            if (!isConflict(error)) throw error;
          }
        }
      });
    },
    reserve,
  };
}

function sameIdentity(a: Synced['spec']['source'], b: Synced['spec']['source']): boolean {
  return a?.authority === b?.authority && a?.externalId === b?.externalId;
}

/** @throws WriteRefused for a refusal of this one object; RosterError when the server stays away. */
async function perform(signal: AbortSignal, write: () => Promise<void>): Promise<void> {
  try {
    await persistently(signal, write);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (isNotFound(error)) throw new WriteRefused('The object was deleted meanwhile.');
    throw new WriteRefused(error.message.slice(0, 500), { forbidden: error.code === 401 || error.code === 403 });
  }
}
