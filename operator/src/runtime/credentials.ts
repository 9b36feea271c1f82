import type { RequestOptions } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type buildConnector, type Dispatcher, ProxyAgent } from 'undici';

/** What a request needs beside its own content. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** Keeps the connections; shared by every request until a CA or client certificate changes. */
  readonly dispatcher: Dispatcher;
}

/**
 * How long credentials serve before the library is asked again. It reads the CA file on each question, and renews
 * token files (after 60 s) and exec tokens (at their expiry) by itself.
 */
const MAX_AGE_MS = 1_000;

const TLS_OPTIONS = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername'] as const;

/**
 * The credentials of a kubeconfig's current context, kept fresh. The library knows every way to authenticate but
 * builds a dispatcher, thus a TLS connection, per request; here one dispatcher lives as long as its TLS options do.
 */
export class KubeConfigCredentials {
  readonly #kubeConfig: KubeConfig;
  #current: Promise<Credentials> | undefined;
  #readAt = 0;
  #dispatcher: Dispatcher | undefined;
  #dispatcherKey: string | undefined;
  #closed = false;

  constructor(kubeConfig: KubeConfig) {
    this.#kubeConfig = kubeConfig;
  }

  /** Rejects when the kubeconfig is unusable: an exec plugin fails, a file is missing. */
  get(): Promise<Credentials> {
    const now = performance.now();
    if (this.#current === undefined || now - this.#readAt > MAX_AGE_MS) {
      this.#readAt = now;
      this.#current = this.#read();
      this.#current.catch(() => this.expire());
    }
    return this.#current;
  }

  /** They may be why a request failed: ask the library again at the next one. */
  expire(): void {
    this.#current = undefined;
  }

  /** Drops all connections, without waiting for requests in flight; those that come later get none. */
  async close(): Promise<void> {
    this.#closed = true;
    const dispatcher = this.#dispatcher;
    this.expire();
    this.#dispatcher = undefined;
    await dispatcher?.destroy();
  }

  async #read(): Promise<Credentials> {
    const options: RequestOptions = {};
    await this.#kubeConfig.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    if (options.auth) {
      headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      headers[name.toLowerCase()] = String(value).trim();
    }
    return { headers, dispatcher: this.#dispatcherFor(options) };
  }

  #dispatcherFor(options: RequestOptions): Dispatcher {
    // A request that was about to start would open a connection that nobody closes, and keep the process alive.
    if (this.#closed) {
      throw new Error('The client is closed.');
    }
    const tls = Object.fromEntries(
      TLS_OPTIONS.filter((name) => options[name] != null).map((name) => [name, options[name]]),
    );
    const chosen = this.#kubeConfig.createDispatcherOptions(this.#kubeConfig.getCurrentCluster(), tls);
    const key = JSON.stringify(chosen);
    if (this.#dispatcher === undefined || this.#dispatcherKey !== key) {
      // Requests in flight, watches among them, end on the old connections.
      this.#dispatcher?.close().catch(() => undefined);
      this.#dispatcher = createDispatcher(chosen);
      this.#dispatcherKey = key;
    }
    return this.#dispatcher;
  }
}

type DispatcherOptions = ReturnType<KubeConfig['createDispatcherOptions']>;

/**
 * HTTP/1.1, whose throughput was the same. Node's HTTP/2 client (24.21, nghttp2 1.70) at times sends empty DATA frames
 * without end for a request with a body that is aborted, and takes all memory within seconds; each watch and each
 * write in flight has a connection of its own instead. Idle ones end before the server's own limit of 90 s.
 */
const CONNECTIONS = { allowH2: false, keepAliveTimeout: 30_000 };

function createDispatcher(options: DispatcherOptions): Dispatcher {
  switch (options.type) {
    case 'agent':
      return new Agent({ ...CONNECTIONS, connect: forUndici(options.connect) });
    case 'proxy':
      return new ProxyAgent({
        ...CONNECTIONS,
        uri: options.uri,
        requestTls: forUndici(options.requestTls),
        connect: forUndici(options.connect),
      });
    case 'none':
      return new Agent(CONNECTIONS);
    default:
      throw new Error('The kubeconfig names a SOCKS proxy, which is not supported: use an HTTP proxy.');
  }
}

/**
 * One context for all connections: making it reads the authorities, which would block the event loop for some
 * milliseconds a connection, thirty at a time when a run begins to write. The library types the very options that
 * undici takes less strictly than undici does.
 */
function forUndici(options: SecureContextOptions): buildConnector.BuildOptions {
  return { ...(options as buildConnector.BuildOptions), secureContext: createSecureContext(options) };
}
