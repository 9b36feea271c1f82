import { KubeConfig } from '@kubernetes/client-node';
import { Agent, fetch } from 'undici';

/** What a person can do with objects of a namespace. Whatever is refused rejects with the API server's sentence. */
export interface Person {
  get(path: string): Promise<unknown>;
  create(path: string, object: object): Promise<unknown>;
  /** JSON merge patch, RFC 7396. */
  patch(path: string, patch: object): Promise<unknown>;
  /** Server-side apply. */
  apply(path: string, object: object): Promise<unknown>;
  remove(path: string): Promise<unknown>;
  /** The same person, whose requests are judged but not carried out. */
  readonly dryRun: Person;
}

/**
 * Acts as an ordinary user, whom the administrator of the kubeconfig impersonates: the administrator is in
 * system:masters, to whom every authorizer says yes. Paths begin with /api or /apis.
 */
export function asUser(kubeconfig: string, user?: string): Person {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { server = '', caData = '' } = config.getCurrentCluster() ?? {};
  const dispatcher = new Agent({ connect: { ca: Buffer.from(caData, 'base64') } });
  const headers = {
    authorization: `Bearer ${config.getCurrentUser()?.token}`,
    ...(user === undefined ? {} : { 'impersonate-user': user }),
  };
  const person = (dryRun: Record<string, string>): Person => {
    const send = async (method: string, path: string, body?: object, type = 'application/json', query = {}) => {
      const url = new URL(path, server);
      url.search = new URLSearchParams({ ...dryRun, ...query }).toString();
      const response = await fetch(url, {
        method,
        dispatcher,
        headers: { ...headers, 'content-type': type },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const answer = (await response.json()) as { message?: string };
      if (!response.ok) throw new Error(answer.message);
      return answer;
    };
    const strict = { fieldManager: user ?? 'administrator', fieldValidation: 'Strict' };
    return {
      get: (path) => send('GET', path),
      create: (path, object) => send('POST', path, object, 'application/json', strict),
      patch: (path, patch) => send('PATCH', path, patch, 'application/merge-patch+json', strict),
      apply: (path, object) => send('PATCH', path, object, 'application/apply-patch+yaml', strict),
      remove: (path) => send('DELETE', path),
      get dryRun() {
        return person({ dryRun: 'All' });
      },
    };
  };
  return person({});
}
