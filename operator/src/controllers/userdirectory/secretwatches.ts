import type { UserDirectory } from '@roster/crds';
import { type ApiClient, Informer, type Logger, type Request } from '../../runtime/index.ts';
import { Secret } from '../secrets.ts';
import { secretName } from './reader.ts';

interface Watch {
  readonly stop: AbortController;
  /** By directory, the resourceVersion of the Secret that its last test used. */
  readonly directories: Map<string, string | undefined>;
}

/**
 * Watches exactly the Secrets that directories refer to, one watch a Secret: the operator neither lists nor watches any
 * other, and keeps the metadata of these only. Whoever refers to a Secret is told when it is another than the one that
 * was tested.
 */
export class SecretWatches {
  readonly #client: ApiClient;
  readonly #logger: Logger;
  readonly #changed: (request: Request) => void;
  readonly #watches = new Map<string, Watch>();
  /** A reconcile may outlast the watches; one begun then would keep the process from ending. */
  #ended = false;

  constructor(client: ApiClient, logger: Logger, changed: (directory: Request) => void) {
    this.#client = client;
    this.#logger = logger;
    this.#changed = changed;
  }

  /**
   * Follows the Secret of a directory, of which the last test used the version `tested`; without a directory ends that.
   * Call it when the Secret was read, which is what gives the right to watch it: a watch begins with what is there, so
   * nothing is missed in between.
   */
  follow(request: Request, directory?: UserDirectory, tested?: string): void {
    const name = directory === undefined ? undefined : secretName(directory);
    const wanted = name === undefined ? undefined : `${request.namespace}/${name}`;
    const key = `${request.namespace}/${request.name}`;
    for (const [secret, watch] of this.#watches) {
      if (secret === wanted || !watch.directories.delete(key) || watch.directories.size > 0) continue;
      watch.stop.abort();
      this.#watches.delete(secret);
    }
    if (wanted === undefined || name === undefined || this.#ended) return;
    const watch = this.#watches.get(wanted) ?? this.#start(request.namespace, name);
    watch.directories.set(key, tested);
    this.#watches.set(wanted, watch);
  }

  /** Ends every watch when the signal aborts, and begins no other. */
  async run(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#ended = true;
    for (const { stop } of this.#watches.values()) stop.abort();
    this.#watches.clear();
  }

  #start(namespace: string, name: string): Watch {
    const watch: Watch = { stop: new AbortController(), directories: new Map() };
    const informer = new Informer(this.#client, Secret, this.#logger, {
      namespaces: [namespace],
      fieldSelector: `metadata.name=${name}`,
      // Its version is all that is asked for: passwords are not held in memory.
      transform: ({ metadata }) => ({ metadata }),
    });
    informer.onEvent(({ type, object }) => {
      for (const [directory, tested] of watch.directories) {
        if (type !== 'deleted' && object.metadata.resourceVersion === tested) continue;
        this.#changed({ namespace, name: directory.slice(namespace.length + 1) });
      }
    });
    void informer.run(watch.stop.signal);
    return watch;
  }
}
